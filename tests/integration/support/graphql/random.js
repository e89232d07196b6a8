// Chance that is the same in every run (mulberry32).
export class Random {
  constructor(seed) {
    this.state = seed;
  }

  // A whole number from 0, less than `end`.
  below(end) {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % end;
  }

  chance(percent) {
    return this.below(100) < percent;
  }

  oneOf(list) {
    return list[this.below(list.length)];
  }

  // Between `least` and `most` of what make() gives.
  many(least, most, make) {
    const length = least + this.below(most - least + 1);
    return Array.from({ length }, make);
  }

  shuffled(list) {
    const left = [...list];
    return list.map(() => left.splice(this.below(left.length), 1)[0]);
  }
}
