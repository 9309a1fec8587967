// The chat: one view with the conversation in front, which the server keeps. Messages stream like every other answer.

import * as vscode from 'vscode';
import { frontEditor } from './frontEditor.ts';
import type { Questions } from './questions.ts';
import { AnswerPanel } from './view/panel.ts';

interface Summary {
  readonly id: string;
  readonly title: string;
  readonly turns: number;
}

interface Shown {
  readonly id: string;
  readonly turns: readonly { readonly question: string; readonly answer: string; readonly model: string }[];
}

export class Chat implements vscode.Disposable {
  readonly #questions: Questions;
  readonly #panel: AnswerPanel;
  /** The conversation in front; none before something is said in it. */
  #id: string | undefined;
  /** The document that the folder is found by. */
  #uri: string | undefined;

  constructor(extensionUri: vscode.Uri, questions: Questions) {
    this.#questions = questions;
    this.#panel = new AnswerPanel(extensionUri, {
      viewType: 'halfline.chat',
      title: 'Halfline Chat',
      onSay: (text) => void this.say(text),
      onClosed: () => (this.#id = undefined),
    });
  }

  /** Shows the view; when it was closed, with the folder's last conversation. */
  async open(): Promise<void> {
    this.#remember();
    if (!this.#panel.isOpen) {
      const listing = await this.#list();
      const last = listing[0];
      this.#panel.show();
      if (last !== undefined) {
        await this.#load(last.id);
      }
    }
    this.#panel.show();
  }

  /** Says something in the conversation in front. A selection is what it is about. */
  async say(message: string): Promise<void> {
    this.#remember();
    if (this.#panel.busy) {
      void vscode.window.showInformationMessage('Halfline: an answer is on its way. Stop it, or wait for it.');
      return;
    }
    const argument = {
      ...this.#document(),
      message,
      ...(this.#id === undefined ? {} : { id: this.#id }),
      ...this.#selection(),
    };
    const whole = await this.#questions.stream('halfline.chat.send', argument, message, this.#panel);
    this.#id = whole?.chat?.id ?? this.#id;
  }

  /** Begins another conversation. */
  begin(): void {
    this.#remember();
    this.#id = undefined;
    this.#panel.clear();
    this.#panel.show();
  }

  /** Lets the user open another conversation of the folder. */
  async choose(): Promise<void> {
    this.#remember();
    const chosen = await this.#pick('Open a chat');
    if (chosen !== undefined) {
      this.#panel.show();
      await this.#load(chosen);
    }
  }

  /** Lets the user delete one. */
  async remove(): Promise<void> {
    this.#remember();
    const chosen = await this.#pick('Delete a chat');
    if (chosen === undefined) {
      return;
    }
    const deleted = await this.#questions.call('halfline.chat.delete', { ...this.#document(), id: chosen });
    if (deleted !== undefined && chosen === this.#id) {
      this.begin();
    }
  }

  dispose(): void {
    this.#panel.dispose();
  }

  async #load(id: string): Promise<void> {
    const chat = await this.#questions.call<Shown>('halfline.chat.show', { ...this.#document(), id });
    if (chat === undefined) {
      return;
    }
    this.#id = chat.id;
    this.#panel.clear();
    for (const { question, answer, model } of chat.turns) {
      this.#questions.show(question, { text: answer, model }, this.#panel);
    }
  }

  async #list(): Promise<readonly Summary[]> {
    const listing = await this.#questions.call<{ chats: readonly Summary[] }>('halfline.chat.list', this.#document());
    return listing?.chats ?? [];
  }

  async #pick(title: string): Promise<string | undefined> {
    const chats = await this.#list();
    if (chats.length === 0) {
      void vscode.window.showInformationMessage('Halfline: there are no chats in this folder.');
      return undefined;
    }
    const items = chats.map(({ id, title: label, turns }) => ({ id, label, description: `${turns} turns` }));
    return (await vscode.window.showQuickPick(items, { title }))?.id;
  }

  /** While the view has the keyboard there is no file in front: the last one counts. */
  #remember(): void {
    const uri = frontEditor()?.document.uri;
    if (uri?.scheme === 'file') {
      this.#uri = uri.toString();
    }
  }

  #document(): { uri?: string } {
    return this.#uri === undefined ? {} : { uri: this.#uri };
  }

  /** What is selected in that document, which is still to be seen beside the view. */
  #selection(): object {
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === this.#uri);
    if (editor === undefined || editor.selection.isEmpty) {
      return {};
    }
    const plain = ({ line, character }: vscode.Position) => ({ line, character });
    return { range: { start: plain(editor.selection.start), end: plain(editor.selection.end) } };
  }
}
