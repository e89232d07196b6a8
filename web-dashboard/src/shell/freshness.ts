// freshness: how far what is shown can be trusted to be now.
//
//     connecting    the first connection is not there yet
//     live          what comes is shown
//     stale         the gateway is there, and hears nothing new itself
//     reconnecting  the gateway is not there
//     refused       the gateway is there, and does not want us

import type { App } from '../app.js';
import { atGateway, difference } from '../clock.js';
import { Emitter } from '../emitter.js';
import { formatDuration, formatSince, formatTime } from '../time.js';

const STALE_MS = 10_000;
const TICK_MS = 1000;
/** Longer than this the first connection should not take. */
const PATIENCE_MS = 2000;
/** Clocks that differ by more are worth a word. */
const DIFFERENCE_MS = 30_000;

export type State = 'connecting' | 'live' | 'stale' | 'reconnecting' | 'refused';

/** What the badge and the line below the header say. */
export interface Words {
  state: State;
  badge: string;
  /** Behind it, where there is room. */
  detail: string;
  /** With what goes on, in a sentence or two; empty: nothing is to be said. */
  line: string;
  /** When it is that all is shown of. */
  asOf: string;
  /** What is to be said of this computer's clock; empty: it goes right. */
  clock: string;
}

export class Freshness {
  /** Once a second, and when the state is another. */
  readonly changed = new Emitter();
  #app: App;
  /** When asOf last moved, by our own clock: the gateway's may go wrong. */
  #movedAt = Date.now();
  #asOf = 0;
  #said: State = 'connecting';

  constructor(app: App) {
    this.#app = app;
    app.api.connectionChanged.on(() => this.#look());
    app.api.resumed.on(() => (this.#movedAt = Date.now()));
    app.fleet.freshnessChanged.on(() => this.#look());
    setInterval(() => this.#look(), TICK_MS);
  }

  get state(): State {
    const { api, fleet } = this.#app;
    if (api.connection.state !== 'live') return api.connection.state;
    if (!fleet.loaded) return 'live';
    return !fleet.following || Date.now() - this.#movedAt > STALE_MS ? 'stale' : 'live';
  }

  get words(): Words {
    const { connection } = this.#app.api;
    const { following, problem } = this.#app.fleet;
    const state = this.state;
    const asOf = this.#asOf === 0 ? '' : formatTime(this.#asOf);
    const age = formatDuration(Date.now() - this.#movedAt);
    const shown = asOf ? `What you see is as of ${asOf}, ${age} ago.` : 'Nothing has come yet.';
    const since = formatSince(atGateway(connection.since));
    const badges: Record<State, [string, string]> = {
      connecting: ['Connecting', ''],
      live: ['Live', asOf && ` · ${age}`],
      stale: ['Stale', ` ${formatSince(this.#asOf || atGateway(this.#movedAt))}`],
      reconnecting: ['Reconnecting', ` ${since}`],
      refused: ['Refused', ` ${since}`],
    };
    const lines: Record<State, string> = {
      connecting: Date.now() - connection.since < PATIENCE_MS ? '' : `The gateway has not answered yet. ${this.#nextAttempt()}`,
      live: problem === '' ? '' : `What you see may be old: ${problem}.`,
      stale: `${following ? 'Nothing new has come' : 'The gateway has heard nothing from the broker'} ${formatSince(this.#asOf || atGateway(this.#movedAt))}. ${shown}`,
      reconnecting: `The gateway has not answered ${since}. ${shown} ${this.#nextAttempt()}`,
      refused: `The gateway refuses the connection (${connection.reason}). ${shown} ${this.#nextAttempt()}`,
    };
    const [badge, detail] = badges[state];
    return { state, badge, detail, line: lines[state], asOf, clock: clockText() };
  }

  #nextAttempt(): string {
    const { retryAt } = this.#app.api.connection;
    if (retryAt === null) return 'Trying now.';
    return `Next attempt in ${formatDuration(Math.max(1000, retryAt - Date.now()))}.`;
  }

  #look(): void {
    const { asOf } = this.#app.fleet;
    if (asOf !== this.#asOf) {
      this.#asOf = asOf;
      this.#movedAt = Date.now();
    }
    const state = this.state;
    if (state !== this.#said) {
      const first = this.#said === 'connecting';
      this.#said = state;
      if (state !== 'live') this.#app.announce(this.words.line);
      else if (!first) this.#app.announce('Live again.');
    }
    this.changed.emit();
  }
}

function clockText(): string {
  const ms = difference();
  if (Math.abs(ms) < DIFFERENCE_MS) return '';
  return `This computer's clock is ${formatDuration(Math.abs(ms))} ${ms > 0 ? 'behind' : 'ahead of'} the gateway's, whose times are shown.`;
}
