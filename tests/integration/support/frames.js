// A WebSocket by hand: any bytes to the server, and the frames that come back.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

import { atEnd } from './program.js';
import { waitFor } from './wait.js';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const NAMES = {
  0: 'more',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
};

function lengthBytes(length) {
  if (length < 126) return Buffer.from([0x80 | length]);
  const wide = length > 0xffff;
  const bytes = Buffer.alloc(wide ? 9 : 3);
  bytes[0] = wide ? 0xff : 0xfe;
  if (wide) bytes.writeBigUInt64BE(BigInt(length), 1);
  else bytes.writeUInt16BE(length, 1);
  return bytes;
}

// One masked frame.
export function frame(opcode, payload = '', { fin = true, rsv = 0 } = {}) {
  const data = Buffer.from(payload);
  const mask = randomBytes(4);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const masked = data.map((byte, i) => byte ^ mask[i & 3]);
  return Buffer.concat([
    Buffer.from([first]),
    lengthBytes(data.length),
    mask,
    masked,
  ]);
}

export function closeFrame(code, reason = '') {
  return frame(
    CLOSE,
    Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])
  );
}

export class Frames {
  // Sends the request with `fields` in place of the usual ones where given;
  // `behind` are bytes sent with it.
  static async open(server, { path = '/ws', fields = {}, behind } = {}) {
    const frames = new Frames();
    frames.head = undefined;
    frames.seen = [];
    frames.ended = false;
    frames.rest = Buffer.alloc(0);
    frames.socket = connect({
      port: server.port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    frames.socket.on('data', (bytes) => frames.#hear(bytes));
    frames.socket.on('end', () => frames.#end());
    frames.socket.on('error', () => frames.#end());
    atEnd(() => frames.socket.destroy());
    const all = {
      Host: 'h',
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version': '13',
      ...fields,
    };
    const lines = Object.entries(all).map(([k, v]) => `${k}: ${v}\r\n`);
    frames.say(
      Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`),
      behind
    );
    await waitFor(() => frames.head !== undefined || frames.ended, 'an answer');
    return frames;
  }

  #hear(bytes) {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (this.head === undefined) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.rest.subarray(0, end + 2).toString();
      this.rest = this.rest.subarray(end + 4);
    }
    if (this.head.startsWith('HTTP/1.1 101')) while (this.#take());
  }

  #take() {
    if (this.rest.length < 2) return false;
    const short = this.rest[1] & 127;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (this.rest.length < start) return false;
    let length = short;
    if (short === 126) length = this.rest.readUInt16BE(2);
    if (short === 127) length = Number(this.rest.readBigUInt64BE(2));
    if (this.rest.length < start + length) return false;
    this.seen.push(this.#told(this.rest.subarray(start, start + length)));
    this.rest = this.rest.subarray(start + length);
    return true;
  }

  // "text hello", "close 1002 why"; what is unusual about it in front.
  #told(payload) {
    const [first, second] = this.rest;
    const name = NAMES[first & 15] ?? `opcode ${first & 15}`;
    const odd = `${first & 0x80 ? '' : 'part of '}${first & 0x70 ? 'rsv ' : ''}${second & 0x80 ? 'masked ' : ''}`;
    if (name === 'close' && payload.length >= 2)
      return `${odd}close ${payload.readUInt16BE(0)} ${payload.subarray(2)}`.trimEnd();
    return `${odd}${name} ${payload}`.trimEnd();
  }

  #end() {
    this.ended = true;
    this.socket.end();
  }

  say(...parts) {
    for (const part of parts) if (part !== undefined) this.socket.write(part);
    return this;
  }

  // Waits until what has come satisfies check, or is as many frames.
  async until(check) {
    const done =
      typeof check === 'number'
        ? () => this.seen.length >= check
        : () => check(this.seen);
    await waitFor(() => done() || this.ended, 'frames');
    return this.seen;
  }

  async untilEnd() {
    await waitFor(() => this.ended, 'the end of the connection');
    return this.seen;
  }
}
