// What the dashboard's source asks of a page, for node: enough to follow a real
// gateway and to keep settings. A frame is 16 ms.
import { after } from 'node:test';

import WebSocket from 'ws';

export function openPage(baseURI = 'http://127.0.0.1/') {
  const stored = new Map();
  const page = new EventTarget();
  Object.assign(globalThis, {
    WebSocket,
    document: Object.assign(new EventTarget(), { baseURI, hidden: false }),
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
    dispatchEvent: page.dispatchEvent.bind(page),
    requestAnimationFrame: (draw) => setTimeout(draw, 16),
    localStorage: {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => stored.set(key, value),
      removeItem: (key) => stored.delete(key),
    },
    reportError(error) {
      throw error;
    },
  });
}

// A page follows for ever: its timers must not keep a test from its end, and not
// before that let it go.
export function letTimersGo() {
  const held = setInterval(() => {}, 1000);
  after(() => clearInterval(held));
  for (const name of ['setTimeout', 'setInterval']) {
    const start = globalThis[name];
    globalThis[name] = (...args) => start(...args).unref();
  }
}
