// attention: what somebody should look at, the worst first.
//
// Each GPU has a bit for each problem (Fleet.problems). It is set at a threshold
// and taken back a little below it, so that a value that trembles does not blink.
// Of what is in maintenance nothing is said: somebody looks at it already. Of a
// silent GPU only what stays true is: its temperature may be another by now.

import type { Off } from '../emitter.js';
import { formatNumber, formatValue } from '../format.js';
import { SLOWDOWN_BITS, slowdownText, xidIsSevere } from './codes.js';
import type { Fleet, FleetChange, Gpu, Host } from './fleet.js';
import { HOT_CELSIUS, IDLE_PERCENT, percentileOf } from './totals.js';

/** Degrees: from here on it is warm. From HOT_CELSIUS on it is hot, as the API has it. */
export const WARM_CELSIUS = 80;
const CELSIUS_HYSTERESIS = 2;
/** A straggler is slower than its host's median, by these parts of it … */
export const STRAGGLER_UTILIZATION = 0.75;
export const STRAGGLER_CLOCK = 0.85;
const STRAGGLER_HYSTERESIS = 0.05;
/** … where the host works: so many of its GPUs are busy, at this median. */
export const STRAGGLER_BUSY_GPUS = 3;
export const STRAGGLER_MEDIAN_PERCENT = 50;
/** Held by an idle GPU, this is worth a word: what a driver needs for itself is less. */
export const IDLE_MEMORY_MIB = 1024;
const IDLE_HYSTERESIS_PERCENT = 2;
/** So many findings are written out. */
export const FINDINGS_MAX = 1000;

export type Problem =
  | 'hot'
  | 'straggler'
  | 'silent'
  | 'missing'
  | 'idle_holding_memory'
  | 'xid_error'
  | 'ecc_error'
  | 'throttled';

export type Severity = 'critical' | 'warning' | 'notice';

export interface Finding {
  /** The same as long as it lasts; another error is another finding. */
  key: string;
  problem: Problem;
  severity: Severity;
  gpu: Gpu;
  /** With the figure and the threshold: "91 °C: 90 °C or more is hot". */
  text: string;
  /** ms since 1970; null: since before this page was opened. */
  since: number | null;
}

/** In the order they are listed in, within a severity. A problem's bit is its place. */
export const PROBLEMS: readonly Problem[] = [
  'missing',
  'silent',
  'xid_error',
  'ecc_error',
  'hot',
  'throttled',
  'straggler',
  'idle_holding_memory',
];

export function problemBit(problem: Problem): number {
  return 1 << PROBLEMS.indexOf(problem);
}

const MISSING = problemBit('missing');
const SILENT = problemBit('silent');
const XID = problemBit('xid_error');
const ECC = problemBit('ecc_error');
const HOT = problemBit('hot');
const THROTTLED = problemBit('throttled');
const STRAGGLER = problemBit('straggler');
const IDLE = problemBit('idle_holding_memory');
/** Beside HOT: it is 90 °C and not only 80 °C. */
const CRITICALLY_HOT = 1 << PROBLEMS.length;

/** The worst first. */
export const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'notice'];

/** The columns that are looked at; of a metric that nobody reported there is none. */
interface Columns {
  utilization: Float64Array | undefined;
  clock: Float64Array | undefined;
  temperature: Float64Array | undefined;
  memoryUsed: Float64Array | undefined;
  throttleReasons: Float64Array | undefined;
  xid: Float64Array | undefined;
  ecc: Float64Array | undefined;
}

function columnsOf({ columns }: Fleet): Columns {
  return {
    utilization: columns.get('gpu_utilization'),
    clock: columns.get('sm_clock_mhz'),
    temperature: columns.get('temperature'),
    memoryUsed: columns.get('memory_used_mb'),
    throttleReasons: columns.get('throttle_reasons'),
    xid: columns.get('xid'),
    ecc: columns.get('ecc_double_bit'),
  };
}

/** What is usual on a host while it works. */
interface Usual {
  utilization: number;
  clock: number;
}

function isBusy(gpu: Gpu, { utilization }: Columns): boolean {
  return gpu.status === 'active' && (utilization?.[gpu.row] ?? NaN) >= IDLE_PERCENT;
}

/** Of the GPUs that are busy; NaN: too few of them are. */
function medianOf(host: Host, columns: Columns, metric: Float64Array | undefined): number {
  const values: number[] = [];
  for (const gpu of host.gpus) {
    const value = metric?.[gpu.row] ?? NaN;
    if (isBusy(gpu, columns) && !Number.isNaN(value)) values.push(value);
  }
  if (values.length < STRAGGLER_BUSY_GPUS) return NaN;
  return percentileOf(values.sort(byNumber), 50);
}

/** Undefined: the host does not work. */
function usualOf(host: Host, columns: Columns): Usual | undefined {
  const utilization = medianOf(host, columns, columns.utilization);
  if (!(utilization >= STRAGGLER_MEDIAN_PERCENT)) return undefined;
  return { utilization, clock: medianOf(host, columns, columns.clock) };
}

function byNumber(a: number, b: number): number {
  return a - b;
}

function isHot(celsius: number, threshold: number, before: boolean): boolean {
  return celsius >= threshold - (before ? CELSIUS_HYSTERESIS : 0);
}

function isStraggler(gpu: Gpu, columns: Columns, usual: Usual, before: boolean): boolean {
  if (!isBusy(gpu, columns)) return false;
  const more = before ? STRAGGLER_HYSTERESIS : 0;
  const clock = columns.clock?.[gpu.row] ?? NaN;
  return (
    columns.utilization![gpu.row]! < (STRAGGLER_UTILIZATION + more) * usual.utilization ||
    clock < (STRAGGLER_CLOCK + more) * usual.clock
  );
}

function isIdleHolding(gpu: Gpu, columns: Columns, before: boolean): boolean {
  const percent = columns.utilization?.[gpu.row] ?? NaN;
  const held = columns.memoryUsed?.[gpu.row] ?? NaN;
  return (
    percent < IDLE_PERCENT + (before ? IDLE_HYSTERESIS_PERCENT : 0) && held >= IDLE_MEMORY_MIB
  );
}

/** In bits. before: those it had. */
function problemsOf(gpu: Gpu, columns: Columns, usual: Usual | undefined, before: number): number {
  const { row } = gpu;
  if (gpu.status === 'maintenance') return 0;
  if (gpu.status === 'missing') return MISSING;
  let bits = 0;
  if ((columns.xid?.[row] ?? NaN) > 0) bits |= XID;
  if ((columns.ecc?.[row] ?? NaN) > 0) bits |= ECC;
  if (gpu.status === 'silent') return bits | SILENT;
  const celsius = columns.temperature?.[row] ?? NaN;
  if (isHot(celsius, WARM_CELSIUS, (before & HOT) !== 0)) bits |= HOT;
  if (isHot(celsius, HOT_CELSIUS, (before & CRITICALLY_HOT) !== 0)) bits |= CRITICALLY_HOT;
  if ((columns.throttleReasons?.[row] ?? 0) & SLOWDOWN_BITS) bits |= THROTTLED;
  if (usual && isStraggler(gpu, columns, usual, (before & STRAGGLER) !== 0)) bits |= STRAGGLER;
  if (isIdleHolding(gpu, columns, (before & IDLE) !== 0)) bits |= IDLE;
  return bits;
}

export class Attention {
  #fleet: Fleet;
  /** The fleet's, as of these rows. */
  #bits: Uint16Array = new Uint16Array();
  /** By row and problem: since when, ms since 1970; NaN is not known. */
  #since = new Float64Array();
  /** Rows that were looked at with something known of them. */
  #seen = new Uint8Array();
  #gpus: Gpu[] = [];
  /** By problem. */
  #counts = new Uint32Array(PROBLEMS.length);
  #findings: Finding[] | undefined = [];
  #usual = new Map<Host, Usual>();
  #off: Off;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    // First among the listeners, so that all others see what it found.
    this.#off = fleet.changed.on((change) => this.update(change));
  }

  close(): void {
    this.#off();
  }

  /** All there is to look at (FINDINGS_MAX of it), the worst first. */
  get findings(): readonly Finding[] {
    return (this.#findings ??= this.#list());
  }

  /** How many GPUs have it; also of those that are not among the findings any more. */
  count(problem: Problem): number {
    return this.#counts[PROBLEMS.indexOf(problem)]!;
  }

  /** False until something is known of it. */
  hasSeen(gpu: Gpu): boolean {
    return gpu.uuid === null || this.#seen[gpu.row] === 1;
  }

  has(gpu: Gpu, problem: Problem): boolean {
    return (this.#fleet.problems[gpu.row]! & problemBit(problem)) !== 0;
  }

  of(gpu: Gpu): Finding[] {
    const bits = this.#fleet.problems[gpu.row] ?? 0;
    if (bits === 0) return [];
    return PROBLEMS.filter((problem) => bits & problemBit(problem))
      .map((problem) => this.#finding(gpu, problem))
      .sort(bySeverity);
  }

  /** Where only values have changed, only their hosts are looked at: a GPU is compared with its own. */
  update(change?: FleetChange): void {
    const fleet = this.#fleet;
    const others = this.#gpus !== fleet.gpus;
    if (others) this.#carryOver();
    const all = others || !change || change.inventory || change.status;
    const hosts = all ? fleet.hosts : new Set(Array.from(change.rows, (row) => fleet.gpus[row]!.host));
    const columns = columnsOf(fleet);
    for (const host of hosts) {
      const usual = usualOf(host, columns);
      if (usual) this.#usual.set(host, usual);
      else this.#usual.delete(host);
      for (const gpu of host.gpus) this.#look(gpu, columns, usual);
    }
    this.#findings = undefined;
  }

  /** by: 1 or -1, for each of the problems. */
  #count(bits: number, by: number): void {
    for (let i = 0; i < PROBLEMS.length; i++) this.#counts[i]! += ((bits >> i) & 1) * by;
  }

  /** The rows are others: what is known of the GPUs that stayed goes with them. */
  #carryOver(): void {
    const fleet = this.#fleet;
    const before = { gpus: this.#gpus, since: this.#since, seen: this.#seen, bits: this.#bits };
    const width = PROBLEMS.length;
    this.#gpus = fleet.gpus;
    this.#since = new Float64Array(fleet.gpus.length * width).fill(NaN);
    this.#seen = new Uint8Array(fleet.gpus.length);
    this.#bits = fleet.problems;
    this.#usual.clear();
    this.#counts.fill(0);
    before.gpus.forEach((gpu, was) => {
      const { row } = gpu;
      if (fleet.gpus[row] !== gpu) return; // it is gone
      this.#bits[row] = before.bits[was]!;
      this.#count(this.#bits[row]!, 1);
      this.#seen[row] = before.seen[was]!;
      for (let i = 0; i < width; i++) this.#since[row * width + i] = before.since[was * width + i]!;
    });
  }

  #look(gpu: Gpu, columns: Columns, usual: Usual | undefined): void {
    const { row } = gpu;
    const before = this.#bits[row]!;
    const bits = problemsOf(gpu, columns, usual, before);
    const came = bits & ~before;
    const time = this.#fleet.times[row]!;
    for (let i = 0; came !== 0 && i < PROBLEMS.length; i++) {
      if ((came >> i) & 1) this.#since[row * PROBLEMS.length + i] = this.#seen[row] ? time : NaN;
    }
    if (!Number.isNaN(time)) this.#seen[row] = 1;
    if (bits === before) return;
    this.#bits[row] = bits;
    this.#count(before, -1);
    this.#count(bits, 1);
  }

  #list(): Finding[] {
    const lists = SEVERITIES.map((): Finding[] => []);
    for (const problem of PROBLEMS) {
      if (this.count(problem) === 0) continue;
      const bit = problemBit(problem);
      for (const gpu of this.#gpus) {
        if ((this.#bits[gpu.row]! & bit) === 0) continue;
        const list = lists[SEVERITIES.indexOf(this.#severity(gpu, problem))]!;
        if (list.length < FINDINGS_MAX) list.push(this.#finding(gpu, problem));
      }
    }
    return lists.flat().slice(0, FINDINGS_MAX);
  }

  #finding(gpu: Gpu, problem: Problem): Finding {
    const since = this.#since[gpu.row * PROBLEMS.length + PROBLEMS.indexOf(problem)]!;
    const ofStatus = problem === 'silent' || problem === 'missing';
    const text = () => this.#text(gpu, problem);
    return {
      key: `${problem}${this.#which(gpu, problem)} ${nameOf(gpu)}`,
      problem,
      severity: this.#severity(gpu, problem),
      gpu,
      // Of a thousand, a few are read.
      get text() {
        return text();
      },
      since: ofStatus ? gpu.statusSince : Number.isNaN(since) ? null : since,
    };
  }

  #which(gpu: Gpu, problem: Problem): string {
    if (problem === 'xid_error') return `:${this.#fleet.value(gpu, 'xid')}`;
    if (problem === 'ecc_error') return `:${this.#fleet.value(gpu, 'ecc_double_bit')}`;
    return '';
  }

  #severity(gpu: Gpu, problem: Problem): Severity {
    switch (problem) {
      case 'missing':
      case 'silent':
      case 'ecc_error':
        return 'critical';
      case 'xid_error':
        return xidIsSevere(this.#fleet.value(gpu, 'xid')) ? 'critical' : 'warning';
      case 'hot':
        return this.#bits[gpu.row]! & CRITICALLY_HOT ? 'critical' : 'warning';
      case 'idle_holding_memory':
        return 'notice';
      default:
        return 'warning';
    }
  }

  #shown(gpu: Gpu, metric: string): string {
    const about = this.#fleet.metric(metric) ?? { name: metric, field: '', unit: '', title: '' };
    return formatValue(this.#fleet.value(gpu, metric), about);
  }

  #text(gpu: Gpu, problem: Problem): string {
    switch (problem) {
      case 'missing':
        return `place ${gpu.index} of ${gpu.host.hostname} has never reported`;
      case 'silent':
        return 'nothing has come for three of its intervals';
      case 'xid_error':
        return `XID ${this.#shown(gpu, 'xid')}`;
      case 'ecc_error':
        return `${this.#shown(gpu, 'ecc_double_bit')} double-bit ECC errors: memory is damaged`;
      case 'hot':
        return this.#heatText(gpu);
      case 'throttled':
        return `slowed down: ${slowdownText(this.#fleet.value(gpu, 'throttle_reasons'))}`;
      case 'straggler':
        return this.#stragglerText(gpu);
      case 'idle_holding_memory':
        return `idle (${this.#shown(gpu, 'gpu_utilization')}) with ${this.#shown(gpu, 'memory_used_mb')} held`;
    }
  }

  #heatText(gpu: Gpu): string {
    const celsius = this.#shown(gpu, 'temperature');
    return this.#bits[gpu.row]! & CRITICALLY_HOT
      ? `${celsius}: ${HOT_CELSIUS} °C or more is hot`
      : `${celsius}: ${WARM_CELSIUS} °C or more is warm, ${HOT_CELSIUS} °C hot`;
  }

  #stragglerText(gpu: Gpu): string {
    const usual = this.#usual.get(gpu.host);
    if (usual === undefined) return '';
    const percent = this.#fleet.value(gpu, 'gpu_utilization');
    const slow = percent < (STRAGGLER_UTILIZATION + STRAGGLER_HYSTERESIS) * usual.utilization;
    return slow
      ? `${this.#shown(gpu, 'gpu_utilization')} while its host's median is ${formatNumber(usual.utilization)} %`
      : `${this.#shown(gpu, 'sm_clock_mhz')} while its host's median is ${formatNumber(usual.clock)} MHz`;
  }
}

function bySeverity(a: Finding, b: Finding): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
}

/** Of a GPU or a place, over inventories. */
function nameOf(gpu: Gpu): string {
  return gpu.uuid ?? `${gpu.host.cluster.name}/${gpu.host.hostname}/${gpu.index}`;
}
