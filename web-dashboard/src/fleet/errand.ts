// errand: something to be fetched, when it is asked for. Never twice at once,
// not too often, and again, after longer and longer, where it failed.

import { retryWait } from '../api/retry.js';
import { formatError } from '../format.js';

const GAP_MS = 1000;
/** It rests at least so many times as long as it took, but for what waited for a connection. */
const REST = 4;
const REST_MAX_MS = 10_000;

export class Errand {
  #work: () => Promise<void>;
  #told: (problem: string) => void;
  #wanted = false;
  #running = false;
  #failures = 0;
  #notBefore = -Infinity;

  /** told: what went wrong; empty when it went well. */
  constructor(work: () => Promise<void>, told: (problem: string) => void) {
    this.#work = work;
    this.#told = told;
  }

  ask(): void {
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#wanted) {
      const early = this.#notBefore - performance.now();
      if (early > 0) await new Promise((done) => setTimeout(done, early));
      await this.#do();
    }
    this.#running = false;
  }

  async #do(): Promise<void> {
    const started = performance.now();
    this.#wanted = false;
    try {
      await this.#work();
      this.#failures = 0;
      this.#told('');
    } catch (error) {
      this.#failures++;
      this.#wanted = true;
      this.#told(formatError(error));
    }
    const now = performance.now();
    const rest = Math.min(REST_MAX_MS, REST * (now - started));
    const wait = this.#failures > 0 ? retryWait(this.#failures) : rest;
    this.#notBefore = now + Math.max(GAP_MS, wait);
  }
}
