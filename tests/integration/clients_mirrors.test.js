// Streams that copy others, as other people's client libraries make them.
import { scenarios } from './support/scenarios.js';
import { waitFor } from './support/wait.js';

// Two streams, of which others are made: { js, jsm, add, holds, stored }.
async function make(t) {
  const { js, jsm } = await t.streams();
  const named = (name) => `${t.stream}_${name}`;
  const add = (name, config) => jsm.streams.add({ name: named(name), ...config });
  for (const name of ['A', 'B']) await add(name, { subjects: [`${t.subject}.${name}.>`] });
  const state = async (name) => (await jsm.streams.info(named(name))).state;
  // Counted as soon as they are taken, read when they are on disk.
  const read = (name, seq) => jsm.streams.getMessage(named(name), { seq }).catch(() => null);
  const holds = (name, count) =>
    waitFor(async () => {
      const { messages, last_seq } = await state(name);
      return messages === count && (await read(name, last_seq)) !== null;
    }, `${count} in ${name}`);
  const stored = async (name) => {
    const messages = [];
    const { first_seq, last_seq } = await state(name);
    for (let seq = first_seq; seq <= last_seq; seq++) {
      messages.push(await read(name, seq)); // or null: a gap
    }
    return messages;
  };
  const publish = (tail) => js.publish(`${t.subject}.${tail}`, tail);
  return { js, jsm, named, add, holds, stored, publish };
}

scenarios('a stream that copies', { transports: ['tcp'] }, (scenario) => {
  scenario('another whole', async (t) => {
    const { jsm, named, add, holds, stored, publish } = await make(t);
    for (const tail of ['A.1', 'A.2']) await publish(tail);
    const made = await add('M', { mirror: { name: named('A') } });
    t.log('made', made.config);
    await holds('M', 2);
    await publish('A.3');
    await holds('M', 3);
    t.log('stored', await stored('M'));
    await jsm.streams.purge(named('A'));
    await publish('A.4');
    await holds('M', 4);
    t.log('its own', (await stored('M')).map((m) => [m.seq, m.subject]));
    const { mirror } = await jsm.streams.info(named('M'));
    t.log('of', mirror.name, mirror.lag);
  });

  scenario('from a place on, filtered', async (t) => {
    const { named, add, holds, stored, publish } = await make(t);
    for (const tail of ['A.x', 'A.y', 'A.x', 'A.y']) await publish(tail);
    const mirror = { name: named('A'), opt_start_seq: 2, filter_subject: `${t.subject}.A.y` };
    await add('M', { mirror });
    await holds('M', 2);
    t.log('stored', (await stored('M')).map((m) => m && [m.seq, m.subject]));
  });

  scenario('several', async (t) => {
    const { jsm, named, add, holds, stored, publish } = await make(t);
    await add('S', { sources: [{ name: named('A') }, { name: named('B') }] });
    for (const tail of ['A.1', 'B.1']) await publish(tail);
    await holds('S', 2);
    const got = await stored('S');
    t.log('subjects', got.map((m) => m.subject).sort());
    t.log('headers', got.map((m) => m.header.keys()));
    const { sources } = await jsm.streams.info(named('S'));
    t.log('of', sources.map((s) => [s.name, s.lag]).sort());
  });

  scenario('is refused', async (t) => {
    const { named, add } = await make(t);
    const [a, b] = [{ name: named('A') }, { name: named('B') }];
    await t.refusal('a mirror with subjects', add('X', { mirror: a, subjects: ['x'] }));
    await t.refusal('a mirror and sources', add('X', { mirror: a, sources: [b] }));
  });
});
