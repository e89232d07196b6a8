// idle: GPUs that do nothing, for how long already, and what that comes to.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import { hrefOf, type App } from '../../app.js';
import type { Gpu } from '../../fleet/fleet.js';
import { idleSince, type Idle } from '../../fleet/idle.js';
import { IDLE_PERCENT, isIdle } from '../../fleet/totals.js';
import { formatError, formatNumber } from '../../format.js';
import { gpuPage } from '../../route.js';
import { formatSince } from '../../time.js';
import { nameOf } from './attention.js';

const QUERY = 'is:idle';
const LISTED = 8;
/** The history of more is not asked for: it is a day's of each. */
const ASKED_MAX = 400;
const REFRESH_MS = 5 * 60_000;
const REFRESH_SOON_MS = 20_000;

export class IdleList {
  #app: App;
  #element: HTMLElement;
  #found: Idle[] = [];
  #asked = 0;
  #askedAt = -Infinity;
  #error = '';
  #ends = new AbortController();
  #watcher: IntersectionObserver;
  #near = false;

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#element = element;
    this.#watcher = new IntersectionObserver(
      ([entry]) => {
        this.#near = entry!.isIntersecting;
        this.update();
      },
      { rootMargin: '200px' },
    );
    this.#watcher.observe(element);
  }

  close(): void {
    this.#ends.abort();
    this.#watcher.disconnect();
  }

  /** The history is read when the list comes into view, and now and then again. */
  update(): void {
    const { fleet } = this.#app;
    if (!fleet.loaded) return;
    if (this.#near && !document.hidden && this.#isOld()) void this.#ask();
    render(this.#template(), this.#element);
  }

  #idle(): Gpu[] {
    const { fleet } = this.#app;
    return fleet.gpus.filter((gpu) => isIdle(fleet, gpu));
  }

  /** Sooner, where far more are idle than were: values come one after the other at first. */
  #isOld(): boolean {
    const age = performance.now() - this.#askedAt;
    const more = this.#asked < ASKED_MAX && this.#idle().length > 2 * this.#asked;
    return age > (more ? REFRESH_SOON_MS : REFRESH_MS);
  }

  async #ask(): Promise<void> {
    const gpus = this.#idle().slice(0, ASKED_MAX);
    this.#askedAt = performance.now();
    try {
      this.#found = await idleSince(this.#app.api, gpus, this.#ends.signal);
      this.#asked = gpus.length;
      this.#error = '';
    } catch (error) {
      if (this.#ends.signal.aborted) return;
      this.#error = formatError(error);
    }
    this.update();
  }

  #template(): TemplateResult {
    const count = this.#idle().length;
    if (count === 0) return html`<p class="empty">No GPU is idle.</p>`;
    const all = hrefOf(this.#app, { query: QUERY });
    const { fleet } = this.#app;
    const still = this.#found.filter(({ gpu }) => isIdle(fleet, gpu));
    const hours = still.reduce((sum, idle) => sum + idle.hours, 0);
    const more = count - Math.min(still.length, LISTED);
    return html`<p class="small">
        <a href=${all}>${formatNumber(count)} GPUs</a> below ${IDLE_PERCENT} %${
          this.#asked === 0 ? nothing : html`: <strong>${formatNumber(hours)} GPU-hours</strong> unused in the last day${
            this.#asked < count ? ` by ${formatNumber(this.#asked)} of them` : ''}`}
      </p>
      ${this.#error ? html`<p class="small">Since when is not known: ${this.#error}</p>` : nothing}
      <ul>${still.slice(0, LISTED).map((idle) => this.#row(idle))}</ul>
      ${still.length > 0 && more > 0 ? html`<p class="small"><a href=${all}>${formatNumber(more)} more</a></p>` : nothing}`;
  }

  #row({ gpu, since, orLonger, hours }: Idle): TemplateResult {
    return html`<li class="fleet-finding">
      <div>
        <a href=${hrefOf(this.#app, gpuPage(gpu))}>${nameOf(this.#app, gpu)}</a>
        <span class="fleet-finding-text">${formatSince(since)}${orLonger ? ' or longer' : ''}, ${formatNumber(hours, 1)} GPU-hours</span>
      </div>
    </li>`;
  }
}
