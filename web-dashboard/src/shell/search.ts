// search: the box that filters the fleet and finds a host or a GPU.
//
// On the fleet's page what is typed is the filter, at once; on the others Enter takes
// it there; the page says how many it takes. Below it stand hosts and GPUs of that name, and with nothing typed what
// can be typed: a combobox with a list.

import { html, nothing, render } from 'lit-html';

import type { App } from '../app.js';
import { FILTER_HELP, parseFilter, type Filter } from '../fleet/filter.js';
import { gpuPage, hostPage, type Route } from '../route.js';
import { CLOSE, SEARCH } from './icons.js';

const WRITE_MS = 120;
const HOSTS = 6;
const GPUS = 4;
/** Less of a UUID is no search for one. */
const UUID_PART = 5;

interface Suggestion {
  title: string;
  text: string;
  /** Where it leads; without it its title is typed in. */
  goes?: Partial<Route>;
}

const EXAMPLES: Suggestion[] = FILTER_HELP.slice(1, 7).map(({ example, text }) => ({ title: example, text }));

export class Search {
  readonly element = document.createElement('div');
  #app: App;
  #filter: Filter;
  #count = 0;
  #total = 0;
  #suggestions: Suggestion[] = [];
  #open = false;
  /** Of the suggestions; -1: none. */
  #active = -1;
  #write: ReturnType<typeof setTimeout> | undefined;

  constructor(app: App) {
    this.#app = app;
    this.element.className = 'shell-search';
    this.#filter = parseFilter(app.route.query, app.fleet);
    this.#show();
    this.#input.value = app.route.query;
    setInterval(() => this.#recount(), 1000);
    app.fleet.changed.on(({ inventory }) => {
      if (inventory) this.#reread();
    });
  }

  focus(): void {
    this.#input.focus();
    this.#input.select();
  }

  get hasFocus(): boolean {
    return document.activeElement === this.#input;
  }

  clear(): void {
    this.#input.value = '';
    this.#app.navigate({ query: '' }, 'replace');
  }

  routeChanged(): void {
    const typing = this.hasFocus && (this.#app.route.view !== 'fleet' || this.#write !== undefined);
    if (!typing) this.#input.value = this.#app.route.query;
    this.#reread();
  }

  get #input(): HTMLInputElement {
    return this.element.querySelector('input')!;
  }

  // ---- what it finds ----

  #reread(): void {
    this.#filter = parseFilter(this.#input.value, this.#app.fleet);
    this.#recount();
    this.#show();
  }

  #recount(): void {
    if (this.#filter.empty) return;
    let count = 0;
    let total = 0;
    for (const gpu of this.#app.fleet.gpus) {
      if (gpu.uuid === null) continue;
      total++;
      if (this.#filter.takes(gpu)) count++;
    }
    if (count === this.#count && total === this.#total) return;
    this.#count = count;
    this.#total = total;
    this.#show();
  }

  #find(): Suggestion[] {
    const text = this.#input.value.trim().toLowerCase();
    if (text === '') return EXAMPLES;
    const { hosts, gpus } = this.#app.fleet;
    const found: Suggestion[] = [];
    for (const host of hosts) {
      const { hostname, cluster } = host;
      if (found.length === HOSTS) break;
      if (!hostname.toLowerCase().includes(text)) continue;
      const there = host.gpus.filter((gpu) => gpu.uuid !== null).length;
      found.push({ title: hostname, text: `host in ${cluster.name}, ${there} GPUs`, goes: hostPage(host) });
    }
    if (text.length < UUID_PART) return found;
    const most = found.length + GPUS;
    for (const gpu of gpus) {
      const { uuid, index, host } = gpu;
      if (found.length === most) break;
      if (!uuid?.toLowerCase().includes(text)) continue;
      found.push({ title: uuid, text: `GPU ${index} of ${host.hostname}`, goes: gpuPage(gpu) });
    }
    return found;
  }

  #suggest(): void {
    this.#suggestions = this.#find();
    this.#open = this.#suggestions.length > 0;
    this.#active = -1;
    this.#show();
  }

  #close(): void {
    this.#open = false;
    this.#active = -1;
    this.#show();
  }

  // ---- what is done with it ----

  #typed(): void {
    this.#suggest();
    this.#reread();
    clearTimeout(this.#write);
    if (this.#app.route.view !== 'fleet') return;
    this.#write = setTimeout(() => this.#writeQuery(), WRITE_MS);
  }

  #writeQuery(): void {
    clearTimeout(this.#write);
    this.#write = undefined;
    this.#app.navigate({ query: this.#input.value.trim() }, 'replace');
  }

  #countWords(): string {
    return `${this.#count} of ${this.#total} GPUs`;
  }

  #choose(suggestion: Suggestion): void {
    this.#close();
    if (suggestion.goes) {
      clearTimeout(this.#write);
      this.#write = undefined;
      this.#input.blur();
      // What was typed was the way there; Back finds it again.
      this.#app.navigate({ ...suggestion.goes, query: '' });
    } else {
      this.#input.value = suggestion.title;
      this.#typed();
      this.#close();
    }
  }

  #submit(): void {
    const chosen = this.#suggestions[this.#active];
    if (this.#open && chosen) {
      this.#choose(chosen);
      return;
    }
    this.#close();
    if (this.#app.route.view === 'fleet') this.#writeQuery();
    else this.#app.navigate({ view: 'fleet', query: this.#input.value.trim() });
  }

  #escape(): void {
    if (this.#active >= 0) this.#close();
    else if (this.#input.value !== '') {
      this.#input.value = '';
      this.#typed();
      this.#close();
    } else this.#input.blur();
  }

  #move(step: number): void {
    if (!this.#open) this.#suggest();
    const count = this.#suggestions.length;
    if (count === 0) return;
    // One place more than there are suggestions: the text itself.
    this.#active = ((this.#active + 1 + step + count + 1) % (count + 1)) - 1;
    this.#show();
    this.element.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }

  #keydown(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const act: Record<string, () => void> = {
      ArrowDown: () => this.#move(1),
      ArrowUp: () => this.#move(-1),
      Enter: () => this.#submit(),
      Escape: () => this.#escape(),
    };
    const step = act[event.key];
    if (!step) return;
    event.preventDefault();
    step();
  }

  // ---- how it looks ----

  #show(): void {
    const { error, empty } = this.#filter;
    const active = this.#open && this.#active >= 0;
    render(
      html`<form role="search" @submit=${(event: Event) => event.preventDefault()}>
        <label class="visually-hidden" for="search">Search and filter GPUs</label>
        ${SEARCH}
        <input class="input" id="search" type="text" inputmode="search" enterkeyhint="search"
            autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="Search or filter: util<5"
            role="combobox" aria-autocomplete="list" aria-controls="search-list" aria-keyshortcuts="/"
            aria-expanded=${this.#open ? 'true' : 'false'}
            aria-activedescendant=${active ? `search-${this.#active}` : nothing}
            aria-invalid=${error ? 'true' : 'false'}
            aria-describedby="search-state"
            @input=${() => this.#typed()} @keydown=${(event: KeyboardEvent) => this.#keydown(event)}
            @focus=${() => this.#suggest()} @click=${() => this.#open || this.#suggest()}
            @blur=${() => this.#close()}>
        <span class="shell-search-state" id="search-state">
          ${error
            ? html`<span class="shell-search-error" role="alert">${error}</span>`
            : empty ? html`<kbd aria-hidden="true">/</kbd>` : html`<span class="badge number">${this.#countWords()}</span>`}
        </span>
        ${empty && !error
          ? nothing
          : html`<button class="button button-plain button-icon shell-search-clear" type="button" title="Clear the search"
              aria-label="Clear the search" @click=${() => this.clear()}>${CLOSE}</button>`}
        <ul class="shell-suggestions" id="search-list" role="listbox" aria-label="Suggestions" ?hidden=${!this.#open}>
          ${this.#suggestions.map((suggestion, i) => this.#option(suggestion, i))}
        </ul>
      </form>`,
      this.element,
    );
  }

  #option(suggestion: Suggestion, i: number) {
    return html`<li id="search-${i}" role="option" aria-selected=${i === this.#active ? 'true' : 'false'}
        @pointerdown=${(event: Event) => event.preventDefault()} @click=${() => this.#choose(suggestion)}>
      <span class=${suggestion.goes ? '' : 'mono'}>${suggestion.title}</span>
      <span class="muted">${suggestion.text}</span>
    </li>`;
  }
}
