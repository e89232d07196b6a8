// A reverse proxy as people have one before the gateway: below a path prefix,
// which it takes off, and with WebSockets.
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

import { atEnd } from '../../integration/support/program.js';

const refuse = (reply) => {
  reply.writeHead(404, { 'content-type': 'text/plain' });
  reply.end('outside of the prefix\n');
};

// { url, outside }: url ends in the prefix, outside are the paths that were
// asked for beside it.
export async function startProxy(gateway, prefix) {
  const { port } = gateway;
  const outside = [];
  const inner = (path) => {
    if (path.startsWith(prefix)) return `/${path.slice(prefix.length)}`;
    outside.push(path);
    return null;
  };

  const server = createServer((asked, reply) => {
    const path = inner(asked.url);
    if (path === null) return refuse(reply);
    const { method, headers } = asked;
    const passed = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      reply.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(reply);
    });
    passed.on('error', () => reply.destroy());
    asked.pipe(passed);
  });

  server.on('upgrade', (asked, socket, head) => {
    const path = inner(asked.url);
    if (path === null) return socket.destroy();
    const passed = connect(port, '127.0.0.1', () => {
      const fields = [];
      for (let i = 0; i < asked.rawHeaders.length; i += 2) fields.push(`${asked.rawHeaders[i]}: ${asked.rawHeaders[i + 1]}\r\n`);
      passed.write(`GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
      passed.write(head);
      socket.pipe(passed).pipe(socket);
    });
    for (const end of [socket, passed]) end.on('error', () => (socket.destroy(), passed.destroy()));
  });

  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  atEnd(() => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  });
  return { url: `http://127.0.0.1:${server.address().port}${prefix}`, outside };
}
