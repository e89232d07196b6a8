// The core protocol as other people's client libraries use it.
import { scenarios } from './support/scenarios.js';
import { waitFor } from './support/wait.js';

const EVERY_TRANSPORT = { transports: ['tcp', 'tls', 'ws', 'wss'] };

// What nc.status() tells, from now on.
function listen(nc) {
  const told = [];
  (async () => {
    for await (const status of nc.status()) told.push(status.type);
  })();
  return told;
}

const tally = (subs) => subs.map((sub) => sub.getReceived());

scenarios('publish and subscribe', EVERY_TRANSPORT, (scenario) => {
  scenario('what is published arrives', async ({ nc, subject, log, take }) => {
    const sub = nc.subscribe(subject);
    nc.publish(subject, 'text');
    nc.publish(subject, Uint8Array.of(0x41, 0xc3, 0xa9));
    nc.publish(subject);
    nc.publish(subject, 'with a reply', { reply: 'some.where' });
    log('heard', await take(sub, 4));
  });

  scenario('what a server says of itself', async ({ nc, log }) => {
    const { info } = nc;
    log('info', info.proto, info.headers, info.max_payload, info.jetstream);
    log('info', info.auth_required ?? false, typeof info.client_id, info.client_ip);
    log('round trip', (await nc.rtt()) >= 0);
  });

  scenario('wildcards', async ({ nc, subject, log }) => {
    const patterns = ['*', '>', 'a.*', '*.b', 'a.>', '*.*.c', 'a.b.c.>', 'a*'];
    const subs = patterns.map((p) => nc.subscribe(`${subject}.${p}`));
    for (const tail of ['a', 'a.b', 'b.b', 'a.b.c', 'a.b.c.d', 'A', 'a*', 'é.b'])
      nc.publish(`${subject}.${tail}`, tail);
    await nc.flush();
    log('heard', patterns.map((p, i) => [p, subs[i].getReceived()]));
  });

  scenario('subjects are any text without spaces', async ({ nc, subject, log, take }) => {
    const sub = nc.subscribe(`${subject}.>`);
    for (const tail of ['ünï', '$SYS', 'a-b_c', '日本', 'a/b', '{}', '"'])
      nc.publish(`${subject}.${tail}`);
    log('heard', (await take(sub, 7)).map((m) => m.subject));
  });

  scenario('a queue group shares', async ({ nc, connect, subject, log }) => {
    const second = await connect();
    const group = [nc, nc, second, second].map((c) =>
      c.subscribe(subject, { queue: 'g' })
    );
    const single = second.subscribe(subject, { queue: 'h' });
    const plain = second.subscribe(subject);
    await second.flush();
    for (let i = 0; i < 200; i++) nc.publish(subject);
    await nc.flush();
    await second.flush();
    const shares = tally(group);
    log('together', shares.reduce((a, b) => a + b));
    log('each has some', shares.every((n) => n > 10));
    log('the others', tally([single, plain]));
  });

  scenario('own messages stay away', async ({ nc, connect, subject, log, take }) => {
    const quiet = await connect({ noEcho: true });
    const own = quiet.subscribe(subject);
    const other = nc.subscribe(subject);
    await nc.flush();
    quiet.publish(subject, 'x');
    await quiet.flush();
    log('others', await take(other, 1));
    nc.publish(subject, 'y');
    log('own', await take(own, 1));
  });

  scenario('an order is kept', async ({ nc, connect, subject, log, take }) => {
    const reader = await connect();
    const sub = reader.subscribe(subject);
    await reader.flush();
    for (let i = 0; i < 5000; i++) nc.publish(subject, `${i}`.repeat(i % 7));
    const got = await take(sub, 5000);
    log('in order', got.every((m, i) => m.string() === `${i}`.repeat(i % 7)));
  });
});

scenarios('subscriptions end', EVERY_TRANSPORT, (scenario) => {
  scenario('after so many messages', async ({ nc, subject, log, all }) => {
    const three = nc.subscribe(subject, { max: 3 });
    for (let i = 0; i < 6; i++) nc.publish(subject, `${i}`);
    log('three', await all(three));
    log('closed', three.isClosed());
    const later = nc.subscribe(subject);
    for (let i = 0; i < 4; i++) nc.publish(subject, `${i}`);
    await nc.flush();
    later.unsubscribe(6);
    for (let i = 4; i < 9; i++) nc.publish(subject, `${i}`);
    log('six', await all(later));
  });

  scenario('at once', async ({ nc, subject, log }) => {
    const sub = nc.subscribe(subject);
    const stays = nc.subscribe(subject);
    nc.publish(subject);
    await nc.flush();
    sub.unsubscribe();
    nc.publish(subject);
    await nc.flush();
    log('heard', tally([sub, stays]));
  });

  scenario('drained: what is under way is served', async ({ nc, connect, subject, log }) => {
    const server = await connect();
    let served = 0;
    server.subscribe(subject, {
      queue: 'q',
      callback: (_, message) => message.respond(`${++served}`),
    });
    await server.flush();
    const asked = Array.from({ length: 50 }, () => nc.request(subject));
    await nc.flush();
    await server.drain();
    log('served', served, (await Promise.all(asked)).length);
    log('closed', server.isClosed());
  });

  scenario('a drained subscription lets others live', async ({ nc, subject, log, take }) => {
    const sub = nc.subscribe(subject);
    nc.publish(subject, '1');
    await nc.flush();
    await sub.drain();
    const next = nc.subscribe(subject);
    nc.publish(subject, '2');
    log('heard', sub.getReceived(), await take(next, 1));
  });
});

scenarios('requests', EVERY_TRANSPORT, (scenario) => {
  const echo = (nc, subject) =>
    nc.subscribe(subject, {
      callback: (_, message) =>
        message.respond(`re ${message.string()}`, { headers: message.headers }),
    });

  scenario('are answered', async ({ nc, connect, subject, log, library }) => {
    echo(await connect(), subject);
    await nc.flush();
    const h = library.headers();
    h.set('trace', '1');
    await nc.request(subject, 'ready?').catch(() => {});
    log('answer', await nc.request(subject, 'a'));
    log('headers', await nc.request(subject, 'b', { headers: h }));
    const options = { noMux: true, timeout: 2000 };
    log('own inbox', await nc.request(subject, 'c', options));
  });

  scenario('by many at a time', async ({ nc, subject, log }) => {
    echo(nc, subject);
    const asked = Array.from({ length: 300 }, (_, i) => nc.request(subject, `${i}`));
    const answers = await Promise.all(asked);
    log('own', answers.every((m, i) => m.string() === `re ${i}`));
  });

  scenario('that nobody answers', async ({ nc, subject, attempt }) => {
    await attempt('no responders', nc.request(subject));
    await attempt('own inbox', nc.request(subject, '', { noMux: true, timeout: 900 }));
    nc.subscribe(subject);
    await attempt('silence', nc.request(subject, '', { timeout: 150 }));
  });

  scenario('with many answers', async ({ nc, connect, subject, log, all }) => {
    const server = await connect();
    for (const name of ['a', 'b', 'c'])
      server.subscribe(subject, {
        callback: (_, message) => message.respond(name),
      });
    await server.flush();
    const ask = async (options) =>
      (await all(await nc.requestMany(subject, '', options)))
        .map((m) => m.string())
        .sort();
    log('three', await ask({ strategy: 'count', maxMessages: 3, maxWait: 5000 }));
    log('stalled', await ask({ strategy: 'stall', stall: 200, jitter: 200, maxWait: 1500 }));
    log('in time', await ask({ strategy: 'timer', maxWait: 200 }));
  });

  scenario('with many answers, and nobody there', async ({ nc, subject, log }) => {
    const heard = [];
    try {
      const options = { strategy: 'timer', maxWait: 1500 };
      for await (const m of await nc.requestMany(subject, '', options))
        heard.push(m);
    } catch (error) {
      heard.push(error);
    }
    log('heard', heard);
  });
});

scenarios('headers', EVERY_TRANSPORT, (scenario) => {
  scenario('travel as they are', async ({ nc, subject, log, take, library }) => {
    const sub = nc.subscribe(subject);
    const h = library.headers();
    h.append('Key', 'one');
    h.append('Key', 'two');
    h.set('lower', 'a: b');
    h.set('Empty', '');
    nc.publish(subject, 'body', { headers: h });
    nc.publish(subject, '', { headers: h });
    const coded = library.headers(418, 'short and stout');
    nc.publish(subject, '', { headers: coded });
    nc.publish(subject, '', { headers: library.headers() });
    log('heard', await take(sub, 4));
  });

  scenario('of many kilobytes', async ({ nc, subject, log, take, library }) => {
    const sub = nc.subscribe(subject);
    const h = library.headers();
    for (let i = 0; i < 200; i++) h.set(`H-${i}`, 'v'.repeat(i));
    nc.publish(subject, 'x', { headers: h });
    const [message] = await take(sub, 1);
    log('keys', message.headers.keys().length, message);
  });
});

scenarios('large messages', EVERY_TRANSPORT, (scenario) => {
  scenario('of every size', async ({ nc, subject, log, take }) => {
    const sub = nc.subscribe(subject);
    const sizes = [125, 126, 127, 4096, 65535, 65536, 300_000, 1_048_576];
    for (const size of sizes) nc.publish(subject, new Uint8Array(size).fill(size % 251));
    const got = await take(sub, sizes.length);
    log('sizes', got.map((m) => m.data.length));
    log('whole', got.every((m, i) => m.data.every((b) => b === sizes[i] % 251)));
  });

  scenario('too large', async ({ nc, subject, log, attempt }) => {
    const body = new Uint8Array(nc.info.max_payload + 1);
    await attempt('refused', (async () => nc.publish(subject, body))());
    await nc.flush();
    log('still open', !nc.isClosed());
  });
});

scenarios('a connection', EVERY_TRANSPORT, (scenario) => {
  scenario('verbose and pedantic', async ({ connect, subject, log, take }) => {
    const nc = await connect({ verbose: true, pedantic: true, name: 'checked' });
    const sub = nc.subscribe(subject);
    for (let i = 0; i < 20; i++) nc.publish(subject, `${i}`);
    log('heard', await take(sub, 20));
  });

  scenario('pings', async ({ connect, log }) => {
    const nc = await connect({ pingInterval: 50, maxPingOut: 2 });
    await waitFor(async () => (await nc.rtt()) >= 0, 'a pong');
    await new Promise((done) => setTimeout(done, 300));
    log('lives', !nc.isClosed());
  });

  scenario('with many subscriptions', async ({ nc, subject, log }) => {
    const subs = [];
    for (let i = 0; i < 1000; i++) subs.push(nc.subscribe(`${subject}.${i % 100}.*`));
    for (let i = 0; i < 100; i++) nc.publish(`${subject}.${i}.x`);
    await nc.flush();
    log('heard', tally(subs).reduce((a, b) => a + b));
    subs.slice(0, 500).forEach((sub) => sub.unsubscribe());
    for (let i = 0; i < 100; i++) nc.publish(`${subject}.${i}.x`);
    await nc.flush();
    log('heard', tally(subs).reduce((a, b) => a + b));
  });
});

scenarios('a server that goes', { transports: ['tcp'], own: {} }, (scenario) => {
  scenario('and comes back is found again', async (t) => {
    const nc = await t.connect({ reconnectTimeWait: 50, maxReconnectAttempts: -1 });
    const told = listen(nc);
    const sub = nc.subscribe(t.subject);
    await nc.flush();
    await t.restart();
    await waitFor(() => told.includes('reconnect'), 'the connection');
    nc.publish(t.subject, 'again');
    t.log('heard', await t.take(sub, 1));
    t.log('told', told.filter((type) => /^(dis|re)connect$/.test(type)));
  });

  scenario('for good ends the connection', async (t) => {
    const nc = await t.connect({ reconnect: false });
    const closed = nc.closed();
    await t.server.stop(t.server.stopSignal);
    t.log('closed with', (await closed) ?? 'nothing');
    await t.attempt('published', (async () => nc.publish(t.subject))());
  });
});
