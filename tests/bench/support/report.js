// A benchmark's figures: printed, and kept in build/bench/<name>.txt.
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { BUILD } from '../../integration/support/index.js';

export function reporter(name) {
  const dir = join(BUILD, 'bench');
  mkdirSync(dir, { recursive: true });
  return (line) => {
    console.log(line);
    appendFileSync(join(dir, `${name}.txt`), `${line}\n`);
  };
}

export const thousands = (n) => Math.round(n).toLocaleString('en-US');

export function percentile(sorted, p) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];
}

export function median(values) {
  return percentile([...values].sort((a, b) => a - b), 0.5);
}
