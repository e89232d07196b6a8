// selection: the GPUs that the search takes; all of them where nothing is searched for.

import type { Fleet, Gpu } from '../../fleet/fleet.js';
import { parseFilter, type Filter } from '../../fleet/filter.js';

export class Selection {
  filter: Filter;
  /** By row, 1: it is taken. Undefined: nothing is searched for. */
  taken: Uint8Array | undefined;
  /** Those taken, the places of missing ones included. */
  gpus: readonly Gpu[] = [];
  /** Of them, and of all: GPUs that are there, and places of missing ones. */
  count = 0;
  missing = 0;
  total = 0;
  #fleet: Fleet;

  constructor(fleet: Fleet, query: string) {
    this.#fleet = fleet;
    this.filter = parseFilter(query, fleet);
    this.update();
  }

  setQuery(query: string): void {
    this.filter = parseFilter(query, this.#fleet);
    this.update();
  }

  /** Values or states are others. True where other GPUs are taken now. */
  update(): boolean {
    const { gpus } = this.#fleet;
    const before = this.taken;
    this.total = gpus.reduce((n, gpu) => n + (gpu.uuid === null ? 0 : 1), 0);
    if (this.filter.empty) {
      this.taken = undefined;
      this.gpus = gpus;
    } else {
      const taken = Uint8Array.from(gpus, (gpu) => (this.filter.takes(gpu) ? 1 : 0));
      this.taken = taken;
      this.gpus = gpus.filter((gpu) => taken[gpu.row] === 1);
    }
    this.missing = this.gpus.reduce((n, gpu) => n + (gpu.uuid === null ? 1 : 0), 0);
    this.count = this.gpus.length - this.missing;
    return !alike(before, this.taken);
  }

  /** "12 of 247 GPUs", "0 of 247 GPUs, 1 missing". */
  get text(): string {
    const gpus = `${this.count} of ${this.total} GPUs`;
    return this.missing > 0 ? `${gpus}, ${this.missing} missing` : gpus;
  }
}

function alike(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && a.every((mark, row) => mark === b[row]);
}
