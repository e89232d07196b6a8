// The address says all that makes up a picture, and nothing breaks it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { importSource } from '../support/source.js';

const { formatRoute, parseRoute, samePage, START } = await importSource('route.ts');

test('a route is the same from its address', () => {
  const routes = [
    {},
    { query: 'util<5 label:team=a&b "two words" 100%' },
    { metric: 'temperature', from: 'now-7d', to: 'now-1h', sort: '-power_draw' },
    { view: 'host', cluster: 'a/b', host: 'dgx.01 o\'neill ü?#&' },
    { view: 'gpu', gpu: 'GPU-1/2', compare: ['GPU-3', 'GPU-4'], from: '2026-11-21T11:30:05.000Z' },
    { view: 'pipeline', query: 'x' },
    { view: 'api' },
  ];
  for (const change of routes) {
    const route = { ...START, ...change };
    assert.deepEqual(parseRoute(formatRoute(route)), route);
  }
});

test('what is as at the start is not in the address', () => {
  assert.equal(formatRoute({ ...START }), '#/');
  assert.equal(formatRoute({ ...START, view: 'pipeline' }), '#/pipeline');
  assert.deepEqual(parseRoute(''), START);
  assert.deepEqual(parseRoute('#'), START);
  assert.deepEqual(parseRoute('#/?metric=&q='), START);
});

test('what is unknown is tolerated, and a page that is not there is said to be none', () => {
  assert.deepEqual(parseRoute('#/?colour=red&q=a'), { ...START, query: 'a' });
  for (const address of ['#/nope', '#/host', '#/host/only-a-cluster', '#/gpu/', '#/api/more']) {
    assert.equal(parseRoute(address).view, 'nowhere', address);
  }
  assert.equal(parseRoute('#/gpu/%E0%A4%A').gpu, '%E0%A4%A');
});

test('a page is the same with another range, and another with another GPU', () => {
  const gpu = { ...START, view: 'gpu', gpu: 'GPU-1' };
  assert.ok(samePage(gpu, { ...gpu, from: 'now-1h', compare: ['GPU-2'] }));
  assert.ok(!samePage(gpu, { ...gpu, gpu: 'GPU-2' }));
  assert.ok(!samePage(gpu, START));
});
