// Opens a place that an answer names. The name may come from a model, so it leads nowhere but into the open folders.

import * as vscode from 'vscode';
import { parseLocation } from './location.ts';

export async function openLocation(text: string): Promise<void> {
  const location = parseLocation(text);
  const uri = location === undefined ? undefined : await findInWorkspace(location.path);
  if (location === undefined || uri === undefined) {
    void vscode.window.showInformationMessage(`${text} is not in the open folders.`);
    return;
  }
  const document = await vscode.workspace.openTextDocument(uri);
  const line = document.lineAt(Math.min(Math.max((location.line ?? 1) - 1, 0), document.lineCount - 1));
  const character = [...line.text].slice(0, (location.column ?? 1) - 1).join('').length;
  const position = new vscode.Position(line.lineNumber, character);
  const shownIn = vscode.window.visibleTextEditors[0]?.viewColumn ?? vscode.ViewColumn.One;
  await vscode.window.showTextDocument(document, {
    viewColumn: shownIn,
    selection: new vscode.Range(position, position),
  });
}

async function findInWorkspace(path: string): Promise<vscode.Uri | undefined> {
  const absolute = /^([\\/]|[A-Za-z]:[\\/])/.test(path);
  const candidates = absolute
    ? [vscode.Uri.file(path)]
    : (vscode.workspace.workspaceFolders ?? []).map((folder) => vscode.Uri.joinPath(folder.uri, path));
  for (const uri of candidates) {
    if (vscode.workspace.getWorkspaceFolder(uri) !== undefined && (await isFile(uri))) {
      return uri;
    }
  }
  return undefined;
}

async function isFile(uri: vscode.Uri): Promise<boolean> {
  try {
    return ((await vscode.workspace.fs.stat(uri)).type & vscode.FileType.File) !== 0;
  } catch {
    return false;
  }
}
