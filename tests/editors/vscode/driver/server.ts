// Starts a VS Code server of its own for one file of tests: fresh folders, our extensions, nothing from the network.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cache } from './cache.ts';

const main = join(cache, 'server', 'out', 'server-main.js');
const node = join(cache, 'node-bin', 'node');

/** The compiler itself: VS Code gives extensions the PATH of a login shell, which may not have it. */
const rustc = join(execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim(), 'bin', 'rustc');

/** Settings that keep the page quiet, so that what moves in it is ours. */
const QUIET = {
  'chat.disableAIFeatures': true,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' },
  'editor.wordBasedSuggestions': 'off',
  'editor.minimap.enabled': false,
  'editor.fontFamily': 'DejaVu Sans Mono',
  'editor.fontSize': 14,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'files.autoSave': 'off',
  'rustcDiagnostics.program': rustc,
};

export class VsCodeServer {
  readonly folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #url = '';

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'halfline-vscode-'));
    for (const name of ['home', 'user/Machine', 'server', 'extensions', 'workspace']) {
      mkdirSync(join(this.folder, name), { recursive: true });
    }
    this.#environment = {
      ...withoutHalfline(process.env),
      HOME: join(this.folder, 'home'),
      EXTENSIONS_GALLERY: '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":""}',
    };
  }

  get workspace(): string {
    return join(this.folder, 'workspace');
  }

  get url(): string {
    return `${this.#url}/?folder=${encodeURIComponent(this.workspace)}`;
  }

  /** Settings of the machine; VS Code takes them up while it runs. */
  configure(settings: object): void {
    writeFileSync(
      join(this.folder, 'user', 'Machine', 'settings.json'),
      JSON.stringify({ ...QUIET, ...settings }, null, 2),
    );
  }

  /** Installs extensions and starts. Resolves when the address answers to a browser. */
  async start(...extensions: string[]): Promise<void> {
    const folders = ['--user-data-dir', 'user', '--server-data-dir', 'server', '--extensions-dir', 'extensions'];
    const shared = folders.map((part) => (part.startsWith('--') ? part : join(this.folder, part)));
    const installs = extensions.flatMap((extension) => ['--install-extension', extension]);
    execFileSync(node, [main, ...shared, ...installs], {
      env: this.#environment,
      stdio: 'pipe',
    });
    const options = [
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      '--without-connection-token',
      '--accept-server-license-terms',
    ];
    const quiet = ['--telemetry-level', 'off', '--disable-workspace-trust'];
    // It complains at length about native parts that were not built and are not used.
    const errors = openSync(join(this.folder, 'server.log'), 'w');
    const server = spawn(node, [main, ...shared, ...options, ...quiet], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', errors],
      detached: true,
    });
    closeSync(errors);
    this.#process = server;
    for await (const line of createInterface({ input: server.stdout })) {
      const found = /Web UI available at (http:\/\/\S+)/.exec(line);
      if (found?.[1] !== undefined) {
        this.#url = found[1].replace('localhost', '127.0.0.1').replace(/\/$/, '');
        server.stdout.resume();
        return;
      }
    }
    throw new Error('the VS Code server ended before it said its address');
  }

  /** Ends the server with all that it started, and removes its folders. */
  stop(): void {
    if (this.#process?.pid !== undefined) {
      try {
        process.kill(-this.#process.pid, 'SIGKILL');
      } catch {
        // Already gone.
      }
    }
    rmSync(this.folder, {
      recursive: true,
      force: true,
      maxRetries: 5,
      retryDelay: 200,
    });
  }
}

/** What the tests set for the server goes through the extension's settings; nothing reaches it behind its back. */
function withoutHalfline(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('HALFLINE_')));
}
