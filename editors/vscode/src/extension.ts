// Puts the parts together: status bar, server, answer view, and the commands of package.json. Decides nothing itself.

import * as vscode from 'vscode';
import { Chat } from './chat.ts';
import { review, runCommand, writeCommitMessage } from './commands/aboutFolder.ts';
import { askAboutSelection } from './commands/askAboutSelection.ts';
import { explainAtCursor } from './commands/explainAtCursor.ts';
import { changeAtCursor } from './commands/changeAtCursor.ts';
import { showMenu } from './commands/showMenu.ts';
import { showStatus } from './commands/showStatus.ts';
import { WhyDocuments } from './commands/why.ts';
import { completionEnabled, completionMiddleware, toggleCompletion } from './completion.ts';
import { Questions } from './questions.ts';
import { Server } from './server.ts';
import { StatusBar } from './statusBar.ts';
import { AnswerPanel } from './view/panel.ts';

let running: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('Halfline', { log: true });
  const statusBar = new StatusBar();
  const panel = new AnswerPanel(context.extensionUri, { viewType: 'halfline.answers', title: 'Halfline' });
  const questions: Questions = new Questions(() => server, panel);
  const chat = new Chat(context.extensionUri, questions);
  const whyDocuments = new WhyDocuments(questions);
  const server: Server = new Server(log, statusBar, {
    ...completionMiddleware(log),
    executeCommand: (command, args, next) =>
      questions.isQuestion(command) ? questions.ask(command, args[0]) : next(command, args),
  });
  running = server;

  const commands: Record<string, () => unknown> = {
    'halfline.explainAtCursor': () => explainAtCursor(server, questions),
    'halfline.fixAtCursor': () => changeAtCursor(questions, 'halfline.fix'),
    'halfline.testAtCursor': () => changeAtCursor(questions, 'halfline.test'),
    'halfline.documentAtCursor': () => changeAtCursor(questions, 'halfline.doc'),
    'halfline.askAboutSelection': () => askAboutSelection(questions),
    'halfline.openChat': () => chat.open(),
    'halfline.newChat': () => chat.begin(),
    'halfline.chooseChat': () => chat.choose(),
    'halfline.deleteChat': () => chat.remove(),
    'halfline.reviewChanges': () => review(questions),
    'halfline.writeCommitMessage': () => writeCommitMessage(questions),
    'halfline.runCommand': () => runCommand(questions),
    'halfline.showWhy': () => whyDocuments.show(),
    'halfline.toggleInlineCompletion': () => toggleCompletion(),
    'halfline.restartServer': () => server.restart(),
    'halfline.showLog': () => log.show(),
    'halfline.showStatus': () => showStatus(server, statusBar),
    'halfline.showMenu': () => showMenu(),
  };
  context.subscriptions.push(
    log,
    statusBar,
    panel,
    chat,
    whyDocuments,
    ...Object.entries(commands).map(([id, run]) => vscode.commands.registerCommand(id, run)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      statusBar.completing(completionEnabled());
      if (event.affectsConfiguration('halfline.path') || event.affectsConfiguration('halfline.environment')) {
        void server.restart();
      }
    }),
  );
  statusBar.completing(completionEnabled());
  await server.restart();
}

export async function deactivate(): Promise<void> {
  await running?.stop();
}
