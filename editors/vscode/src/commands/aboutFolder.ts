// Halfline: Review Changes, Write Commit Message, Run Tests or a Command. What they are about is the folder of the file in
// front.

import * as vscode from 'vscode';
import { frontEditor } from '../frontEditor.ts';
import type { Questions } from '../questions.ts';

export async function review(questions: Questions): Promise<void> {
  const all = { label: 'What has changed', staged: false };
  const choices = [all, { label: 'What is staged', staged: true }];
  const chosen = await vscode.window.showQuickPick(choices, { title: 'Review' });
  if (chosen !== undefined) {
    await questions.ask('halfline.review', { ...document(), staged: chosen.staged });
  }
}

/** The message goes into the box of the source control view, where that is empty. */
export async function writeCommitMessage(questions: Questions): Promise<void> {
  const whole = await questions.ask('halfline.commitMessage', document());
  if (whole?.message === undefined) {
    return;
  }
  const box = await commitBox();
  if (box !== undefined && box.value === '') {
    box.value = whole.message;
  }
}

/** Tests that fail get a lens each. */
export async function runCommand(questions: Questions): Promise<void> {
  const line = await vscode.window.showInputBox({
    title: 'Run with Halfline',
    prompt: 'A command, such as the tests. It runs on a copy of the folder.',
    value: 'cargo test',
    ignoreFocusOut: true,
  });
  const command = (line ?? '').trim().split(/\s+/);
  if (command[0] !== undefined && command[0] !== '') {
    await questions.ask('halfline.run', { ...document(), command });
  }
}

function document(): { uri?: string } {
  const uri = frontEditor()?.document.uri;
  return uri?.scheme === 'file' ? { uri: uri.toString() } : {};
}

interface Git {
  getAPI(version: 1): { readonly repositories: readonly { readonly inputBox: { value: string } }[] };
}

async function commitBox(): Promise<{ value: string } | undefined> {
  const git = vscode.extensions.getExtension<Git>('vscode.git');
  try {
    return (await git?.activate())?.getAPI(1).repositories[0]?.inputBox;
  } catch {
    // Git may be switched off; then the message is in the answer view alone.
    return undefined;
  }
}
