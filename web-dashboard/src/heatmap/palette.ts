// palette: the theme's colours, as a canvas wants them.

import { coloursOn, luminance, rgbOf, type Rgb } from './scale.js';

export interface Palette {
  /** The scale, from the lowest value's colour to the highest's. */
  colours: string[];
  /** What is read on each of them: black or white. */
  inks: string[];
  surface: string;
  raised: string;
  line: string;
  text: string;
  muted: string;
  critical: string;
  font: string;
}

/** From this luminance on, black is read better than white. */
const LIGHT = 0.179;

function hexOf(rgb: Rgb): string {
  return `#${rgb.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const named = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const surface = named('surface');
  const colours = coloursOn(isDark(surface));
  return {
    colours: colours.map(hexOf),
    inks: colours.map((colour) => (luminance(colour) > LIGHT ? '#000000' : '#ffffff')),
    surface,
    raised: named('raised'),
    line: named('line'),
    text: named('text'),
    muted: named('muted'),
    critical: named('critical'),
    font: style.fontFamily,
  };
}

function isDark(surface: string): boolean {
  return /^#[0-9a-f]{6}$/i.test(surface) && luminance(rgbOf(surface)) < LIGHT;
}
