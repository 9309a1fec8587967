// The menu behind the status bar item.

import * as vscode from 'vscode';
import { completionEnabled } from '../completion.ts';

export async function showMenu(): Promise<void> {
  const entries = [
    { label: '$(question) Ask About Selection or File', command: 'halfline.askAboutSelection' },
    { label: '$(comment-discussion) Chat', command: 'halfline.openChat' },
    { label: '$(lightbulb) Explain Error at Cursor', command: 'halfline.explainAtCursor' },
    { label: '$(wrench) Fix Error at Cursor', command: 'halfline.fixAtCursor' },
    { label: '$(beaker) Write Tests for Function at Cursor', command: 'halfline.testAtCursor' },
    { label: '$(book) Document Definition at Cursor', command: 'halfline.documentAtCursor' },
    { label: '$(git-pull-request) Review Changes', command: 'halfline.reviewChanges' },
    { label: '$(git-commit) Write Commit Message', command: 'halfline.writeCommitMessage' },
    { label: '$(play) Run Tests or a Command', command: 'halfline.runCommand' },
    { label: '$(search) Why? What the Last Answer Rests On', command: 'halfline.showWhy' },
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
