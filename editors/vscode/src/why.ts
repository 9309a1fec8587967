// What an answer rests on, in words. Pure.

import type { Place } from './answer.ts';

/** The response to `halfline.why`. */
export interface Why {
  readonly id: string;
  readonly kind: string;
  readonly model: string;
  readonly prompt: string;
  readonly text: string;
  readonly sources: readonly Place[];
  readonly route: { readonly engine: string; readonly host?: string; readonly why: string } | null;
  readonly tokens: { readonly prompt: number; readonly reused: number; readonly generated: number };
}

export function describeWhy(why: Why): string {
  const { prompt, reused, generated } = why.tokens;
  const place = why.route?.host === undefined ? '' : ` on ${why.route.host}`;
  const route = why.route === null ? '' : `, ${why.route.engine}${place}: ${why.route.why}`;
  const sources = why.sources.map((source) => `- ${where(source)}: ${source.why ?? ''}`);
  return [
    `# The last ${why.kind}`,
    `${why.model}${route}`,
    `${prompt} tokens read (${reused} of them known before), ${generated} written`,
    ...(sources.length === 0 ? [] : ['## What it was shown', sources.join('\n')]),
    '## The prompt, word for word',
    fenced(why.prompt),
    '## What the model wrote',
    fenced(why.text),
    '',
  ].join('\n\n');
}

function where(source: Place): string {
  return source.lines === undefined ? source.path : `${source.path}:${source.lines[0]}-${source.lines[1]}`;
}

/** In a fence that nothing in the text closes. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
