// announcer: says a text to who does not see the screen, when they are free to listen.

export class Announcer {
  readonly element = document.createElement('div');
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.element.className = 'visually-hidden';
    this.element.setAttribute('role', 'status');
    this.element.setAttribute('aria-live', 'polite');
  }

  /** A text that is said already is said again only when it has changed meanwhile. */
  say(text: string): void {
    this.element.textContent = '';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.element.textContent = text), 50);
  }
}
