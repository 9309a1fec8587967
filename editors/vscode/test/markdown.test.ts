// What a model may write, and what the page may show of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderMarkdown } from '../src/markdown.ts';

const cases: readonly [name: string, markdown: string, html: string][] = [
  ['emphasis and code', '**borrowed** by `x`', '<p><strong>borrowed</strong> by <code>x</code></p>'],
  ['markup is text', '<img src=x onerror=alert(1)>', '<p>&lt;img src=x onerror=alert(1)&gt;</p>'],
  [
    'markup in a fence is text',
    '```html\n<script>\n```',
    '<pre><code class="language-html">&lt;script&gt;\n</code></pre>',
  ],
  ['a fence that is still open', '```rust\nfn main() {', '<pre><code class="language-rust">fn main() {</code></pre>'],
  [
    'a language that tries to be markup',
    '```"><b>\n```',
    '<pre><code class="language-&quot;&gt;&lt;b&gt;"></code></pre>',
  ],
  [
    'an image loads nothing',
    '![a](https://example.org/p.png)',
    '<p>!<a href="https://example.org/p.png" title="https://example.org/p.png">a</a></p>',
  ],
  ['a script link is text', '[a](javascript:alert(1))', '<p>[a](javascript:alert(1))</p>'],
  ['a command link is text', '[a](command:workbench.action.quit)', '<p>[a](command:workbench.action.quit)</p>'],
  ['a data link is text', '[a](data:text/html;base64,AA)', '<p>[a](data:text/html;base64,AA)</p>'],
  ['a link to a place', '[here](src/a.rs#L3)', '<p><a href="#" data-location="src/a.rs:3">here</a></p>'],
  [
    'a place in code',
    'see `src/a.rs:3`',
    '<p>see <code><a href="#" data-location="src/a.rs:3">src/a.rs:3</a></code></p>',
  ],
  ['a file name in code is only code', '`main.rs`', '<p><code>main.rs</code></p>'],
  [
    'a link cannot end its attribute',
    '[a](https://e.org/"x)',
    '<p><a href="https://e.org/%22x" title="https://e.org/%22x">a</a></p>',
  ],
];

for (const [name, markdown, html] of cases) {
  test(name, () => assert.equal(renderMarkdown(markdown).trim(), html));
}
