// filter: the search box's language. Words between blanks; a GPU is taken when
// all of them hold. Case does not matter.
//
//     filter     = word { blank word }
//     word       = [ "-" ] ( text | key ":" values | key "=" values | comparison )
//     text       found in a name (UUID, index, device, model, host, cluster, pod,
//                namespace, container) or a label; as GPUFilter.text of the API
//     key        host cluster model pod namespace container uuid device index,
//                status, is, label, has
//     values     value { "," value }: one of them; ":" finds a part of the name,
//                "=" the whole of it
//     comparison = metric ( "<" | "<=" | ">" | ">=" | "=" | "!=" ) number [ unit ]
//     metric     util mem temp power …, or its name in the API
//
// "-" takes what the word does not. Quotes hold blanks together and keep a word
// from meaning anything: "a b", host:"a b", "util<5". What a GPU did not report
// holds no comparison. A word that cannot be understood is told and left out, so
// that typing goes on undisturbed.

import { problemBit, type Problem } from './attention.js';
import type { Fleet, Gpu, Status } from './fleet.js';
import { IDLE_PERCENT, isIdle, isUnhealthy } from './totals.js';

export interface Filter {
  text: string;
  /** It takes everything: nothing was said. */
  empty: boolean;
  /** What could not be understood; empty: all could. */
  error: string;
  takes(gpu: Gpu): boolean;
}

export const FILTER_HELP: readonly { example: string; text: string }[] = [
  { example: 'hgpu-012', text: 'found in a name (host, UUID, model, pod …) or a label' },
  { example: 'util<5', text: 'utilization below 5 %; also temp>80, power>=500W, clock<1000' },
  { example: 'mem>=90', text: 'memory utilization, %; mem>40GiB is memory used' },
  { example: 'status:silent', text: 'active, silent, missing or maintenance' },
  { example: 'is:idle', text: 'idle, hot, straggler, throttled, unhealthy, holding, xid, ecc' },
  { example: 'model:h100', text: 'part of a name; also host: cluster: pod: namespace: index:' },
  { example: 'host=hgpu-012', text: 'the whole name' },
  { example: 'label:team=vision', text: 'a label of that value; label:team any value' },
  { example: 'has:xid', text: 'reports that metric; -has:xid does not' },
  { example: 'status:silent,missing', text: 'one of these' },
  { example: '-is:idle', text: 'a minus takes what the word does not' },
  { example: '"two words"', text: 'blanks within, or a word that should mean nothing else' },
];

type Test = (gpu: Gpu) => boolean;

/** A word that is not understood: what was expected. */
class Misread extends Error {}

/** Only what is written in the table: anything may be typed, "constructor", too. */
function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

// ---- names ----

const NAMES: Readonly<Record<string, (gpu: Gpu) => string>> = {
  host: (gpu) => gpu.host.hostname,
  cluster: (gpu) => gpu.host.cluster.name,
  model: (gpu) => gpu.model,
  pod: (gpu) => gpu.pod,
  namespace: (gpu) => gpu.namespace,
  container: (gpu) => gpu.container,
  uuid: (gpu) => gpu.uuid ?? '',
  device: (gpu) => gpu.device,
  index: (gpu) => gpu.index,
};
const KEY_ALIASES: Readonly<Record<string, string>> = {
  hostname: 'host',
  ns: 'namespace',
  id: 'uuid',
  gpu: 'index',
  labels: 'label',
};
const KEYS = [...Object.keys(NAMES), 'status', 'is', 'label', 'has'];

/** All that a bare word is looked for in, in lower case, by row. */
interface AllNames {
  revision: number;
  gpus: Gpu[];
  names: (string | undefined)[];
}
const kept = new WeakMap<Fleet, AllNames>();

function allNamesOf(fleet: Fleet): AllNames {
  let all = kept.get(fleet);
  if (all?.revision !== fleet.revision || all.gpus !== fleet.gpus) {
    all = { revision: fleet.revision, gpus: fleet.gpus, names: [] };
    kept.set(fleet, all);
  }
  return all;
}

function namesOf(gpu: Gpu): string {
  const labels = gpu.labels.flatMap(({ key, value }) => [key, value]);
  return [...Object.values(NAMES).map((name) => name(gpu)), ...labels].join('\n').toLowerCase();
}

function textTest(fleet: Fleet, text: string): Test {
  return (gpu) => {
    const { names } = allNamesOf(fleet);
    return (names[gpu.row] ??= namesOf(gpu)).includes(text);
  };
}

function anyOf(tests: Test[]): Test {
  return tests.length === 1 ? tests[0]! : (gpu) => tests.some((test) => test(gpu));
}

function nameTest(key: string, whole: boolean, value: string): Test {
  const name = NAMES[key]!;
  // An index is a number: 1 is not a part of 12.
  if (whole || key === 'index') return (gpu) => name(gpu).toLowerCase() === value;
  return (gpu) => name(gpu).toLowerCase().includes(value);
}

function labelTest(text: string): Test {
  const [key = '', value] = text.split(/[=:](.*)/s);
  return (gpu) =>
    gpu.labels.some(
      (label) =>
        label.key.toLowerCase() === key &&
        (value === undefined || label.value.toLowerCase() === value),
    );
}

// ---- states ----

const STATUSES: readonly Status[] = ['active', 'silent', 'missing', 'maintenance'];

function statusTest(value: string): Test {
  const status = STATUSES.find((s) => s === value);
  if (status === undefined) throw new Misread(`expected ${listOf(STATUSES)}`);
  return (gpu) => gpu.status === status;
}

const PROBLEM_NAMES: Readonly<Record<string, Problem>> = {
  hot: 'hot',
  straggler: 'straggler',
  throttled: 'throttled',
  holding: 'idle_holding_memory',
  idle_holding_memory: 'idle_holding_memory',
  xid: 'xid_error',
  xid_error: 'xid_error',
  ecc: 'ecc_error',
  ecc_error: 'ecc_error',
};

function stateTest(fleet: Fleet, value: string): Test {
  if (value === 'idle') return (gpu) => isIdle(fleet, gpu);
  if (value === 'unhealthy') return (gpu) => isUnhealthy(fleet, gpu);
  if (value === 'busy') {
    return (gpu) =>
      gpu.status === 'active' && fleet.value(gpu, 'gpu_utilization') >= IDLE_PERCENT;
  }
  const problem = lookUp(PROBLEM_NAMES, value);
  if (problem !== undefined) {
    const bit = problemBit(problem);
    return (gpu) => (fleet.problems[gpu.row]! & bit) !== 0;
  }
  if (STATUSES.includes(value as Status)) return statusTest(value);
  const states = ['idle', 'busy', 'hot', 'straggler', 'throttled', 'holding', 'xid', 'ecc'];
  throw new Misread(`expected ${listOf([...states, 'unhealthy', ...STATUSES])}`);
}

// ---- metrics ----

const METRICS: Readonly<Record<string, string>> = {
  util: 'gpu_utilization',
  utilization: 'gpu_utilization',
  mem: 'memory_utilization',
  memory: 'memory_utilization',
  used: 'memory_used_mb',
  free: 'memory_free_mb',
  temp: 'temperature',
  memtemp: 'memory_temperature',
  power: 'power_draw',
  energy: 'energy_mj',
  clock: 'sm_clock_mhz',
  memclock: 'memory_clock_mhz',
  enc: 'encoder_utilization',
  dec: 'decoder_utilization',
  ecc: 'ecc_double_bit',
  eccsingle: 'ecc_single_bit',
  throttle: 'throttle_reasons',
  pcie: 'pcie_replays',
  nvlink: 'nvlink_bandwidth',
};
/** What an error offers. */
const METRICS_OFFERED = 'util, mem, temp, power, clock …';

/** [the metric's unit, how many of it one is] */
const UNITS: Readonly<Record<string, readonly [unit: string, size: number]>> = {
  '%': ['%', 1],
  c: ['°C', 1],
  '°c': ['°C', 1],
  '°': ['°C', 1],
  w: ['W', 1],
  kw: ['W', 1000],
  mhz: ['MHz', 1],
  ghz: ['MHz', 1000],
  k: ['MiB', 1 / 1024],
  kib: ['MiB', 1 / 1024],
  m: ['MiB', 1],
  mib: ['MiB', 1],
  g: ['MiB', 1024],
  gib: ['MiB', 1024],
  t: ['MiB', 1024 ** 2],
  tib: ['MiB', 1024 ** 2],
  mb: ['MiB', 1e6 / 1024 ** 2],
  gb: ['MiB', 1e9 / 1024 ** 2],
  tb: ['MiB', 1e12 / 1024 ** 2],
  mj: ['mJ', 1],
  j: ['mJ', 1e3],
  kj: ['mJ', 1e6],
  wh: ['mJ', 3.6e6],
  kwh: ['mJ', 3.6e9],
  'mb/s': ['MB/s', 1],
  'gb/s': ['MB/s', 1e3],
};

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a < b || a > b, // not what was not reported
};

function metricOf(fleet: Fleet, name: string): string | undefined {
  const known = lookUp(METRICS, name);
  if (known !== undefined) return known;
  return fleet.metrics.find((m) => m.name === name || m.field.toLowerCase() === name)?.name;
}

const NUMBER = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(.*)$/;

function comparisonTest(fleet: Fleet, name: string, operator: string, text: string): Test {
  let metric = metricOf(fleet, name);
  if (metric === undefined) {
    throw new Misread(`there is no metric ${name}: ${METRICS_OFFERED}`);
  }
  const [, number, unitName = ''] = NUMBER.exec(text) ?? [];
  if (number === undefined) throw new Misread('expected a number');
  const [unit, size] = lookUp(UNITS, unitName) ?? [];
  if (unitName !== '' && unit === undefined) throw new Misread(`${unitName} is no unit`);
  // "mem" is how much of it is used, in whatever is asked for.
  if (metric === 'memory_utilization' && unit === 'MiB') metric = 'memory_used_mb';
  const inUnit = fleet.metric(metric)?.unit;
  if (unit !== undefined && inUnit !== undefined && unit !== inUnit) {
    throw new Misread(inUnit === '' ? `${name} has no unit` : `${name} is in ${inUnit}`);
  }
  const bound = Number(number) * (size ?? 1);
  const holds = COMPARISONS[operator]!;
  return (gpu) => holds(fleet.value(gpu, metric), bound);
}

function reportedTest(fleet: Fleet, name: string): Test {
  const metric = metricOf(fleet, name);
  if (metric === undefined) throw new Misread(`expected a metric: ${METRICS_OFFERED}`);
  return (gpu) => !Number.isNaN(fleet.value(gpu, metric));
}

// ---- words ----

function listOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** `temp > 80` is one word, `temp >` and what follows are not; `≥` is `>=`. */
function joinComparison(text: string): string {
  return text
    .replaceAll('≤', '<=')
    .replaceAll('≥', '>=')
    .replaceAll('≠', '!=')
    .replace(/(\w)\s+(?=[<>=!])/g, '$1')
    .replace(/([<>=])\s+(?=[-+]?\.?\d)/g, '$1');
}

function joinComparisons(text: string): string {
  const quoted = /("[^"]*"?)/;
  return text.split(quoted).map((part) => (quoted.test(part) ? part : joinComparison(part))).join('');
}

/** Between blanks that are in no quotes. */
function wordsOf(text: string): string[] {
  return joinComparisons(text).match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

function unquote(text: string): string {
  return text.replaceAll('"', '');
}

/** At commas that are in no quotes. */
function valuesOf(text: string): string[] {
  const values = text.match(/(?:[^,"]|"[^"]*"?)+/g) ?? [];
  return values.map(unquote).filter((value) => value !== '');
}

function keyTest(fleet: Fleet, key: string, whole: boolean, text: string): Test {
  const values = valuesOf(text);
  if (values.length === 0) throw new Misread('expected something behind it');
  if (key === 'status') return anyOf(values.map(statusTest));
  if (key === 'is') return anyOf(values.map((value) => stateTest(fleet, value)));
  if (key === 'label') return anyOf(values.map(labelTest));
  if (key === 'has') return anyOf(values.map((value) => reportedTest(fleet, value)));
  return anyOf(values.map((value) => nameTest(key, whole, value)));
}

/** Of a word in lower case, without its minus; undefined: it says nothing yet. */
function testOf(fleet: Fleet, word: string): Test | undefined {
  const [, name, operator, rest = ''] = /^(\w+)(:|<=|>=|!=|==|<|>|=)(.*)$/s.exec(word) ?? [];
  if (name === undefined || operator === undefined) {
    const text = unquote(word);
    return text === '' ? undefined : textTest(fleet, text);
  }
  const key = lookUp(KEY_ALIASES, name) ?? name;
  const isKey = KEYS.includes(key);
  if (operator === ':') {
    if (!isKey) throw new Misread(`there is no ${name}: but ${listOf(KEYS)}`);
    return keyTest(fleet, key, false, rest);
  }
  if (isKey && operator === '=') return keyTest(fleet, key, true, rest);
  return comparisonTest(fleet, name, operator, rest);
}

export function parseFilter(text: string, fleet: Fleet): Filter {
  const tests: Test[] = [];
  const errors: string[] = [];
  for (const word of wordsOf(text.toLowerCase())) {
    const negated = word.startsWith('-');
    try {
      const test = testOf(fleet, negated ? word.slice(1) : word);
      if (test === undefined) continue;
      tests.push(negated ? (gpu) => !test(gpu) : test);
    } catch (error) {
      if (!(error instanceof Misread)) throw error;
      errors.push(`“${word}”: ${error.message}`);
    }
  }
  return {
    text,
    empty: tests.length === 0,
    error: errors.join('; '),
    takes: (gpu) => tests.every((test) => test(gpu)),
  };
}
