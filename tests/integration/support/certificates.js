// Certificates for one test file, signed by an authority of its own.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from './files.js';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

const openssl = (...args) =>
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });

// The authority; issue(name, subject, names) makes { certFile, keyFile, cert,
// key } with the subject ("/CN=localhost") and the alternative names
// ("DNS:localhost,email:a@b").
export function makeAuthority() {
  const dir = tempDir('nexus-certificates-');
  const at = (name) => join(dir, name);
  const caFile = at('ca.pem');
  const caKey = at('ca.key');
  openssl('req', '-x509', ...KEY, '-keyout', caKey, '-out', caFile,
    '-subj', '/CN=test authority', '-days', '2');
  const issue = (name, subject, names) => {
    const [certFile, keyFile] = [at(`${name}.pem`), at(`${name}.key`)];
    const [request, extensions] = [at(`${name}.csr`), at(`${name}.ext`)];
    openssl('req', ...KEY, '-keyout', keyFile, '-out', request,
      '-subj', subject);
    writeFileSync(extensions, names ? `subjectAltName=${names}\n` : '');
    openssl('x509', '-req', '-in', request, '-CA', caFile, '-CAkey', caKey,
      '-CAcreateserial', '-days', '2', '-extfile', extensions,
      '-out', certFile);
    return {
      certFile,
      keyFile,
      cert: readFileSync(certFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
    };
  };
  return { dir, caFile, ca: readFileSync(caFile, 'utf8'), issue };
}
