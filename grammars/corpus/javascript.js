import { join } from "path";

// How to connect.
class Client {
  port = 80;

  send(message) {
    return join(`${this.port}`, message, /a+/);
  }
}

function connect(host) {
  return new Client(host);
}

const twice = (x) => 2 * x;
export const LIMIT = 3;

var later = function (x) {
  return x;
};
var settings = { a: 1 };
exports.send = (message) => message;
Client.prototype.open = function () {};
