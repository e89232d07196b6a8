// The search box's language.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fill, load } from '../support/fleet.js';
import { Random, SEED } from '../support/random.js';

const { Fleet, FILTER_HELP, parseFilter } = await load('fleet/filter.ts');

const FLEET = {
  east: {
    'hgpu-011': [
      {
        pod: 'train-a',
        namespace: 'ml',
        container: 'main',
        labels: [{ key: 'team', value: 'Vision' }],
        values: { gpu_utilization: 97, temperature: 81, memory_used_mb: 50_000, xid: 0 },
      },
      { values: { gpu_utilization: 3, temperature: 40, memory_used_mb: 4, power_draw: 70 } },
    ],
  },
  west: {
    'hgpu-012': [
      { model: 'Tesla V100', status: 'silent', values: { gpu_utilization: 50 } },
      { status: 'missing', uuid: null, model: '' },
      { status: 'maintenance', labels: [{ key: 'note', value: 'two words' }] },
    ],
  },
};
const fleet = fill(new Fleet(), FLEET);

// Rows: 0 busy, 1 idle, 2 silent, 3 missing, 4 maintenance.
function rows(text) {
  const filter = parseFilter(text, fleet);
  return fleet.gpus.filter((gpu) => filter.takes(gpu)).map((gpu) => gpu.row);
}

const ALL = [0, 1, 2, 3, 4];
const CASES = [
  ['', ALL],
  ['   ', ALL],
  ['hgpu-012', [2, 3, 4]],
  ['HGPU-012', [2, 3, 4]],
  ['hgpu', ALL],
  ['hgpu-011 west', []],
  ['-west', [0, 1]],
  ['train', [0]],
  ['vision', [0]],
  ['"two words"', [4]],
  ['two words', [4]],
  ['"two  words"', []],
  ['-"two words" west', [2, 3]],
  ['util<5', [1]],
  ['util<=3', [1]],
  ['util < 5', [1]],
  ['util >= 50', [0, 2]],
  ['util≥50', [0, 2]],
  ['util ≠ 50', [0, 1]],
  ['"two words" status:maintenance', [4]],
  ['util=50', [2]],
  ['util==50', [2]],
  ['util!=50', [0, 1]],
  ['gpu_utilization>90', [0]],
  ['gpuUtilization>90', [0]],
  ['UTIL>90%', [0]],
  ['temp>80', [0]],
  ['temp>80C', [0]],
  ['temp>80°C', [0]],
  ['mem>40GiB', [0]],
  ['mem>40g', [0]],
  ['mem<5MiB', [1]],
  ['used>=50000', [0]],
  ['power<0.1kW', [1]],
  ['temp>-5', [0, 1]],
  ['temp>4e1', [0]],
  ['temp>.5e2', [0]],
  ['-temp>80', [1, 2, 3, 4]],
  ['has:temp', [0, 1]],
  ['-has:temp', [2, 3, 4]],
  ['has:xid', [0]],
  ['xid=0', [0]],
  ['status:silent', [2]],
  ['status:silent,missing', [2, 3]],
  ['status:ACTIVE', [0, 1]],
  ['is:idle', [1]],
  ['is:busy', [0]],
  ['is:missing', [3]],
  ['is:unhealthy', [2]],
  ['model:h100', [0, 1, 4]],
  ['model:v100', [2]],
  ['model:"tesla v100"', [2]],
  ['cluster:east', [0, 1]],
  ['cluster=eas', []],
  ['cluster=east', [0, 1]],
  ['host:011', [0, 1]],
  ['host=hgpu-011', [0, 1]],
  ['host=011', []],
  ['host:011,012', ALL],
  ['pod:train', [0]],
  ['ns:ml', [0]],
  ['index:1', [1, 3]],
  ['gpu:0', [0, 2]],
  ['device:nvidia1', [1, 3]],
  ['label:team', [0]],
  ['label:team=vision', [0]],
  ['label:team=vis', []],
  ['label:note="two words"', [4]],
  ['-label:team', [1, 2, 3, 4]],
  ['status:active util<5 temp<50', [1]],
];

describe('what is taken', () => {
  for (const [text, expected] of CASES) {
    test(text || 'nothing', () => {
      assert.equal(parseFilter(text, fleet).error, '');
      assert.deepEqual(rows(text), expected);
    });
  }
});

const ERRORS = [
  ['temp>', /temp>.*expected a number/, ALL],
  ['temp> west', /temp>.*expected a number/, [2, 3, 4]],
  ['temp>hot', /expected a number/, ALL],
  ['temp>80GiB', /temp is in °C/, ALL],
  ['xid>3W', /xid has no unit/, ALL],
  ['temp>80parsec', /parsec is no unit/, ALL],
  ['tmep>80 west', /no metric tmep/, [2, 3, 4]],
  ['foo:bar', /there is no foo:/, ALL],
  ['status:sil', /expected active, silent, missing or maintenance/, ALL],
  ['is:warm', /expected idle/, ALL],
  ['host:', /expected something/, ALL],
  ['has:nothing', /expected a metric/, ALL],
];

describe('what is not understood is told, and the rest filters', () => {
  for (const [text, error, expected] of ERRORS) {
    test(text, () => {
      assert.match(parseFilter(text, fleet).error, error);
      assert.deepEqual(rows(text), expected);
    });
  }
});

test('unfinished quotes and a lone minus are no error', () => {
  for (const text of ['"hgpu-01', '-', '""', '-""']) {
    assert.equal(parseFilter(text, fleet).error, '');
  }
  assert.deepEqual(rows('"two wor'), [4]);
});

test('empty says that all are taken', () => {
  assert.equal(parseFilter('', fleet).empty, true);
  assert.equal(parseFilter('temp>', fleet).empty, true);
  assert.equal(parseFilter('west', fleet).empty, false);
});

test('the help says nothing that is not understood', () => {
  for (const { example } of FILTER_HELP) assert.equal(parseFilter(example, fleet).error, '');
});

test('labels and pods that change are found', () => {
  const changing = fill(new Fleet(), { east: { alpha: [{ pod: 'old' }] } });
  const taken = (text) => parseFilter(text, changing).takes(changing.gpus[0]);
  assert.deepEqual([taken('old'), taken('new')], [true, false]);
  fill(changing, { east: { alpha: [{ pod: 'new' }] } });
  assert.deepEqual([taken('old'), taken('new')], [false, true]);
  changing.set(changing.gpus[0], { labels: [{ key: 'team', value: 'vision' }] });
  assert.deepEqual([taken('vision'), taken('label:team')], [true, true]);
});

test('a filter follows the values', () => {
  const changing = fill(new Fleet(), { east: { alpha: [{ values: { temperature: 70 } }] } });
  const filter = parseFilter('temp>80', changing);
  assert.equal(filter.takes(changing.gpus[0]), false);
  changing.column('temperature')[0] = 90;
  assert.equal(filter.takes(changing.gpus[0]), true);
  fill(changing, { a: { a: [{}] }, east: { alpha: [{}] } });
  assert.deepEqual(
    changing.gpus.map((gpu) => filter.takes(gpu)),
    [false, true]
  );
});

// ---- random filters against what they were made of ----

const OPERATORS = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

// A word with what it means: [text, (gpu, values) => taken].
const WORDS = [
  (random) => {
    const text = random.of(['hgpu-0', 'HGPU-01', 'east', 'we', 'h100', 'nvidia1', 'nothing']);
    const names = (gpu) => [gpu.uuid ?? '', gpu.host.hostname, gpu.host.cluster.name, gpu.model, gpu.device];
    return [text, (gpu) => names(gpu).some((name) => name.toLowerCase().includes(text.toLowerCase()))];
  },
  (random) => {
    const [alias, metric] = random.of([
      ['util', 'gpu_utilization'],
      ['temp', 'temperature'],
      ['temperature', 'temperature'],
      ['power', 'power_draw'],
    ]);
    const operator = random.of(Object.keys(OPERATORS));
    const bound = random.below(12) * 10;
    const blank = random.of(['', ' ']);
    const holds = OPERATORS[operator];
    return [
      `${alias}${blank}${operator}${blank}${bound}`,
      (_gpu, values) => values?.[metric] !== undefined && holds(values[metric], bound),
    ];
  },
  (random) => {
    const statuses = ['active', 'silent', 'missing', 'maintenance'].filter(() => random.chance(0.5));
    if (statuses.length === 0) statuses.push('active');
    return [`status:${statuses.join(',')}`, (gpu) => statuses.includes(gpu.status)];
  },
  (random) => {
    const index = String(random.below(4));
    return [`index:${index}`, (gpu) => gpu.index === index];
  },
  (random) => {
    const host = random.of(['hgpu-000', 'hgpu-001', '00']);
    return random.chance(0.5)
      ? [`host:${host}`, (gpu) => gpu.host.hostname.includes(host)]
      : [`host=${host}`, (gpu) => gpu.host.hostname === host];
  },
];

function randomFleet(random) {
  const clusters = {};
  const given = [];
  for (const cluster of ['east', 'west']) {
    clusters[cluster] = {};
    for (let host = 0; host < 3; host++) {
      clusters[cluster][`hgpu-00${host}`] = Array.from({ length: 4 }, () => {
        const status = random.of(['active', 'active', 'silent', 'missing', 'maintenance']);
        const values = {};
        for (const metric of ['gpu_utilization', 'temperature', 'power_draw'])
          if (random.chance(0.7)) values[metric] = random.below(12) * 10;
        const gpu = status === 'missing' ? { status, uuid: null, values: {} } : { status, values };
        given.push(gpu);
        return gpu;
      });
    }
  }
  return [fill(new Fleet(), clusters), given];
}

test(`any words together (seed ${SEED})`, () => {
  const random = new Random();
  for (let round = 0; round < 1000; round++) {
    const [made, given] = randomFleet(random);
    const words = Array.from({ length: random.below(4) }, () => {
      const [text, means] = random.of(WORDS)(random);
      return random.chance(0.3) ? [`-${text}`, (...gpu) => !means(...gpu)] : [text, means];
    });
    const text = words.map(([word]) => word).join(random.of([' ', '   ']));
    const filter = parseFilter(text, made);
    assert.equal(filter.error, '', text);
    assert.deepEqual(
      made.gpus.map((gpu) => filter.takes(gpu)),
      made.gpus.map((gpu) => words.every(([, means]) => means(gpu, given[gpu.row].values))),
      text
    );
  }
});

test(`nothing that is typed breaks it (seed ${SEED})`, () => {
  const random = new Random();
  const parts = [...'"-:=<>!,. ()[]\\%', 'temp', 'util', 'host', 'label', 'is', '80', 'GiB', '°', 'é', '__proto__', 'constructor'];
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random.below(8) }, () => random.of(parts)).join('');
    const filter = parseFilter(text, fleet);
    for (const gpu of fleet.gpus) assert.equal(typeof filter.takes(gpu), 'boolean', text);
  }
});
