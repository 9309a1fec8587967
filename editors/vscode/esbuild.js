// Bundles the extension (for the extension host) and the script of its answer view (for the webview) into dist/.

import { build } from 'esbuild';

const shared = { bundle: true, minify: true, sourcemap: 'linked', sourcesContent: false, logLevel: 'warning' };

await Promise.all([
  build({
    ...shared,
    entryPoints: ['src/extension.ts'],
    outfile: 'dist/extension.cjs',
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['vscode'],
  }),
  build({
    ...shared,
    entryPoints: ['src/view/page.ts'],
    outfile: 'dist/page.js',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
  }),
]);
