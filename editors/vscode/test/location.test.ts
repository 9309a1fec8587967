// What is a place in a file, and what only looks like one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLocation, parseLocation } from '../src/location.ts';

const places: readonly [text: string, formatted: string][] = [
  ['src/a.rs:12', 'src/a.rs:12'],
  ['src/a.rs:12:3', 'src/a.rs:12:3'],
  ['src/a.rs:12-20', 'src/a.rs:12'],
  ['src/a.rs#L12-L20', 'src/a.rs:12'],
  ['src/über/名.py:7', 'src/über/名.py:7'],
  ['Cargo.toml', 'Cargo.toml'],
  ['/abs/olute.c:1', '/abs/olute.c:1'],
  ['C:\\dev\\a.rs:4', 'C:\\dev\\a.rs:4'],
];

for (const [text, formatted] of places) {
  test(`${text} is a place`, () => {
    const location = parseLocation(text);
    assert.ok(location);
    assert.equal(formatLocation(location), formatted);
  });
}

const others = [
  'x:1',
  'https://example.org:80',
  'https://example.org/a.rs#L4',
  'javascript:alert(1)',
  'command:workbench.action.quit',
  'file:///etc/passwd',
  'vscode://a.b/c.d',
  '//host/share/a.rs:1',
  '\\\\host\\share\\a.rs:1',
  'self.items.get(0):1',
  'let x = a.b',
  '',
];

for (const text of others) {
  test(`${text || 'nothing'} is none`, () => assert.equal(parseLocation(text), undefined));
}
