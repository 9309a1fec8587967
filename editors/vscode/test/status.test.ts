// What the status bar says in each situation.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkTitles } from '../src/progress.ts';
import { type Situation, statusLine } from '../src/status.ts';

const ready: Situation = { server: 'running', reason: '', status: {}, work: [], completing: true };

const cases: readonly [name: string, situation: Partial<Situation>, text: string, tooltip: string, severity: string][] =
  [
    ['ready', {}, '$(check) Halfline', 'The server is ready.', 'normal'],
    [
      'a message of the server',
      { status: { kind: 'Normal', message: 'qwen 1.5b' } },
      '$(check) Halfline',
      'qwen 1.5b',
      'normal',
    ],
    ['busy', { status: { kind: 'Normal', busy: true } }, '$(sync~spin) Halfline', 'The server is ready.', 'normal'],
    [
      'loading',
      { work: ['Indexing', 'Loading model 40%'] },
      '$(sync~spin) Halfline: Loading model 40%',
      'Indexing\n\nLoading model 40%',
      'normal',
    ],
    ['switched off', { completing: false }, '$(circle-slash) Halfline', 'Inline completion is off.', 'normal'],
    [
      'an error wins over busy',
      { status: { kind: 'Error', busy: true, message: 'no model' } },
      '$(error) Halfline',
      'no model',
      'error',
    ],
    ['a warning', { status: { kind: 'Warning', message: 'slow' } }, '$(warning) Halfline', 'slow', 'warning'],
    ['no program', { server: 'missing', reason: 'not on PATH' }, '$(warning) Halfline', 'not on PATH', 'warning'],
    ['gave up', { server: 'failed', reason: 'crashed' }, '$(error) Halfline', 'crashed', 'error'],
  ];

for (const [name, situation, text, tooltip, severity] of cases) {
  test(name, () => assert.deepEqual(statusLine({ ...ready, ...situation }), { text, tooltip, severity }));
}

test('work keeps its title through its reports', () => {
  const titles = new WorkTitles();
  assert.equal(
    titles.after(1, { kind: 'begin', title: 'Halfline: loading the model', percentage: 0 }),
    'loading the model 0%',
  );
  assert.equal(titles.after(1, { kind: 'report', percentage: 40.4 }), 'loading the model 40%');
  assert.equal(titles.after(2, { kind: 'begin', title: 'Indexing' }), 'Indexing');
  assert.equal(titles.after(1, { kind: 'end' }), undefined);
});
