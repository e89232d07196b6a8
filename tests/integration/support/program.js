// A program under test: started, heard, stopped; and held to exit clean.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SLOW, waitFor } from './wait.js';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const BUILD = resolve(ROOT, process.env.BUILD ?? 'build');

const STOP_MS = 30_000; // from being asked to its end
const END_MS = 120_000; // of one that ends by itself
const LOG_MAX = 4 << 20; // characters of output kept
const REPORT = /(AddressSanitizer|LeakSanitizer|runtime error):?.*/;

// The settings of a person's shell are none of a test's.
const SETTINGS =
  /^(DATABASE_URL|BROKER_URL|DB_|PG|HOST$|PORT$|.*_PORT$|CSV_FILE|DATA_DIR|LOG_|LOOP_MODE|TIMESTAMPS|BATCH_SIZE|STREAM_INTERVAL|CLUSTER_ID|REGION|MAKE|MFLAGS)/;

export function cleanEnv(extra = {}) {
  const kept = Object.entries(process.env).filter(([k]) => !SETTINGS.test(k));
  return { ...Object.fromEntries(kept), ...extra };
}

const started = []; // every program of this file, oldest first
const problems = []; // what was found wrong while stopping

export class Program {
  // Starts command at once; env is all it gets.
  constructor(name, command, args, { env = cleanEnv(), cwd, detached } = {}) {
    this.name = name;
    this.output = '';
    this.asked = false; // to stop: its end is no surprise
    this.child = spawn(command, args, {
      env,
      cwd,
      detached,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => this.#hear(text));
    }
    this.exited = new Promise((done) => {
      this.child.once('error', (error) => {
        this.#hear(`${error.message}\n`);
        done({ code: 127, signal: null });
      });
      this.child.once('close', (code, signal) => done({ code, signal }));
    }).then((exit) => this.#ended(exit));
    started.push(this);
  }

  get pid() {
    return this.child.pid;
  }

  get running() {
    return this.exit === undefined;
  }

  #hear(text) {
    this.output = (this.output + text).slice(-LOG_MAX);
  }

  #ended(exit) {
    this.exit = exit;
    const report = REPORT.exec(this.output);
    if (report) problems.push(`${this.name}: ${report[0]}`);
    this.surprising = !this.asked;
    return exit;
  }

  // Waits until check() is true; the program must live meanwhile.
  async ready(check) {
    await waitFor(async () => {
      if (!this.running) return true;
      return check();
    }, `${this.name} to be ready`);
    if (this.running) return this;
    this.surprising = false; // the test is told
    throw new Error(`${this.name} ended while starting:\n${this.output}`);
  }

  // Waits for a program that ends by itself: { code, signal }.
  async wait(timeoutMs = END_MS) {
    this.asked = true;
    this.surprising = false;
    return this.#within(timeoutMs);
  }

  // Asks it to stop, which it must do with exit code 0.
  async stop(signal = 'SIGTERM') {
    if (this.running) {
      this.asked = true;
      this.child.kill(signal);
    }
    const exit = await this.#within(STOP_MS);
    assert.deepEqual(
      exit,
      { code: 0, signal: null },
      `${this.name} did not exit clean:\n${this.output}`
    );
  }

  // As a power cut would end it.
  async kill() {
    this.asked = true;
    this.child.kill('SIGKILL');
    return this.#within(STOP_MS);
  }

  async #within(timeoutMs) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.name} does not end:\n${this.output}`)),
        timeoutMs * SLOW
      );
    });
    return Promise.race([this.exited, late]).finally(() => clearTimeout(timer));
  }
}

const closers = [];

// Calls fn before the programs are stopped: clients let go of them.
export function atEnd(fn) {
  closers.push(fn);
}

// Newest first, as they depend on each other.
async function stopAll() {
  for (const close of closers) await close();
  for (const program of started.slice().reverse()) {
    if (program.surprising)
      problems.push(`${program.name} ended: ${JSON.stringify(program.exit)}`);
    if (!program.running) continue;
    try {
      await program.stop(program.stopSignal);
    } catch (error) {
      problems.push(error.message);
      await program.kill();
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

// A failure in a hook of the file is not a failed test in every version of
// node, so the exit code says it as well.
after(async () => {
  try {
    await stopAll();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
});

process.on('exit', (code) => {
  for (const program of started)
    if (program.running) program.child.kill('SIGKILL');
  if (code === 0 && problems.length === 0) return;
  for (const program of started)
    console.error(`---- output of ${program.name}\n${program.output}`);
});
