// What needs attention.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fill, load, setValues, tell } from '../support/fleet.js';

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
      { status: 'silent', values: { temperature: 95 } },
      { status: 'missing', uuid: null },
      values({ gpu_utilization: 2, memory_used_mb: 42189 }),
      values({ gpu_utilization: 2, memory_used_mb: 700 }),
      { status: 'maintenance', values: { temperature: 99 } }
    ),
    [
      ['missing', 'critical', 'place 8 of alpha has never reported'],
      ['silent', 'critical', 'nothing has come for three of its intervals'],
      ['xid_error', 'critical', 'XID 79 (fallen off the bus)'],
      ['ecc_error', 'critical', '2 double-bit ECC errors: memory is damaged'],
      ['hot', 'critical', '91 °C: 90 °C or more is hot'],
      ['xid_error', 'warning', 'XID 31 (memory page fault)'],
      ['hot', 'warning', '84 °C: 80 °C or more is warm, 90 °C hot'],
      ['throttled', 'warning', 'slowed down: power cap, too hot (hardware)'],
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
