// Where install.sh put things, and where run.sh puts what it makes.

import { join } from 'node:path';

export const cache = process.env['HALFLINE_VSCODE_CACHE'] ?? join(import.meta.dirname, '..', '..', '.cache', 'vscode');
