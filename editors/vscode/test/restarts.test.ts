// How often a dying server comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Restarts } from '../src/restarts.ts';

test('comes back three times, later each time, then gives up', () => {
  const restarts = new Restarts();
  assert.deepEqual(
    [0, 1, 2, 3].map((second) => restarts.afterCrash(second * 1000)),
    [500, 2000, 8000, undefined],
  );
});

test('crashes long ago do not count', () => {
  const restarts = new Restarts();
  const minute = 60_000;
  assert.deepEqual(
    [0, 1, 2, 4, 8].map((at) => restarts.afterCrash(at * minute)),
    [500, 2000, 8000, 2000, 500],
  );
});

test('a start by hand forgets', () => {
  const restarts = new Restarts();
  [0, 1, 2, 3].forEach((second) => restarts.afterCrash(second * 1000));
  restarts.forget();
  assert.equal(restarts.afterCrash(4000), 500);
});
