// When the model asks again, and when it tells: against an API that is played.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { waitFor } from '../../integration/support/wait.js';
import { load, metrics } from '../support/fleet.js';
import { letTimersGo, openPage } from '../support/page.js';

letTimersGo();
openPage();
const { Emitter, Fleet, follow } = await load('emitter.ts', 'fleet/live.ts');

const COUNTS = { active: 2, silent: 0, missing: 0, maintenance: 0 };

function gpuAnswer(uuid, index) {
  return {
    uuid,
    index,
    model: 'H100',
    device: `nvidia${index}`,
    pod: null,
    namespace: null,
    container: null,
    status: 'active',
    statusSince: null,
    labels: [],
    maintenance: null,
  };
}

// What it says can be set; what it was asked for is counted.
class PlayedApi {
  resumed = new Emitter();
  asked = { inventory: 0, values: 0, metrics: 0 };
  fails = '';
  uuids = ['a', 'b'];
  celsius = 40;
  time = Date.now();
  followed = {};

  values(uuids) {
    return {
      asOf: new Date(++this.time).toISOString(),
      following: true,
      gpuUuids: uuids,
      timestamps: uuids.map(() => new Date(this.time).toISOString()),
      columns: [{ metric: 'temperature', values: uuids.map(() => this.celsius) }],
    };
  }

  async query(text) {
    const what = /hostsConnection/.test(text) ? 'inventory' : /latestValues/.test(text) ? 'values' : 'metrics';
    this.asked[what]++;
    if (this.fails) throw new Error(this.fails);
    if (what === 'metrics') return { metrics };
    if (what === 'values') return { latestValues: this.values(this.uuids) };
    const gpus = this.uuids.map((uuid, i) => gpuAnswer(uuid, String(i)));
    const node = { hostname: 'alpha', clusterId: 'east', missing: [], gpus };
    return { hostsConnection: { pageInfo: { hasNextPage: false, endCursor: null }, nodes: [node] } };
  }

  subscribe(text, _variables, handlers) {
    const [name] = /latestValues|gpuStatusChanged|fleetSummary/.exec(text);
    this.followed[name] = { handlers, times: (this.followed[name]?.times ?? 0) + 1 };
    return () => {};
  }

  say(name, data, missed = 0) {
    this.followed[name].handlers.next({ [name]: data }, missed);
  }

  report(uuids, missed) {
    this.say('latestValues', this.values(uuids), missed);
  }
}

let api, fleet, paused, told;

beforeEach(async () => {
  api = new PlayedApi();
  fleet = new Fleet();
  paused = false;
  told = [];
  fleet.changed.on((change) => told.push(change));
  follow(api, fleet, () => paused);
  await waitFor(() => told.length > 0, 'the inventory');
  told = [];
});

const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

describe('it asks again', () => {
  test('for the values where events were left out', async () => {
    api.report(['a'], 1);
    await waitFor(() => api.asked.values === 2, 'the values');
    assert.equal(api.asked.inventory, 1);
  });

  test('for everything when the connection is back', async () => {
    api.resumed.emit();
    await waitFor(() => api.asked.inventory === 2 && api.asked.values === 2, 'everything');
  });

  test('for everything once where many GPUs are new', async () => {
    api.uuids = ['a', 'b', 'c', 'd'];
    for (let i = 0; i < 20; i++) api.report(['c', 'd']);
    await waitFor(() => fleet.gpu('d') !== undefined, 'the new GPUs');
    assert.equal(api.asked.inventory, 2);
    assert.equal(fleet.value(fleet.gpu('d'), 'temperature'), 40);
  });

  test('for everything where a place of nobody has another state', async () => {
    api.say('gpuStatusChanged', { timestamp: new Date(), gpuUuid: null, now: 'missing', gpu: null });
    await waitFor(() => api.asked.inventory === 2, 'the inventory');
  });

  test('once for figures that are not ours, twice in a row', async () => {
    const say = (statusCounts) => api.say('fleetSummary', { asOf: new Date(), following: true, statusCounts });
    say({ ...COUNTS, silent: 1 });
    say(COUNTS);
    say({ ...COUNTS, silent: 1 });
    await frames();
    assert.equal(api.asked.inventory, 1, 'a change on its way');
    for (let i = 0; i < 5; i++) say({ ...COUNTS, silent: 1 });
    await waitFor(() => api.asked.inventory === 2, 'the inventory');
    for (let i = 0; i < 5; i++) say({ ...COUNTS, silent: 1 });
    await new Promise((done) => setTimeout(done, 1200));
    assert.equal(api.asked.inventory, 2, 'nothing else would come of it');
  });

  test('where it was refused, and says so meanwhile', async () => {
    api.fails = 'the database is away';
    api.resumed.emit();
    await waitFor(() => fleet.problem !== '', 'the problem');
    assert.match(fleet.problem, /the database is away/);
    api.fails = '';
    await waitFor(() => fleet.problem === '', 'its end');
    assert.equal(fleet.value(fleet.gpu('a'), 'temperature'), 40, 'what is known is kept');
  });

  test('to follow, where that was refused', async () => {
    api.followed.latestValues.handlers.error(new Error('too many'));
    assert.match(fleet.problem, /too many/);
    await waitFor(() => api.followed.latestValues.times === 2, 'another try');
    await waitFor(() => fleet.problem === '', 'its end');
    assert.ok(api.asked.values > 1, 'what came meanwhile is asked for');
  });
});

describe('it tells', () => {
  test('of all batches of a frame at once', async () => {
    api.report(['a']);
    api.celsius = 41;
    api.report(['b']);
    assert.equal(told.length, 0);
    await frames();
    assert.equal(told.length, 1);
    assert.deepEqual([...told[0].rows], [0, 1]);
    assert.equal(told[0].inventory, false);
  });

  test('nothing while paused, and all of it then', async () => {
    paused = true;
    for (let i = 0; i < 10; i++) api.report([i % 2 ? 'a' : 'b']);
    api.say('gpuStatusChanged', { timestamp: new Date(), gpuUuid: 'a', now: 'silent', gpu: null });
    await frames();
    assert.equal(told.length, 0);
    assert.equal(fleet.gpu('a').status, 'silent', 'the model goes on');
    paused = false;
    await waitFor(() => told.length > 0, 'the change');
    assert.equal(told.length, 1);
    assert.deepEqual([told[0].rows.size, told[0].status], [2, true]);
  });

  test('how fresh it is, also while paused', async () => {
    paused = true;
    let times = 0;
    fleet.freshnessChanged.on(() => times++);
    const asOf = new Date(api.time + 5000).toISOString();
    api.say('fleetSummary', { asOf, following: false, statusCounts: COUNTS });
    assert.equal(times, 1);
    assert.deepEqual([fleet.asOf, fleet.following], [Date.parse(asOf), false]);
  });
});
