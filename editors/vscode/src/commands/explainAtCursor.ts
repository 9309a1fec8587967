// Halfline: Explain Error at Cursor. Takes the diagnostics of whatever language server or linter reported them.

import * as vscode from 'vscode';
import { diagnosticsAt } from '../diagnostics.ts';
import { frontEditor } from '../frontEditor.ts';
import type { Questions } from '../questions.ts';
import type { Server } from '../server.ts';

export async function explainAtCursor(server: Server, questions: Questions): Promise<void> {
  const editor = frontEditor();
  if (editor === undefined) {
    return;
  }
  const uri = editor.document.uri;
  const position = editor.selection.active;
  const diagnostics = diagnosticsAt(vscode.languages.getDiagnostics(uri), position);
  const argument = { uri: uri.toString(), position: { line: position.line, character: position.character } };
  const converted = await server.client?.code2ProtocolConverter.asDiagnostics(diagnostics);
  await questions.ask(
    'halfline.explain',
    converted === undefined || converted.length === 0 ? argument : { ...argument, diagnostics: converted },
  );
}
