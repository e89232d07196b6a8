// range_picker: the time range that the charts show: one of a few, or any.

import { html, nothing, render } from 'lit-html';

import type { App } from '../app.js';
import { START } from '../route.js';
import {
  formatAddress,
  formatField,
  formatRange,
  formatZone,
  PRESETS,
  rangeError,
  resolveRange,
  type RangeFault,
} from '../time.js';
import { CHEVRON, CLOCK } from './icons.js';

export class RangePicker {
  readonly element = document.createElement('div');
  #app: App;
  #error: RangeFault | null = null;
  /** To which one goes back from times gone by. */
  #lastLive = START.from;

  constructor(app: App) {
    this.#app = app;
    this.element.className = 'shell-range';
    addEventListener('resize', () => this.#hide());
    this.show();
  }

  /** The route may be another. */
  show(): void {
    const { route } = this.#app;
    const { live } = resolveRange(route);
    if (live) this.#lastLive = rangeError(route.from, route.to) ? START.from : route.from;
    const words = formatRange(route);
    const preset = PRESETS.find((p) => p.title === words);
    render(
      html`
        <button class="button shell-range-button" type="button" popovertarget="range"
            title="Time range of the charts: ${words}">
          ${CLOCK}<span class="visually-hidden">Time range: ${words}</span>
          <span class="shell-range-words" aria-hidden="true">${words}</span>
          <span class="shell-range-short" aria-hidden="true">${preset?.short ?? (live ? words.replace('Last ', '') : 'Past')}</span>
          ${CHEVRON}
        </button>
        ${live
          ? nothing
          : html`<button class="button shell-range-live" type="button" aria-label="Back to live" @click=${() => this.#backToLive()}>
              <span class="shell-dot" aria-hidden="true"></span><span><span class="shell-range-live-more">Back to </span>live</span>
            </button>`}
        <div class="shell-popover" id="range" popover role="dialog" aria-label="Time range"
            @beforetoggle=${(event: ToggleEvent) => this.#toggled(event)}>
          ${this.#panel()}
        </div>
      `,
      this.element,
    );
  }

  get #popover(): HTMLElement {
    return this.element.querySelector<HTMLElement>('#range')!;
  }

  #hide(): void {
    if (this.#popover.matches(':popover-open')) this.#popover.hidePopover();
  }

  #toggled({ newState }: ToggleEvent): void {
    if (newState !== 'open') return;
    this.#error = null;
    this.show();
    for (const end of ['from', 'to'] as const) this.#field(end).value = formatField(this.#app.route[end]);
    const button = this.element.getBoundingClientRect();
    const { style } = this.#popover;
    style.top = `${button.bottom + 6}px`;
    style.right = `${Math.max(8, document.documentElement.clientWidth - button.right)}px`;
  }

  #field(end: RangeFault['end']): HTMLInputElement {
    return this.element.querySelector<HTMLInputElement>(`[name=${end}]`)!;
  }

  #go(from: string, to: string): void {
    this.#hide();
    this.#app.navigate({ from, to });
    this.#app.announce(`Time range: ${formatRange(this.#app.route)}`);
  }

  #backToLive(): void {
    this.#go(this.#lastLive, 'now');
    this.element.querySelector('button')?.focus();
  }

  #apply(event: SubmitEvent): void {
    event.preventDefault();
    const from = this.#field('from').value;
    const to = this.#field('to').value;
    this.#error = rangeError(from, to);
    if (this.#error === null) {
      this.#go(formatAddress(from), formatAddress(to));
      return;
    }
    this.show();
    this.#field(this.#error.end).focus();
  }

  #panel() {
    const { route } = this.#app;
    const error = this.#error;
    const field = (end: RangeFault['end'], label: string) => html`
      <label for="range-${end}">${label}</label>
      <input class="input number" id="range-${end}" name=${end} autocomplete="off" spellcheck="false"
          aria-invalid=${error?.end === end ? 'true' : 'false'}
          aria-describedby=${error?.end === end ? 'range-error range-form' : 'range-form'}>`;
    return html`
      <div class="shell-presets" role="group" aria-label="Up to now">
        ${PRESETS.map(
          ({ from, title }) => html`<button class="button button-plain" type="button"
              aria-pressed=${route.from === from && route.to === 'now' ? 'true' : 'false'}
              @click=${() => this.#go(from, 'now')}>${title}</button>`,
        )}
      </div>
      <form class="shell-custom" novalidate @submit=${(event: SubmitEvent) => this.#apply(event)}>
        ${field('from', 'From')} ${field('to', 'To')}
        ${error ? html`<p class="shell-error" id="range-error" role="alert">${error.text}</p>` : nothing}
        <p class="shell-hint" id="range-form">Your time (${formatZone(Date.now())}), as 2026-01-31 14:05, or now-2h, now-7d.</p>
        <button class="button button-primary" type="submit">Show this range</button>
      </form>
    `;
  }
}
