// The status bar item: collects what happens and shows what status.ts makes of it.

import * as vscode from 'vscode';
import { type ServerState, type ServerStatus, type Situation, statusLine } from './status.ts';

const BACKGROUND = {
  normal: undefined,
  warning: new vscode.ThemeColor('statusBarItem.warningBackground'),
  error: new vscode.ThemeColor('statusBarItem.errorBackground'),
};

export class StatusBar implements vscode.Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #work = new Map<string | number, string>();
  #situation: Omit<Situation, 'work'> = { server: 'starting', reason: '', status: {}, completing: true };

  constructor() {
    this.#item = vscode.window.createStatusBarItem('halfline.status', vscode.StatusBarAlignment.Right, 100);
    this.#item.name = 'Halfline';
    this.#item.command = 'halfline.showMenu';
    this.#draw();
    this.#item.show();
  }

  get situation(): Situation {
    return { ...this.#situation, work: [...this.#work.values()] };
  }

  /** A server that comes or goes takes its status and its work with it. */
  server(server: ServerState, reason = ''): void {
    this.#work.clear();
    this.#situation = { ...this.#situation, server, reason, status: {} };
    this.#draw();
  }

  status(status: ServerStatus): void {
    this.#situation = { ...this.#situation, status };
    this.#draw();
  }

  completing(completing: boolean): void {
    this.#situation = { ...this.#situation, completing };
    this.#draw();
  }

  /** Work in progress under `token`; without a title it is done. */
  work(token: string | number, title: string | undefined): void {
    if (title === undefined) {
      this.#work.delete(token);
    } else {
      this.#work.set(token, title);
    }
    this.#draw();
  }

  dispose(): void {
    this.#item.dispose();
  }

  #draw(): void {
    const line = statusLine(this.situation);
    this.#item.text = line.text;
    this.#item.tooltip = line.tooltip;
    this.#item.accessibilityInformation = { label: `Halfline: ${line.tooltip}` };
    this.#item.backgroundColor = BACKGROUND[line.severity];
  }
}
