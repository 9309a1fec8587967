// Halfline: Ask About Selection or File. The question comes from an input box, what it is about from the editor.

import * as vscode from 'vscode';
import { frontEditor } from '../frontEditor.ts';
import type { Questions } from '../questions.ts';

export async function askAboutSelection(questions: Questions): Promise<void> {
  const editor = frontEditor();
  const question = await vscode.window.showInputBox({
    title: 'Ask Halfline',
    prompt: about(editor),
    placeHolder: 'What does this do when the list is empty?',
    ignoreFocusOut: true,
  });
  if (question === undefined || question.trim() === '') {
    return;
  }
  if (editor === undefined) {
    await questions.ask('halfline.ask', { question });
    return;
  }
  const uri = editor.document.uri.toString();
  const { start, end, isEmpty } = editor.selection;
  const range = { start: plain(start), end: plain(end) };
  await questions.ask('halfline.ask', isEmpty ? { question, uri } : { question, uri, range });
}

function about(editor: vscode.TextEditor | undefined): string {
  if (editor === undefined) {
    return 'About the open folders';
  }
  const name = vscode.workspace.asRelativePath(editor.document.uri);
  const { start, end, isEmpty } = editor.selection;
  return isEmpty ? `About ${name}` : `About ${name}, lines ${start.line + 1} to ${end.line + 1}`;
}

function plain(position: vscode.Position): { line: number; character: number } {
  return { line: position.line, character: position.character };
}
