// A configuration file that a server of a test is started with, and that can
// be written again for it to reload.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from './files.js';

// { path, args: what to start the server with, write(text) }
export function configFile(text) {
  const path = join(tempDir('nexus-conf-'), 'server.conf');
  const write = (next) => writeFileSync(path, next);
  write(text);
  return { path, args: ['-c', path], write };
}

// The two servers to run a scenario against, each with that file.
export const withConfig = (start, text) => {
  const file = configFile(text);
  return start({ args: file.args }).then((server) =>
    Object.assign(server, { file })
  );
};
