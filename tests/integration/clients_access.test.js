// Who may come in and what they may do, as other people's client libraries
// are told.
import { nkeys } from 'nats';

import { scenarios } from './support/scenarios.js';
import { configured } from './support/transports.js';
import { waitFor } from './support/wait.js';

const TCP = ['tcp'];
const NOBODY = { maxReconnectAttempts: 0, reconnect: false };

// What a connection is told of, from now on: errors alone.
function errorsOf(nc) {
  const told = [];
  (async () => {
    for await (const status of nc.status())
      if (status.type === 'error') told.push(status);
  })();
  return told;
}

const PASSWORDS = configured(`
  authorization {
    timeout: 1
    users = [
      { user: ann, password: plain }
      { user: bob, password: "$2a$04$NI0nq5X.NJbqHu7jgxCrm.Kl8txzRrchKChg2Pxp4kOwcD2jR5s5y" }
    ]
  }`);

scenarios('passwords', { transports: TCP, own: { args: PASSWORDS } }, (scenario) => {
  const ANN = { user: 'ann', pass: 'plain' };

  scenario('let in and keep out', { as: ANN }, async (t) => {
    const tries = (options) =>
      t.attempt(JSON.stringify(options), t.connect({ ...NOBODY, ...options }).then(() => 'in'));
    t.log('asked', t.nc.info.auth_required);
    await tries(ANN);
    await tries({ ...ANN, pass: 'other' });
    await tries({ ...ANN, user: 'eve' });
    await tries({ user: 'bob', pass: 'plain' });
    await tries({ token: 'plain' });
    await tries({});
  });
});

const TOKEN = configured('authorization { token: "s3cret" }');

scenarios('a token', { transports: TCP, own: { args: TOKEN } }, (scenario) => {
  scenario('lets in and keeps out', { as: { token: 's3cret' } }, async (t) => {
    t.log('in', (await t.nc.rtt()) >= 0);
    await t.attempt('other', t.connect({ ...NOBODY, token: 'other' }));
    await t.attempt('none', t.connect(NOBODY));
  });
});

const [KEY, STRANGER] = [nkeys.createUser(), nkeys.createUser()];
const NKEYS = configured(`authorization { users = [ { nkey: ${KEY.getPublicKey()} } ] }`);

scenarios('keys', { transports: TCP, own: { args: NKEYS } }, (scenario) => {
  const signing = (library, key) => ({
    ...NOBODY,
    authenticator: library.nkeyAuthenticator(key.getSeed()),
  });
  const as = (library) => signing(library, KEY);

  scenario('let in and keep out', { as }, async (t) => {
    t.log('in', (await t.nc.rtt()) >= 0);
    await t.attempt('other', t.connect(signing(t.library, STRANGER)));
    await t.attempt('none', t.connect(NOBODY));
  });
});

scenarios('permissions', { transports: TCP }, (scenario) => {
  const own = {
    args: configured(`
      authorization {
        users = [
          { user: all, password: p }
          { user: some, password: p, permissions: {
              publish: { allow: ["free.>", "$JS.API.>", "ask"], deny: "free.not" }
              subscribe: { allow: ["free.*", "_INBOX.>", "grouped workers"], deny: "free.not" }
          } }
          { user: server, password: p, permissions: {
              subscribe: "ask", publish: { deny: ">" }, allow_responses: { max: 2, expires: "1m" }
          } }
        ]
      }`),
  };
  const options = { own, as: { user: 'some', pass: 'p' } };

  scenario('of publishing', options, async (t) => {
    const all = await t.connect({ user: 'all', pass: 'p' });
    const sub = all.subscribe('>');
    await all.flush();
    const errors = errorsOf(t.nc);
    for (const subject of ['free.a', 'free.not', 'free.a.b', 'other', 'free'])
      t.nc.publish(subject, 'x');
    await t.nc.flush();
    t.log('heard', await t.take(sub, 2));
    await waitFor(() => errors.length >= 3, 'errors');
    t.log('told', errors);
    t.log('open', !t.nc.isClosed());
  });

  scenario('of subscribing', options, async (t) => {
    const all = await t.connect({ user: 'all', pass: 'p' });
    const allowed = t.nc.subscribe('free.*');
    for (const [subject, queue] of [['free.not'], ['other'], ['>'], ['grouped', 'q']])
      await t.attempt(`${subject} ${queue}`, t.all(t.nc.subscribe(subject, { queue })));
    const grouped = t.nc.subscribe('grouped', { queue: 'workers' });
    await t.nc.flush();
    for (const subject of ['free.a', 'free.not', 'free.b', 'grouped']) all.publish(subject);
    await all.flush();
    t.log('heard', await t.take(allowed, 2), await t.take(grouped, 1));
  });

  scenario('of answering', options, async (t) => {
    const server = await t.connect({ user: 'server', pass: 'p' });
    const errors = errorsOf(server);
    server.subscribe('ask', {
      callback: (_, message) => {
        for (let i = 0; i < 3; i++) message.respond(`${i}`);
      },
    });
    await server.flush();
    const inbox = '_INBOX.answers';
    const sub = t.nc.subscribe(inbox);
    t.nc.publish('ask', '', { reply: inbox });
    t.log('answers', await t.take(sub, 2));
    await waitFor(() => errors.length > 0, 'an error');
    t.log('told', errors.length);
  });
});

const ACCOUNTS = configured(`
  jetstream {}
  accounts {
    A { jetstream: enabled, users: [ { user: a, password: p } ] }
    B { jetstream: enabled, users: [ { user: b, password: p } ] }
    C { users: [ { user: c, password: p } ] }
  }`);

scenarios('accounts', { transports: TCP, own: { args: ACCOUNTS } }, (scenario) => {
  scenario('do not see each other', { as: { user: 'a', pass: 'p' } }, async (t) => {
    const b = await t.connect({ user: 'b', pass: 'p' });
    const [ours, theirs] = [t.nc.subscribe('x'), b.subscribe('x')];
    await b.flush();
    t.nc.publish('x', 'of a');
    await t.nc.flush();
    b.publish('x', 'of b');
    t.log('heard', await t.take(ours, 1), await t.take(theirs, 1));
    await t.attempt('nobody there', b.request('only.a'));
  });

  scenario('have streams of their own', { as: { user: 'a', pass: 'p' } }, async (t) => {
    for (const [user, text] of [['a', 'one'], ['b', 'two']]) {
      const nc = await t.connect({ user, pass: 'p' });
      const jsm = await t.library.manager(nc);
      await jsm.streams.add({ name: 'S', subjects: ['s'] });
      t.log(user, await t.library.jetstream(nc).publish('s', text));
      t.log(user, (await jsm.streams.getMessage('S', { seq: 1 })).string());
    }
    const c = await t.connect({ user: 'c', pass: 'p' });
    await t.attempt('none', t.library.manager(c).then(() => 'enabled'));
  });
});
