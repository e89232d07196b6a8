// Temporary folders, and a CSV reader that shares nothing with the streamer's.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = [];

process.on('exit', () => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

// A folder that is gone when the test file is through.
export function tempDir(prefix = 'nexus-test-') {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  made.push(dir);
  return dir;
}

// The records of a CSV file (RFC 4180) as objects, by the names of its header.
export function readCsv(path) {
  const text = readFileSync(path, 'utf8');
  const [header, ...records] = parseCsv(text.replace(/\n?$/, '\n'));
  return records.map((record) =>
    Object.fromEntries(header.map((name, i) => [name, record[i]]))
  );
}

function parseCsv(text) {
  const records = [];
  let record = [];
  const field = /"((?:[^"]|"")*)"|([^",\r\n]*)/y;
  let at = 0;
  while (at < text.length) {
    field.lastIndex = at;
    const [whole, quoted, plain] = field.exec(text);
    record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    at += whole.length;
    if (text[at] === ',') {
      at += 1;
      continue;
    }
    records.push(record);
    record = [];
    at += text.startsWith('\r\n', at) ? 2 : 1;
  }
  return records;
}
