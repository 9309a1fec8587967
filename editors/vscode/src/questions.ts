// Questions to the server whose answers stream into the answer view, whoever asks: a command of this extension, or a
// code action or lens of the server.

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
};

/** What `halfline.explain`, `halfline.ask` and `halfline.fix` take, in the protocol's shapes. */
export interface QuestionArgument {
  readonly question?: string;
  readonly uri?: string;
  readonly position?: Position;
  readonly range?: Range;
  readonly diagnostics?: readonly Diagnostic[];
  /** Of a fix: whether the server should ask to make the change. */
  readonly apply?: boolean;
}

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

  /** Asks and shows. Resolves when the answer is whole, stopped or failed; never rejects. */
  async ask(command: string, argument: QuestionArgument): Promise<void> {
    const client = this.#server().client;
    if (client === undefined) {
      void vscode.window.showWarningMessage('Halfline is not running.', 'Restart Server').then((choice) => {
        return choice === undefined ? undefined : vscode.commands.executeCommand('halfline.restartServer');
      });
      return;
    }
    const answer = new Answer(++this.#count, TITLES[command]?.(argument) ?? command);
    const cancellation = new vscode.CancellationTokenSource();
    const partialResultToken = `halfline-answer-${answer.id}`;
    const parts = client.onProgress(new ProgressType<AnswerPart>(), partialResultToken, (part) => {
      answer.add(part);
      this.#panel.update(answer);
    });
    this.#panel.add(answer, () => {
      cancellation.cancel();
      answer.stop();
      this.#panel.update(answer);
    });
    try {
      const params = { command, arguments: [argument], partialResultToken };
      const whole: WholeAnswer | null = await client.sendRequest(
        ExecuteCommandRequest.type,
        params,
        cancellation.token,
      );
      answer.finish(whole);
    } catch (error) {
      answer.fail(error instanceof Error ? error.message : String(error));
    } finally {
      parts.dispose();
      cancellation.dispose();
      this.#panel.update(answer);
    }
  }
}
