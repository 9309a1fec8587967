// Halfline: Show Status. What the server says about itself, in the log where it can be read and copied.

import { ExecuteCommandRequest } from 'vscode-languageclient/node';
import type { Server } from '../server.ts';
import { statusLine } from '../status.ts';
import type { StatusBar } from '../statusBar.ts';

export async function showStatus(server: Server, statusBar: StatusBar): Promise<void> {
  server.log.info(`Status: ${statusLine(statusBar.situation).tooltip}`);
  const client = server.client;
  if (client !== undefined) {
    const status: unknown = await client.sendRequest(ExecuteCommandRequest.type, {
      command: 'halfline.status',
      arguments: [],
    });
    server.log.info(JSON.stringify(status, null, 2));
  }
  server.log.show(true);
}
