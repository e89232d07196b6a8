// What was acknowledged is on disk: the broker is killed 200 times, and each
// time only what it had synced is left (hold_back.c). Every acknowledged
// message that nobody removed is there, with the bytes it had, and no sequence
// is given twice.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { connect } from 'nats';

import { ROOT, SLOW, sleep, startBroker, tempDir } from '../integration/support/index.js';

const KILLS = Number(process.env.KILLS ?? 200);
const LONGEST_MS = 250 * SLOW;
const IN_FLIGHT = 100; // a stream,
const IN_FLIGHT_QUEUE = 20; // but this one, whose consumer is to keep up
const ASK_AT_ONCE = 500;
const KEYS = 60;
const KEPT = 3000; // messages of the stream with a limit
const SAMPLE = 400; // older messages looked at in a round

// ---- the disk ----

function buildLibrary() {
  const library = join(tempDir('hold-back-'), 'hold_back.so');
  const source = join(ROOT, 'tests/faults/hold_back.c');
  const flags = ['-D_GNU_SOURCE', '-O1', '-shared', '-fPIC', '-pthread'];
  execFileSync(process.env.CC ?? 'cc', [...flags, '-o', library, source, '-ldl']);
  return library;
}

function restoreFolder(disk, name, to) {
  const list = join(disk, 'folders', name);
  mkdirSync(to, { recursive: true });
  if (!existsSync(list)) return;
  for (const line of readFileSync(list, 'utf8').split('\n').filter(Boolean)) {
    const [kind, inode, ...rest] = line.split(' ');
    const entry = rest.join(' ');
    if (kind === 'd') {
      restoreFolder(disk, `${name}%${entry}`, join(to, entry));
      continue;
    }
    const file = join(disk, 'files', inode);
    if (existsSync(file)) copyFileSync(file, join(to, entry));
    else writeFileSync(join(to, entry), '');
  }
}

// Leaves in dir what was synced.
function losePower(dir, disk) {
  rmSync(dir, { recursive: true });
  restoreFolder(disk, '%', dir);
  for (const name of readdirSync(disk))
    rmSync(join(disk, name), { recursive: true });
}

// ---- what is published ----

const payloadOf = (id) => `${id}:${'x'.repeat((id * 37) % 300)}`;
const idOf = (payload) => Number(payload.slice(0, payload.indexOf(':')));

class Stream {
  constructor(name, config, subjectOf) {
    this.name = name;
    this.config = { name, storage: 'file', ...config };
    this.subjectOf = subjectOf;
    this.nextId = 1;
    this.acked = new Map(); // sequence → id
    this.subjects = new Map(); // id → subject
    this.lastSeq = 0;
    this.lastOf = new Map(); // subject → acknowledged last sequence
    this.let_go = new Set(); // sequences that were acknowledged by a consumer
  }

  async publish(js) {
    const id = this.nextId++;
    const subject = this.subjectOf(id);
    this.subjects.set(id, subject);
    const ack = await js.publish(subject, payloadOf(id), { timeout: 60_000 });
    assert.ok(!this.acked.has(ack.seq), `${this.name}: ${ack.seq} given twice`);
    this.acked.set(ack.seq, id);
    this.lastSeq = Math.max(this.lastSeq, ack.seq);
    if (ack.seq > (this.lastOf.get(subject) ?? 0))
      this.lastOf.set(subject, ack.seq);
  }

  // Publishes until the connection is gone; nothing is heard of then.
  async keepPublishing(js, gone) {
    const one = async () => {
      for (;;) await Promise.race([this.publish(js), gone]);
    };
    const length = this.name === 'QUEUE' ? IN_FLIGHT_QUEUE : IN_FLIGHT;
    await Promise.allSettled(Array.from({ length }, one));
  }
}

const streams = () => [
  new Stream(
    'LIMITS',
    { subjects: ['l.>'], max_msgs: KEPT },
    (id) => `l.${id % 7}`
  ),
  new Stream(
    'KEYS',
    { subjects: ['kv.>'], max_msgs_per_subject: 1 },
    (id) => `kv.${(id * 7919) % KEYS}`
  ),
  new Stream(
    'QUEUE',
    { subjects: ['q.>'], retention: 'workqueue' },
    () => 'q.work'
  ),
];

async function consume(js, queue) {
  const consumer = await js.consumers.get('QUEUE', 'worker');
  const messages = await consumer.consume({ max_messages: 200 });
  for await (const m of messages) {
    if (m.seq % 25 === 0) continue; // stays, amid what goes
    queue.let_go.add(m.seq);
    m.ack();
  }
}

// ---- what is found ----

async function ask(nc, subject, request) {
  const reply = await nc.request(subject, JSON.stringify(request), {
    timeout: 20_000 * SLOW,
  });
  return reply.json();
}

async function get(nc, stream, request) {
  const answer = await ask(nc, `$JS.API.STREAM.MSG.GET.${stream.name}`, request);
  if (answer.error !== undefined) return undefined;
  const { seq, subject, data } = answer.message;
  return { seq, subject, payload: Buffer.from(data ?? '', 'base64').toString() };
}

// Whatever is found was published, with that subject and those bytes.
function assertPublished(stream, found) {
  const id = idOf(found.payload);
  assert.equal(found.payload, payloadOf(id), `${stream.name} ${found.seq}`);
  assert.equal(found.subject, stream.subjects.get(id));
  const acked = stream.acked.get(found.seq);
  if (acked !== undefined) assert.equal(id, acked, `${stream.name} ${found.seq}`);
}

async function assertThere(nc, stream, seqs) {
  for (let i = 0; i < seqs.length; i += ASK_AT_ONCE) {
    const some = seqs.slice(i, i + ASK_AT_ONCE);
    const asked = some.map((seq) => get(nc, stream, { seq }));
    (await Promise.all(asked)).forEach((found, n) => {
      assert.ok(found, `${stream.name}: acknowledged ${some[n]} is gone`);
      assertPublished(stream, found);
    });
  }
}

async function assertLastOfKeys(nc, stream) {
  for (const [subject, seq] of stream.lastOf) {
    const found = await get(nc, stream, { last_by_subj: subject });
    assert.ok(found, `${stream.name}: ${subject} is gone`);
    assert.ok(found.seq >= seq, `${subject}: ${found.seq} instead of ${seq}`);
    assertPublished(stream, found);
  }
}

// Those of the sequences to look at: the newest, and some others.
function choose(seqs, all) {
  if (all || seqs.length <= 2 * SAMPLE) return seqs;
  const newest = seqs.slice(-SAMPLE);
  const older = seqs.slice(0, -SAMPLE);
  for (let i = 0; i < SAMPLE; i++) newest.push(older[randomInt(older.length)]);
  return newest;
}

async function assertAllThere(nc, stream, all) {
  const info = await ask(nc, `$JS.API.STREAM.INFO.${stream.name}`, {});
  const { state } = info;
  assert.equal(info.error, undefined);
  assert.ok(
    state.last_seq >= stream.lastSeq,
    `${stream.name} ends at ${state.last_seq}, ${stream.lastSeq} was acknowledged`
  );
  assert.equal(state.lost, undefined, `${stream.name} reports losses`);
  if (stream.name === 'KEYS') return assertLastOfKeys(nc, stream);
  let seqs = [...stream.acked.keys()].sort((a, b) => a - b);
  if (stream.name === 'LIMITS') {
    assert.ok(state.messages >= Math.min(KEPT, seqs.length) - 3 * IN_FLIGHT);
    seqs = seqs.filter((seq) => seq > state.last_seq - KEPT);
  } else {
    seqs = seqs.filter((seq) => !stream.let_go.has(seq));
  }
  return assertThere(nc, stream, choose(seqs, all));
}

// ---- the test ----

const connectTo = (broker) =>
  connect({ servers: broker.url, reconnect: false, timeout: 20_000 });

async function create(nc, all) {
  for (const stream of all) {
    const made = await ask(
      nc,
      `$JS.API.STREAM.CREATE.${stream.name}`,
      stream.config
    );
    assert.equal(made.error, undefined);
  }
  const made = await ask(nc, '$JS.API.CONSUMER.DURABLE.CREATE.QUEUE.worker', {
    stream_name: 'QUEUE',
    config: { durable_name: 'worker', ack_policy: 'explicit', ack_wait: 3600e9, max_ack_pending: 100_000 },
  });
  assert.equal(made.error, undefined);
}

test(`${KILLS} kills, with what was synced left`, async (t) => {
  const library = buildLibrary();
  const dir = tempDir('durability-store-');
  const disk = tempDir('durability-disk-');
  const all = streams();
  const env = { LD_PRELOAD: library, HOLD_BACK_DIR: dir, HOLD_BACK_DISK: disk };
  let published = 0;
  let nc;
  for (let round = 0; round <= KILLS; round++) {
    const broker = await startBroker({ dir, env });
    nc = await connectTo(broker);
    if (round === 0) await create(nc, all);
    for (const stream of all)
      await assertAllThere(nc, stream, round === KILLS || round % 50 === 49);
    if (round === KILLS) {
      await nc.close();
      await broker.stop();
      break;
    }
    const js = nc.jetstream();
    const gone = nc.closed().then(() => Promise.reject(new Error('closed')));
    const work = all.map((stream) => stream.keepPublishing(js, gone));
    work.push(Promise.race([consume(js, all[2]), gone]).catch(() => {}));
    await sleep(randomInt(LONGEST_MS));
    await broker.kill();
    await Promise.all(work);
    losePower(dir, disk);
  }
  for (const stream of all) {
    published += stream.acked.size;
    t.diagnostic(
      `${stream.name}: ${stream.acked.size} of ${stream.nextId - 1} acknowledged`
    );
  }
  t.diagnostic(`${KILLS} kills, ${published} acknowledged messages, none lost`);
  assert.ok(published > KILLS);
});
