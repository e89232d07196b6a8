// help: the keys there are, and what can be searched for.

import { html, render } from 'lit-html';

import { FILTER_HELP } from '../fleet/filter.js';
import { CLOSE } from './icons.js';
import { keys, type Key } from './keyboard.js';

const NAMES: Record<string, string> = { ' ': 'Space', Escape: 'Esc', Enter: 'Enter' };

/** Keys that do the same stand in one line. */
function lines(list: readonly Key[]): { text: string; labels: string[] }[] {
  const byText = new Map<string, string[]>();
  for (const { key, label, text } of list) {
    const written = label ?? key.replace(/[^ ]+|^ $/g, (name) => NAMES[name] ?? name);
    const labels = byText.get(text) ?? [];
    if (!labels.includes(written)) byText.set(text, [...labels, written]);
  }
  return [...byText].map(([text, labels]) => ({ text, labels }));
}

function keysOf(label: string) {
  return label.split(' ').map((key) => html`<kbd>${key}</kbd> `);
}

export class Help {
  readonly element = document.createElement('dialog');

  constructor() {
    this.element.className = 'shell-help';
    this.element.setAttribute('aria-labelledby', 'help-title');
    // A click beside it closes it.
    this.element.addEventListener('click', (event) => {
      if (event.target === this.element) this.element.close();
    });
  }

  open(): void {
    render(this.#content(), this.element);
    this.element.showModal();
  }

  #content() {
    return html`<div class="shell-help-content">
      <div class="card-head">
        <h2 id="help-title">Keys and search</h2>
        <button class="button button-plain button-icon" type="button" aria-label="Close" autofocus
          @click=${() => this.element.close()}>${CLOSE}</button>
      </div>
      <div class="shell-help-columns">
        <section>
          <h3>Keys</h3>
          <dl>
            ${lines(keys.list).map(
              ({ text, labels }) => html`<div>
                <dt>${labels.map((label, i) => [i > 0 ? html`<span class="muted">or </span>` : '', keysOf(label)])}</dt>
                <dd>${text}</dd>
              </div>`,
            )}
          </dl>
          <label class="shell-help-switch">
            <input type="checkbox" .checked=${keys.enabled}
              @change=${(event: Event) => (keys.enabled = (event.target as HTMLInputElement).checked)}>
            Single letters and signs are shortcuts
          </label>
        </section>
        <section>
          <h3>Search</h3>
          <dl>
            ${FILTER_HELP.map(
              ({ example, text }) => html`<div><dt><code>${example}</code></dt><dd>${text}</dd></div>`,
            )}
          </dl>
        </section>
      </div>
    </div>`;
  }
}
