// A language server with scripted answers, in place of `halfline lsp`: it makes the moments that a model does not make
// on demand (half an answer, hostile text, a crash). What it received is in the file that STUB_LOG names.

import { appendFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const extension = createRequire(join(import.meta.dirname, '..', '..', '..', '..', 'editors', 'vscode', 'package.json'));
const { createProtocolConnection, StreamMessageReader, StreamMessageWriter } = extension(
  'vscode-languageserver-protocol/node',
);

const connection = createProtocolConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);
const logFile = process.env['STUB_LOG'] ?? '';

function log(method: string, params: unknown): void {
  appendFileSync(logFile, `${JSON.stringify({ method, params })}\n`);
}

connection.onRequest('initialize', (params: { capabilities: unknown }) => {
  log('initialize', {
    arguments: process.argv.slice(2),
    capabilities: params.capabilities,
  });
  return {
    capabilities: {
      textDocumentSync: 2,
      inlineCompletionProvider: true,
      codeActionProvider: true,
      executeCommandProvider: {
        commands: ['halfline.explain', 'halfline.ask', 'halfline.status', 'halfline.debugCommand'],
      },
      codeLensProvider: {},
    },
  };
});

connection.onNotification('initialized', () => {
  void connection.sendNotification('didChangeStatus', {
    busy: false,
    kind: 'Normal',
    message: 'stub model',
  });
});

connection.onRequest('textDocument/inlineCompletion', () => {
  log('textDocument/inlineCompletion', null);
  return { items: [{ insertText: 'ghost("of the stub")' }] };
});

connection.onRequest(
  'textDocument/codeAction',
  (params: { textDocument: object; range: { start: object }; context: { diagnostics: object[] } }) => {
    const argument = {
      uri: Reflect.get(params.textDocument, 'uri'),
      position: params.range.start,
      diagnostics: params.context.diagnostics,
    };
    const command = {
      title: 'Explain',
      command: 'halfline.explain',
      arguments: [argument],
    };
    return params.context.diagnostics.length === 0 ? [] : [{ title: 'Explain (Halfline)', kind: 'quickfix', command }];
  },
);

connection.onRequest('textDocument/codeLens', (params: { textDocument: { uri: string } }) => {
  if (!params.textDocument.uri.endsWith('used.rs')) {
    return [];
  }
  const start = { line: 0, character: 0 };
  const lens = (title: string, command: string, argument: object) => ({
    range: { start, end: start },
    command: { title, command, arguments: [argument] },
  });
  return [
    lens('Halfline: why does this fail?', 'halfline.ask', { question: 'Why does it fail?', failure: 'test_area' }),
    lens('Fix', 'halfline.debugCommand', { command: ['pytest'], apply: true }),
  ];
});

/** What is answered at once, by command. */
const SHORT: Readonly<Record<string, object>> = {
  'halfline.chat.list': { chats: [{ id: 'c1', title: 'Of yesterday', turns: 1 }], damaged: [] },
  'halfline.chat.show': { id: 'c1', turns: [{ question: 'Of yesterday', answer: 'An old `answer`.', model: 'm' }] },
  'halfline.chat.delete': { deleted: 'c1' },
  'halfline.commitMessage': { text: 'Add a thing', message: 'Add a thing', model: 'stub model' },
  'halfline.review': { text: 'Nothing is wrong.', model: 'stub model', notes: ['one was not asked: it is down'] },
  'halfline.test': { text: 'Two tests.', diff: '+def test_area():', model: 'stub model' },
  'halfline.why': {
    id: 'answer-1',
    kind: 'answer',
    model: 'stub model',
    prompt: 'The ``` prompt',
    text: 'The text',
    sources: [{ path: 'used.rs', lines: [1, 3], why: 'the function' }],
    route: { engine: 'remote', host: 'h:1', why: 'it is long' },
    tokens: { prompt: 9, reused: 1, generated: 2 },
  },
};

type Params = {
  command: string;
  arguments: [{ question?: string; message?: string }];
  partialResultToken?: string;
};
type Token = { isCancellationRequested: boolean };

connection.onRequest('workspace/executeCommand', async (params: Params, token: Token) => {
  log('workspace/executeCommand', params);
  const question = params.arguments[0]?.question ?? params.arguments[0]?.message ?? '';
  const short = SHORT[params.command];
  if (short !== undefined) {
    return short;
  }
  const part = (value: object) =>
    connection.sendNotification('$/progress', {
      token: params.partialResultToken,
      value,
    });
  if (question === 'crash') {
    process.exit(1);
  }
  if (question === 'hostile') {
    return {
      text: '<img src=x onerror="document.title=1"> <script>document.title=1</script> [go](command:workbench.action.quit)',
    };
  }
  await part({ kind: 'status', text: 'Reading the code' });
  await part({
    kind: 'evidence',
    path: 'used.rs',
    lines: [1, 3],
    why: 'the function around the cursor',
  });
  await part({ kind: 'text', text: 'The first **half**' });
  // The second half waits until the test has seen the first, or has stopped the question.
  while (!existsSync(`${logFile}.gate`) && !token.isCancellationRequested) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (token.isCancellationRequested) {
    log('$/cancelRequest', null);
    return null;
  }
  await part({ kind: 'text', text: ' and the second' });
  return {
    text: 'The first **half** and the second, whole.',
    evidence: [
      {
        path: 'used.rs',
        lines: [1, 3],
        why: 'the function around the cursor',
      },
    ],
    citations: [{ path: 'used.rs', line: 3, symbol: 'shout', ok: true }],
    model: 'stub model',
    tools: [{ note: 'called search {}: 2 lines' }],
    ...(params.command === 'halfline.chat.send' ? { chat: { id: 'c2', title: question } } : {}),
  };
});

connection.onRequest('shutdown', () => null);
connection.onNotification('exit', () => process.exit(0));
connection.listen();
