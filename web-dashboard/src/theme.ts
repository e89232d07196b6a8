// theme: light, dark, or as the system has it.

import { readSetting, writeSetting } from './shell/settings.js';

export type Theme = 'auto' | 'light' | 'dark';

const SETTING = 'theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

export function chosenTheme(): Theme {
  const chosen = readSetting(SETTING);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'auto';
}

/** Puts the choice on the page: theme.css has the rest. */
export function applyTheme(): void {
  const theme = chosenTheme();
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  const ground = getComputedStyle(document.documentElement).getPropertyValue('--ground').trim();
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')) {
    meta.dataset['own'] ??= meta.content;
    meta.content = theme === 'auto' || !ground ? meta.dataset['own'] : ground;
  }
}

/** The next of auto, the one that the system has not, the one that it has. */
export function nextTheme(): Theme {
  const order: Theme[] = systemIsDark.matches
    ? ['auto', 'light', 'dark']
    : ['auto', 'dark', 'light'];
  return order[(order.indexOf(chosenTheme()) + 1) % order.length] ?? 'auto';
}

export function chooseTheme(theme: Theme): void {
  writeSetting(SETTING, theme === 'auto' ? null : theme);
  applyTheme();
}

/** Calls back when another theme shows: the system's, or another page chose one. */
export function watchTheme(changed: () => void): void {
  systemIsDark.addEventListener('change', changed);
  addEventListener('storage', () => {
    applyTheme();
    changed();
  });
}
