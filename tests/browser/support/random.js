// Numbers that look random and are the same in every run, unless SEED says otherwise.
export const SEED = Number(process.env.SEED ?? 1);

export class Random {
  #state;

  constructor(seed = SEED) {
    this.#state = (seed * 2654435761) >>> 0 || 1;
  }

  // 0 to 1, without 1.
  next() {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state / 2 ** 32;
  }

  below(bound) {
    return Math.floor(this.next() * bound);
  }

  chance(part) {
    return this.next() < part;
  }

  of(list) {
    return list[this.below(list.length)];
  }
}
