// An answer view: a webview beside the code that holds answers and fills while they arrive. With a composer it is a chat.

import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Answer } from '../answer.ts';
import { frontEditor } from '../frontEditor.ts';
import { escapeHtml } from '../markdown.ts';
import { openLocation } from '../openLocation.ts';
import { renderArticle } from './article.ts';
import type { FromPage, ToPage } from './messages.ts';

/** Milliseconds between two pictures of a growing answer: smooth to read, cheap to render. */
const FRAME_MS = 60;

/** Answers that stay in the view; older ones go. */
const KEPT = 20;

interface Entry {
  readonly answer: Answer;
  readonly stop: () => void;
  readonly more: () => void;
}

/** What one view is for. */
export interface PanelOptions {
  readonly viewType: string;
  readonly title: string;
  /** What the user writes into the view; without it there is nowhere to write. */
  readonly onSay?: (text: string) => void;
  /** The view was closed. */
  readonly onClosed?: () => void;
}

export class AnswerPanel implements vscode.Disposable {
  readonly #extensionUri: vscode.Uri;
  readonly #options: PanelOptions;
  readonly #entries: Entry[] = [];
  readonly #changed = new Set<Answer>();
  #panel: vscode.WebviewPanel | undefined;
  #frame: NodeJS.Timeout | undefined;

  constructor(extensionUri: vscode.Uri, options: PanelOptions) {
    this.#extensionUri = extensionUri;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#panel !== undefined;
  }

  /** Shows the view, with the keyboard in it. */
  show(): void {
    this.#panel ??= this.#createPanel();
    this.#panel.reveal(undefined, false);
  }

  /** Empties the view; what is still being written is stopped. */
  clear(): void {
    this.#stopAll();
    this.#changed.clear();
    const message: ToPage = { kind: 'clear' };
    void this.#panel?.webview.postMessage(message);
  }

  /** Whether an answer is on its way in it. */
  get busy(): boolean {
    return this.#entries.some(({ answer }) => answer.running);
  }

  /** Shows a new answer without taking the keyboard from the editor. `stop` and `more` are what its buttons do. */
  add(answer: Answer, stop: () => void, more: () => void = () => undefined): void {
    this.#entries.push({ answer, stop, more });
    this.#entries.splice(0, this.#entries.length - KEPT);
    this.#panel ??= this.#createPanel();
    this.#panel.reveal(undefined, true);
    this.update(answer);
  }

  /** The answer grew; it is drawn within a frame. */
  update(answer: Answer): void {
    this.#changed.add(answer);
    this.#frame ??= setTimeout(() => {
      this.#frame = undefined;
      this.#draw();
    }, FRAME_MS);
  }

  dispose(): void {
    clearTimeout(this.#frame);
    this.#panel?.dispose();
  }

  #draw(): void {
    for (const answer of this.#changed) {
      const message: ToPage = { kind: 'article', id: answer.id, html: renderArticle(answer) };
      void this.#panel?.webview.postMessage(message);
    }
    this.#changed.clear();
  }

  #createPanel(): vscode.WebviewPanel {
    const folders = ['dist', 'media'].map((folder) => vscode.Uri.joinPath(this.#extensionUri, folder));
    const panel = vscode.window.createWebviewPanel(
      this.#options.viewType,
      this.#options.title,
      // Beside the code, wherever the keyboard is: the views share a column.
      { viewColumn: (frontEditor()?.viewColumn ?? vscode.ViewColumn.One) + 1, preserveFocus: true },
      { enableScripts: true, localResourceRoots: folders },
    );
    panel.webview.onDidReceiveMessage((message: FromPage) => this.#receive(message));
    panel.onDidDispose(() => this.#close());
    panel.webview.html = this.#page(panel.webview);
    return panel;
  }

  /** With the view, its answers go: nobody can read what is still being written. */
  #close(): void {
    this.#panel = undefined;
    this.#stopAll();
    this.#options.onClosed?.();
  }

  #stopAll(): void {
    for (const { answer, stop } of this.#entries.splice(0)) {
      if (answer.running) {
        stop();
      }
    }
  }

  #receive(message: FromPage): void {
    switch (message.kind) {
      case 'ready':
        // The page also starts anew when its tab was hidden: it gets everything again.
        this.#entries.forEach(({ answer }) => this.#changed.add(answer));
        this.#draw();
        break;
      case 'open':
        void openLocation(message.location);
        break;
      case 'say':
        this.#options.onSay?.(message.text);
        break;
      case 'stop':
        this.#entry(message.id)?.stop();
        break;
      case 'more':
        this.#entry(message.id)?.more();
        break;
      case 'copy':
        void vscode.env.clipboard.writeText(this.#entry(message.id)?.answer.text ?? '');
        break;
    }
  }

  #entry(id: number): Entry | undefined {
    return this.#entries.find(({ answer }) => answer.id === id);
  }

  #page(webview: vscode.Webview): string {
    const nonce = randomBytes(16).toString('hex');
    const style = webview.asWebviewUri(vscode.Uri.joinPath(this.#extensionUri, 'media', 'answers.css'));
    const script = webview.asWebviewUri(vscode.Uri.joinPath(this.#extensionUri, 'dist', 'page.js'));
    const hint = 'Say something. @file, #symbol and !`command` point at what you mean.';
    const composer =
      this.#options.onSay === undefined
        ? ''
        : `<textarea rows="3" aria-label="Message" placeholder="${escapeHtml(hint)}" autofocus></textarea>`;
    const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
    return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${style}">
<title>Halfline</title>
</head>
<body><main></main>${composer}<script nonce="${nonce}" src="${script}"></script></body>
</html>`;
  }
}
