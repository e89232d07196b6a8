// The NATS protocol by hand: what to say, and what must come back.
import assert from 'node:assert/strict';
import { connect } from 'node:net';

import { atEnd } from './program.js';
import { SLOW } from './wait.js';

const ANSWER_MS = 5000;

export class Wire {
  // Connects and takes INFO off.
  static async open(server, options = 'none') {
    const wire = new Wire();
    wire.received = '';
    wire.closed = false;
    wire.socket = connect(server.port, '127.0.0.1');
    wire.socket.setEncoding('latin1');
    wire.socket.on('data', (text) => wire.#hear(text));
    wire.socket.on('close', () => wire.#end());
    wire.socket.on('error', () => wire.#end());
    atEnd(() => wire.socket.destroy());
    wire.info = JSON.parse((await wire.line()).slice('INFO '.length));
    if (options !== 'none')
      wire.say(`CONNECT ${JSON.stringify({ verbose: false, ...options })}\r\n`);
    return wire;
  }

  #hear(text) {
    this.received += text;
    this.wake?.();
  }

  #end() {
    this.closed = true;
    this.wake?.();
  }

  say(text) {
    this.socket.write(text, 'latin1');
    return this;
  }

  async #until(done, what) {
    const deadline = Date.now() + ANSWER_MS * SLOW;
    while (!done()) {
      const left = deadline - Date.now();
      if (left <= 0)
        assert.fail(`${what} did not come, but ${JSON.stringify(this.received)}`);
      await new Promise((wake) => {
        this.wake = wake;
        setTimeout(wake, left);
      });
    }
  }

  async line() {
    await this.#until(() => this.received.includes('\n'), 'a line');
    const end = this.received.indexOf('\n') + 1;
    const line = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return line;
  }

  // Exactly this text comes next.
  async expect(text) {
    await this.#until(
      () => this.received.length >= text.length || this.closed,
      JSON.stringify(text)
    );
    assert.equal(this.received.slice(0, text.length), text);
    this.received = this.received.slice(text.length);
  }

  // Nothing but this comes before the answer to a PING.
  async expectOnly(text) {
    this.say('PING\r\n');
    await this.expect(`${text}PONG\r\n`);
  }

  // Exactly this text comes, and then the end.
  async expectEnd(text) {
    await this.#until(() => this.closed, 'the end');
    assert.equal(this.received, text);
  }
}
