// Halfline: Why? What the last answer or completion rests on, as a document that can be searched and copied.

import * as vscode from 'vscode';
import type { Place } from '../answer.ts';
import type { Questions } from '../questions.ts';
import { describeWhy, type Why } from '../why.ts';

export async function showWhy(questions: Questions): Promise<void> {
  const why = await questions.call<Why & { sources: readonly Place[] }>('halfline.why', {});
  if (why !== undefined) {
    const content = describeWhy(why);
    const document = await vscode.workspace.openTextDocument({ language: 'markdown', content });
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true });
  }
}
