// trail: the browser's history. Each entry has a key, and how far its page was
// scrolled is kept by it, so that Back shows what was left.

import { Emitter } from '../emitter.js';
import { formatRoute, parseRoute, samePage, type Route } from '../route.js';

const KEPT_AS = 'nexus.scroll';
/** A page is held where it was for so long, and given up on after so long. */
const HOLD_MS = 600;
const RESTORE_MS = 2000;

type Positions = Record<string, number>;

function readPositions(): Positions {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT_AS) ?? '{}') as Positions;
  } catch {
    return {};
  }
}

export class Trail {
  route: Route = parseRoute(location.hash);
  /** The address is another; tells the route before. */
  readonly changed = new Emitter<Route>();
  #positions = readPositions();
  #key = '';
  #restoring: AbortController | undefined;

  constructor() {
    history.scrollRestoration = 'manual';
    this.#enter();
    addEventListener('popstate', () => this.#arrive());
    addEventListener('scroll', () => this.#note(), { passive: true });
    addEventListener('pagehide', () => this.#keep());
  }

  go(change: Partial<Route>, how: 'push' | 'replace'): void {
    const address = formatRoute({ ...this.route, ...change });
    if (address === formatRoute(this.route)) return;
    if (how === 'push') history.pushState(null, '', address);
    else history.replaceState({ key: this.#key }, '', address);
    this.#arrive();
  }

  /** Scrolls to where the page was left; to its top where it is new. */
  restore(): void {
    this.#restoring?.abort();
    const place = this.#positions[this.#key] ?? 0;
    const restoring = new AbortController();
    this.#restoring = restoring;
    const began = performance.now();
    // What a page shows comes bit by bit: it may be too short yet, or grow above.
    const scroll = () => {
      if (restoring.signal.aborted) return;
      scrollTo(0, place);
      const reached = Math.abs(scrollY - place) < 2;
      const held = performance.now() - began;
      if ((reached && (place === 0 || held > HOLD_MS)) || held > RESTORE_MS) restoring.abort();
      else requestAnimationFrame(scroll);
    };
    for (const moved of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
      addEventListener(moved, () => restoring.abort(), { signal: restoring.signal, passive: true });
    }
    // Before the page is painted, and not here: it would have to be laid out for it.
    requestAnimationFrame(scroll);
  }

  /** An entry that has no key yet is a new one. */
  #enter(): void {
    const state = history.state as { key?: string } | null;
    this.#key = state?.key ?? Math.random().toString(36).slice(2);
    if (!state?.key) history.replaceState({ key: this.#key }, '');
  }

  #arrive(): void {
    const before = this.route;
    const left = this.#key;
    this.route = parseRoute(location.hash);
    this.#enter();
    // Within a page its place stays, and is the new entry's, too.
    if (samePage(before, this.route) && left !== this.#key) this.#positions[this.#key] = scrollY;
    this.changed.emit(before);
  }

  #note(): void {
    if (this.#restoring === undefined || this.#restoring.signal.aborted) {
      this.#positions[this.#key] = Math.round(scrollY);
    }
  }

  #keep(): void {
    try {
      const newest = Object.entries(this.#positions).slice(-100);
      sessionStorage.setItem(KEPT_AS, JSON.stringify(Object.fromEntries(newest)));
    } catch {
      // Then a reload begins at the top.
    }
  }
}
