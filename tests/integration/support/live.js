// The live side of the gateway: samples published by hand, and a client of /ws.
import WebSocket from 'ws';

import { getJson } from './http.js';
import { atEnd } from './program.js';
import { waitFor } from './wait.js';

// A sample as a streamer would publish it; `metrics` by name.
export function sample(gpu, metrics, more = {}) {
  return {
    v: 1,
    ts: new Date().toISOString(),
    cluster: 'local',
    host: 'alpha',
    gpu: '0',
    uuid: gpu,
    device: 'nvidia0',
    model: 'H100',
    metrics,
    ...more,
  };
}

const token = (name) =>
  name.replace(
    /[^A-Za-z0-9_-]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  );

// Publishes to the stream; resolves to the sequence.
export async function publish(nc, s) {
  const subject = ['telemetry', s.cluster, s.host, s.uuid].map(token).join('.');
  const ack = await nc.jetstream().publish(subject, JSON.stringify(s));
  return ack.seq;
}

export async function makeStream(nc, limits = {}) {
  const manager = await nc.jetstreamManager();
  const subjects = ['telemetry.>'];
  await manager.streams.add({ name: 'TELEMETRY', subjects, ...limits });
  return manager;
}

export const following = (gateway) =>
  waitFor(async () => {
    const { body } = await getJson(`${gateway.httpUrl}/ready`);
    return body.checks.broker === 'ok';
  }, 'the gateway to follow the stream');

// A WebSocket at /ws that keeps what it heard, in `messages`.
export class LiveClient {
  constructor(gateway) {
    this.messages = [];
    this.taken = 0;
    this.socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`);
    this.socket.on('message', (text) => this.messages.push(JSON.parse(text)));
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code) => resolve(code))
    );
    this.socket.on('error', () => {});
    atEnd(() => this.socket.terminate());
  }

  async open() {
    await waitFor(() => this.socket.readyState === WebSocket.OPEN, 'a socket');
    return this;
  }

  say(message) {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    this.socket.send(text);
  }

  // The next message, or the next of a type: those before it are skipped.
  async next(type) {
    let found;
    await waitFor(() => {
      while (this.taken < this.messages.length) {
        found = this.messages[this.taken++];
        if (type === undefined || found.type === type) return true;
      }
      return false;
    }, `a message${type ? ` of type ${type}` : ''}`);
    return found;
  }

  async subscribe(wish) {
    this.say({ type: 'subscribe', ...wish });
    return this.next('subscribed');
  }

  of(type) {
    return this.messages.filter((m) => m.type === type);
  }
}

export const liveClient = (gateway) => new LiveClient(gateway).open();
