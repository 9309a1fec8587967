// Work-done progress of the server as one line for the status bar. Pure.

export type WorkDone =
  | { readonly kind: 'begin'; readonly title: string; readonly message?: string; readonly percentage?: number }
  | { readonly kind: 'report'; readonly message?: string; readonly percentage?: number }
  | { readonly kind: 'end'; readonly message?: string };

export class WorkTitles {
  readonly #titles = new Map<string | number, string>();

  /** The line for the work under `token` after this step, or undefined when it has ended. */
  after(token: string | number, step: WorkDone): string | undefined {
    if (step.kind === 'end') {
      this.#titles.delete(token);
      return undefined;
    }
    if (step.kind === 'begin') {
      this.#titles.set(token, step.title);
    }
    const percentage = step.percentage === undefined ? '' : `${Math.round(step.percentage)}%`;
    return [this.#titles.get(token) ?? '', step.message ?? '', percentage].filter((part) => part !== '').join(' ');
  }
}
