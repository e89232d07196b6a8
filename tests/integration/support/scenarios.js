// Scenarios: what a client does, and what it saw. Each runs with every client
// library, over every transport, against Debian's nats-server and against
// nexus-broker, at the same time; what was seen must be the same.
//
//     scenarios('publishing', { transports: ['tcp'] }, (scenario) => {
//       scenario('a message arrives', async ({ nc, subject, log, take }) => {
//         const sub = nc.subscribe(subject);
//         nc.publish(subject, 'hello');
//         log('heard', await take(sub, 1));
//       });
//     });
//
// Options, of a group or a scenario:
//   transports  of tcp, tls, ws, wss: those the library has of them
//   library     only those whose name begins so
//   expected    the transcript, where nats-server 2.9 has no such thing: then
//               only ours is asked
//   own         a server of its own for each run: startBroker's options
//   as          how the first client connects there: user, pass, …;
//               or what a function of the library returns
//   later       what is missing in ours: only nats-server is asked
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { debuglog } from 'node:util';

import { LIBRARIES } from './client_libraries.js';
import { startBroker, startNatsServer } from './nexus.js';
import { SLOW } from './wait.js';
import { differences, plain } from './transcript.js';
import { address, isSecure, startWithTransports } from './transports.js';

// NODE_DEBUG=transcript shows what was seen.
const debug = debuglog('transcript');

const AT_A_TIME = 6; // scenarios; most of them wait
const SCENARIO_MS = 20_000;
const TAKE_MS = 8_000; // until what was expected has come

const OURS = { name: 'nexus-broker', start: startBroker };
const PEER = { name: 'nats-server', start: startNatsServer };

// One start for all scenarios of a file, and one of a server with TLS.
const shared = new Map();
function sharedServer(kind, secure) {
  const name = `${kind.name} ${secure}`;
  if (!shared.has(name)) shared.set(name, startWithTransports(kind.start, secure));
  return shared.get(name);
}

const serverFor = (kind, options, transport) =>
  options.own ? kind.start(options.own) : sharedServer(kind, isSecure(transport));

async function stop(server) {
  if (server.running) await server.stop(server.stopSignal);
}

function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(what())), ms * SLOW);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// What iterates over an iterable, which the libraries allow once.
const iterators = new WeakMap();
function iteratorOf(iterable) {
  if (!iterators.has(iterable))
    iterators.set(iterable, iterable[Symbol.asyncIterator]());
  return iterators.get(iterable);
}

// The next count of an iterable, which stays open.
async function take(iterable, count) {
  const iterator = iteratorOf(iterable);
  const taken = [];
  while (taken.length < count) {
    const { value, done } = await within(
      iterator.next(),
      TAKE_MS,
      () => `${taken.length} of ${count} came: ${JSON.stringify(plain(taken))}`
    );
    if (done) break;
    taken.push(value);
  }
  return taken;
}

const firstOf = ({ as }, library) =>
  typeof as === 'function' ? as(library) : as;

// What a scenario is given, for one run of it.
async function makeRun(kind, { options, subject }, library, transport) {
  const server = await serverFor(kind, options, transport);
  const transcript = [];
  const open = [];
  const read = new Set(); // what was taken from; its timers outlive connections
  const log = (...seen) => transcript.push(seen.map(plain));
  const connect = async (options) => {
    const nc = await library.connect({
      ...address(server, transport),
      ...options,
    });
    open.push(nc);
    return nc;
  };
  const run = {
    ...{ library, transport, server, subject, transcript, log, connect },
    within,
    take: (iterable, count) => take(read.add(iterable) && iterable, count),
    all: (iterable) => take(read.add(iterable) && iterable, Infinity),
    stream: subject.toUpperCase(),
    nc: await connect(firstOf(options, library)),
    // The outcome of what may be refused.
    attempt: async (what, promise) => {
      try {
        log(what, await promise);
      } catch (error) {
        log(what, error);
      }
    },
    // The same where the servers' versions word it differently: its number.
    refusal: async (what, promise) => {
      const code = await promise.then(() => 'none', (error) => plain(error).code);
      log(what, code);
    },
    close: () => {
      for (const iterable of read) iterable.stop?.();
      return Promise.all(open.map((nc) => nc.close()));
    },
  };
  // JetStream's two faces.
  run.streams = async (options) => ({
    js: library.jetstream(run.nc, options),
    jsm: await library.manager(run.nc, options),
  });
  // What the JetStream API answers, past what a library knows of it.
  run.api = async (request, body = '') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await run.nc.request(`$JS.API.${request}`, text);
    return JSON.parse(answer.string());
  };
  // The same server once more, on its port and with its files.
  run.restart = async () => {
    await stop(run.server);
    const { port, dir } = run.server;
    run.server = await kind.start({ ...options.own, port, dir });
  };
  return run;
}

async function transcriptOf(kind, scenario, library, transport) {
  const run = await makeRun(kind, scenario, library, transport);
  try {
    const done = scenario.play(run);
    await within(done, SCENARIO_MS, () => 'the scenario takes too long');
  } catch (error) {
    error.message = `${kind.name}: ${error.message}\n${JSON.stringify(run.transcript)}`;
    throw error;
  } finally {
    await run.close();
    if (scenario.options.own) await stop(run.server);
  }
  debug('%s %s %j', kind.name, scenario.name, run.transcript);
  return run.transcript;
}

// Named by the entries they are in.
function assertSame(ours, theirs) {
  const lines = differences(ours, theirs);
  assert.ok(lines.length === 0, `differs from what is expected:\n${lines.join('\n')}`);
}

async function compare(scenario, library, transport) {
  const play = (kind) => transcriptOf(kind, scenario, library, transport);
  const { expected, later } = scenario.options;
  if (expected) return assertSame(await play(OURS), expected);
  if (later) return assert.ok((await play(PEER)).length > 0);
  const [ours, theirs] = await Promise.all([play(OURS), play(PEER)]);
  assert.ok(theirs.length > 0, 'the scenario says nothing');
  assertSame(ours, theirs);
}

// Each run has a subject of its own, the same on both servers.
let count = 0;

function addTests(name, options, play) {
  for (const library of LIBRARIES) {
    if (!library.name.startsWith(options.library ?? '')) continue;
    for (const transport of options.transports ?? ['tcp']) {
      if (!library.transports.includes(transport)) continue;
      const scenario = { name, options, play, subject: `t${++count}` };
      const title = `${name}: ${library.name}, ${transport}`;
      const skip = options.expected && options.later;
      test(title, { skip }, () => compare(scenario, library, transport));
    }
  }
}

export function scenarios(title, options, add) {
  describe(title, { concurrency: AT_A_TIME }, () => {
    add((name, ...rest) => {
      const play = rest.pop();
      addTests(name, { ...options, ...rest[0] }, play);
    });
  });
}
