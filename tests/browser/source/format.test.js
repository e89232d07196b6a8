// Quantities as text.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { metrics } from '../support/fleet.js';
import { importSource } from '../support/source.js';

const { formatBytes, formatNumber, formatRate, formatValue } =
  await importSource('format.ts');

function shown(name, value) {
  return formatValue(
    value,
    metrics.find((m) => m.name === name)
  );
}

const CASES = [
  ['gpu_utilization', 87, '87 %'],
  ['gpu_utilization', 0, '0 %'],
  ['gpu_utilization', -0, '0 %'],
  ['gpu_utilization', 43.78137, '43.8 %'],
  ['gpu_utilization', 0.254, '0.25 %'],
  ['gpu_utilization', 0.004, '0.004 %'],
  ['gpu_utilization', -0.0004, '-0.0004 %'],
  ['gpu_utilization', 99.96, '99.9 %'],
  ['gpu_utilization', 99.94, '99.9 %'],
  ['gpu_utilization', 100, '100 %'],
  ['gpu_utilization', 100.04, '100 %'],
  ['gpu_utilization', 1e308, '1e+308 %'],
  ['temperature', -1.2345e25, '-1.23e+25 °C'],
  ['power_draw', Infinity, '∞ MW'],
  ['gpu_utilization', NaN, 'not reported'],
  ['temperature', 41, '41 °C'],
  ['temperature', -3, '-3 °C'],
  ['power_draw', 66.781, '66.8 W'],
  ['power_draw', 628.8782, '629 W'],
  ['power_draw', 64_998, '65 kW'],
  ['power_draw', 1_234_567, '1,235 kW'],
  ['memory_used_mb', 4, '4 MiB'],
  ['memory_used_mb', 741, '741 MiB'],
  ['memory_used_mb', 42189, '41.2 GiB'],
  ['memory_used_mb', 1024 * 1024 * 3, '3 TiB'],
  ['energy_mj', 500, '500 mJ'],
  ['energy_mj', 3.6e9 * 12.5, '12.5 kWh'],
  ['energy_mj', 3.6e6, '1 Wh'],
  ['energy_mj', 3.6e12, '1 MWh'],
  ['sm_clock_mhz', 1980, '1,980 MHz'],
  ['nvlink_bandwidth', 450_000, '450 GB/s'],
  ['pcie_replays', 12345, '12,345'],
  ['xid', 0, '0'],
  ['xid', 79, '79 (fallen off the bus)'],
  ['xid', 999, '999'],
  ['throttle_reasons', 0, 'none'],
  ['throttle_reasons', 1, 'idle'],
  ['throttle_reasons', 0x44, 'power cap, too hot (hardware)'],
  ['throttle_reasons', 0x800, '0x800'],
  ['throttle_reasons', NaN, 'not reported'],
];

describe('a value with its unit', () => {
  for (const [name, value, text] of CASES) {
    test(`${name} ${value}: ${text}`, () => assert.equal(shown(name, value), text));
  }
});

test('numbers', () => {
  assert.equal(formatNumber(12345), '12,345');
  assert.equal(formatNumber(12345.678), '12,346');
  assert.equal(formatNumber(12.345, 2), '12.35');
  assert.equal(formatNumber(NaN), 'not reported');
});

test('bytes and rates', () => {
  assert.equal(formatBytes(0), '0 B');
  assert.equal(formatBytes(1536), '1.5 kB');
  assert.equal(formatBytes(2.5e9), '2.5 GB');
  assert.equal(formatBytes(NaN), 'not reported');
  assert.equal(formatRate(49.4), '49.4/s');
  assert.equal(formatRate(49.4, 'samples'), '49.4 samples/s');
});
