// Which diagnostics the cursor stands on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnosticsAt } from '../src/diagnostics.ts';

/** A diagnostic on one line, written `name severity line:from-to`. */
function diagnostic(text: string) {
  const [name, severity, line, from, to] = text.split(/[ :-]/);
  const at = (character: string | undefined) => ({ line: Number(line), character: Number(character) });
  return { name, severity: Number(severity), range: { start: at(from), end: at(to) } };
}

const cases: readonly [name: string, all: string[], line: number, character: number, expected: string[]][] = [
  ['the one under the cursor', ['a 0 3:4-9', 'b 0 3:12-14'], 3, 6, ['a']],
  ['its end belongs to it', ['a 0 3:4-9'], 3, 9, ['a']],
  ['the worst first', ['hint 3 3:0-9', 'error 0 3:4-6'], 3, 5, ['error', 'hint']],
  ['beside it, all of the line', ['a 1 3:4-9', 'b 0 3:12-14', 'c 0 4:0-1'], 3, 0, ['b', 'a']],
  ['none on this line', ['a 0 3:4-9'], 5, 0, []],
];

for (const [name, all, line, character, expected] of cases) {
  test(name, () => {
    const chosen = diagnosticsAt(all.map(diagnostic), { line, character });
    assert.deepEqual(
      chosen.map((one) => one.name),
      expected,
    );
  });
}
