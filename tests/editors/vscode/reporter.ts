// Prints one line per test, the reason under one that failed, and last how many of each there were.

import type { TestEvent } from 'node:test/reporters';

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  for await (const event of events) {
    // A file counts as a test of its own; what matters are those in it, unless it broke before it had any.
    if (event.type === 'test:pass' && event.data.details.type !== 'suite') {
      passed += 1;
      yield `ok    ${event.data.name} (${Math.round(event.data.details.duration_ms)} ms)\n`;
    } else if (event.type === 'test:fail' && event.data.details.type !== 'suite') {
      failed += 1;
      const error = event.data.details.error;
      const reason = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : error.message;
      yield `FAIL  ${event.data.name}\n${reason}\n`;
    } else if (event.type === 'test:stderr' || event.type === 'test:stdout') {
      yield event.data.message;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}
