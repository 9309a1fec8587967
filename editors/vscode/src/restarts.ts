// Decides whether a server that went away comes back, so that a program that cannot run does not flood the user.

const WINDOW_MS = 3 * 60 * 1000;
const DELAYS_MS = [500, 2000, 8000];

export class Restarts {
  #crashes: number[] = [];

  /** How many milliseconds to wait before starting again, or undefined to give up. `now` is in milliseconds. */
  afterCrash(now: number): number | undefined {
    this.#crashes = this.#crashes.filter((crash) => now - crash < WINDOW_MS);
    const delay = DELAYS_MS[this.#crashes.length];
    this.#crashes.push(now);
    return delay;
  }

  /** The user asked for a start: what happened before does not count. */
  forget(): void {
    this.#crashes = [];
  }
}
