// What needs attention.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fill, load, setValues, tell } from '../support/fleet.js';
import { Random, SEED } from '../support/random.js';

const { Attention, Fleet, parseFilter } = await load('fleet/attention.ts', 'fleet/filter.ts');

function watch(...gpus) {
  const fleet = fill(new Fleet(), { east: { alpha: gpus } });
  const attention = new Attention(fleet);
  attention.update();
  return { fleet, attention };
}

function found(...gpus) {
  const { attention } = watch(...gpus);
  return attention.findings.map(({ problem, severity, text }) => [problem, severity, text]);
}

const values = (given) => ({ values: given });

test('each problem in its words', () => {
  assert.deepEqual(
    found(
      values({ temperature: 91 }),
      values({ temperature: 84 }),
      values({ xid: 79 }),
      values({ xid: 31 }),
      values({ ecc_double_bit: 2 }),
      values({ throttle_reasons: 0x45 }),
      values({ throttle_reasons: 0x1 }),
      values({ throttle_reasons: 0x4 }),
      { status: 'silent', values: { temperature: 95 } },
      { status: 'missing', uuid: null },
      values({ gpu_utilization: 2, memory_used_mb: 42189 }),
      values({ gpu_utilization: 2, memory_used_mb: 700 }),
      { status: 'maintenance', values: { temperature: 99 } }
    ),
    [
      ['missing', 'critical', 'place 9 of alpha has never reported'],
      ['silent', 'critical', 'nothing has come for three of its intervals'],
      ['xid_error', 'critical', 'XID 79 (fallen off the bus)'],
      ['ecc_error', 'critical', '2 double-bit ECC errors: memory is damaged'],
      ['hot', 'critical', '91 °C: 90 °C or more is hot'],
      ['xid_error', 'warning', 'XID 31 (memory page fault)'],
      ['hot', 'warning', '84 °C: 80 °C or more is warm, 90 °C hot'],
      ['throttled', 'warning', 'slowed down: too hot (hardware)'],
      ['idle_holding_memory', 'notice', 'idle (2 %) with 41.2 GiB held'],
    ]
  );
});

test('a straggler is slower than its host, which is busy', () => {
  const busy = values({ gpu_utilization: 98, sm_clock_mhz: 1980 });
  assert.deepEqual(
    found(
      busy,
      busy,
      busy,
      values({ gpu_utilization: 61, sm_clock_mhz: 1980 }),
      values({ gpu_utilization: 99, sm_clock_mhz: 1200 }),
      values({ gpu_utilization: 0, sm_clock_mhz: 345 })
    ).map(([problem, , text]) => [problem, text]),
    [
      ['straggler', '61 % while its host\'s median is 98 %'],
      ['straggler', '1,200 MHz while its host\'s median is 1,980 MHz'],
    ]
  );
  assert.deepEqual(found(busy, values({ gpu_utilization: 20 })), [], 'two are no host at work');
  const lazy = values({ gpu_utilization: 30 });
  assert.deepEqual(found(lazy, lazy, lazy, values({ gpu_utilization: 10 })), []);
});

test('what trembles at a threshold does not blink', () => {
  const { fleet, attention } = watch({});
  const steps = [
    [79, 0, ''],
    [80, 1, 'warning'],
    [78, 1, 'warning'],
    [77.9, 0, ''],
    [79.9, 0, ''],
    [90, 1, 'critical'],
    [88, 1, 'critical'],
    [87.9, 1, 'warning'],
    [89.9, 1, 'warning'],
    [NaN, 0, ''],
  ];
  for (const [temperature, count, severity] of steps) {
    setValues(fleet, fleet.gpus[0], { temperature });
    tell(fleet);
    assert.equal(attention.count('hot'), count, `${temperature}`);
    assert.equal(attention.findings[0]?.severity ?? '', severity, `${temperature}`);
  }
});

test('since when is known of what came while we looked', () => {
  const { fleet, attention } = watch(values({ temperature: 95 }), values({ temperature: 40 }));
  assert.equal(attention.of(fleet.gpus[0])[0].since, null);
  setValues(fleet, fleet.gpus[1], { temperature: 85 }, 5000);
  tell(fleet);
  setValues(fleet, fleet.gpus[1], { temperature: 86 }, 6000);
  tell(fleet);
  assert.equal(attention.of(fleet.gpus[1])[0].since, 5000);
});

test('a GPU keeps its finding when the rows are others', () => {
  const { fleet, attention } = watch(values({ temperature: 40 }));
  setValues(fleet, fleet.gpus[0], { temperature: 81 }, 5000);
  tell(fleet);
  setValues(fleet, fleet.gpus[0], { temperature: 79 }, 6000);
  const [before] = attention.findings;
  fill(fleet, { a: { first: [{}] }, east: { alpha: [{}] } });
  tell(fleet, { inventory: true });
  const [after] = attention.findings;
  assert.equal(after.key, before.key);
  assert.equal(after.since, 5000);
  assert.equal(after.gpu, fleet.gpus[1]);
});

test('the filter knows what is found', () => {
  const { fleet } = watch(values({ temperature: 95 }), values({ temperature: 50 }));
  const filter = parseFilter('is:hot', fleet);
  assert.deepEqual(
    fleet.gpus.map((gpu) => filter.takes(gpu)),
    [true, false]
  );
});

test('a state that is another takes its findings back', () => {
  const { fleet, attention } = watch(values({ temperature: 95, xid: 31 }));
  const [gpu] = fleet.gpus;
  const problems = () => attention.of(gpu).map(({ problem }) => problem);
  const shown = {};
  for (const status of ['active', 'silent', 'maintenance', 'active']) {
    gpu.status = status;
    tell(fleet, { status: true });
    shown[status] = problems();
  }
  assert.deepEqual(shown.silent, ['silent', 'xid_error'], 'its temperature is of another time');
  assert.deepEqual(shown.maintenance, []);
  assert.deepEqual(shown.active, ['hot', 'xid_error']);
});

test('there are never more than a thousand, the worst first', () => {
  const { attention } = watch(
    ...Array.from({ length: 1500 }, () => values({ temperature: 81 })),
    ...Array.from({ length: 700 }, () => values({ temperature: 91 }))
  );
  assert.equal(attention.count('hot'), 2200);
  assert.equal(attention.findings.length, 1000);
  assert.equal(attention.findings.filter(({ severity }) => severity === 'critical').length, 700);
  assert.equal(attention.findings[699].severity, 'critical');
});

// A machine with two states a threshold, written down as such.
class Thermometer {
  warm = false;
  hot = false;

  read(celsius) {
    this.warm = celsius >= (this.warm ? 78 : 80);
    this.hot = celsius >= (this.hot ? 88 : 90);
    return this.hot ? 'critical' : this.warm ? 'warning' : '';
  }
}

test(`any course of temperatures (seed ${SEED})`, () => {
  const random = new Random();
  const { fleet, attention } = watch({}, {}, {});
  const thermometers = fleet.gpus.map(() => new Thermometer());
  let celsius = 79;
  for (let step = 0; step < 2000; step++) {
    celsius = Math.max(70, Math.min(95, celsius + random.below(9) - 4 + random.next()));
    for (const gpu of fleet.gpus) {
      const value = celsius + random.below(5);
      setValues(fleet, gpu, { temperature: value }, step);
      gpu.expected = thermometers[gpu.row].read(value);
    }
    tell(fleet);
    for (const gpu of fleet.gpus) {
      assert.equal(attention.of(gpu)[0]?.severity ?? '', gpu.expected);
    }
  }
});

// Two fleets with the same values: of one all is looked at, of the other what is told.
test(`what has changed is enough to look at (seed ${SEED})`, () => {
  const random = new Random();
  const make = () => fill(new Fleet(), { east: { alpha: [{}, {}, {}, {}], beta: [{}, {}, {}] } });
  const fleets = [make(), make()];
  const [whole, told] = fleets.map((fleet) => new Attention(fleet));
  const all = { inventory: false, status: true, rows: new Set() };
  whole.update(all);
  told.update(all);
  for (let step = 0; step < 1000; step++) {
    const row = random.below(7);
    const change = {
      gpu_utilization: random.below(101),
      temperature: 70 + random.below(25),
      memory_used_mb: random.below(3000),
      xid: random.chance(0.1) ? 79 : 0,
    };
    for (const fleet of fleets) setValues(fleet, fleet.gpus[row], change, step);
    whole.update(all);
    told.update({ ...all, status: false, rows: new Set([row]) });
    const [a, b] = [whole, told].map(({ findings }) => findings.map((f) => [f.key, f.text, f.severity, f.since]));
    assert.deepEqual(b, a);
    for (const problem of ['hot', 'straggler', 'xid_error', 'idle_holding_memory']) {
      assert.equal(told.count(problem), a.filter(([key]) => key.startsWith(problem)).length);
    }
  }
});
