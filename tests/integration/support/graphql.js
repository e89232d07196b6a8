// A gateway to ask GraphQL of, with the database and broker it stands on.
import { createHash } from 'node:crypto';

import { createSchema } from './schema.js';
import { startBroker, startGateway } from './nexus.js';
import { startPostgres } from './postgres.js';

// { gateway, broker, postgres, url, wsUrl }
export async function startGraphql(options = {}) {
  const [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
  await createSchema(postgres);
  const gateway = await startGateway({ broker, database: postgres, ...options });
  const url = `${gateway.httpUrl}/graphql`;
  return { gateway, broker, postgres, url, wsUrl: url.replace('http', 'ws') };
}

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

// A POST of any body: { status, type, headers, text, body }.
export async function post(url, body, headers = {}) {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return read(reply);
}

export async function get(url, parameters = {}, headers = {}) {
  const query = new URLSearchParams(parameters);
  return read(await fetch(query.size > 0 ? `${url}?${query}` : url, { headers }));
}

async function read(reply) {
  const text = await reply.text();
  const type = reply.headers.get('content-type') ?? '';
  return {
    status: reply.status,
    type,
    headers: reply.headers,
    text,
    body: /json/.test(type) ? JSON.parse(text) : undefined,
  };
}
