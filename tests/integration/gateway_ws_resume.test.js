// A client written by docs/websocket.md, whose connection is cut again and
// again while 2,000 samples a second are published: it misses none, and gets
// none twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import {
  connectNats,
  following,
  makeStream,
  sample,
  startBroker,
  startGateway,
  startNatsServer,
  startPostgres,
  waitFor,
} from './support/index.js';

const RATE = 2000;
const CUTS = 12;
const TICK_MS = 10;

class Follower {
  constructor(url, cut) {
    this.url = url;
    this.cut = cut; // after so many live updates
    this.heard = [];
    this.cuts = 0;
    this.problems = [];
    this.connect();
  }

  connect() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.live = this.since === undefined;
    this.left = this.cut(this.cuts);
    this.socket.on('open', () => this.subscribe());
    this.socket.on('message', (text) => {
      // What one that was left had received already is not heard.
      if (this.socket === socket) this.take(JSON.parse(text));
    });
    this.socket.on('error', () => {});
  }

  subscribe() {
    const resume =
      this.since === undefined
        ? {}
        : { since: this.since, stream: this.stream };
    this.socket.send(
      JSON.stringify({ type: 'subscribe', topic: 'telemetry', ...resume })
    );
  }

  take(message) {
    if (message.type === 'subscribed') this.begin(message);
    else if (message.type === 'resumed') this.live = true;
    else if (message.type === 'telemetry_update') this.update(message);
    else this.problems.push(message);
  }

  begin({ sequence, stream }) {
    this.since ??= this.first = sequence;
    this.stream = stream;
  }

  update({ sequence, previous, missed }) {
    if (previous !== this.since || missed) this.problems.push({ sequence, previous });
    this.since = sequence;
    this.heard.push(sequence);
    if (this.live && --this.left <= 0 && this.cuts < CUTS) this.reconnect();
  }

  reconnect() {
    this.socket.terminate();
    this.cuts++;
    this.connect();
  }
}

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
])
  test(`a client that is cut off again and again, ${name}`, async () => {
    const [broker, postgres] = await Promise.all([start(), startPostgres()]);
    const nc = await connectNats(broker);
    const manager = await makeStream(nc);
    const gateway = await startGateway({ broker, database: postgres });
    await following(gateway);
    let published = 0;
    const started = Date.now();
    const publisher = setInterval(() => {
      const due = ((Date.now() - started) * RATE) / 1000;
      for (; published < due; published++) {
        const s = sample(`GPU-${published % 50}`, { temperature: published });
        nc.publish(`telemetry.local.alpha.${s.uuid}`, JSON.stringify(s));
      }
    }, TICK_MS);
    const url = `ws://127.0.0.1:${gateway.port}/ws`;
    // at once after the first live update, after a few, after many
    const followers = [1, 7, 400].map((n) => new Follower(url, () => n));
    await waitFor(
      () => followers.every((f) => f.cuts === CUTS && f.live),
      'all to be cut off',
      60_000
    );
    clearInterval(publisher);
    await waitFor(
      async () =>
        (await manager.streams.info('TELEMETRY')).state.last_seq === published,
      'all to be in the stream'
    );
    for (const follower of followers) {
      await waitFor(
        () => follower.heard.at(-1) === published,
        'the last sample'
      );
      assert.deepEqual(follower.problems, []);
      const heard = new Set(follower.heard);
      const lost = [];
      for (let i = follower.first + 1; i <= published; i++)
        if (!heard.has(i)) lost.push(i);
      assert.deepEqual(lost, []);
      assert.equal(follower.heard.length, heard.size);
      follower.socket.terminate();
    }
  });
