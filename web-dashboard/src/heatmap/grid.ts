// grid: the map for who does not see it, and for the keyboard: a row for each host,
// a cell for each GPU, all of them empty boxes with a name, lying over what the
// canvas shows. Of a big fleet only some rows are there, those that are seen first.

import type { Gpu, Host } from '../fleet/fleet.js';
import {
  blockOf, cellRect, labelRect, stepVertically, type Layout, type Place, type Rect,
} from './layout.js';

export interface GridOwner {
  /** What is said of a GPU. */
  nameOf(gpu: Gpu): string;
  /** Enter was pressed. */
  open(place: Place, newTab: boolean): void;
  /** The focus has gone there; undefined: out of the grid. */
  focused(place: Place | undefined): void;
  /** Lets it be seen. */
  reveal(rect: Rect): void;
  /** How high the part is that is seen at once. */
  viewHeight(): number;
  /** The id of what tells more of what has the focus. */
  describedBy: string;
}

interface Row {
  element: HTMLElement;
  header: HTMLElement;
  cells: HTMLElement[];
}

/** So many cells are in the document at a time. */
const CELLS_MAX = 400;

function setName(element: HTMLElement, name: string): void {
  if (element.getAttribute('aria-label') !== name) element.setAttribute('aria-label', name);
}

function placeAt(element: HTMLElement, { x, y, width, height }: Rect): void {
  const { style } = element;
  style.left = `${x}px`;
  style.top = `${y}px`;
  style.width = `${width}px`;
  style.height = `${height}px`;
}

export class Grid {
  #element: HTMLElement;
  #owner: GridOwner;
  #layout: Layout | undefined;
  #hosts: readonly Host[] = [];
  #rows = new Map<number, Row>();
  #places = new WeakMap<Element, Place>();
  #active: Place = { host: 0, slot: 0 };

  constructor(element: HTMLElement, owner: GridOwner) {
    this.#element = element;
    this.#owner = owner;
    element.setAttribute('role', 'grid');
    element.addEventListener('keydown', this.#keyPressed);
    element.addEventListener('focusin', this.#focusCame);
    element.addEventListener('focusout', this.#focusWent);
  }

  get empty(): boolean {
    return this.#rows.size === 0;
  }

  get hasFocus(): boolean {
    return this.#element.contains(document.activeElement);
  }

  /** The place of an element of the grid. */
  placeOf(target: EventTarget | null): Place | undefined {
    return target instanceof Element ? this.#places.get(target) : undefined;
  }

  /** Other hosts or GPUs: what had the focus has it again, where it still is there. */
  setHosts(hosts: readonly Host[], layout: Layout): void {
    const focused = this.hasFocus;
    const before = this.#hosts[this.#active.host];
    const index = before?.gpus[this.#active.slot]?.index;
    this.#hosts = hosts;
    this.#layout = layout;
    this.#element.replaceChildren();
    this.#rows.clear();
    const host = hosts.findIndex(
      (h) => h.hostname === before?.hostname && h.cluster.name === before.cluster.name,
    );
    const slot = hosts[host]?.gpus.findIndex((gpu) => gpu.index === index) ?? -1;
    this.#active = host < 0 ? { host: 0, slot: 0 } : { host, slot: Math.max(slot, 0) };
    const most = hosts.reduce((n, h) => Math.max(n, h.gpus.length), 0);
    this.#element.setAttribute('aria-rowcount', String(hosts.length));
    this.#element.setAttribute('aria-colcount', String(most + 1));
    this.show(0, hosts.length);
    if (focused) this.#elementAt(this.#active)?.focus({ preventScroll: true });
  }

  /** The same hosts elsewhere. */
  setLayout(layout: Layout): void {
    this.#layout = layout;
    for (const [number, row] of this.#rows) this.#position(number, row);
  }

  /** These hosts are seen: as many of them as there may be are in the document. */
  show(first: number, last: number): void {
    const wanted = new Set<number>();
    for (let host = first, cells = 0; host < last && cells < CELLS_MAX; host++) {
      wanted.add(host);
      cells += this.#hosts[host]!.gpus.length;
    }
    if (this.#active.host < this.#hosts.length) wanted.add(this.#active.host);
    for (const [number, { element }] of this.#rows) {
      if (wanted.has(number)) continue;
      element.remove();
      this.#rows.delete(number);
    }
    for (const number of wanted) if (!this.#rows.has(number)) this.#add(number);
  }

  /** Says anew what has changed. */
  updateNames(): void {
    for (const [number, { cells }] of this.#rows) {
      const { gpus } = this.#hosts[number]!;
      cells.forEach((cell, slot) => this.#describe(cell, gpus[slot]!));
    }
  }

  #describe(cell: HTMLElement, gpu: Gpu): void {
    setName(cell, this.#owner.nameOf(gpu));
    if (cell.dataset['status'] !== gpu.status) cell.dataset['status'] = gpu.status;
  }

  #add(number: number): void {
    const host = this.#hosts[number]!;
    const element = document.createElement('div');
    element.setAttribute('role', 'row');
    element.setAttribute('aria-rowindex', String(number + 1));
    const header = this.#makeCell('rowheader', { host: number, slot: -1 });
    const { name } = host.cluster;
    const spoken = document.createElement('span');
    spoken.className = 'visually-hidden';
    spoken.textContent = `${host.hostname}, cluster ${name}, ${host.gpus.length} ${host.gpus.length === 1 ? 'place' : 'places'}`;
    header.append(spoken);
    const cells = host.gpus.map((gpu, slot) => {
      const cell = this.#makeCell('gridcell', { host: number, slot });
      if (gpu.uuid !== null) cell.dataset['uuid'] = gpu.uuid;
      this.#describe(cell, gpu);
      return cell;
    });
    element.append(header, ...cells);
    const row = { element, header, cells };
    this.#position(number, row);
    this.#rows.set(number, row);
    this.#element.insertBefore(element, this.#rowBehind(number));
  }

  #rowBehind(number: number): HTMLElement | null {
    let behind = Infinity;
    for (const other of this.#rows.keys()) if (other > number && other < behind) behind = other;
    return this.#rows.get(behind)?.element ?? null;
  }

  #makeCell(role: string, place: Place): HTMLElement {
    const cell = document.createElement('div');
    cell.className = role === 'rowheader' ? 'heatmap-host' : 'heatmap-cell';
    cell.setAttribute('role', role);
    cell.setAttribute('aria-colindex', String(place.slot + 2));
    const active = place.host === this.#active.host && place.slot === this.#active.slot;
    cell.tabIndex = active ? 0 : -1;
    this.#places.set(cell, place);
    return cell;
  }

  #position(number: number, { header, cells }: Row): void {
    const block = this.#layout && blockOf(this.#layout, number);
    if (!this.#layout || !block) return;
    placeAt(header, labelRect(this.#layout, block));
    for (let slot = 0; slot < cells.length; slot++) {
      placeAt(cells[slot]!, cellRect(this.#layout, block, slot));
    }
  }

  #elementAt({ host, slot }: Place): HTMLElement | undefined {
    const row = this.#rows.get(host);
    return slot < 0 ? row?.header : row?.cells[slot];
  }

  #activate(place: Place): void {
    const before = this.#elementAt(this.#active);
    if (before) before.tabIndex = -1;
    this.#active = place;
    const now = this.#elementAt(place);
    if (now) now.tabIndex = 0;
  }

  #go(place: Place): void {
    if (!this.#rows.has(place.host)) this.#add(place.host);
    this.#activate(place);
    const block = blockOf(this.#layout!, place.host)!;
    this.#owner.reveal(
      place.slot < 0 ? labelRect(this.#layout!, block) : cellRect(this.#layout!, block, place.slot),
    );
    this.#elementAt(place)?.focus({ preventScroll: true });
  }

  /** Along the host, then on to the host beside it. */
  #stepSideways({ host, slot }: Place, by: 1 | -1): Place | undefined {
    const there = slot + by;
    if (there >= -1 && there < this.#hosts[host]!.gpus.length) return { host, slot: there };
    const beside = this.#hosts[host + by];
    return beside && { host: host + by, slot: by > 0 ? -1 : beside.gpus.length - 1 };
  }

  #stepPage(place: Place, down: boolean): Place | undefined {
    const block = blockOf(this.#layout!, place.host)!;
    const { pitchY, lines } = block.section;
    const steps = Math.max(1, Math.floor(this.#owner.viewHeight() / pitchY) * lines);
    let at: Place | undefined;
    for (let i = 0, next: Place | undefined = place; i < steps && next; i++) {
      next = stepVertically(this.#layout!, next, down);
      at = next ?? at;
    }
    return at;
  }

  #target(key: string, far: boolean): Place | undefined {
    const place = this.#active;
    const last = this.#hosts.length - 1;
    const lastSlot = (host: number) => this.#hosts[host]!.gpus.length - 1;
    switch (key) {
      case 'ArrowLeft':
        return this.#stepSideways(place, -1);
      case 'ArrowRight':
        return this.#stepSideways(place, 1);
      case 'ArrowUp':
        return stepVertically(this.#layout!, place, false);
      case 'ArrowDown':
        return stepVertically(this.#layout!, place, true);
      case 'PageUp':
        return this.#stepPage(place, false);
      case 'PageDown':
        return this.#stepPage(place, true);
      case 'Home':
        return far ? { host: 0, slot: -1 } : { host: place.host, slot: -1 };
      case 'End':
        return far ? { host: last, slot: lastSlot(last) } : { host: place.host, slot: lastSlot(place.host) };
      default:
        return undefined;
    }
  }

  #keyPressed = (event: KeyboardEvent): void => {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (!this.#layout || altKey || shiftKey || this.#hosts.length === 0) return;
    if (key === 'Enter') this.#owner.open(this.#active, ctrlKey || metaKey);
    else if (!/^(Arrow(Left|Right|Up|Down)|Page(Up|Down)|Home|End)$/.test(key)) return;
    event.preventDefault();
    const place = this.#target(key, ctrlKey || metaKey);
    if (place) this.#go(place);
  };

  #focusCame = (event: FocusEvent): void => {
    const place = this.placeOf(event.target);
    if (!place) return;
    this.#activate(place);
    this.#elementAt(place)?.setAttribute('aria-describedby', this.#owner.describedBy);
    this.#owner.focused(place);
  };

  #focusWent = (event: FocusEvent): void => {
    if (event.target instanceof Element) event.target.removeAttribute('aria-describedby');
    const to = event.relatedTarget;
    if (!(to instanceof Node && this.#element.contains(to))) this.#owner.focused(undefined);
  };
}
