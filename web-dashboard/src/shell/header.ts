// header: what stands above every page. The name, the pages, search, time range, how
// the connection is, pause, theme, help; below it a line where something is not as it
// should be, and the way from the fleet to where we are.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import { addressOf } from '../api/client.js';
import { hrefOf, type App } from '../app.js';
import { formatNumber } from '../format.js';
import { hostPage, type Route, type ViewName } from '../route.js';
import { chosenTheme, type Theme } from '../theme.js';
import { formatTime } from '../time.js';
import type { Freshness, State } from './freshness.js';
import { AUTO, HELP, MOON, PAUSE, PLAY, SUN } from './icons.js';
import { RangePicker } from './range_picker.js';
import { Search } from './search.js';

const PAGES: readonly { view: ViewName; title: string; below: readonly ViewName[] }[] = [
  { view: 'fleet', title: 'Fleet', below: ['host', 'gpu'] },
  { view: 'pipeline', title: 'Pipeline', below: [] },
  { view: 'api', title: 'API', below: [] },
];

const THEMES: Record<Theme, { icon: TemplateResult; title: string }> = {
  auto: { icon: AUTO, title: 'as the system' },
  light: { icon: SUN, title: 'light' },
  dark: { icon: MOON, title: 'dark' },
};

const BADGES: Record<State, string> = {
  connecting: '',
  live: 'badge-good',
  stale: 'badge-warning',
  reconnecting: 'badge-critical',
  refused: 'badge-critical',
};

/** What is done by its buttons. */
export interface Actions {
  togglePause(): void;
  nextTheme(): void;
  help(): void;
}

/** Since when the page stands still, and what came since. */
export interface Pause {
  at: number;
  updates: number;
}

export class Header {
  readonly element = document.createElement('header');
  readonly search: Search;
  #app: App;
  #range: RangePicker;
  #freshness: Freshness;
  #actions: Actions;
  #pause: () => Pause | null;
  /** A part of a page that failed: what it said. */
  #failure = '';

  constructor(app: App, freshness: Freshness, actions: Actions, pause: () => Pause | null) {
    this.#app = app;
    this.#freshness = freshness;
    this.#actions = actions;
    this.#pause = pause;
    this.#range = new RangePicker(app);
    this.search = new Search(app);
    this.element.className = 'shell-header';
    freshness.changed.on(() => this.show());
    app.pausedChanged.on(() => this.show());
    app.themeChanged.on(() => this.show());
    app.fleet.changed.on(({ inventory }) => {
      if (inventory) this.show();
    });
    this.show();
    new ResizeObserver(() => this.#measure()).observe(this.element);
  }

  routeChanged(): void {
    this.search.routeChanged();
    this.#range.show();
    this.show();
  }

  /** Empty: nothing failed. */
  tellFailure(text: string): void {
    this.#failure = text;
    this.show();
  }

  show(): void {
    const theme = THEMES[chosenTheme()];
    const { paused } = this.#app;
    const pauseTitle = paused ? 'Resume' : 'Pause';
    render(
      html`
        <div class="shell-bar">
          <a class="shell-name" aria-label="Nexus" href=${hrefOf(this.#app, { view: 'fleet' })}>
            <img src=${addressOf('favicon.svg').href} width="26" height="26" alt="">
            <span>Nexus</span>
          </a>
          <nav class="shell-pages" aria-label="Pages">${PAGES.map((page) => this.#page(page))}</nav>
          ${this.search.element} ${this.#range.element} ${this.#badge()}
          <div class="shell-tools">
            <button class="button button-plain button-icon" type="button" title="${pauseTitle} (p)"
              aria-label=${pauseTitle} @click=${() => this.#actions.togglePause()}>${paused ? PLAY : PAUSE}</button>
            <button class="button button-plain button-icon" type="button" title="Theme: ${theme.title} (t)"
              aria-label="Theme: ${theme.title}" @click=${() => this.#actions.nextTheme()}>${theme.icon}</button>
            <button class="button button-plain button-icon shell-help-button" type="button" title="Keys and search (?)"
              aria-label="Help" @click=${() => this.#actions.help()}>${HELP}</button>
          </div>
        </div>
        ${this.#lines()} ${this.#crumbs()}
      `,
      this.element,
    );
  }

  /** For what sticks below it, and for phones, where the bar goes and its lines stay. */
  #measure(): void {
    const { style } = document.documentElement;
    const bar = this.element.querySelector<HTMLElement>('.shell-bar')!;
    style.setProperty('--bar-height', `${bar.offsetHeight}px`);
    style.setProperty('--header-height', `${this.element.offsetHeight}px`);
  }

  #page({ view, title, below }: (typeof PAGES)[number]) {
    const here = this.#app.route.view;
    const current = here === view ? 'page' : below.includes(here) ? 'true' : nothing;
    return html`<a href=${hrefOf(this.#app, { view })} aria-current=${current}>${title}</a>`;
  }

  #badge() {
    const { state, badge, detail, asOf, clock } = this.#freshness.words;
    const title = asOf ? `All that came by ${asOf} is shown. ${clock}` : '';
    return html`<div class="shell-state badge number ${BADGES[state]}" data-state=${state} title=${title}>
      <span class="shell-dot" aria-hidden="true"></span><span>${badge}<span class="shell-state-detail">${detail}</span></span>
    </div>`;
  }

  #lines() {
    const { state, line } = this.#freshness.words;
    const pause = this.#pause();
    const away = state === 'reconnecting' || state === 'refused' || state === 'connecting';
    return html`
      ${line
        ? html`<div class="shell-line ${away ? 'shell-line-critical' : 'shell-line-warning'}">
            <span>${line}</span>
            ${away
              ? html`<button class="button" type="button" @click=${() => this.#app.api.retryNow()}>Try now</button>`
              : nothing}
          </div>`
        : nothing}
      ${pause
        ? html`<div class="shell-line shell-line-accent">
            <span>Paused at <b class="number">${formatTime(pause.at)}</b>: ${updatesText(pause.updates)} since.</span>
            <button class="button" type="button" @click=${() => this.#actions.togglePause()}>Resume</button>
          </div>`
        : nothing}
      ${this.#failure
        ? html`<div class="shell-line shell-line-critical" role="alert">
            <span>A part of this page failed: ${this.#failure}</span>
            <button class="button" type="button" @click=${() => location.reload()}>Load anew</button>
            <button class="button" type="button" @click=${() => this.tellFailure('')}>Dismiss</button>
          </div>`
        : nothing}
    `;
  }

  /** Fleet › cluster › host › GPU. */
  #crumbs() {
    const way = this.#way();
    if (way.length === 0) return nothing;
    return html`<nav class="shell-crumbs" aria-label="Breadcrumb">
      <ol>
        ${way.map(({ title, change }, i) =>
          i === way.length - 1
            ? html`<li><span aria-current="page">${title}</span></li>`
            : html`<li><a href=${hrefOf(this.#app, change)}>${title}</a></li>`,
        )}
      </ol>
    </nav>`;
  }

  #way(): { title: string; change: Partial<Route> }[] {
    const { route, fleet } = this.#app;
    const gpu = route.view === 'gpu' ? fleet.gpu(route.gpu) : undefined;
    const host = route.view === 'host' ? fleet.host(route.cluster, route.host) : gpu?.host;
    if (!host) return [];
    const { hostname, cluster } = host;
    const way: { title: string; change: Partial<Route> }[] = [
      { title: 'Fleet', change: { view: 'fleet', query: '' } },
      { title: cluster.name, change: { view: 'fleet', query: `cluster="${cluster.name}"` } },
      { title: hostname, change: hostPage(host) },
    ];
    if (gpu) way.push({ title: `GPU ${gpu.index}`, change: {} });
    return way;
  }
}

function updatesText(updates: number): string {
  return updates === 1 ? '1 update' : `${formatNumber(updates)} updates`;
}
