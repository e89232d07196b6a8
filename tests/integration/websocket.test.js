// lib/websocket: RFC 6455 by raw bytes, what its users may rely on, and other
// people's client.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { WebSocket } from 'ws';

import {
  BINARY,
  CLOSE,
  closeFrame,
  frame,
  Frames,
  PING,
  PONG,
  TEXT,
} from './support/frames.js';
import { startHttpServer } from './support/http_server.js';
import { waitFor } from './support/index.js';
import { atEnd } from './support/program.js';

const PART = { fin: false };
let server;

before(async () => {
  server = await startHttpServer({ message_max: 1_000_000 });
});

// The end of a connection as its handler hears of it.
async function closedWith(at, fn) {
  const { body: first } = await at.numbers();
  await fn();
  const { body } = await waitFor(async () => {
    const numbers = await at.numbers();
    return numbers.body.closed > first.closed && numbers;
  }, 'the handler to hear of the end');
  assert.equal(body.closed, first.closed + 1);
  return body.code;
}

describe('frames', () => {
  // What is sent, what comes back; then the server ends the connection where
  // that ends with a close frame.
  const bad = Buffer.from([0xff]);
  const euro = Buffer.from('€');
  const cases = {
    'a message': [[frame(TEXT, 'hello')], ['text hello']],
    'an empty message': [[frame(TEXT, '')], ['text']],
    'a message of 125 bytes': [
      [frame(TEXT, 'x'.repeat(125))],
      [`text ${'x'.repeat(125)}`],
    ],
    'a message of 126 bytes': [
      [frame(TEXT, 'x'.repeat(126))],
      [`text ${'x'.repeat(126)}`],
    ],
    'a message of 65,535 bytes': [
      [frame(TEXT, 'x'.repeat(65535))],
      [`text ${'x'.repeat(65535)}`],
    ],
    'a message of 65,536 bytes': [
      [frame(TEXT, 'x'.repeat(65536))],
      [`text ${'x'.repeat(65536)}`],
    ],
    'a message of the greatest size': [
      [frame(TEXT, 'x'.repeat(1e6))],
      [`text ${'x'.repeat(1e6)}`],
    ],
    fragments: [
      [frame(TEXT, 'a', PART), frame(0, 'b', PART), frame(0, 'c')],
      ['text abc'],
    ],
    'empty fragments': [
      [frame(TEXT, '', PART), frame(0, '', PART), frame(0, '')],
      ['text'],
    ],
    'control frames between fragments': [
      [
        frame(TEXT, 'a', PART),
        frame(PING, '1'),
        frame(0, 'b', PART),
        frame(PING, '2'),
        frame(0, 'c'),
      ],
      ['pong 1', 'pong 2', 'text abc'],
    ],
    'two messages at once': [
      [Buffer.concat([frame(TEXT, 'a'), frame(TEXT, 'b')])],
      ['text a', 'text b'],
    ],
    'a ping': [[frame(PING, 'p'.repeat(125))], [`pong ${'p'.repeat(125)}`]],
    'an empty ping': [[frame(PING)], ['pong']],
    'a pong nobody asked for': [
      [frame(PONG, 'x'), frame(TEXT, 'on')],
      ['text on'],
    ],
    'UTF-8 cut between fragments': [
      [
        frame(TEXT, euro.subarray(0, 1), PART),
        frame(0, euro.subarray(1, 2), PART),
        frame(0, euro.subarray(2)),
      ],
      ['text €'],
    ],
    closing: [[closeFrame(1000, 'bye')], ['close 1000']],
    'closing without a code': [[frame(CLOSE)], ['close']],
    'closing with a code of one’s own': [[closeFrame(4999)], ['close 4999']],
    'a message behind the close frame': [
      [Buffer.concat([closeFrame(1000), frame(TEXT, 'x')])],
      ['close 1000'],
    ],

    'UTF-8 that is none': [
      [frame(TEXT, bad)],
      ['close 1007 the message is not UTF-8'],
    ],
    'UTF-8 that cannot go on, before the message ends': [
      [frame(TEXT, Buffer.concat([Buffer.from('a'), bad]), PART)],
      ['close 1007 the message is not UTF-8'],
    ],
    'UTF-8 that ends too early': [
      [frame(TEXT, euro.subarray(0, 2))],
      ['close 1007 the message is not UTF-8'],
    ],
    'UTF-8 of a surrogate, cut': [
      [frame(TEXT, Buffer.from([0xed, 0xa0]), PART)],
      ['close 1007 the message is not UTF-8'],
    ],
    'a reason that is not UTF-8': [
      [closeFrame(1000, bad)],
      ['close 1007 the reason is not UTF-8'],
    ],
    'a binary message': [
      [frame(BINARY, 'x')],
      ['close 1003 messages are text'],
    ],
    'a message that is too large': [
      [frame(TEXT, 'x'.repeat(1e6 + 1))],
      ['close 1009 the message is too large'],
    ],
    'fragments that are too large': [
      [frame(TEXT, 'x'.repeat(6e5), PART), frame(0, 'x'.repeat(6e5), PART)],
      ['close 1009 the message is too large'],
    ],
    'a length beyond all': [
      [
        Buffer.from([
          0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3,
          4,
        ]),
      ],
      ['close 1009 the message is too large'],
    ],
    'a length with its highest bit': [
      [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
      ['close 1002 frame'],
    ],
    'a length longer than it needs to be': [
      [Buffer.from([0x81, 0xfe, 0, 1, 1, 2, 3, 4, 0])],
      ['close 1002 frame'],
    ],
    'a frame without a mask': [
      [Buffer.from([0x81, 1, 0x61])],
      ['close 1002 frame'],
    ],
    'reserved bit 1': [[frame(TEXT, 'x', { rsv: 4 })], ['close 1002 frame']],
    'reserved bit 2': [[frame(TEXT, 'x', { rsv: 2 })], ['close 1002 frame']],
    'reserved bit 3': [[frame(PING, 'x', { rsv: 1 })], ['close 1002 frame']],
    'opcode 3': [[frame(3, 'x')], ['close 1002 frame']],
    'opcode 11': [[frame(11, 'x')], ['close 1002 frame']],
    'a continuation of nothing': [[frame(0, 'x')], ['close 1002 frame']],
    'a message within a message': [
      [frame(TEXT, 'a', PART), frame(TEXT, 'b')],
      ['close 1002 frame'],
    ],
    'a ping in fragments': [[frame(PING, 'a', PART)], ['close 1002 frame']],
    'a ping of 126 bytes': [
      [frame(PING, 'x'.repeat(126))],
      ['close 1002 frame'],
    ],
    'a close frame of one byte': [
      [frame(CLOSE, 'x')],
      ['close 1002 close frame'],
    ],
  };
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
    cases[`closing with code ${code}`] = [
      [closeFrame(code)],
      ['close 1002 close frame'],
    ];
  for (const code of [1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4000])
    cases[`closing with code ${code}`] = [
      [closeFrame(code)],
      [`close ${code}`],
    ];

  for (const [name, [sent, expected]] of Object.entries(cases)) {
    for (const bytewise of [false, true]) {
      const all = Buffer.concat(sent);
      if (bytewise && all.length > 300) continue;
      test(bytewise ? `${name}, byte by byte` : name, async () => {
        const client = await Frames.open(server);
        client.socket.setNoDelay(true);
        if (bytewise) for (const byte of all) client.say(Buffer.from([byte]));
        else client.say(...sent);
        await client.until(expected.length);
        if (expected.at(-1).startsWith('close')) {
          if (!sent.some((bytes) => (bytes[0] & 15) === CLOSE))
            client.say(closeFrame(1000));
          await client.untilEnd();
        }
        assert.deepEqual(client.seen, expected);
      });
    }
  }
});

describe('the handshake', () => {
  const refused = {
    'no upgrade': [{ Upgrade: 'h2c' }, 426],
    'no Connection: upgrade': [{ Connection: 'close' }, 426],
    'version 8': [{ 'Sec-WebSocket-Version': '8' }, 426],
    'no key': [{ 'Sec-WebSocket-Key': '' }, 400],
  };
  for (const [name, [fields, status]] of Object.entries(refused))
    test(`${name} is answered with ${status}`, async () => {
      const client = await Frames.open(server, { fields });
      assert.match(client.head, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(client.head, /Content-Type: application\/problem\+json/);
      if (status === 426)
        assert.match(client.head, /Sec-WebSocket-Version: 13\r\n/);
    });

  test('another method is told which one', async () => {
    const reply = await fetch(`${server.url}/ws`, { method: 'POST' });
    assert.equal(reply.status, 405);
  });

  test('the key is answered, and frames may come with the request', async () => {
    const behind = frame(TEXT, 'early');
    const client = await Frames.open(server, { behind });
    assert.match(client.head, /^HTTP\/1.1 101 Switching Protocols\r\n/);
    assert.match(
      client.head,
      /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/
    );
    assert.doesNotMatch(client.head, /Sec-WebSocket-(Extensions|Protocol)/);
    assert.deepEqual(await client.until(1), ['text early']);
  });

  test('a protocol is chosen from all that are offered', async () => {
    const client = await Frames.open(server, {
      fields: { 'Sec-WebSocket-Protocol': 'first,  second' },
    });
    assert.match(client.head, /Sec-WebSocket-Protocol: second\r\n/);
  });

  test('one of none leaves the field out', async () => {
    const client = await Frames.open(server, {
      fields: { 'Sec-WebSocket-Protocol': 'other' },
    });
    assert.doesNotMatch(client.head, /Sec-WebSocket-Protocol/);
  });
});

describe('sending', () => {
  test('what is pulled comes in order, in few fills', async () => {
    const client = await Frames.open(server);
    const { body: first } = await server.numbers();
    client.say(frame(TEXT, 'frames 50000'));
    await client.until(50_000);
    assert.deepEqual(
      client.seen,
      Array.from({ length: 50_000 }, (_, i) => `text frame ${i}`)
    );
    const { body } = await server.numbers();
    assert.ok(
      body.fills - first.fills < 100,
      `${body.fills - first.fills} fills`
    );
  });

  test('what is wanted in a gap shares a fill', async () => {
    const slow = await startHttpServer({ gather_ms: 50 });
    const client = await Frames.open(slow);
    client.say(frame(TEXT, 'frames 1'));
    await client.until(1);
    const { body: first } = await slow.numbers();
    for (let i = 0; i < 20; i++) client.say(frame(TEXT, 'frames 5'));
    await client.until(101);
    const { body } = await slow.numbers();
    assert.equal(client.seen.at(-1), 'text frame 100');
    assert.ok(
      body.fills - first.fills <= 10,
      `${body.fills - first.fills} fills`
    );
  });

  test('a client that does not read is not asked for more', async () => {
    const client = await Frames.open(server);
    client.socket.pause();
    client.say(frame(TEXT, 'frames 100000000'));
    let last = -1;
    await waitFor(async () => {
      const { body } = await server.numbers();
      const still = body.fills === last;
      last = body.fills;
      return still;
    }, 'filling to stop');
    assert.equal(
      await closedWith(server, () => client.socket.resetAndDestroy()),
      1006
    );
  });

  test('a client that does not read what is pushed is closed with 1008', async () => {
    const tight = await startHttpServer({ unsent_max: 100_000 });
    const client = await Frames.open(tight);
    client.socket.pause();
    assert.equal(
      await closedWith(tight, () => client.say(frame(TEXT, 'push 20000'))),
      1008
    );
  });

  test('pushed and pulled frames do not mix', async () => {
    const client = await Frames.open(server);
    for (let i = 0; i < 50; i++)
      client.say(frame(TEXT, 'frames 500'), frame(TEXT, 'push 20'));
    await client.until(50 * 520);
    const pulled = client.seen.filter((seen) => seen.startsWith('text frame '));
    const pushed = client.seen.filter(
      (seen) => seen === `text ${'p'.repeat(1000)}`
    );
    assert.equal(pushed.length, 1000);
    assert.deepEqual(
      pulled,
      Array.from({ length: 25_000 }, (_, i) => `text frame ${i}`)
    );
  });
});

describe('the end', () => {
  test('the server closes, hears the answer and ends the connection', async () => {
    const client = await Frames.open(server);
    const code = await closedWith(server, async () => {
      client.say(frame(TEXT, 'close 4321 because'));
      assert.deepEqual(await client.until(1), ['close 4321 because']);
      client.say(frame(TEXT, 'not heard'), closeFrame(4321));
      await client.untilEnd();
    });
    assert.equal(code, 4321);
    assert.equal(client.seen.length, 1);
  });

  test('a reason that is too long is cut between characters', async () => {
    const client = await Frames.open(server);
    client.say(frame(TEXT, `close 4321 ${'é'.repeat(90)}`));
    assert.deepEqual(await client.until(1), [`close 4321 ${'é'.repeat(61)}`]);
    client.say(closeFrame(4321));
    await client.untilEnd();
  });

  test('who does not answer the close frame is not waited for', async () => {
    const client = await Frames.open(server);
    assert.equal(
      await closedWith(server, () => client.say(frame(TEXT, 'close 4000 now'))),
      4000
    );
  });

  test('a client that closes is told by its code', async () => {
    const client = await Frames.open(server);
    assert.equal(
      await closedWith(server, () => client.say(closeFrame(3456))),
      3456
    );
    const other = await Frames.open(server);
    assert.equal(await closedWith(server, () => other.say(frame(CLOSE))), 1005);
  });

  test('a client that vanishes is told by 1006', async () => {
    const client = await Frames.open(server);
    assert.equal(await closedWith(server, () => client.socket.destroy()), 1006);
  });

  test('pings are sent, and one without an answer ends it', async () => {
    const eager = await startHttpServer({ ping_ms: 50, pong_ms: 300 });
    const client = await Frames.open(eager);
    const code = await closedWith(eager, async () => {
      for (let n = 1; n <= 3; n++) {
        await client.until(n);
        client.say(frame(PONG));
      }
      await client.untilEnd();
    });
    assert.equal(code, 1006);
    assert.deepEqual(client.seen, ['ping', 'ping', 'ping', 'ping']);
  });

  test('a server that stops says 1001', async () => {
    const short = await startHttpServer();
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => Frames.open(short))
    );
    const http = await fetch(`${short.url}/lines/0`);
    clients[0].say(frame(TEXT, 'stop'));
    for (const client of clients) {
      assert.deepEqual(await client.until(1), [
        'close 1001 the server is stopping',
      ]);
      client.say(closeFrame(1001));
      await client.untilEnd();
    }
    assert.match(await http.text(), /^line 0\n/);
    assert.equal((await short.wait()).code, 0);
  });
});

describe('compression', () => {
  const offer = {
    'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
  };
  const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
  const packed = (text) => {
    const bytes = deflateRawSync(text, { finishFlush: 2 });
    return bytes.subarray(0, bytes.length - 4);
  };
  let packer;

  before(async () => {
    packer = await startHttpServer({ compress: 1, message_max: 100_000 });
  });

  test('messages are compressed both ways', async () => {
    const client = await Frames.open(packer, { fields: offer });
    assert.match(
      client.head,
      /Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n/
    );
    client.say(frame(TEXT, packed('abc'), { rsv: 4 }));
    assert.deepEqual(await client.until(1), ['text abc']);
  });

  test('a message in fragments, and one that grows too large', async () => {
    const client = await Frames.open(packer, { fields: offer });
    const bytes = packed('é'.repeat(30_000));
    client.say(
      frame(TEXT, bytes.subarray(0, 9), { fin: false, rsv: 4 }),
      frame(0, bytes.subarray(9))
    );
    await client.until(1);
    client.say(frame(TEXT, packed('x'.repeat(100_001)), { rsv: 4 }));
    await client.until(2);
    assert.equal(client.seen[1], 'close 1009 the message is too large');
  });

  test('what cannot be inflated closes with 1002, text that is none with 1007', async () => {
    const client = await Frames.open(packer, { fields: offer });
    client.say(frame(TEXT, Buffer.from([0xff, 0xff]), { rsv: 4 }));
    assert.deepEqual(await client.until(1), ['close 1002 compressed data']);
    const other = await Frames.open(packer, { fields: offer });
    other.say(frame(TEXT, packed(Buffer.from([0x61, 0xff])), { rsv: 4 }));
    assert.deepEqual(await other.until(1), [
      'close 1007 the message is not UTF-8',
    ]);
  });

  test('what is sent inflates to what was said', async () => {
    const client = await Frames.open(packer, { fields: offer });
    client.socket.removeAllListeners('data');
    const chunks = [];
    client.socket.on('data', (bytes) => chunks.push(bytes));
    const text = 'abc'.repeat(1000);
    client.say(frame(TEXT, text));
    await waitFor(() => chunks.length > 0, 'an answer');
    const answer = Buffer.concat(chunks);
    assert.equal(answer[0], 0xc1);
    assert.ok(answer.length < 126);
    assert.equal(
      inflateRawSync(Buffer.concat([answer.subarray(2), TAIL]), {
        finishFlush: 2,
      }).toString(),
      text
    );
  });
});

describe('the client of npm ws', () => {
  const CLIENTS = { plain: false, deflating: true };
  for (const [name, perMessageDeflate] of Object.entries(CLIENTS))
    test(`${name}: messages of every size come back`, async () => {
      const packer = await startHttpServer({
        compress: 1,
        message_max: 8_000_000,
        unsent_max: 16_000_000,
      });
      const client = new WebSocket(`ws://127.0.0.1:${packer.port}/ws`, {
        perMessageDeflate,
      });
      atEnd(() => client.terminate());
      const heard = [];
      client.on('message', (data) => heard.push(data.toString()));
      await new Promise((open, fail) =>
        client.once('open', open).once('error', fail)
      );
      assert.equal(client.extensions !== '', perMessageDeflate);
      const said = [0, 1, 125, 126, 1000, 65_535, 65_536, 3_000_000].map((n) =>
        'é☃x'.repeat(n).slice(0, n)
      );
      for (const text of said) client.send(text);
      await waitFor(() => heard.length === said.length, 'all messages');
      assert.deepEqual(heard, said);
      const end = new Promise((done) =>
        client.once('close', (code, reason) => done([code, reason.toString()]))
      );
      client.send('close 4002 enough');
      assert.deepEqual(await end, [4002, 'enough']);
    });

  test('a thousand come and go, and nothing is left', async () => {
    const busy = await startHttpServer();
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(
        Array.from({ length: 100 }, () => Frames.open(busy))
      );
      clients.forEach((client, i) => {
        client.say(frame(TEXT, 'frames 1000'));
        if (i % 3 === 0) client.socket.destroy();
        else if (i % 3 === 1) client.socket.resetAndDestroy();
        else client.say(closeFrame(1000));
      });
    }
    await waitFor(
      async () => (await busy.numbers()).body.open === 0,
      'all to be gone'
    );
  });
});
