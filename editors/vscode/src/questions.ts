// Questions to the server whose answers stream into an answer view, whoever asks: a command of this extension, or a code
// action or lens of the server.

import * as vscode from 'vscode';
import {
  type Diagnostic,
  ExecuteCommandRequest,
  type Position,
  ProgressType,
  type Range,
} from 'vscode-languageclient/node';
import { Answer, type AnswerPart, type WholeAnswer } from './answer.ts';
import type { Server } from './server.ts';
import type { AnswerPanel } from './view/panel.ts';

/** Server commands that answer a question, with what to call the question in the view. */
const TITLES: Readonly<Record<string, (argument: QuestionArgument) => string>> = {
  'halfline.explain': (argument) => {
    const message = argument.diagnostics?.[0]?.message ?? 'What is wrong here?';
    return typeof message === 'string' ? message : message.value;
  },
  'halfline.ask': (argument) => argument.question ?? '',
  'halfline.fix': () => 'Fix this',
  'halfline.test': () => 'Write tests',
  'halfline.doc': () => 'Document this',
  'halfline.review': (argument) => (argument.staged === true ? 'Review what is staged' : 'Review what has changed'),
  'halfline.commitMessage': () => 'A commit message for what is staged',
  'halfline.run': (argument) => (argument.command ?? []).join(' '),
  'halfline.debugCommand': (argument) => `Make this pass: ${(argument.command ?? []).join(' ')}`,
};

/** What the commands above take, in the protocol's shapes. */
export interface QuestionArgument {
  readonly question?: string;
  readonly uri?: string;
  readonly position?: Position;
  readonly range?: Range;
  readonly diagnostics?: readonly Diagnostic[];
  /** Of a change: whether the server should ask to make it. */
  readonly apply?: boolean;
  /** Of an explanation or an answer: whether it is to be a long one. */
  readonly detail?: boolean;
  readonly staged?: boolean;
  readonly command?: readonly string[];
}

/** Those that answer at length when they are asked again. */
const WITH_MORE = ['halfline.explain', 'halfline.ask'];

export class Questions {
  readonly #server: () => Server;
  readonly #panel: AnswerPanel;
  #count = 0;

  /** `server` is looked up at each question: the client that asks is itself created with this object's middleware. */
  constructor(server: () => Server, panel: AnswerPanel) {
    this.#server = server;
    this.#panel = panel;
  }

  isQuestion(command: string): boolean {
    return command in TITLES;
  }

  /** Asks and shows. Resolves with the whole answer, or with nothing when it was stopped or failed; never rejects. */
  ask(command: string, argument: QuestionArgument): Promise<WholeAnswer | null> {
    return this.stream(command, argument, TITLES[command]?.(argument) ?? command, this.#panel);
  }

  /** The same, in the view `panel` under this title. */
  async stream(command: string, argument: object, title: string, panel: AnswerPanel): Promise<WholeAnswer | null> {
    const client = this.#server().client;
    if (client === undefined) {
      sayNotRunning();
      return null;
    }
    const hasMore = WITH_MORE.includes(command) && !('detail' in argument);
    const answer = new Answer(++this.#count, title, hasMore);
    const cancellation = new vscode.CancellationTokenSource();
    const partialResultToken = `halfline-answer-${answer.id}`;
    const parts = client.onProgress(new ProgressType<AnswerPart>(), partialResultToken, (part) => {
      answer.add(part);
      panel.update(answer);
    });
    const stop = (): void => {
      cancellation.cancel();
      answer.stop();
      panel.update(answer);
    };
    panel.add(answer, stop, () => void this.stream(command, { ...argument, detail: true }, title, panel));
    try {
      const params = { command, arguments: [argument], partialResultToken };
      const whole: WholeAnswer | null = await client.sendRequest(
        ExecuteCommandRequest.type,
        params,
        cancellation.token,
      );
      answer.finish(whole);
      return answer.state === 'done' ? whole : null;
    } catch (error) {
      answer.fail(error instanceof Error ? error.message : String(error));
      return null;
    } finally {
      parts.dispose();
      cancellation.dispose();
      panel.update(answer);
    }
  }

  /** An answer that is there already, as the view shows it. */
  show(question: string, whole: WholeAnswer, panel: AnswerPanel = this.#panel): void {
    const answer = new Answer(++this.#count, question);
    answer.finish(whole);
    panel.add(answer, () => undefined);
  }

  /** The server's answer to something short. What goes wrong is said. */
  async call<T>(command: string, argument: object): Promise<T | undefined> {
    const client = this.#server().client;
    if (client === undefined) {
      sayNotRunning();
      return undefined;
    }
    try {
      const params = { command, arguments: [argument] };
      // What a command answers is its own business; who asks knows the shape.
      return (await client.sendRequest(ExecuteCommandRequest.type, params)) as T;
    } catch (error) {
      void vscode.window.showWarningMessage(`Halfline: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }
}

function sayNotRunning(): void {
  void vscode.window.showWarningMessage('Halfline is not running.', 'Restart Server').then((choice) => {
    return choice === undefined ? undefined : vscode.commands.executeCommand('halfline.restartServer');
  });
}
