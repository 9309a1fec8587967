import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeWhy } from '../src/why.ts';

test('what an answer rests on is a document that nothing in the prompt breaks', () => {
  const text = describeWhy({
    id: 'answer-1',
    kind: 'answer',
    model: 'large',
    prompt: 'Look:\n````rust\nfn a() {}\n````',
    text: 'It is `a`.',
    sources: [
      { path: 'src/a.rs', lines: [1, 3], why: 'the file' },
      { path: 'rustc', why: 'what it says' },
    ],
    route: { engine: 'remote', host: 'h:1', why: 'it is long' },
    tokens: { prompt: 9, reused: 1, generated: 2 },
  });
  assert.ok(text.includes('large, remote on h:1: it is long'), text);
  assert.ok(text.includes('- src/a.rs:1-3: the file\n- rustc: what it says'), text);
  assert.ok(text.includes('`````\nLook:\n````rust'), text);
  assert.ok(text.includes('```\nIt is `a`.\n```'), text);
});

test('a completion has no route', () => {
  const text = describeWhy({
    id: 'completion-1',
    kind: 'completion',
    model: 'small',
    prompt: '',
    text: '',
    sources: [],
    route: null,
    tokens: { prompt: 0, reused: 0, generated: 0 },
  });
  assert.ok(text.startsWith('# The last completion\n\nsmall\n\n'), text);
});
