// A WebSocket by hand: what was said, and how it ended.
import { WebSocket } from 'ws';

import { SLOW } from './wait.js';

const ANSWER_MS = 10_000 * SLOW;

export class Socket {
  static open(url, protocols = 'graphql-transport-ws', options = {}) {
    const socket = new Socket();
    socket.ws = new WebSocket(url, protocols, options);
    socket.messages = [];
    socket.waiting = [];
    socket.closed = new Promise((resolve) => {
      socket.ws.once('close', (code, reason) =>
        resolve({ code, reason: reason.toString() })
      );
    });
    socket.ws.on('error', () => {}); // closed tells
    socket.ws.on('message', (data) => {
      socket.messages.push(data.toString());
      socket.waiting.shift()?.();
    });
    return new Promise((resolve) => {
      socket.ws.once('open', () => resolve(socket));
      socket.closed.then(() => resolve(socket));
    });
  }

  say(message) {
    this.ws.send(
      typeof message === 'string' ? message : JSON.stringify(message)
    );
  }

  // The next message, read; rejects when there is none or the socket closed.
  async hear() {
    if (this.messages.length === 0) {
      let timer;
      await Promise.race([
        new Promise((resolve) => this.waiting.push(resolve)),
        this.closed.then(({ code, reason }) => {
          if (this.messages.length === 0)
            throw new Error(`closed ${code} ${reason}`);
        }),
        new Promise((_, reject) => {
          timer = setTimeout(
            () => reject(new Error('nothing was said')),
            ANSWER_MS
          );
        }),
      ]).finally(() => clearTimeout(timer));
    }
    return JSON.parse(this.messages.shift());
  }

  // The next message of that type; others are passed over.
  async hearType(...types) {
    for (;;) {
      const message = await this.hear();
      if (types.includes(message.type)) return message;
    }
  }

  close() {
    this.ws.close();
    return this.closed;
  }
}
