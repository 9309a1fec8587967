// Inline completion on its way through the editor: off switch and timing. What to suggest is the server's business.

import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

const SECTION = 'halfline.inlineCompletion';

export function completionEnabled(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get('enabled', true);
}

export async function toggleCompletion(): Promise<void> {
  const target = vscode.ConfigurationTarget.Global;
  await vscode.workspace.getConfiguration(SECTION).update('enabled', !completionEnabled(), target);
}

/** Switched off, the server is not even asked, unless the user asks with a key. */
export function completionMiddleware(log: vscode.LogOutputChannel): Pick<Middleware, 'provideInlineCompletionItems'> {
  return {
    provideInlineCompletionItems: async (document, position, context, token, next) => {
      if (!completionEnabled() && context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic) {
        return [];
      }
      const start = performance.now();
      const result = await next(document, position, context, token);
      const items = Array.isArray(result) ? result : (result?.items ?? []);
      const outcome = token.isCancellationRequested ? 'cancelled' : `${items.length} item(s)`;
      const place = `${position.line + 1}:${position.character + 1}`;
      log.debug(`inline completion at ${place}: ${outcome} after ${Math.round(performance.now() - start)} ms`);
      return result;
    },
  };
}
