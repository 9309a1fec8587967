import def, { readFile as read, join } from "fs";
import * as path from "path";

// Where to connect.
export interface Options {
  host: string;
}

export abstract class Client<T> extends Base {
  private port = 80;

  constructor(options: Options) {
    super(options);
  }

  abstract close(): void;

  async send(message: string): Promise<T> {
    return read(`${this.port} ${message}`);
  }
}

type Name = string | number;

enum Color {
  Red,
}

namespace Tools {
  export function help(): void {}
}

export const connect = (options: Options): Client<Name> => {
  return new Client(options); /* no name */
};

const LIMIT = 3;

interface Reader<T> {
  readonly path: string;
  read?(count: number): Promise<T>;
  (call: string): T;
}

var later = function (x: number) {
  return x;
};
