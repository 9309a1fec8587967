// Halfline: Fix Error at Cursor, Write Tests, Document. The server proves the change, shows it in the answer view, and asks
// before it is made.

import { frontEditor } from '../frontEditor.ts';
import type { Questions } from '../questions.ts';

export async function changeAtCursor(
  questions: Questions,
  command: 'halfline.fix' | 'halfline.test' | 'halfline.doc',
): Promise<void> {
  const editor = frontEditor();
  if (editor === undefined) {
    return;
  }
  const { line, character } = editor.selection.active;
  await questions.ask(command, {
    uri: editor.document.uri.toString(),
    position: { line, character },
    apply: true,
  });
}
