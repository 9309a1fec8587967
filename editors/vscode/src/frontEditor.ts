// The editor that a command is about.

import * as vscode from 'vscode';

/** The one in front. While a view of this extension has the keyboard there is none; then it is the one beside the view. */
export function frontEditor(): vscode.TextEditor | undefined {
  const visible = vscode.window.visibleTextEditors.filter(({ document }) => document.uri.scheme !== 'output');
  return vscode.window.activeTextEditor ?? visible[0];
}
