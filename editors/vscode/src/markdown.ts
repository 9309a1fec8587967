// Markdown of an answer to HTML that is safe to show. The text comes from a model that has read other people's files,
// so nothing in it may become markup, load anything, or link anywhere but to the web (VS Code asks first) and to places
// in files.

import createMarkdownIt from 'markdown-it';
import { formatLocation, parseLocation } from './location.ts';

/** HTML for `markdown`. Raw HTML in it is shown as text; images become links. */
export function renderMarkdown(markdown: string): string {
  return renderer.render(markdown);
}

export function escapeHtml(text: string): string {
  return renderer.utils.escapeHtml(text);
}

/** A link that the page turns into "open this place"; plain text if `text` names no place. */
export function locationLink(text: string, shown: string = text): string {
  const location = parseLocation(text);
  return location === undefined
    ? escapeHtml(shown)
    : `<a href="#" data-location="${escapeHtml(formatLocation(location))}">${escapeHtml(shown)}</a>`;
}

const renderer = createMarkdownIt({ html: false, linkify: false, typographer: false }).disable('image');

renderer.validateLink = (url) => isWeb(url) || parseLocation(decoded(url)) !== undefined;

renderer.renderer.rules['link_open'] = (tokens, index) => {
  const target = String(tokens[index]?.attrGet('href') ?? '');
  const location = isWeb(target) ? undefined : parseLocation(decoded(target));
  return location === undefined
    ? `<a href="${escapeHtml(target)}" title="${escapeHtml(target)}">`
    : `<a href="#" data-location="${escapeHtml(formatLocation(location))}">`;
};

renderer.renderer.rules['code_inline'] = (tokens, index) => {
  const code = tokens[index]?.content ?? '';
  const place = parseLocation(code)?.line === undefined ? escapeHtml(code) : locationLink(code);
  return `<code>${place}</code>`;
};

function isWeb(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}
