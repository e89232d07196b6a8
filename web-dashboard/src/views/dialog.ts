// dialog: a modal that is made when it opens and gone when it closes.

import { html, render, type TemplateResult } from 'lit-html';

import { formatError } from '../format.js';

let names = 0;

export interface DialogContent {
  title: string;
  /** Called anew whenever `draw` is. */
  body(): TemplateResult;
  /** Of the button; without it there is only Close. */
  action?: string;
  /** Throws where it was refused: what it said is shown. */
  act?(): Promise<void>;
}

export class Dialog {
  readonly #element = document.createElement('dialog');
  readonly #content: DialogContent;
  readonly #name = `dialog-${++names}`;
  #error = '';
  #busy = false;

  constructor(content: DialogContent) {
    this.#content = content;
    this.#element.className = 'dialog';
    this.#element.setAttribute('aria-labelledby', this.#name);
    this.#element.addEventListener('close', () => this.#element.remove());
    this.draw();
    document.body.append(this.#element);
    this.#element.showModal();
  }

  draw(): void {
    const { title, body, action } = this.#content;
    render(
      html`<form @submit=${(event: Event) => this.#submit(event)}>
        <h2 id=${this.#name}>${title}</h2>
        ${body()}
        <p class="dialog-error" role="alert">${this.#error}</p>
        <div class="dialog-buttons">
          <button type="button" class="button" @click=${() => this.close()}>${action ? 'Cancel' : 'Close'}</button>
          ${action ? html`<button type="submit" class="button button-primary" ?disabled=${this.#busy}>${action}</button>` : ''}
        </div>
      </form>`,
      this.#element,
    );
  }

  close(): void {
    this.#element.close();
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    if (!this.#content.act || this.#busy) return;
    this.#busy = true;
    this.#error = '';
    this.draw();
    try {
      await this.#content.act();
      this.close();
    } catch (error) {
      this.#error = formatError(error);
    }
    this.#busy = false;
    this.draw();
  }
}
