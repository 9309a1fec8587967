// The whole way, nothing replaced: the real editor, the real server, a real model.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Session } from './driver/session.ts';
import { poll } from './driver/workbench.ts';

const program = process.env['HALFLINE_BIN'] ?? '';
// The editor runs with a HOME of its own; the models are found in the user's.
const environment = {
  HOME: process.env['HOME'],
  HALFLINE_MODELS: process.env['HALFLINE_MODELS'],
};
const session = new Session({
  'halfline.path': program,
  'halfline.environment': environment,
});

before(async () => {
  await session.start();
  await poll('model', async () => {
    const label = (await session.window.statusItem().getAttribute('aria-label')) ?? '';
    // Loading is told in words; the name of a model that is ready is one.
    return /^Halfline: \S+$/.test(label) ? label : undefined;
  });
});
after(() => session.stop());

function real(name: string, body: () => Promise<void>): void {
  test(name, () => session.test(name, body));
}

real('the model finishes a line: seen, accepted with Tab, saved', async () => {
  const { window } = session;
  const typed = '        return ';
  const before = session.onDisk('geometry.py');
  await window.openFile('geometry.py');
  await window.press('Control+End');
  await window.type(typed);
  const suggested = await window.ghostText();
  await session.picture('vscode-completion');
  await window.press('Tab');
  await window.press('Control+S');
  const saved = await poll('the saved file', () =>
    session.onDisk('geometry.py') === before ? undefined : session.onDisk('geometry.py'),
  );
  assert.equal(saved, before + typed + suggested);
  // A busy machine may show the beginning of it only.
  assert.match(suggested, /math\.pi|radius/);
});

real('the model explains what rustc reported, in the view beside the code', async () => {
  const { window } = session;
  await window.openFile('used.rs');
  await window.page.locator('.squiggly-error').waitFor();
  await window.goTo(4, 24);
  await window.command('Halfline: Explain Error at Cursor');
  const article = window.answers().locator('article').last();
  await article.locator('h2', { hasText: 'use of moved value' }).waitFor();
  await article.locator('.body', { hasText: /\w+ \w+/ }).waitFor();
  await article.getByRole('button', { name: 'Copy' }).waitFor();
  // The picture shows code and answer from their beginnings.
  await window.command('View: Toggle Primary Side Bar Visibility');
  await article.locator('h2').scrollIntoViewIfNeeded();
  await session.picture('vscode');
  assert.match((await article.locator('.body').textContent()) ?? '', /mov|own|borrow|clone/i);
});
