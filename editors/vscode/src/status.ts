// What the status bar says, from what the server and the user did. Pure; the item itself is in statusBar.ts.

export type ServerState = 'missing' | 'starting' | 'running' | 'stopped' | 'failed';

/** The server's `didChangeStatus`, in the shape that clients of other assistants know. */
export interface ServerStatus {
  readonly busy?: boolean;
  readonly message?: string;
  readonly kind?: 'Normal' | 'Warning' | 'Error' | 'Inactive';
}

export interface Situation {
  readonly server: ServerState;
  /** Why the server is missing or failed. */
  readonly reason: string;
  readonly status: ServerStatus;
  /** Titles of work in progress, such as "Loading model 40%". */
  readonly work: readonly string[];
  readonly completing: boolean;
}

export interface StatusLine {
  readonly text: string;
  readonly tooltip: string;
  readonly severity: 'normal' | 'warning' | 'error';
}

export function statusLine(situation: Situation): StatusLine {
  switch (situation.server) {
    case 'missing':
      return { text: '$(warning) Halfline', tooltip: situation.reason, severity: 'warning' };
    case 'failed':
      return { text: '$(error) Halfline', tooltip: situation.reason, severity: 'error' };
    case 'stopped':
      return { text: '$(circle-slash) Halfline', tooltip: 'The server is stopped.', severity: 'normal' };
    case 'starting':
      return { text: '$(sync~spin) Halfline', tooltip: 'The server is starting.', severity: 'normal' };
    case 'running':
      return runningLine(situation);
  }
}

function runningLine({ status, work, completing }: Situation): StatusLine {
  const message = status.message ?? '';
  const doing = work.at(-1);
  const tooltip = [...work, message, completing ? '' : 'Inline completion is off.'].filter((line) => line !== '');
  const severity = status.kind === 'Error' ? 'error' : status.kind === 'Warning' ? 'warning' : 'normal';
  return {
    text: `${icon(status, work, completing)} Halfline${doing === undefined ? '' : `: ${doing}`}`,
    tooltip: tooltip.length === 0 ? 'The server is ready.' : tooltip.join('\n\n'),
    severity,
  };
}

function icon(status: ServerStatus, work: readonly string[], completing: boolean): string {
  if (status.kind === 'Error') {
    return '$(error)';
  }
  if (status.kind === 'Warning') {
    return '$(warning)';
  }
  if (status.busy === true || work.length > 0) {
    return '$(sync~spin)';
  }
  return completing && status.kind !== 'Inactive' ? '$(check)' : '$(circle-slash)';
}
