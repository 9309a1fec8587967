// The extension in the real editor, with a scripted server: starting, streaming, stopping, hostile text, crashes.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Session } from './driver/session.ts';
import { poll } from './driver/workbench.ts';

const session = new Session({ 'halfline.path': '/nowhere/halfline' });
const log = join(session.server.folder, 'stub.log');
const gate = `${log}.gate`;

interface Logged {
  readonly method: string;
  readonly params: {
    readonly arguments: readonly Record<string, unknown>[];
    readonly capabilities: { readonly textDocument: object };
  };
}

/** What the stub received of one method, oldest first. */
function received(method: string): Logged[] {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
  // What follows the last line break is empty, or a line that is still being written.
  return lines
    .slice(0, -1)
    .map((line): Logged => JSON.parse(line))
    .filter((entry) => entry.method === method);
}

/** Waits until the stub received more of a method than `before` times. */
function receivedMore(method: string, before: number): Promise<Logged> {
  return poll(`${method} at the stub`, () => (received(method).length > before ? received(method).at(-1) : undefined));
}

async function ask(question: string): Promise<void> {
  await session.window.command('Halfline: Ask About Selection or File');
  await session.window.answerInput('Ask Halfline', question);
}

before(() => session.start());
after(() => session.stop());

function scripted(name: string, body: () => Promise<void>): void {
  test(name, () => session.test(name, body));
}

scripted('a missing program is said once, and the way to the setting is one click', async () => {
  const notice = session.window.notification('/nowhere/halfline');
  await notice.waitFor();
  assert.equal(await session.window.notification(/./).count(), 1);
  await notice.getByRole('button', { name: 'Open Setting' }).click();
  await session.window.page.locator('.settings-editor', { hasText: 'Halfline: Path' }).waitFor();
  await session.window.closeModal();
});

scripted('with the setting mended the server starts, and says how it is', async () => {
  const stub = join(session.server.folder, 'stub');
  const script = join(import.meta.dirname, 'stub', 'halfline.ts');
  writeFileSync(stub, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`, { mode: 0o755 });
  session.server.configure({
    'halfline.path': stub,
    'halfline.environment': { STUB_LOG: log },
  });
  const { params } = await receivedMore('initialize', 0);
  assert.deepEqual(params.arguments, ['lsp']);
  assert.ok('inlineCompletion' in params.capabilities.textDocument);
  await session.window.statusItem().and(session.window.page.locator('[aria-label*="stub model"]')).waitFor();
});

scripted('ghost text appears while typing, and Tab accepts it', async () => {
  const { window } = session;
  await window.openFile('geometry.py');
  await window.press('Control+End');
  await window.type('        x = ');
  assert.equal(await window.ghostText(), 'ghost("of the stub")');
  await window.press('Tab');
  await window.press('Control+S');
  const saved = await poll('the saved file', () =>
    session.onDisk('geometry.py').includes('stub') ? session.onDisk('geometry.py') : undefined,
  );
  assert.ok(saved.endsWith('        x = ghost("of the stub")'), saved);
});

scripted('switched off, typing asks for nothing, and a key still does', async () => {
  const { window } = session;
  await window.command('Halfline: Toggle Inline Completion');
  await window.statusItem().and(window.page.locator('[aria-label*="Inline completion is off"]')).waitFor();
  const before = received('textDocument/inlineCompletion').length;
  await window.type('\ny = ');
  await window.page.locator('.view-line', { hasText: /y\s=/ }).waitFor();
  assert.equal(await window.hasGhostText(), false);
  assert.equal(received('textDocument/inlineCompletion').length, before);
  await window.command('Trigger Inline Suggestion');
  assert.equal(await window.ghostText(), 'ghost("of the stub")');
  await window.press('Escape');
  await window.command('Halfline: Toggle Inline Completion');
});

scripted('an answer is in the view before it is whole, and its places open', async () => {
  const { window } = session;
  await window.openFile('used.rs');
  await ask('How does it work?');
  const article = window.answers().locator('article').last();
  await article.locator('strong', { hasText: 'half' }).waitFor();
  assert.equal(await article.locator('h2').textContent(), 'How does it work?');
  assert.ok((await article.locator('footer').textContent())?.includes('Writing'));
  assert.ok(!(await article.textContent())?.includes('second'));
  writeFileSync(gate, '');
  await article.locator('.body', { hasText: 'The first half and the second, whole.' }).waitFor();
  await article.locator('footer', { hasText: 'stub model' }).waitFor();
  await article.getByRole('link', { name: 'used.rs:3' }).click();
  await window.page.locator('.statusbar-item', { hasText: 'Ln 3, Col 1' }).waitFor();
});

scripted('Stop cancels the request at the server', async () => {
  rmSync(gate, { force: true });
  await ask('And then?');
  const article = session.window.answers().locator('article').last();
  await article.locator('strong', { hasText: 'half' }).waitFor();
  await article.getByRole('button', { name: 'Stop' }).click();
  await receivedMore('$/cancelRequest', 0);
  await article.locator('footer.stopped').waitFor();
  writeFileSync(gate, '');
});

scripted('the chat goes on with the last conversation, streams, and begins another one', async () => {
  const { window } = session;
  await window.openFile('used.rs');
  await window.command('Halfline: Open Chat');
  const view = window.answers();
  await view.locator('article', { hasText: 'An old answer.' }).waitFor();
  rmSync(gate, { force: true });
  const before = received('workspace/executeCommand').length;
  await view.getByLabel('Message').fill('And @used.rs?');
  await view.getByLabel('Message').press('Enter');
  const article = view.locator('article').last();
  await article.locator('strong', { hasText: 'half' }).waitFor();
  writeFileSync(gate, '');
  await article.locator('.body', { hasText: 'The first half and the second, whole.' }).waitFor();
  await article.locator('summary', { hasText: 'How it was answered' }).waitFor();
  const { params } = await receivedMore('workspace/executeCommand', before);
  assert.partialDeepStrictEqual(params, { command: 'halfline.chat.send' });
  assert.partialDeepStrictEqual(params.arguments[0], { message: 'And @used.rs?', id: 'c1' });
  await article.getByRole('link', { name: 'used.rs:3' }).click();
  await window.page.locator('.statusbar-item', { hasText: 'Ln 3, Col 1' }).waitFor();

  await window.command('Halfline: New Chat');
  await view.locator('article').waitFor({ state: 'detached' });
  await view.getByLabel('Message').fill('Another one');
  await view.getByLabel('Message').press('Enter');
  await view.locator('article', { hasText: 'Another one' }).locator('footer', { hasText: 'stub model' }).waitFor();
  const sent = received('workspace/executeCommand').at(-1);
  assert.equal(sent?.params.arguments[0]?.['id'], undefined);
});

scripted('reviews, tests, commit messages and their notes are in the answer view', async () => {
  const { window } = session;
  await window.openFile('used.rs');
  const last = () => window.answers().locator('article').last();
  await window.command('Halfline: Review Changes');
  await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'What is staged' }).click();
  await last().locator('h2', { hasText: 'Review what is staged' }).waitFor();
  await last().locator('summary', { hasText: 'How it was answered' }).click();
  await last().locator('li', { hasText: 'one was not asked: it is down' }).waitFor();
  assert.equal(received('workspace/executeCommand').at(-1)?.params.arguments[0]?.['staged'], true);
  await window.command('Halfline: Write Tests for Function at Cursor');
  await last().locator('.diff', { hasText: '+def test_area():' }).waitFor();
  await window.command('Halfline: Write Commit Message');
  await last().locator('.body', { hasText: 'Add a thing' }).waitFor();
  await window.command('Halfline: Why? (What the Last Answer Rests On)');
  await window.page.locator('.view-line', { hasText: /remote\son\sh:1/ }).waitFor();
});

scripted('a lens on a test that failed asks why', async () => {
  const { window } = session;
  await window.openFile('used.rs');
  const before = received('workspace/executeCommand').length;
  await window.page.locator('.codelens-decoration a', { hasText: 'why does this fail?' }).click();
  const { params } = await receivedMore('workspace/executeCommand', before);
  assert.partialDeepStrictEqual(params.arguments[0], { question: 'Why does it fail?', failure: 'test_area' });
  await window.page.locator('.codelens-decoration a', { hasText: 'Fix' }).waitFor();
});

scripted('markup and commands in an answer stay text', async () => {
  await ask('hostile');
  const article = session.window.answers().locator('article').last();
  await article.locator('.body', { hasText: '<script>document.title=1</script>' }).waitFor();
  assert.equal(await article.locator('.body').locator('img, script, a').count(), 0);
});

scripted('an error of another extension is explained with what it says', async () => {
  const { window } = session;
  await window.openFile('used.rs');
  await window.page.locator('.squiggly-error').waitFor();
  await window.goTo(4, 24);
  const before = received('workspace/executeCommand').length;
  await window.command('Halfline: Explain Error at Cursor');
  const { params } = await receivedMore('workspace/executeCommand', before);
  const [argument] = params.arguments;
  assert.deepEqual(argument?.['position'], { line: 3, character: 23 });
  assert.ok(String(argument?.['uri']).endsWith('/workspace/used.rs'));
  assert.partialDeepStrictEqual(argument?.['diagnostics'], [
    {
      source: 'rustc',
      code: 'E0382',
      message: 'use of moved value: `name`',
      severity: 1,
    },
  ]);
});

scripted('the light bulb offers the explanation', async () => {
  const { window } = session;
  const before = received('workspace/executeCommand').length;
  await window.press('Control+.');
  await window.page
    .locator('.action-widget .monaco-list-row', {
      hasText: 'Explain (Halfline)',
    })
    .click();
  const { params } = await receivedMore('workspace/executeCommand', before);
  assert.partialDeepStrictEqual(params.arguments[0]?.['diagnostics'], [{ code: 'E0382' }]);
  await window.answers().locator('article').last().locator('h2', { hasText: 'use of moved value' }).waitFor();
});

scripted('Restart Server starts another one', async () => {
  const before = received('initialize').length;
  await session.window.command('Halfline: Restart Server');
  await receivedMore('initialize', before);
  await session.window.statusItem().and(session.window.page.locator('[aria-label*="stub model"]')).waitFor();
});

scripted('a server that crashes comes back by itself, and the question says that it failed', async () => {
  const before = received('initialize').length;
  await ask('crash');
  await session.window.answers().locator('article').last().locator('footer.failed').waitFor();
  await receivedMore('initialize', before);
  await session.window.statusItem().and(session.window.page.locator('[aria-label*="stub model"]')).waitFor();
});

scripted('a program that always dies is given up with one message', async () => {
  const { window } = session;
  session.server.configure({ 'halfline.path': '/bin/false' });
  await window.notification('stopped several times in a row').waitFor();
  assert.equal(await window.notification(/./).count(), 1);
  await window.dismissNotifications();
});
