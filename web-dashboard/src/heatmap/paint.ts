// paint: draws hosts and cells on a canvas. A state is told by a drawing, not by
// a colour alone: silent is hatched, missing crossed out, in maintenance dotted;
// a GPU that does not report the metric is hollow; a mark in the corner is a problem.

import type { Fleet, Gpu, Metric } from '../fleet/fleet.js';
import { cellRect, hostsBetween, type Layout, type Rect, type Section } from './layout.js';
import type { Palette } from './palette.js';
import { colourIndex, type Domain } from './scale.js';

/** What a cell is drawn as. */
export type Look = 'value' | 'hollow' | 'silent' | 'missing' | 'maintenance';

/** What is to be seen. */
export interface Picture {
  fleet: Fleet;
  layout: Layout;
  metric: Metric;
  domain: Domain;
  /** By row: 0 where a filter does not take it. Undefined: there is no filter. */
  taken: Uint8Array | undefined;
  /** By row: 1 where something is wrong. */
  marked: Uint8Array;
}

/** The part of the map that a canvas shows. */
export interface Pane {
  context: CanvasRenderingContext2D;
  top: number;
  height: number;
  /** Device pixels to a CSS pixel. */
  ratio: number;
}

/** The GPU of that slot of a section's host of that number. */
export type CellPlace = [section: Section, number: number, slot: number];

/** A cell as high as this has its value written in it, if that has room. */
const TEXT_FROM = 20;
const TEXT_MAX = 36;
const LETTER = 0.6;
/** What a filter does not take is a point of this share of the cell. */
const POINT = 0.3;

export function lookOf({ fleet, metric }: Picture, gpu: Gpu): Look {
  if (gpu.status !== 'active') return gpu.status;
  return Number.isNaN(fleet.value(gpu, metric.name)) ? 'hollow' : 'value';
}

/** As short as it can be said: GiB for MiB, k for thousands. */
export function shortValue(value: number, metric: Metric): string {
  const shown = metric.unit === 'MiB' ? value / 1024 : value;
  if (Math.abs(shown) >= 10_000_000) return `${Math.round(shown / 1e6)}M`;
  if (Math.abs(shown) >= 10_000) return `${Math.round(shown / 1000)}k`;
  // What is not quite nothing, or not quite all, does not read so.
  if (shown > 0 && shown < 0.5) return '<1';
  const whole = Math.round(shown);
  return String(metric.unit === '%' && shown < 100 ? Math.min(whole, 99) : whole);
}

/** Inside a cell of so many device pixels, with lines so thick. */
type Draw = (
  context: CanvasRenderingContext2D, width: number, height: number, line: number, palette: Palette,
) => void;

const frame: Draw = (context, width, height, line, { muted }) => {
  context.strokeStyle = muted;
  context.lineWidth = line;
  context.strokeRect(line / 2, line / 2, width - line, height - line);
};

const cross: Draw = (context, width, height, line, palette) => {
  frame(context, width, height, line, palette);
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(width, height);
  context.moveTo(width, 0);
  context.lineTo(0, height);
  context.stroke();
};

const hatching: Draw = (context, width, height, line, { raised, muted }) => {
  context.fillStyle = raised;
  context.fillRect(0, 0, width, height);
  context.strokeStyle = muted;
  context.lineWidth = line;
  context.beginPath();
  for (let x = -height; x < width; x += line * 4) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
};

const dots: Draw = (context, width, height, line, { raised, text }) => {
  context.fillStyle = raised;
  context.fillRect(0, 0, width, height);
  context.fillStyle = text;
  const size = Math.ceil(line * 1.5);
  const step = Math.max(size * 2, Math.round(Math.min(width, height) / 4));
  for (let y = step / 2; y < height - size / 2; y += step) {
    for (let x = step / 2; x < width - size / 2; x += step) context.fillRect(x, y, size, size);
  }
};

const DRAWINGS: Readonly<Record<Exclude<Look, 'value'>, Draw>> = {
  hollow: frame,
  missing: cross,
  silent: hatching,
  maintenance: dots,
};

/** Of the values in the cells, in CSS pixels. */
function textSize({ cellHeight }: Layout): number {
  return Math.min(TEXT_MAX, Math.max(10, Math.round(cellHeight * 0.42)));
}

/** A cell in the pane's device pixels, on whole ones: no edge is blurred. */
function boxOf({ top, ratio }: Pane, layout: Layout, section: Section, number: number, slot: number): Rect {
  const rect = cellRect(layout, { section, number }, slot);
  const x = Math.round(rect.x * ratio);
  const y = Math.round((rect.y - top) * ratio);
  return {
    x, y,
    width: Math.round((rect.x + rect.width) * ratio) - x,
    height: Math.round((rect.y + rect.height - top) * ratio) - y,
  };
}

/** Draws with one palette in cells of one size; what is drawn often is drawn once and copied. */
export class Painter {
  #stamps = new Map<string, HTMLCanvasElement>();

  constructor(readonly palette: Palette) {}

  /** All that is in the pane. Returns how many GPUs, places of missing ones not counted. */
  paint(pane: Pane, picture: Picture): number {
    const { context, top, height, ratio } = pane;
    const { layout } = picture;
    context.clearRect(0, 0, Math.ceil(layout.width * ratio), Math.ceil(height * ratio));
    let painted = 0;
    const [first, last] = hostsBetween(layout, top, top + height);
    for (const section of layout.sections) {
      const from = Math.max(0, first - section.firstHost);
      const to = Math.min(section.cluster.hosts.length, last - section.firstHost);
      if (section.y < top + height && section.y + layout.headingHeight > top) {
        this.#paintHeading(pane, picture, section);
      }
      this.#paintLabels(pane, picture, section, from, to);
      this.#font(pane, picture);
      for (let number = from; number < to; number++) {
        const { gpus } = section.cluster.hosts[number]!;
        for (let slot = 0; slot < gpus.length; slot++) {
          const box = boxOf(pane, layout, section, number, slot);
          this.#paintCell(pane, picture, box, gpus[slot]!);
          if (gpus[slot]!.uuid !== null) painted++;
        }
      }
    }
    return painted;
  }

  /** Some cells anew. */
  paintCells(pane: Pane, picture: Picture, cells: Iterable<CellPlace>): void {
    this.#font(pane, picture);
    for (const [section, number, slot] of cells) {
      const box = boxOf(pane, picture.layout, section, number, slot);
      pane.context.clearRect(box.x, box.y, box.width, box.height);
      this.#paintCell(pane, picture, box, section.cluster.hosts[number]!.gpus[slot]!);
    }
  }

  /** One look by itself, for the legend. */
  paintLook(
    context: CanvasRenderingContext2D, look: Look, size: number, ratio: number, marked = false,
  ): void {
    context.clearRect(0, 0, size, size);
    if (look === 'value') {
      context.fillStyle = this.palette.colours[this.palette.colours.length >> 1]!;
      context.fillRect(0, 0, size, size);
    } else {
      context.drawImage(this.#stamp(look, size, size, ratio), 0, 0);
    }
    if (marked) this.#paintMark(context, { x: 0, y: 0, width: size, height: size }, ratio);
  }

  #font({ context, ratio }: Pane, { layout }: Picture): void {
    context.font = `600 ${textSize(layout) * ratio}px ${this.palette.font}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
  }

  #paintHeading({ context, top, ratio }: Pane, { layout, fleet }: Picture, { cluster, y }: Section): void {
    const gpus = cluster.hosts.reduce((sum, h) => sum + h.gpus.filter((g) => g.uuid !== null).length, 0);
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    const middle = (y - top + layout.headingHeight / 2) * ratio;
    const name = fleet.clusters.length > 1 ? cluster.name : `Cluster ${cluster.name}`;
    context.font = `600 ${(layout.labelFont + 1) * ratio}px ${this.palette.font}`;
    context.fillStyle = this.palette.text;
    context.fillText(name, 0, middle);
    const width = context.measureText(name).width;
    context.font = `${layout.labelFont * ratio}px ${this.palette.font}`;
    context.fillStyle = this.palette.muted;
    context.fillText(`  ${cluster.hosts.length} hosts, ${gpus} GPUs`, width, middle);
  }

  #paintLabels(pane: Pane, { layout }: Picture, section: Section, from: number, to: number): void {
    const { context, top, ratio } = pane;
    context.font = `${layout.labelFont * ratio}px ${this.palette.font}`;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillStyle = this.palette.muted;
    for (let number = from; number < to; number++) {
      const x = (number % section.perRow) * section.pitchX;
      const y = section.blocksY + Math.floor(number / section.perRow) * section.pitchY;
      context.fillText(section.labels[number]!, x * ratio, (y - top + layout.labelHeight / 2) * ratio);
    }
  }

  #paintCell(pane: Pane, picture: Picture, box: Rect, gpu: Gpu): void {
    const { context, ratio } = pane;
    if (picture.taken?.[gpu.row] === 0) {
      this.#paintPoint(context, box);
      return;
    }
    const look = lookOf(picture, gpu);
    if (look === 'value') this.#paintValue(pane, picture, box, gpu);
    else context.drawImage(this.#stamp(look, box.width, box.height, ratio), box.x, box.y);
    if (picture.marked[gpu.row] === 1 && look !== 'missing') this.#paintMark(context, box, ratio);
  }

  #paintPoint(context: CanvasRenderingContext2D, { x, y, width, height }: Rect): void {
    const size = Math.max(2, Math.round(Math.min(width, height) * POINT));
    context.fillStyle = this.palette.line;
    context.fillRect(x + ((width - size) >> 1), y + ((height - size) >> 1), size, size);
  }

  #paintValue({ context, ratio }: Pane, picture: Picture, box: Rect, gpu: Gpu): void {
    const { fleet, metric, domain, layout } = picture;
    const value = fleet.value(gpu, metric.name);
    const colour = colourIndex(value, domain);
    context.fillStyle = this.palette.colours[colour]!;
    context.fillRect(box.x, box.y, box.width, box.height);
    if (layout.cellHeight < TEXT_FROM) return;
    const text = shortValue(value, metric);
    if (text.length * textSize(layout) * LETTER * ratio > box.width) return;
    context.fillStyle = this.palette.inks[colour]!;
    context.fillText(text, box.x + box.width / 2, box.y + box.height / 2);
  }

  /** A corner, on an edge of the ground's colour: seen on each colour of the scale. */
  #paintMark(context: CanvasRenderingContext2D, { x, y, width, height }: Rect, ratio: number): void {
    const { surface, critical } = this.palette;
    const size = Math.max(5 * ratio, Math.min(width, height) * 0.36);
    const right = x + width;
    for (const [colour, side] of [[surface, size + 1.5 * ratio], [critical, size]] as const) {
      context.fillStyle = colour;
      context.beginPath();
      context.moveTo(right - side, y);
      context.lineTo(right, y);
      context.lineTo(right, y + side);
      context.fill();
    }
  }

  #stamp(look: Exclude<Look, 'value'>, width: number, height: number, ratio: number): HTMLCanvasElement {
    const key = `${look} ${width} ${height} ${ratio}`;
    let stamp = this.#stamps.get(key);
    if (!stamp) {
      stamp = document.createElement('canvas');
      stamp.width = Math.max(1, width);
      stamp.height = Math.max(1, height);
      const line = Math.max(1, Math.round(ratio * (Math.min(width, height) < 14 * ratio ? 1 : 1.5)));
      DRAWINGS[look](stamp.getContext('2d')!, width, height, line, this.palette);
      this.#stamps.set(key, stamp);
    }
    return stamp;
  }
}
