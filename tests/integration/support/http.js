// Asking the programs' HTTP servers.
import { request } from 'node:http';

const ANSWER_MS = 10_000;

// The reply, with its JSON body read: { status, headers, body }.
export async function getJson(url, options = {}) {
  const reply = await fetch(url, {
    signal: AbortSignal.timeout(ANSWER_MS),
    ...options,
  });
  const text = await reply.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error(`${url} answered ${reply.status}, not JSON: ${text}`);
  }
  return { status: reply.status, headers: reply.headers, body };
}

// The reply as it came: fetch would undo the compression, mend the path and
// follow a redirect.
export function rawRequest(url, options = {}) {
  const { origin } = new URL(url);
  const { hostname, port } = new URL(origin);
  const path = url.slice(origin.length);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, agent: false, ...options }, (reply) => {
      const parts = [];
      reply.on('data', (part) => parts.push(part));
      reply.on('end', () =>
        resolve({
          status: reply.statusCode,
          headers: reply.headers,
          body: Buffer.concat(parts),
        })
      );
    });
    sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error(`${url}: no answer`)));
    sent.on('error', reject).end();
  });
}

export async function httpReady(port, path = '/ready') {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  await reply.arrayBuffer();
  return reply.status === 200;
}

// One number of a program's /metrics; name includes its labels.
export async function metric(program, name) {
  const reply = await fetch(`${program.httpUrl}/metrics`, {
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const line = (await reply.text())
    .split('\n')
    .find((text) => text.startsWith(`${name} `));
  if (line === undefined) throw new Error(`${program.name} has no ${name}`);
  return Number(line.slice(name.length + 1));
}
