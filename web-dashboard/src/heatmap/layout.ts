// layout: where each cell is. Clusters stand one below the other, each under a
// heading; a cluster's hosts are blocks of one size in rows; a block has the
// host's label and its GPUs' cells below it, in lines of eight at most.
//
// All is in CSS pixels from the map's upper left. Blocks being alike, a place is
// found by division, however many there are.

import type { Cluster, Gpu, Host } from '../fleet/fleet.js';

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What the layout is made for. */
export interface Room {
  width: number;
  /** Cells are as large as they can be for all to fit in this. */
  height: number;
  /** The least side of a cell; where that does not fit, the map is higher. */
  cellMin: number;
}

/** A cluster's part of the map. */
export interface Section {
  cluster: Cluster;
  /** The first of its hosts in Fleet.hosts. */
  firstHost: number;
  /** The heading's upper edge. */
  y: number;
  height: number;
  /** The first row of blocks. */
  blocksY: number;
  /** How many cells a line of a block has. */
  columns: number;
  /** How many lines of cells a block has. */
  lines: number;
  /** How many blocks stand side by side. */
  perRow: number;
  /** From a block to the one beside it, and to the one below. */
  pitchX: number;
  pitchY: number;
  cellWidth: number;
  /** What is shown of each host's name. */
  labels: string[];
}

export interface Layout {
  width: number;
  height: number;
  cellHeight: number;
  labelHeight: number;
  labelFont: number;
  headingHeight: number;
  sections: Section[];
}

/** A host's place in the map: its section, and its number there. */
export interface Block {
  section: Section;
  number: number;
}

const CELL_MAX = 96;
const GAP = 2;
const LINE_MAX = 8;
const BLOCK_GAP = 14;
const ROW_GAP = 8;
const SECTION_GAP = 14;
/** A cell is at most so much wider than high. */
const STRETCH_MAX = 1.7;
/** A label's font has this many pixels at least, and its letters this share of them. */
const FONT_MIN = 11;
const FONT_MAX = 28;
const LETTER = 0.6;
/** A block has room for so many letters. */
const LABEL_MIN = 6;

interface Sizes {
  cellHeight: number;
  labelFont: number;
  labelHeight: number;
  headingHeight: number;
}

function sizesFor(cellHeight: number): Sizes {
  const labelFont = Math.max(FONT_MIN, Math.min(FONT_MAX, Math.round(cellHeight * 0.38)));
  return {
    cellHeight,
    labelFont,
    labelHeight: Math.round(labelFont * 1.5),
    headingHeight: Math.round(labelFont * 2),
  };
}

function sectionOf(cluster: Cluster, firstHost: number, y: number, width: number, sizes: Sizes): Section {
  const most = cluster.hosts.reduce((n, host) => Math.max(n, host.gpus.length), 1);
  const columns = Math.min(most, LINE_MAX);
  const lines = Math.ceil(most / columns);
  const { cellHeight, labelFont, labelHeight, headingHeight } = sizes;
  const least = Math.max(columns * (cellHeight + GAP) - GAP, LABEL_MIN * labelFont * LETTER);
  const fitting = Math.max(1, Math.floor((width + BLOCK_GAP) / (least + BLOCK_GAP)));
  const perRow = Math.max(1, Math.min(fitting, cluster.hosts.length));
  const rows = Math.ceil(cluster.hosts.length / perRow);
  const room = (width + BLOCK_GAP) / perRow - BLOCK_GAP;
  const cellWidth = Math.min(
    Math.max(4, Math.floor((room + GAP) / columns) - GAP),
    Math.floor(cellHeight * STRETCH_MAX),
  );
  const blockWidth = Math.max(columns * (cellWidth + GAP) - GAP, Math.min(room, least));
  const pitchY = labelHeight + lines * (cellHeight + GAP) - GAP + ROW_GAP;
  return {
    cluster, firstHost, y, columns, lines, perRow, pitchY, cellWidth,
    height: headingHeight + rows * pitchY - ROW_GAP,
    blocksY: y + headingHeight,
    pitchX: blockWidth + BLOCK_GAP,
    labels: [],
  };
}

function arrange(clusters: readonly Cluster[], width: number, cellHeight: number): Layout {
  const sizes = sizesFor(cellHeight);
  const sections: Section[] = [];
  let y = 0;
  let firstHost = 0;
  for (const cluster of clusters) {
    const section = sectionOf(cluster, firstHost, y, width, sizes);
    sections.push(section);
    y += section.height + SECTION_GAP;
    firstHost += cluster.hosts.length;
  }
  return { ...sizes, width, height: Math.max(0, y - SECTION_GAP), sections };
}

export function layoutOf(clusters: readonly Cluster[], { width, height, cellMin }: Room): Layout {
  let low = cellMin;
  let high = Math.max(cellMin, CELL_MAX);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (arrange(clusters, width, middle).height <= height) low = middle;
    else high = middle - 1;
  }
  const layout = arrange(clusters, width, low);
  for (const section of layout.sections) {
    const letters = Math.floor((section.pitchX - BLOCK_GAP / 2) / (layout.labelFont * LETTER));
    section.labels = shorten(section.cluster.hosts.map((h) => h.hostname), letters);
  }
  return layout;
}

// ---- labels ----

/** The part of a name behind its first `parts` parts: hgpu-012 of mtv5-dgx1-hgpu-012. */
function behind(name: string, parts: number): string {
  const cuts = [...name.matchAll(/[-._]/g)];
  const cut = cuts[Math.min(parts, cuts.length) - 1];
  return cut ? name.slice(cut.index + 1) : name;
}

/** The part that all names end with, from a dot on: a domain. */
function commonDomain(names: readonly string[]): string {
  const [first = ''] = names;
  for (let dot = first.indexOf('.'); dot > 0; dot = first.indexOf('.', dot + 1)) {
    const domain = first.slice(dot);
    if (names.every((name) => name.endsWith(domain))) return domain;
  }
  return '';
}

/** The names without what they begin with, alike for all, until they have so many letters. */
export function shorten(names: readonly string[], letters: number): string[] {
  const fit = (all: readonly string[]) => all.every((name) => name.length <= letters);
  if (fit(names)) return [...names];
  const domain = names.length > 1 ? commonDomain(names) : '';
  const local = names.map((name) => name.slice(0, name.length - domain.length));
  const most = Math.max(0, ...local.map((name) => name.split(/[-._]/).length - 1));
  for (let parts = 0; parts <= most; parts++) {
    const short = local.map((name) => behind(name, parts));
    if (fit(short)) return short;
  }
  const cut = Math.max(1, letters - 1);
  return local.map((name) => (name.length <= letters ? name : `…${name.slice(-cut)}`));
}

// ---- places ----

/** The section that a height falls into, its gap below included. */
function sectionAt({ sections }: Layout, y: number): Section | undefined {
  let found: Section | undefined;
  for (const section of sections) if (section.y <= y) found = section;
  return found;
}

/** Where a host is. */
export function blockOf(layout: Layout, hostNumber: number): Block | undefined {
  const section = layout.sections.find((s) => hostNumber < s.firstHost + s.cluster.hosts.length);
  return section && { section, number: hostNumber - section.firstHost };
}

/** The label and the cells of a host. */
export function blockRect({ section, number }: Block): Rect {
  return {
    x: (number % section.perRow) * section.pitchX,
    y: section.blocksY + Math.floor(number / section.perRow) * section.pitchY,
    width: section.pitchX - BLOCK_GAP,
    height: section.pitchY - ROW_GAP,
  };
}

export function labelRect(layout: Layout, block: Block): Rect {
  return { ...blockRect(block), height: layout.labelHeight };
}

/** The cell of a host's GPU, by the GPU's number among the host's. */
export function cellRect(layout: Layout, block: Block, slot: number): Rect {
  const { section } = block;
  const { x, y } = blockRect(block);
  return {
    x: x + (slot % section.columns) * (section.cellWidth + GAP),
    y: y + layout.labelHeight + Math.floor(slot / section.columns) * (layout.cellHeight + GAP),
    width: section.cellWidth,
    height: layout.cellHeight,
  };
}

/** What is under a point: a host's cell, or its label (slot -1). */
export interface Hit {
  host: Host;
  hostNumber: number;
  slot: number;
  gpu: Gpu | undefined;
}

export function hitAt(layout: Layout, x: number, y: number): Hit | undefined {
  const section = sectionAt(layout, y);
  if (!section || x < 0 || y < section.blocksY) return undefined;
  const column = Math.floor(x / section.pitchX);
  const number = Math.floor((y - section.blocksY) / section.pitchY) * section.perRow + column;
  const host = section.cluster.hosts[number];
  if (!host || column >= section.perRow) return undefined;
  const block = { section, number };
  const inside = blockRect(block);
  const hit = { host, hostNumber: section.firstHost + number };
  if (x - inside.x >= inside.width || y - inside.y >= inside.height) return undefined;
  if (y - inside.y < layout.labelHeight) return { ...hit, slot: -1, gpu: undefined };
  const line = Math.floor((y - inside.y - layout.labelHeight) / (layout.cellHeight + GAP));
  const place = Math.floor((x - inside.x) / (section.cellWidth + GAP));
  const slot = line * section.columns + place;
  const gpu = place < section.columns ? host.gpus[slot] : undefined;
  return gpu ? { ...hit, slot, gpu } : undefined;
}

/** The hosts of a strip across the map: numbers in Fleet.hosts, the last not in it. */
export function hostsBetween(layout: Layout, top: number, bottom: number): [number, number] {
  let first = Infinity;
  let last = 0;
  for (const s of layout.sections) {
    if (s.y >= bottom || s.y + s.height <= top) continue;
    const row = Math.max(0, Math.floor((top - s.blocksY) / s.pitchY));
    const end = Math.max(0, Math.ceil((bottom - s.blocksY) / s.pitchY));
    const count = s.cluster.hosts.length;
    first = Math.min(first, s.firstHost + Math.min(row * s.perRow, count));
    last = Math.max(last, s.firstHost + Math.min(end * s.perRow, count));
  }
  return first < last ? [first, last] : [0, 0];
}

// ---- steps ----

/** A place that can have the focus: a cell, or a host's label (slot -1). */
export interface Place {
  host: number;
  slot: number;
}

function nearest(layout: Layout, x: number, y: number, label: boolean): Place | undefined {
  const section = sectionAt(layout, y);
  if (!section) return undefined;
  const { perRow, pitchX, pitchY, cluster } = section;
  const rowLast = Math.floor((cluster.hosts.length - 1) / perRow);
  const row = Math.max(0, Math.min(rowLast, Math.floor((y - section.blocksY) / pitchY)));
  const column = Math.max(0, Math.min(perRow - 1, Math.floor(x / pitchX)));
  const number = Math.min(row * perRow + column, cluster.hosts.length - 1);
  const gpus = cluster.hosts[number]!.gpus.length;
  const host = section.firstHost + number;
  if (label || gpus === 0) return { host, slot: -1 };
  const inside = blockRect({ section, number });
  const line = Math.max(0, Math.floor((y - inside.y - layout.labelHeight) / (layout.cellHeight + GAP)));
  const place = Math.max(0, Math.min(section.columns - 1, Math.floor((x - inside.x) / (section.cellWidth + GAP))));
  return { host, slot: Math.min(Math.min(line, section.lines - 1) * section.columns + place, gpus - 1) };
}

function rectOf(layout: Layout, place: Place): Rect | undefined {
  const block = blockOf(layout, place.host);
  if (!block) return undefined;
  return place.slot < 0 ? labelRect(layout, block) : cellRect(layout, block, place.slot);
}

/** One line of cells up or down, staying in the column; undefined at the map's edge. */
export function stepVertically(layout: Layout, place: Place, down: boolean): Place | undefined {
  const block = blockOf(layout, place.host);
  const rect = rectOf(layout, place);
  if (!block || !rect) return undefined;
  const { section, number } = block;
  const label = place.slot < 0;
  const gpus = section.cluster.hosts[number]!.gpus.length;
  const slot = place.slot + (down ? section.columns : -section.columns);
  if (!label && slot >= 0 && slot < gpus) return { host: place.host, slot };
  const x = rect.x + rect.width / 2;
  const own = blockRect(block);
  if (!down) {
    if (own.y <= section.blocksY && section === layout.sections[0]) return undefined;
    const above = own.y <= section.blocksY ? section.y - SECTION_GAP : own.y - ROW_GAP;
    return nearest(layout, x, above - 1, label);
  }
  const below = own.y + section.pitchY;
  if (below < section.y + section.height) return nearest(layout, x, below + layout.labelHeight, label);
  const next = layout.sections[layout.sections.indexOf(section) + 1];
  return next && nearest(layout, x, next.blocksY + layout.labelHeight, label);
}
