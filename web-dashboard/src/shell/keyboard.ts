// keyboard: the page's keys, each registered by the part whose it is, with the words
// that the help shows. None fires while someone types, with Ctrl, Alt or Meta held, or
// behind an open dialog.

import type { Off } from '../emitter.js';
import { readSetting, writeSetting } from './settings.js';

export interface Key {
  /**
   * A key's name as events have it (`/`, `Escape`, ` `), or two, one after the other:
   * `g f`. Capitals are written as such: `?`, `G`.
   */
  key: string;
  /** What it does, for the help. */
  text: string;
  /** What to write for the key in the help: `← ↑ → ↓`. */
  label?: string;
  /**
   * Returns false where the key is not for it now: then the one registered before
   * gets it. Without it the key is listed only, as those of a grid that has the focus.
   */
  run?(event: KeyboardEvent): boolean | void;
}

const SECOND_KEY_MS = 1500;
const TYPED_INTO = 'input, textarea, select, [contenteditable]:not([contenteditable=false])';
const PRESSED_BY_SPACE = 'a, button, summary, [role=button], [role=gridcell], [role=option]';
const SETTING = 'keys';

class Keyboard {
  #keys: Key[] = [];
  #first = '';
  #firstAt = 0;

  /** Keys that are letters or signs can be turned off: they get in the way of speech input. */
  get enabled(): boolean {
    return readSetting(SETTING) !== 'off';
  }

  set enabled(on: boolean) {
    writeSetting(SETTING, on ? null : 'off');
  }

  /** All there are, in the order they came. */
  get list(): readonly Key[] {
    return this.#keys;
  }

  register(key: Key): Off {
    this.#keys.push(key);
    return () => {
      this.#keys = this.#keys.filter((k) => k !== key);
    };
  }

  #run(name: string, event: KeyboardEvent): boolean {
    for (const key of [...this.#keys].reverse()) {
      if (key.key !== name || !key.run) continue;
      if (key.run(event) !== false) {
        event.preventDefault();
        return true;
      }
    }
    return false;
  }

  #isTyping(event: KeyboardEvent): boolean {
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return true;
    if (document.querySelector('dialog:modal') !== null) return true;
    if (target.closest(TYPED_INTO)) return true;
    if (event.key === 'Escape' && document.querySelector(':popover-open')) return true;
    return event.key === ' ' && target.closest(PRESSED_BY_SPACE) !== null;
  }

  /** The window's listener. */
  handle = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.key === 'Shift') return;
    const first = Date.now() - this.#firstAt < SECOND_KEY_MS ? this.#first : '';
    this.#first = '';
    if (this.#isTyping(event)) return;
    if (event.key.length === 1 && !this.enabled) return;
    if (first && this.#run(`${first} ${event.key}`, event)) return;
    if (this.#run(event.key, event)) return;
    if (this.#keys.some((k) => k.key.startsWith(`${event.key} `))) {
      this.#first = event.key;
      this.#firstAt = Date.now();
    }
  };
}

/** One for the page. */
export const keys = new Keyboard();
