// The menu behind the status bar item.

import * as vscode from 'vscode';
import { completionEnabled } from '../completion.ts';

export async function showMenu(): Promise<void> {
  const entries = [
    { label: '$(question) Ask About Selection or File', command: 'halfline.askAboutSelection' },
    { label: '$(lightbulb) Explain Error at Cursor', command: 'halfline.explainAtCursor' },
    completionEnabled()
      ? { label: '$(circle-slash) Turn Inline Completion Off', command: 'halfline.toggleInlineCompletion' }
      : { label: '$(check) Turn Inline Completion On', command: 'halfline.toggleInlineCompletion' },
    { label: '$(info) Show Status', command: 'halfline.showStatus' },
    { label: '$(output) Show Log', command: 'halfline.showLog' },
    { label: '$(debug-restart) Restart Server', command: 'halfline.restartServer' },
    { label: '$(gear) Settings', command: 'workbench.action.openSettings', argument: 'halfline.' },
  ];
  const chosen = await vscode.window.showQuickPick(entries, { title: 'Halfline' });
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(chosen.command, chosen.argument);
  }
}
