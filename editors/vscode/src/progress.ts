// Work-done progress of the server as one short line for the status bar: title and percentage. Pure; details come
// as `didChangeStatus`.

export type WorkDone =
  | { readonly kind: 'begin'; readonly title: string; readonly percentage?: number }
  | { readonly kind: 'report'; readonly percentage?: number }
  | { readonly kind: 'end' };

export class WorkTitles {
  readonly #titles = new Map<string | number, string>();

  /** The line for the work under `token` after this step, or undefined when it has ended. */
  after(token: string | number, step: WorkDone): string | undefined {
    if (step.kind === 'end') {
      this.#titles.delete(token);
      return undefined;
    }
    if (step.kind === 'begin') {
      // Where other clients show it, the title has to say whose it is; the status bar item does already.
      this.#titles.set(token, step.title.replace(/^Halfline: /, ''));
    }
    const percentage = step.percentage === undefined ? '' : `${Math.round(step.percentage)}%`;
    return [this.#titles.get(token) ?? '', percentage].filter((part) => part !== '').join(' ');
  }
}
