// Bundles src/ and style/ into OUT/assets/, under names that change with what
// is in them, writes OUT/index.html that loads these, and packs each file
// beforehand: the gateway sends FILE.gz to who takes it.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const out = process.argv[2];
const assets = join(out, 'assets.new');

async function bundle() {
  const { metafile } = await build({
    entryPoints: { dashboard: 'src/main.ts', style: 'style/main.css' },
    entryNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    outdir: assets,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    loader: { '.svg': 'file' },
    legalComments: 'linked',
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.outputs).map((path) => path.slice(path.lastIndexOf('/') + 1));
}

function fill(page, names) {
  return page.replace(/\{(\w+)\.(\w+)\}/g, (_, name, ending) => {
    const found = names.find((n) => n.startsWith(`${name}-`) && n.endsWith(`.${ending}`));
    if (!found) throw new Error(`index.html: there is no ${name}.${ending}`);
    return `assets/${found}`;
  });
}

async function pack(folder, name) {
  const text = await readFile(join(folder, name));
  const packed = gzipSync(text, { level: 9 });
  if (packed.length < text.length) await writeFile(join(folder, `${name}.gz`), packed);
}

await rm(assets, { recursive: true, force: true });
await mkdir(assets, { recursive: true });
const names = await bundle();
const page = fill(await readFile('index.html', 'utf8'), names);
for (const name of await readdir(assets)) await pack(assets, name);
await rm(join(out, 'assets'), { recursive: true, force: true });
await rename(assets, join(out, 'assets'));
await writeFile(join(out, 'index.html'), page);
await pack(out, 'index.html');
