// An answer while its parts arrive, and the article made of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Answer } from '../src/answer.ts';
import { renderArticle } from '../src/view/article.ts';

test('text grows with its parts, and the response replaces it', () => {
  const answer = new Answer(1, 'why?');
  answer.add({ kind: 'status', text: 'Reading the trace' });
  assert.deepEqual([answer.state, answer.status], ['waiting', 'Reading the trace']);
  answer.add({ kind: 'text', text: 'Because ' });
  answer.add({ kind: 'text', text: 'it' });
  assert.deepEqual([answer.state, answer.text], ['streaming', 'Because it']);
  answer.finish({ text: 'Because it is moved.', model: 'm' });
  assert.deepEqual([answer.state, answer.text, answer.status], ['done', 'Because it is moved.', '']);
});

test('a response without text keeps what was streamed', () => {
  const answer = new Answer(1, 'why?');
  answer.add({ kind: 'text', text: 'Because.' });
  answer.finish(null);
  assert.equal(answer.text, 'Because.');
});

test('an answer that is there says who wrote it and how sure that is', () => {
  const [sure, silent] = [new Answer(1, 'why?'), new Answer(2, 'why?')];
  sure.finish({ text: 'Because.', model: 'm', confidence_level: 'medium' });
  silent.finish({ text: 'Because.', model: 'm', confidence_level: null });
  assert.ok(renderArticle(sure).includes('m, medium confidence'));
  assert.ok(!renderArticle(silent).includes('confidence'));
});

test('who has read a short answer can ask for more, once it is there', () => {
  const [short, long] = [new Answer(1, 'why?', true), new Answer(2, 'why?')];
  assert.ok(!renderArticle(short).includes('data-action="more"'));
  short.finish({ text: 'Because.' });
  long.finish({ text: 'Because of this and that.' });
  assert.ok(renderArticle(short).includes('data-action="more"'));
  assert.ok(!renderArticle(long).includes('data-action="more"'));
});

test('a name that stands in no file is no link', () => {
  const answer = new Answer(1, 'why?');
  answer.finish({ text: 'x', citations: [{ path: '', line: 0, symbol: 'load_all', ok: false }] });
  const html = renderArticle(answer);
  assert.ok(html.includes('<code>load_all</code>') && html.includes('nowhere in this workspace'), html);
  assert.ok(!html.includes('data-location'), html);
});

test('after a stop nothing changes', () => {
  const answer = new Answer(1, 'why?');
  answer.add({ kind: 'text', text: 'Be' });
  answer.stop();
  answer.add({ kind: 'text', text: 'cause' });
  answer.fail('cancelled');
  assert.deepEqual([answer.state, answer.text, answer.status], ['stopped', 'Be', 'Stopped.']);
});

test('a part of a kind that is not known yet is passed over', () => {
  const answer = new Answer(1, 'why?');
  answer.add(JSON.parse('{"kind":"picture","data":"x"}'));
  assert.equal(answer.state, 'waiting');
});

test('an article escapes all that comes from outside', () => {
  const nasty = '"><script>x</script>';
  const answer = new Answer(1, nasty);
  answer.add({ kind: 'text', text: nasty });
  answer.add({ kind: 'status', text: nasty });
  answer.add({ kind: 'patch', diff: nasty });
  answer.add({ kind: 'evidence', path: nasty, lines: [1, 2], symbol: nasty, why: nasty });
  answer.add({ kind: 'citation', path: nasty, line: 3 });
  const running = renderArticle(answer);
  answer.finish({ model: nasty });
  for (const html of [running, renderArticle(answer)]) {
    assert.ok(!html.includes('<script'), html);
    assert.ok(html.includes('&lt;script&gt;'), html);
  }
});

test('places are links, and a citation that is not there says so', () => {
  const answer = new Answer(1, 'why?');
  answer.add({ kind: 'evidence', path: 'src/a.rs', lines: [10, 31], why: 'definition of Config' });
  answer.add({ kind: 'citation', path: 'src/b.rs', line: 12, symbol: 'Config', ok: false });
  const html = renderArticle(answer);
  assert.match(
    html,
    /<a href="#" data-location="src\/a\.rs:10">src\/a\.rs:10-31<\/a> <span class="why">definition of Config<\/span>/,
  );
  assert.match(
    html,
    /<a href="#" data-location="src\/b\.rs:12">src\/b\.rs:12<\/a> <code>Config<\/code> <span class="missing">not found there/,
  );
});

test('what the model called and what is to be known of the route are notes, and the response is the truth', () => {
  const answer = new Answer(1, 'Why?');
  answer.add({ kind: 'tool', note: 'called search' });
  assert.deepEqual(answer.notes, ['called search']);
  answer.finish({ text: 'So.', tools: [{ note: 'called search: 2 lines' }], notes: ['one failed'], diff: '+a' });
  assert.deepEqual(answer.notes, ['called search: 2 lines', 'one failed']);
  assert.equal(answer.diff, '+a');
});

test('what an engine had begun to say is there, and is no part of the answer', () => {
  const answer = new Answer(1, 'Why?');
  answer.add({ kind: 'text', text: 'half <an>' });
  const failed = [{ name: 'one', partial: 'half <an>' }, { name: 'two' }];
  answer.finish({ text: 'Whole.', route: { failed } });
  assert.equal(answer.text, 'Whole.');
  const article = renderArticle(answer);
  assert.ok(article.includes('What one had begun to say') && article.includes('half &lt;an&gt;'), article);
  assert.ok(!article.includes('What two'), article);
});
