// The dashboard's files: how they are built, and how the gateway serves them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

import { BUILD, ROOT, createSchema, rawRequest, startGateway, startPostgres, tempDir } from './support/index.js';

const run = promisify(execFile);
const SOURCE = join(ROOT, 'web-dashboard');
const GZIP = { 'accept-encoding': 'gzip' };

// The dashboard's source as a folder of its own, to be changed.
function copySource() {
  const folder = join(tempDir('nexus-dashboard-'), 'web-dashboard');
  const parts = readdirSync(SOURCE).filter((name) => name !== 'node_modules');
  for (const name of parts) cpSync(join(SOURCE, name), join(folder, name), { recursive: true, filter: (path) => !path.includes('node_modules') });
  symlinkSync(join(SOURCE, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

const buildInto = (out, source = SOURCE) => run('node', ['build.mjs', out], { cwd: source });

const assetsIn = (page) => [...page.matchAll(/"(assets\/[^"]+)"/g)].map(([, path]) => path);

describe('the build', () => {
  test('the types are right', async () => {
    await run('npx', ['--no-install', 'tsc', '--noEmit'], { cwd: SOURCE });
  });

  test('nothing in it names another origin to load from', () => {
    const folder = join(BUILD, 'web', 'assets');
    const page = readFileSync(join(BUILD, 'web', 'index.html'), 'utf8');
    assert.ok(assetsIn(page).length >= 2);
    assert.doesNotMatch(page, /https?:|\/\/|<style|style=|<script(?![^>]* src=)/);
    for (const name of readdirSync(folder).filter((n) => n.endsWith('.css'))) {
      assert.doesNotMatch(readFileSync(join(folder, name), 'utf8'), /url\(["']?(https?:|\/)|@import/);
    }
  });

  test('the files of the build before it stay for a day', async () => {
    const source = copySource();
    const out = join(tempDir(), 'web');
    mkdirSync(out);
    await buildInto(out, source);
    const [first] = assetsIn(readFileSync(join(out, 'index.html'), 'utf8')).filter((p) => p.endsWith('.css'));

    const twoDaysAgo = new Date(Date.now() - 48 * 3600e3);
    writeFileSync(join(out, 'assets', 'style-LONGAGO1.css'), '');
    for (const name of readdirSync(join(out, 'assets'))) utimesSync(join(out, 'assets', name), twoDaysAgo, twoDaysAgo);
    writeFileSync(join(source, 'style', 'main.css'), 'body { margin: 1px }\n');
    await buildInto(out, source);
    const page = readFileSync(join(out, 'index.html'), 'utf8');
    const now = readdirSync(join(out, 'assets'));
    assert.ok(!page.includes(first));
    assert.ok(now.includes(first.replace('assets/', '')), 'in use until now');
    assert.ok(!now.includes('style-LONGAGO1.css'), 'used by nobody any more');
    for (const path of assetsIn(page)) assert.ok(statSync(join(out, path)).isFile());
    assert.deepEqual(readdirSync(out).filter((name) => name.startsWith('.')), []);
  });

  test('a bundle over its budget is refused, and the former stays', async () => {
    const source = copySource();
    const out = join(tempDir(), 'web');
    mkdirSync(out);
    await buildInto(out, source);
    const before = readFileSync(join(out, 'index.html'), 'utf8');
    const noise = Array.from({ length: 30_000 }, (_, i) => Math.sin(i)).join(',');
    writeFileSync(join(source, 'src', 'noise.ts'), `console.log([${noise}]);\n`);
    writeFileSync(join(source, 'src', 'main.ts'), "import './noise.js';\n");
    await assert.rejects(buildInto(out, source), (error) => {
      assert.match(error.stderr, /script and style are \d+ bytes packed, and may be 100000:/);
      assert.match(error.stderr, /\d+ dashboard-\w+\.js/);
      return true;
    });
    assert.equal(readFileSync(join(out, 'index.html'), 'utf8'), before);
  });
});

describe('the gateway', () => {
  let gateway, bare;
  const get = (path, headers = {}, method = 'GET') => rawRequest(`${gateway.httpUrl}${path}`, { headers, method });

  before(async () => {
    const database = await startPostgres();
    await createSchema(database);
    gateway = await startGateway({ database });
    bare = await startGateway({ database, args: ['--web-root', tempDir()] });
  });

  test('the page is asked for again, under a policy that lets nothing else in', async () => {
    const { status, headers, body } = await get('/');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-cache');
    assert.match(headers.vary, /Accept-Encoding/);
    const policy = headers['content-security-policy'];
    assert.match(policy, /^default-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|https?:|wss?:|\*/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.match(policy, /object-src 'none'/);
    assert.match(policy, /base-uri 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.match(headers['permissions-policy'], /camera=\(\)/);
    const again = await get('/', { 'if-none-match': headers.etag });
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
    assert.match(body.toString(), /<title>Nexus<\/title>/);
  });

  test('its assets stay what they are, and come packed', async () => {
    const paths = assetsIn((await get('/')).body.toString());
    const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
    for (const path of paths) {
      const whole = await get(`/${path}`);
      assert.equal(whole.status, 200);
      assert.equal(whole.headers['content-type'], types[path.split('.').pop()]);
      assert.equal(whole.headers['cache-control'], 'public, max-age=31536000, immutable');
      assert.equal(whole.headers['content-encoding'], undefined);
      const packed = await get(`/${path}`, GZIP);
      assert.equal(packed.headers['content-encoding'], 'gzip');
      assert.match(packed.headers.vary, /Accept-Encoding/);
      assert.notEqual(packed.headers.etag, whole.headers.etag);
      assert.ok(gunzipSync(packed.body).equals(whole.body));
      const none = await get(`/${path}`, { 'accept-encoding': 'gzip;q=0' });
      assert.equal(none.headers['content-encoding'], undefined);
      const head = await get(`/${path}`, GZIP, 'HEAD');
      assert.equal(head.status, 200);
      assert.equal(head.body.length, 0);
      assert.equal(head.headers['content-length'], packed.headers['content-length']);
      const same = await get(`/${path}`, { ...GZIP, 'if-none-match': packed.headers.etag });
      assert.equal(same.status, 304);
    }
  });

  test('an icon', async () => {
    const { status, headers, body } = await get('/favicon.svg');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'image/svg+xml');
    assert.match(body.toString(), /^<svg /);
  });

  test('other methods and other files are refused', async () => {
    assert.equal((await get('/', {}, 'POST')).status, 405);
    assert.equal((await get('/assets/nothing.js')).status, 404);
    assert.equal((await get('/assets/')).status, 404);
    assert.equal((await get('/assets/..%2findex.html')).status, 404);
  });

  test('built without a dashboard, it says what to do', async () => {
    const { status, headers, body } = await rawRequest(`${bare.httpUrl}/`);
    assert.equal(status, 503);
    assert.match(headers['content-type'], /^text\/plain/);
    assert.equal(headers['cache-control'], 'no-store');
    assert.match(body.toString(), /make web/);
    assert.equal((await rawRequest(`${bare.httpUrl}/health`)).status, 200);
  });
});
