// The server process and the language client that talks to it: start, stop, restart, and what happens when it dies.
// What is asked of the server lies elsewhere (questions.ts, completion.ts).

import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  RevealOutputChannelOn,
  type ServerOptions,
} from 'vscode-languageclient/node';
import { findProgram, type Program } from './program.ts';
import { WorkTitles } from './progress.ts';
import { Restarts } from './restarts.ts';
import type { ServerStatus } from './status.ts';
import type { StatusBar } from './statusBar.ts';

/** Milliseconds that a server may take to shut down before it is left behind. */
const STOP_TIMEOUT_MS = 5000;

export class Server implements vscode.Disposable {
  readonly log: vscode.LogOutputChannel;
  readonly #statusBar: StatusBar;
  readonly #middleware: Middleware;
  readonly #restarts = new Restarts();
  #client: LanguageClient | undefined;
  #pendingRestart: NodeJS.Timeout | undefined;
  /** Starts and stops run one after the other, however often they are asked for. */
  #queue: Promise<void> = Promise.resolve();

  constructor(log: vscode.LogOutputChannel, statusBar: StatusBar, middleware: Middleware) {
    this.log = log;
    this.#statusBar = statusBar;
    this.#middleware = middleware;
  }

  /** The client of a server that is running. */
  get client(): LanguageClient | undefined {
    return this.#client?.isRunning() === true ? this.#client : undefined;
  }

  /** Starts the server, or starts it anew. Resolves when it runs or has said why not; never rejects. */
  restart(): Promise<void> {
    this.#restarts.forget();
    return this.#enqueue(async () => {
      await this.#stopNow();
      await this.#startNow();
    });
  }

  stop(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#stopNow();
      this.#statusBar.server('stopped');
    });
  }

  dispose(): void {
    void this.stop();
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    clearTimeout(this.#pendingRestart);
    this.#queue = this.#queue.then(step);
    return this.#queue;
  }

  async #startNow(): Promise<void> {
    const program = findProgramHere();
    if ('missing' in program) {
      this.log.error(program.missing);
      this.#statusBar.server('missing', program.missing);
      void explainMissing(program.missing);
      return;
    }
    this.#statusBar.server('starting');
    this.log.info(`Starting ${program.path} lsp`);
    const client = this.#createClient(program.path);
    this.#client = client;
    try {
      await client.start();
      this.#statusBar.server('running');
    } catch (error) {
      this.log.error(`The server did not start: ${String(error)}`);
    }
  }

  async #stopNow(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    try {
      await client?.stop(STOP_TIMEOUT_MS);
    } catch (error) {
      this.log.warn(`The server did not stop in order: ${String(error)}`);
    }
  }

  /** The process went away without being asked to. */
  #died(client: LanguageClient): void {
    if (this.#client !== client) {
      return;
    }
    this.#client = undefined;
    const delay = this.#restarts.afterCrash(Date.now());
    if (delay === undefined) {
      const reason = 'The Halfline server stopped several times in a row. Its log says more.';
      this.#statusBar.server('failed', reason);
      void explainFailure(reason);
      return;
    }
    this.log.warn(`The server went away; starting it again in ${delay} ms.`);
    this.#statusBar.server('starting');
    this.#pendingRestart = setTimeout(() => void this.#enqueue(() => this.#startNow()), delay);
  }

  #createClient(path: string): LanguageClient {
    const environment = vscode.workspace.getConfiguration('halfline').get<Record<string, string>>('environment', {});
    const serverOptions: ServerOptions = {
      command: path,
      args: ['lsp'],
      options: { env: { ...process.env, ...environment } },
    };
    const workTitles = new WorkTitles();
    const clientOptions: LanguageClientOptions = {
      documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }],
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.#died(client);
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
      middleware: {
        ...this.#middleware,
        handleWorkDoneProgress: (token, step) => this.#statusBar.work(token, workTitles.after(token, step)),
      },
    };
    const client = new QuietClient('halfline', 'Halfline', serverOptions, clientOptions);
    client.onNotification('didChangeStatus', (status: ServerStatus) => this.#statusBar.status(status));
    return client;
  }
}

/** What goes wrong is said once, by this file; the library's own messages for the same go to the log only. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

function findProgramHere(): Program {
  return findProgram({
    setting: vscode.workspace.getConfiguration('halfline').get('path', ''),
    searchPath: process.env['PATH'] ?? '',
    home: homedir(),
    windows: process.platform === 'win32',
    isProgram,
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function explainMissing(message: string): Promise<void> {
  const choice = await vscode.window.showErrorMessage(`Halfline: ${message}`, 'Open Setting', 'How to Install');
  if (choice === 'Open Setting') {
    await openPathSetting();
  } else if (choice === 'How to Install') {
    await vscode.commands.executeCommand('extension.open', 'halfline.halfline');
  }
}

/** On a remote machine the setting is that machine's, in a tab of its own. */
async function openPathSetting(): Promise<void> {
  if (vscode.env.remoteName === undefined) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'halfline.path');
  } else {
    await vscode.commands.executeCommand('workbench.action.openRemoteSettings', { query: 'halfline.path' });
  }
}

async function explainFailure(message: string): Promise<void> {
  const choice = await vscode.window.showErrorMessage(message, 'Restart Server', 'Show Log');
  if (choice === 'Restart Server') {
    await vscode.commands.executeCommand('halfline.restartServer');
  } else if (choice === 'Show Log') {
    await vscode.commands.executeCommand('halfline.showLog');
  }
}
