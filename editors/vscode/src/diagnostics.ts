// Which diagnostics a question at the cursor is about. Pure, so generic over VS Code's own types.

export interface Span {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

export interface Reported {
  readonly range: Span;
  /** As VS Code counts: 0 is an error, 3 a hint. */
  readonly severity: number;
}

/** Those that cover the position, else those on its line; the worst first. */
export function diagnosticsAt<T extends Reported>(all: readonly T[], at: { line: number; character: number }): T[] {
  const covering = all.filter(({ range }) => !isBefore(at, range.start) && !isBefore(range.end, at));
  const chosen =
    covering.length > 0
      ? covering
      : all.filter(({ range }) => range.start.line <= at.line && at.line <= range.end.line);
  return [...chosen].sort((a, b) => a.severity - b.severity);
}

function isBefore(a: Span['start'], b: Span['start']): boolean {
  return a.line < b.line || (a.line === b.line && a.character < b.character);
}
