// The client libraries of other people, each seen through one face, so that a
// scenario is written once. What a library calls its own stays its own: where
// they differ, only the calls are alike, never what they answer.
import * as jetstream from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { Objm } from '@nats-io/obj';
import { Svcm } from '@nats-io/services';
import * as modern from '@nats-io/transport-node';
import * as classic from 'nats';
import { WebSocket } from 'ws';

// Node 18 has no WebSocket of its own, and none of node's trusts our CA.
const webSockets = (tls) => (url) => ({
  socket: new WebSocket(url, { ca: tls?.ca }),
  encrypted: url.startsWith('wss:'),
});

// wsconnect() and connect() set, for the whole process, how a connection is
// made, so they take turns.
let turn = Promise.resolve();
function connectModern({ tls, ...options }) {
  const connect = () =>
    options.servers.startsWith('ws')
      ? modern.wsconnect({ ...options, wsFactory: webSockets(tls) })
      : modern.connect({ ...options, tls });
  const connected = turn.then(connect);
  turn = connected.catch(() => {});
  return connected;
}

export const LIBRARIES = [
  {
    name: 'nats 2',
    transports: ['tcp', 'tls'],
    connect: classic.connect,
    headers: classic.headers,
    createInbox: classic.createInbox,
    nkeyAuthenticator: classic.nkeyAuthenticator,
    jetstream: (nc, options) => nc.jetstream(options),
    manager: (nc, options) => nc.jetstreamManager(options),
    makeBucket: (nc, name, options) => nc.jetstream().views.kv(name, options),
    openBucket: (nc, name, options) =>
      nc.jetstream().views.kv(name, { ...options, bindOnly: true }),
    makeStore: (nc, name, options) => nc.jetstream().views.os(name, options),
    addService: (nc, config) => nc.services.add(config),
    serviceClient: (nc) => nc.services.client(),
  },
  {
    name: '@nats-io 3',
    transports: ['tcp', 'tls', 'ws', 'wss'],
    connect: connectModern,
    headers: modern.headers,
    createInbox: modern.createInbox,
    nkeyAuthenticator: modern.nkeyAuthenticator,
    jetstream: (nc, options) => jetstream.jetstream(nc, options),
    manager: (nc, options) => jetstream.jetstreamManager(nc, options),
    makeBucket: (nc, name, options) => new Kvm(nc).create(name, options),
    openBucket: (nc, name, options) => new Kvm(nc).open(name, options),
    makeStore: (nc, name, options) => new Objm(nc).create(name, options),
    addService: (nc, config) => new Svcm(nc).add(config),
    serviceClient: (nc) => new Svcm(nc).client(),
  },
];
