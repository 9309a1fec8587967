// An answer as the HTML of its article in the answer view. Pure; everything that comes from outside is escaped here or
// in markdown.ts.

import type { Answer, Place } from '../answer.ts';
import { formatLocation } from '../location.ts';
import { escapeHtml, locationLink, renderMarkdown } from '../markdown.ts';

export function renderArticle(answer: Answer): string {
  return [
    `<h2>${escapeHtml(answer.question)}</h2>`,
    `<div class="body">${renderMarkdown(answer.text)}</div>`,
    answer.diff === '' ? '' : `<pre class="diff"><code>${escapeHtml(answer.diff)}</code></pre>`,
    places('Cited', answer.citations, true),
    places('Looked at', answer.evidence, false),
    lines('How it was answered', answer.notes),
    ...answer.cut.map(({ name, partial }) => lines(`What ${name} had begun to say`, [partial ?? ''])),
    footer(answer),
  ].join('');
}

function places(title: string, all: readonly Place[], open: boolean): string {
  if (all.length === 0) {
    return '';
  }
  const items = all.map((place) => `<li>${placeLink(place)}${notes(place)}</li>`).join('');
  const summary = `<summary>${escapeHtml(title)} (${all.length})</summary>`;
  return `<details data-key="${escapeHtml(title)}"${open ? ' open' : ''}>${summary}<ul>${items}</ul></details>`;
}

function lines(title: string, all: readonly string[]): string {
  if (all.length === 0) {
    return '';
  }
  const items = all.map((line) => `<li>${escapeHtml(line)}</li>`).join('');
  const summary = `<summary>${escapeHtml(title)}</summary>`;
  return `<details data-key="${escapeHtml(title)}">${summary}<ul>${items}</ul></details>`;
}

function placeLink(place: Place): string {
  // A name that stands in no file.
  if (place.path === '') {
    return '';
  }
  const line = place.line ?? place.lines?.[0];
  const [first, last] = place.lines ?? [];
  const shown =
    first !== undefined && last !== undefined && first !== last ? `${place.path}:${first}-${last}` : undefined;
  const location = formatLocation(line === undefined ? { path: place.path } : { path: place.path, line });
  return locationLink(location, shown);
}

function notes(place: Place): string {
  const symbol = place.symbol == null ? '' : ` <code>${escapeHtml(place.symbol)}</code>`;
  const why = place.why === undefined ? '' : ` <span class="why">${escapeHtml(place.why)}</span>`;
  const where = place.path === '' ? 'nowhere in this workspace' : 'not found there';
  const missing = place.ok === false ? ` <span class="missing">${where}</span>` : '';
  return symbol + why + missing;
}

function footer(answer: Answer): string {
  const doing = escapeHtml(answer.status !== '' ? answer.status : answer.state === 'waiting' ? 'Thinking' : 'Writing');
  const more = answer.hasMore && answer.state === 'done' ? '<button data-action="more">More</button>' : '';
  const state = answer.running
    ? `<button data-action="stop">Stop</button><span class="working">${doing}</span>`
    : `<button data-action="copy">Copy</button>${more}${escapeHtml(answer.status === '' ? author(answer) : answer.status)}`;
  return `<footer class="${answer.state}">${state}</footer>`;
}

/** Who wrote it, and how sure that is. */
function author(answer: Answer): string {
  return answer.confidence === '' ? answer.model : `${answer.model}, ${answer.confidence} confidence`;
}
