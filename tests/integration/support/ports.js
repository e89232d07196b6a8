// Ports nobody listens on.
import { createServer } from 'node:net';

// Below the range from which Linux gives ports to outgoing connections, so
// that none of those takes it before the server does.
const FIRST = 10_000;
const COUNT = 22_000;

const handedOut = new Set();

function canListen(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (!handedOut.has(port) && (await canListen(port))) {
      handedOut.add(port);
      return port;
    }
  }
}
