// app: what every view is handed, and what a view is.

import type { Api } from './api/client.js';
import type { Emitter } from './emitter.js';
import type { Attention } from './fleet/attention.js';
import type { Fleet } from './fleet/fleet.js';
import { formatRoute, type Route } from './route.js';

export interface App {
  /** GraphQL, over one WebSocket. */
  readonly api: Api;
  /** What is known now of all GPUs. */
  readonly fleet: Fleet;
  /** What needs to be looked at. */
  readonly attention: Attention;

  /** Where we are: what the address says. */
  readonly route: Route;
  /**
   * Goes there: what is not given stays. A step that Back should take back is
   * pushed (another page, a zoom); refining is replaced (typing in the search). Where
   * we are already, nothing happens.
   */
  navigate(change: Partial<Route>, how?: 'push' | 'replace'): void;

  /** Paused: the model goes on, the screen stands still. */
  readonly paused: boolean;
  setPaused(paused: boolean): void;
  readonly pausedChanged: Emitter<boolean>;

  /** Light or dark has changed: canvases are to be painted anew. */
  readonly themeChanged: Emitter;

  /** Says it to who does not see the screen (a polite live region). */
  announce(text: string): void;
}

/**
 * A page: made for one route, told when the route changes within the page. What it
 * renders into its element has one h1, which gets the focus when the page opens; the
 * shell writes the title as one, unseen, where a view has none. Host and GPU pages
 * are opened when the fleet is loaded and has them.
 */
export interface View {
  /** Of the page, shown in the tab: "hgpu-012". */
  readonly title: string;
  /** The route has changed, its view and its path have not. */
  routeChanged(): void;
  /** Ends its subscriptions, timers, listeners; the shell empties the element. */
  close(): void;
}

export type OpenView = (app: App, element: HTMLElement) => View;

/** The address of a link: as navigate() would go there. */
export function hrefOf(app: App, change: Partial<Route>): string {
  return formatRoute({ ...app.route, ...change });
}
