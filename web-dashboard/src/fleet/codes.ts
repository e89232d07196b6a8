// codes: what the numbers mean that are no quantities: XID errors and clock
// throttle reasons.

interface Xid {
  text: string;
  /** Somebody has to see to the GPU; else to its program, or to nothing yet. */
  severe: boolean;
}

/** NVIDIA's XID catalogue: those that are met in practice. */
const XIDS: Readonly<Record<number, Xid>> = {
  13: { text: 'graphics engine exception', severe: false },
  31: { text: 'memory page fault', severe: false },
  43: { text: 'stopped processing', severe: false },
  45: { text: 'preemptive cleanup', severe: false },
  48: { text: 'double-bit ECC error', severe: true },
  61: { text: 'microcontroller breakpoint', severe: true },
  62: { text: 'microcontroller halt', severe: true },
  63: { text: 'row remapping recorded', severe: false },
  64: { text: 'row remapping failed', severe: true },
  74: { text: 'NVLink error', severe: true },
  79: { text: 'fallen off the bus', severe: true },
  92: { text: 'many single-bit ECC errors', severe: false },
  94: { text: 'contained memory error', severe: false },
  95: { text: 'uncontained memory error', severe: true },
  119: { text: 'GSP does not answer', severe: true },
};

export function xidText(xid: number): string {
  return XIDS[xid]?.text ?? '';
}

/** Of one that is not known the worst is assumed. */
export function xidIsSevere(xid: number): boolean {
  return XIDS[xid]?.severe ?? true;
}

/**
 * DCGM's bits (DCGM_CLOCKS_THROTTLE_REASON_…). Each GPU that works hard runs into its
 * power cap: that is no slowdown.
 */
const THROTTLE_REASONS: readonly { bit: number; text: string; slows: boolean }[] = [
  { bit: 0x1, text: 'idle', slows: false },
  { bit: 0x2, text: 'clocks set by a person', slows: false },
  { bit: 0x4, text: 'power cap', slows: false },
  { bit: 0x8, text: 'hardware slowdown', slows: true },
  { bit: 0x10, text: 'sync boost', slows: false },
  { bit: 0x20, text: 'too hot (software)', slows: true },
  { bit: 0x40, text: 'too hot (hardware)', slows: true },
  { bit: 0x80, text: 'power brake', slows: true },
  { bit: 0x100, text: 'display clocks', slows: false },
];

const KNOWN_BITS = THROTTLE_REASONS.reduce((bits, reason) => bits | reason.bit, 0);

function namesOf(mask: number, onlySlowing: boolean): string {
  const names = THROTTLE_REASONS.filter((r) => mask & r.bit && (r.slows || !onlySlowing));
  const texts = names.map((r) => r.text);
  const others = mask & ~KNOWN_BITS;
  if (others !== 0 && !onlySlowing) texts.push(`0x${others.toString(16)}`);
  return texts.join(', ');
}

/** All reasons in words: "power cap, too hot (hardware)"; "none". */
export function throttleText(mask: number): string {
  return namesOf(mask, false) || 'none';
}

/** Those that take away from the work: an idle GPU's low clock is none. Empty: none. */
export function slowdownText(mask: number): string {
  return namesOf(mask, true);
}

export const SLOWDOWN_BITS = THROTTLE_REASONS.filter((r) => r.slows).reduce(
  (bits, reason) => bits | reason.bit,
  0,
);
