// Bundles src/ and style/ into OUT/assets/, under names that change with what
// is in them, writes OUT/index.html that loads these, and packs each file
// beforehand: the gateway sends FILE.gz to who takes it.
//
// A page that is open goes on asking for the files it was built with, so these
// stay for a day after a build that has others.
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import ts from 'typescript';

const BUDGET = 100_000; // bytes of script and style, packed
const KEPT_MS = 24 * 3600 * 1000;

const out = process.argv[2];
const assets = join(out, 'assets');

// The static parts of a template, if it is markup without what keeps its lines.
function markupOf(node) {
  if (!ts.isTaggedTemplateExpression(node) || !['html', 'svg'].includes(node.tag.text)) return [];
  const { template } = node;
  const parts = template.head ? [template.head, ...template.templateSpans.map(({ literal }) => literal)] : [template];
  return parts.some(({ text }) => /<(pre|textarea)\b/.test(text)) ? [] : parts;
}

// A line's end and the next one's indentation are one space to a browser.
function joinLines(source) {
  const file = ts.createSourceFile('', source, ts.ScriptTarget.Latest);
  const markup = [];
  const visit = (node) => {
    markup.push(...markupOf(node));
    ts.forEachChild(node, visit);
  };
  visit(file);
  const joined = [];
  let end = 0;
  for (const part of markup.sort((a, b) => a.pos - b.pos)) {
    const start = part.getStart(file);
    joined.push(source.slice(end, start), source.slice(start, part.end).replace(/\s*\n\s*/g, ' '));
    end = part.end;
  }
  return joined.join('') + source.slice(end);
}

const markupInLines = {
  name: 'markup in lines',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => ({ contents: joinLines(await readFile(path, 'utf8')), loader: 'ts' }));
  },
};

async function bundle(folder) {
  await build({
    entryPoints: { dashboard: 'src/main.ts', early: 'src/early.ts', style: 'style/main.css' },
    entryNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    loader: { '.svg': 'file' },
    plugins: [markupInLines],
    legalComments: 'linked',
    logLevel: 'warning',
  });
  return readdir(folder);
}

function fill(page, names) {
  return page.replace(/\{(\w+)\.(\w+)\}/g, (_, name, ending) => {
    const found = names.find((n) => n.startsWith(`${name}-`) && n.endsWith(`.${ending}`));
    if (!found) throw new Error(`index.html: there is no ${name}.${ending}`);
    return `assets/${found}`;
  });
}

// The number of bytes that a browser is sent of it.
async function pack(folder, name) {
  const text = await readFile(join(folder, name));
  const packed = gzipSync(text, { level: 9 });
  if (packed.length >= text.length) return text.length;
  await writeFile(join(folder, `${name}.gz`), packed);
  return packed.length;
}

function checkBudget(sizes) {
  const counted = [...sizes].filter(([name]) => ['.js', '.css'].includes(extname(name)));
  const total = counted.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`         script and style: ${total} bytes packed, of ${BUDGET}`);
  if (total <= BUDGET) return;
  const list = counted.map(([name, bytes]) => `  ${bytes} ${name}`).join('\n');
  console.error(`web-dashboard: script and style are ${total} bytes packed, and may be ${BUDGET}:\n${list}`);
  process.exit(1);
}

// Those that the former page names were in use until now.
async function renewUsed() {
  const former = await readFile(join(out, 'index.html'), 'utf8').catch(() => '');
  const now = new Date();
  for (const [, name] of former.matchAll(/"assets\/([^"]+)"/g)) {
    for (const path of [join(assets, name), join(assets, `${name}.gz`)]) {
      if (existsSync(path)) await utimes(path, now, now);
    }
  }
}

async function removeOld(current) {
  for (const name of await readdir(assets)) {
    const path = join(assets, name);
    const { mtimeMs } = await stat(path);
    if (!current.has(name) && Date.now() - mtimeMs > KEPT_MS) await rm(path);
  }
}

// Never half a file: it is there, or the one before it.
async function put(from, to, names) {
  for (const name of names) await rename(join(from, name), join(to, name));
}

await mkdir(assets, { recursive: true });
const made = await mkdtemp(join(out, '.new-'));
process.on('exit', () => rmSync(made, { recursive: true, force: true }));

const bundled = join(made, 'assets');
const names = await bundle(bundled);
const sizes = new Map();
for (const name of names) sizes.set(name, await pack(bundled, name));
checkBudget(sizes);

await writeFile(join(made, 'index.html'), fill(await readFile('index.html', 'utf8'), names));
await writeFile(join(made, 'favicon.svg'), await readFile('favicon.svg'));
for (const name of ['index.html', 'favicon.svg']) await pack(made, name);

await renewUsed();
const current = await readdir(bundled);
await put(bundled, assets, current);
await removeOld(new Set(current));
await put(made, out, (await readdir(made)).filter((name) => name !== 'assets'));
