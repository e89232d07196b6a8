// The ways a client reaches a server: TCP and WebSocket, in clear or over TLS.
// One server speaks both in clear, another both over TLS.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from './files.js';
import { freePort } from './ports.js';

// A certificate that signs itself, for the loopback, made once a file.
let certificate;
function makeCertificate() {
  const dir = tempDir('nexus-certificate-');
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      ...['-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' }
  );
  return { cert, key, ca: readFileSync(cert, 'utf8') };
}

export const isSecure = (transport) => transport === 'tls' || transport === 'wss';

// The flags of a server with these settings.
export function configured(text) {
  const file = join(tempDir('nexus-config-'), 'server.conf');
  writeFileSync(file, text);
  return ['-c', file];
}

// Starts a server that listens for both: start() as for startBroker.
export async function startWithTransports(start, secure) {
  if (secure) certificate ??= makeCertificate();
  const wsPort = await freePort();
  const tls = secure
    ? `tls { cert_file: "${certificate.cert}", key_file: "${certificate.key}" }`
    : '';
  const ws = `websocket { host: "127.0.0.1", port: ${wsPort}, ${tls || 'no_tls: true'} }`;
  const server = await start({ args: configured(`${tls}\n${ws}\n`) });
  return Object.assign(server, { wsPort, caFile: secure && certificate.cert });
}

// What to connect with.
export function address(server, transport) {
  const tls = isSecure(transport) ? { tls: { ca: certificate.ca } } : {};
  if (!transport.startsWith('ws')) return { servers: server.url, ...tls };
  return { servers: `${transport}://127.0.0.1:${server.wsPort}`, ...tls };
}
