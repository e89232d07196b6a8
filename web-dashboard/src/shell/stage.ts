// stage: shows the page of a route, or why there is none.
//
// A page of a host or a GPU is opened when the fleet has it. One that throws gives way
// to what it said, with a way to try again.

import { html, render, type TemplateResult } from 'lit-html';

import { hrefOf, type App, type OpenView, type View } from '../app.js';
import { formatError } from '../format.js';
import type { Route, ViewName } from '../route.js';

export type Views = Record<Exclude<ViewName, 'nowhere'>, OpenView>;

type Shown = 'nothing' | 'loading' | 'unknown' | 'view' | 'failed';

export class Stage {
  readonly element = document.createElement('main');
  #app: App;
  #views: Views;
  #view: View | undefined;
  #shown: Shown = 'nothing';

  constructor(app: App, views: Views) {
    this.#app = app;
    this.#views = views;
    this.element.id = 'content';
    this.element.tabIndex = -1;
    app.fleet.changed.on(({ inventory }) => {
      if (!inventory) return;
      if (this.#shown === 'loading' || this.#shown === 'unknown') this.open();
      this.#entitle();
    });
  }

  /** Another page than before. */
  open(): void {
    this.#close();
    const { route } = this.#app;
    this.#shown = this.#whatOf(route);
    const page = this.#empty();
    if (this.#shown === 'view' && route.view !== 'nowhere') {
      const view = this.#views[route.view];
      this.#try(() => (this.#view = view(this.#app, page)));
    } else {
      render(this.#shown === 'loading' ? LOADING : this.#unknown(route), page);
    }
    this.#entitle();
  }

  /** The page is the same, what it shows is not. */
  routeChanged(): void {
    this.#try(() => this.#view?.routeChanged());
    this.#entitle();
  }

  /** The page begins here, for who works with the keyboard or listens. */
  focus(): void {
    const heading = this.element.querySelector<HTMLElement>('h1');
    if (heading) heading.tabIndex = -1;
    (heading ?? this.element).focus({ preventScroll: true });
  }

  #whatOf({ view, cluster, host, gpu }: Route): Shown {
    const { fleet } = this.#app;
    if (view === 'nowhere') return 'unknown';
    if (view !== 'host' && view !== 'gpu') return 'view';
    if (!fleet.loaded) return 'loading';
    const there = view === 'host' ? fleet.host(cluster, host) : fleet.gpu(gpu);
    return there ? 'view' : 'unknown';
  }

  /** lit keeps what it knows of an element on it, so each page has one of its own. */
  #empty(): HTMLElement {
    const page = document.createElement('div');
    page.className = 'shell-page';
    this.element.replaceChildren(page);
    return page;
  }

  #close(): void {
    const view = this.#view;
    this.#view = undefined;
    try {
      view?.close();
    } catch (error) {
      console.error(error);
    }
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      console.error(error);
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#close();
    this.#shown = 'failed';
    render(
      notice(
        'This page failed',
        html`<p>It cannot be shown: <code>${formatError(error)}</code></p>
          <div class="row">
            <button class="button button-primary" type="button" @click=${() => this.open()}>Try again</button>
            <a class="button" href=${hrefOf(this.#app, { view: 'fleet' })}>To the fleet</a>
          </div>`,
      ),
      this.#empty(),
    );
  }

  #unknown({ view, cluster, host, gpu }: Route): TemplateResult {
    const fleet = (query: string, text: string) =>
      html`<a class="button button-primary" href=${hrefOf(this.#app, { view: 'fleet', query })}>${text}</a>`;
    if (view === 'host') {
      return notice(
        'Unknown host',
        html`<p>Nothing ever came from a host <code>${host}</code> in cluster <code>${cluster}</code>.</p>
          <div class="row">
            <a class="button button-primary" href=${hrefOf(this.#app, { view: 'fleet', query: '' })}>To the fleet</a>
            <a class="button" href=${hrefOf(this.#app, { view: 'fleet', query: host })}>Search for ${host}</a>
          </div>`,
      );
    }
    if (view === 'gpu') {
      return notice(
        'Unknown GPU',
        html`<p>Nothing ever came from a GPU <code>${gpu}</code>.</p>
          ${fleet('', 'To the fleet')}`,
      );
    }
    return notice(
      'No such page',
      html`<p>There is nothing at <code>${location.hash}</code>.</p>
        ${fleet('', 'To the fleet')}`,
    );
  }

  get #title(): string {
    if (this.#shown === 'view') return this.#view?.title ?? '';
    const { route } = this.#app;
    if (this.#shown === 'failed') return 'Failed';
    if (this.#shown === 'loading') return route.host || 'GPU';
    return { host: 'Unknown host', gpu: 'Unknown GPU' }[route.view as string] ?? 'No such page';
  }

  #entitle(): void {
    const title = this.#title;
    document.title = title ? `${title} · Nexus` : 'Nexus';
    this.#ensureHeading(title);
  }

  #ensureHeading(title: string): void {
    const ours = this.element.querySelector<HTMLElement>(':scope > h1');
    if (this.element.querySelector('.shell-page h1')) {
      ours?.remove();
      return;
    }
    const heading = ours ?? document.createElement('h1');
    heading.className = 'visually-hidden';
    heading.textContent = title;
    if (!ours) this.element.prepend(heading);
  }
}

function notice(title: string, content: TemplateResult): TemplateResult {
  return html`<div class="notice"><h1>${title}</h1>${content}</div>`;
}

const LOADING = html`<div class="stack" aria-busy="true">
  <h1 class="visually-hidden">Loading</h1>
  <div class="skeleton shell-loading-head"></div>
  <div class="skeleton shell-loading-body"></div>
</div>`;
