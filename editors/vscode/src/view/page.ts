// Runs inside an answer view. Puts articles, rendered and made safe by the extension, into the page; reports clicks and, in
// the chat, what is written.

import type { FromPage, ToPage } from './messages.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const editor = acquireVsCodeApi();

const articles = document.querySelector('main') ?? document.body;
const composer = document.querySelector('textarea');

window.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.kind === 'clear') {
    articles.replaceChildren();
  } else {
    showArticle(data.id, data.html);
  }
});

// Enter sends, Shift+Enter begins another line.
composer?.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) {
    return;
  }
  event.preventDefault();
  const text = composer.value.trim();
  if (text !== '') {
    composer.value = '';
    editor.postMessage({ kind: 'say', text });
  }
});

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target.closest('[data-location], [data-action]') : null;
  if (!(target instanceof HTMLElement)) {
    return;
  }
  event.preventDefault();
  const id = Number(target.closest('article')?.dataset['id']);
  const { location, action } = target.dataset;
  if (location !== undefined) {
    editor.postMessage({ kind: 'open', location });
  } else if (action === 'stop' || action === 'more' || action === 'copy') {
    editor.postMessage({ kind: action, id });
  }
});

editor.postMessage({ kind: 'ready' });

/** Follows the text while it grows, unless the reader scrolled away from its end. */
function showArticle(id: number, html: string): void {
  const page = document.documentElement;
  const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 40;
  const article = document.querySelector<HTMLElement>(`article[data-id="${id}"]`);
  if (article === null) {
    const created = document.createElement('article');
    created.dataset['id'] = String(id);
    created.innerHTML = html;
    // A page that starts anew gets them in any order.
    const later = [...articles.querySelectorAll<HTMLElement>('article')].find(
      (other) => Number(other.dataset['id']) > id,
    );
    articles.insertBefore(created, later ?? null);
    created.scrollIntoView();
    return;
  }
  const opened = new Map(
    [...article.querySelectorAll('details')].map((details) => [details.dataset['key'], details.open]),
  );
  article.innerHTML = html;
  for (const details of article.querySelectorAll('details')) {
    details.open = opened.get(details.dataset['key']) ?? details.open;
  }
  if (atEnd) {
    page.scrollTop = page.scrollHeight;
  }
}
