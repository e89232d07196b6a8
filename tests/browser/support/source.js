// A file of the dashboard's source as a module for node: bundled by the esbuild
// that bundles the page. For what needs no browser: filters, figures, formats.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { ROOT } from '../../integration/support/program.js';

const DASHBOARD = join(ROOT, 'web-dashboard');

// Several at once share what they have in common: one Fleet, one Emitter.
export async function importSources(...files) {
  const { buildSync } = createRequire(join(DASHBOARD, 'package.json'))('esbuild');
  const out = mkdtempSync(join(tmpdir(), 'nexus-source-'));
  try {
    buildSync({
      entryPoints: files.map((file) => join(DASHBOARD, 'src', file)),
      outdir: out,
      outbase: join(DASHBOARD, 'src'),
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      format: 'esm',
      target: 'node18',
      sourcemap: 'inline',
      logLevel: 'warning',
    });
    return await Promise.all(
      files.map((file) => import(pathToFileURL(join(out, file.replace(/\.ts$/, '.mjs'))).href))
    );
  } finally {
    if (existsSync(out)) rmSync(out, { recursive: true });
  }
}

// importSource('fleet/filter.ts')
export async function importSource(file) {
  const [module] = await importSources(file);
  return module;
}
