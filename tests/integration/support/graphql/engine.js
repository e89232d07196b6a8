// The engine under test: many requests through one nexus-graphql.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from '../files.js';
import { BUILD, ROOT, cleanEnv } from '../program.js';

const dir = tempDir();
let files = 0;

// A file with that content.
export function fileOf(content) {
  const path = join(dir, `${files++}`);
  writeFileSync(path, content);
  return path;
}

// Runs it; { code, out, err }.
export function runEngine(args, input = '') {
  const child = spawn(join(BUILD, 'nexus-graphql'), args, {
    cwd: ROOT,
    env: cleanEnv(),
  });
  const chunks = { stdout: [], stderr: [] };
  for (const name of ['stdout', 'stderr'])
    child[name].on('data', (chunk) => chunks[name].push(chunk));
  child.stdin.on('error', () => {}); // it has ended: its exit code says why
  child.stdin.end(input);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => {
      const [out, err] = ['stdout', 'stderr'].map((name) =>
        Buffer.concat(chunks[name]).toString()
      );
      done({ code: code ?? signal, out, err });
    });
  });
}

// The answers to requests, each as the line that it is. schema and fixture are
// files.
export async function askEngine(requests, { schema, fixture } = {}) {
  const args = ['batch', schema, fixture].filter((arg) => arg !== undefined);
  const input = requests
    .map((request) => `${JSON.stringify(request)}\n`)
    .join('');
  const { code, out, err } = await runEngine(args, input);
  const lines = out.split('\n').slice(0, -1);
  const stopped = `stopped at ${JSON.stringify(requests[lines.length])}`;
  assert.equal(code, 0, `nexus-graphql ended with ${code}: ${err}${stopped}`);
  assert.equal(lines.length, requests.length, 'an answer for every request');
  return lines;
}
