// Places in files as people and models write them, `src/a.rs:12` or `src/a.rs#L12-L20`. Opening them is elsewhere.

export interface Location {
  readonly path: string;
  /** 1-based, as written; absent if the text names only a file. */
  readonly line?: number;
  /** 1-based, in Unicode scalar values. */
  readonly column?: number;
}

const LINE_AND_COLUMN = /^(?<path>.+?):(?<line>\d{1,7})(?:-\d{1,7}|:(?<column>\d{1,5}))?$/u;
const FRAGMENT = /^(?<path>.+?)#L(?<line>\d{1,7})(?:-L?\d{1,7})?$/u;

/** Reads a place. Text with a URL scheme is none, whatever follows: `https://host:80` is not line 80. */
export function parseLocation(text: string): Location | undefined {
  if (/^[a-z][a-z0-9+.-]+:(?!\d)/i.test(text) || text.startsWith('//') || text.startsWith('\\\\')) {
    return undefined;
  }
  const groups = (LINE_AND_COLUMN.exec(text) ?? FRAGMENT.exec(text))?.groups;
  if (groups?.['path'] === undefined || groups['line'] === undefined) {
    return looksLikePath(text) ? { path: text } : undefined;
  }
  if (!looksLikePath(groups['path'])) {
    return undefined;
  }
  const line = Number(groups['line']);
  const column = groups['column'];
  return column === undefined ? { path: groups['path'], line } : { path: groups['path'], line, column: Number(column) };
}

export function formatLocation(location: Location): string {
  return [location.path, location.line, location.column].filter((part) => part !== undefined).join(':');
}

/** A name with an ending or a folder in it, and nothing that only code has. */
function looksLikePath(text: string): boolean {
  return /^[^\s<>"'`|*?(){};=]+$/u.test(text) && (/\.[A-Za-z0-9]+$/.test(text) || /[\\/]/.test(text));
}
