// One VS Code with our extension in it and one window on it, for the tests of one file.

import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './cache.ts';
import { VsCodeServer } from './server.ts';
import { Workbench } from './workbench.ts';

const here = join(import.meta.dirname, '..');

/** Where pictures go: of what the README shows, and of what the page looked like when a test failed. */
const pictures = join(cache, 'pictures');

export class Session {
  readonly server = new VsCodeServer();
  readonly settings: object;
  #window: Workbench | undefined;

  constructor(settings: object) {
    this.settings = settings;
    cpSync(join(here, 'fixtures'), this.server.workspace, { recursive: true });
  }

  get window(): Workbench {
    if (this.#window === undefined) {
      throw new Error('the session has not started');
    }
    return this.#window;
  }

  async start(): Promise<void> {
    mkdirSync(pictures, { recursive: true });
    this.server.configure(this.settings);
    await this.server.start(
      join(here, '..', '..', '..', 'editors', 'vscode', 'halfline.vsix'),
      join(cache, 'rustc-diagnostics.vsix'),
    );
    this.#window = await Workbench.open(this.server.url);
  }

  async stop(): Promise<void> {
    await this.#window?.close();
    this.server.stop();
  }

  /** Runs a test and keeps a picture of the window if it fails. */
  async test(name: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      await this.picture(`failed ${name.replaceAll(/[^\w ]/g, '')}`);
      throw error;
    }
  }

  async picture(name: string): Promise<void> {
    await this.#window?.page.screenshot({
      path: join(pictures, `${name}.png`),
    });
  }

  /** A file of the workspace as it is on the disk. */
  onDisk(name: string): string {
    const path = join(this.server.workspace, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}
