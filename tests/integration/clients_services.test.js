// Services: a name, endpoints in queue groups, and answers to PING, INFO and
// STATS, all of it made by the client libraries out of core messages.
import { scenarios } from './support/scenarios.js';

const CONFIG = { name: 'adder', version: '1.2.3', description: 'adds' };

const reply = (text) => (_, message) => message.respond(text);

scenarios('services', { transports: ['tcp'] }, (scenario) => {
  // One of the subject's own, so that runs do not see each other.
  const named = ({ subject }) => ({ ...CONFIG, name: `adder_${subject}` });

  scenario('answer', async (t) => {
    const service = await t.library.addService(t.nc, named(t));
    service.addEndpoint('sum', {
      subject: t.subject,
      handler: (_, m) => m.respond(`${JSON.parse(m.string()).reduce((a, b) => a + b)}`),
    });
    await t.nc.flush();
    t.log('sum', await t.nc.request(t.subject, '[1,2,39]'));
  });

  scenario('tell of errors', async (t) => {
    const service = await t.library.addService(t.nc, named(t));
    service.addEndpoint('bad', {
      subject: t.subject,
      handler: (_, m) => m.respondError(422, 'not a number', 'why'),
    });
    t.log('answer', await t.nc.request(t.subject, 'x'));
    const [stats] = await t.all(await t.library.serviceClient(t.nc).stats(named(t).name));
    t.log('counted', stats.endpoints[0].num_requests, stats.endpoints[0].num_errors);
    t.log('last', stats.endpoints[0].last_error);
  });

  scenario('are found', async (t) => {
    const { name } = named(t);
    const other = await t.connect();
    for (const nc of [t.nc, other]) {
      const service = await t.library.addService(nc, named(t));
      service.addEndpoint('sum', { subject: t.subject, handler: reply('x') });
      await nc.flush();
    }
    for (let i = 0; i < 20; i++) await t.nc.request(t.subject);
    const client = t.library.serviceClient(t.nc);
    t.log('ping', await t.all(await client.ping(name)));
    t.log('info', await t.all(await client.info(name)));
    const stats = await t.all(await client.stats(name));
    const requests = stats.map((s) => s.endpoints[0].num_requests);
    t.log('requests', requests.reduce((a, b) => a + b));
    t.log('shared', requests.every((n) => n > 0));
    const [{ id }] = await t.all(await client.ping(name));
    t.log('one of them', (await t.all(await client.ping(name, id))).length);
    await t.attempt('of no name', t.within(t.all(await client.ping('nobody')), 2000, () => 'late'));
  });

  scenario('in groups', async (t) => {
    const service = await t.library.addService(t.nc, named(t));
    const outer = service.addGroup(t.subject, 'crew');
    outer.addEndpoint('a', reply('outer a'));
    outer.addGroup('deep').addEndpoint('b', reply('deep b'));
    await t.nc.flush();
    t.log('a', await t.nc.request(`${t.subject}.a`));
    t.log('b', await t.nc.request(`${t.subject}.deep.b`));
    const [info] = await t.all(await t.library.serviceClient(t.nc).info(named(t).name));
    t.log('endpoints', info.endpoints);
    await t.attempt('no such', t.nc.request(`${t.subject}.c`));
  });

  scenario('stop', async (t) => {
    const service = await t.library.addService(t.nc, named(t));
    service.addEndpoint('x', { subject: t.subject, handler: reply('here') });
    t.log('before', await t.nc.request(t.subject));
    await service.stop();
    await t.attempt('after', t.nc.request(t.subject));
    t.log('stopped', service.isStopped);
  });
});
