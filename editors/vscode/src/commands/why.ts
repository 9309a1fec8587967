// Halfline: Why? What the last answer or completion rests on, as a document that can be searched and copied, and that there
// is nothing to save of.

import * as vscode from 'vscode';
import { frontEditor } from '../frontEditor.ts';
import type { Questions } from '../questions.ts';
import { describeWhy, type Why } from '../why.ts';

const SCHEME = 'halfline-why';

export class WhyDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #questions: Questions;
  readonly #texts = new Map<string, string>();
  readonly #registration: vscode.Disposable;

  constructor(questions: Questions) {
    this.#questions = questions;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#texts.get(uri.path) ?? 'This is not kept any more.';
  }

  async show(): Promise<void> {
    const why = await this.#questions.call<Why>('halfline.why', {});
    if (why === undefined) {
      return;
    }
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${why.id}.md` });
    this.#texts.set(uri.path, describeWhy(why));
    const document = await vscode.workspace.openTextDocument(uri);
    const viewColumn = frontEditor()?.viewColumn ?? vscode.ViewColumn.One;
    await vscode.window.showTextDocument(document, { viewColumn, preview: true });
  }

  dispose(): void {
    this.#registration.dispose();
  }
}
