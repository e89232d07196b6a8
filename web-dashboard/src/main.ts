// main: puts the parts together, and shows the view that the address names.

import { Api } from './api/client.js';
import type { App, OpenView, View } from './app.js';
import { Emitter } from './emitter.js';
import { Fleet } from './fleet/fleet.js';
import { follow } from './fleet/live.js';
import { formatRoute, parseRoute, type Route, type ViewName } from './route.js';
import { keys } from './shell/keyboard.js';
import { openApi } from './views/api.js';
import { openFleet } from './views/fleet.js';
import { openGpu } from './views/gpu.js';
import { openHost } from './views/host.js';
import { openPipeline } from './views/pipeline.js';

const VIEWS: Record<ViewName, OpenView> = {
  fleet: openFleet,
  host: openHost,
  gpu: openGpu,
  pipeline: openPipeline,
  api: openApi,
};

const api = new Api();
const fleet = new Fleet();
const root = document.querySelector<HTMLElement>('#app')!;
const main = document.createElement('main');
root.append(main);

let route = parseRoute(location.hash);
let view: View | undefined;
let paused = false;

const app: App = {
  api,
  fleet,
  get route() {
    return route;
  },
  navigate(change: Partial<Route>, how = 'push') {
    const address = formatRoute({ ...route, ...change });
    if (how === 'push') history.pushState(null, '', address);
    else history.replaceState(null, '', address);
    go();
  },
  get paused() {
    return paused;
  },
  setPaused(now) {
    paused = now;
    app.pausedChanged.emit(now);
  },
  pausedChanged: new Emitter<boolean>(),
  themeChanged: new Emitter(),
  announce() {},
};

function samePage(a: Route, b: Route): boolean {
  return a.view === b.view && a.cluster === b.cluster && a.host === b.host && a.gpu === b.gpu;
}

function go(): void {
  const before = route;
  route = parseRoute(location.hash);
  if (view && samePage(before, route)) {
    view.routeChanged();
    return;
  }
  view?.close();
  main.replaceChildren();
  view = VIEWS[route.view](app, main);
  document.title = `${view.title} · Nexus`;
}

follow(api, fleet, () => paused);
addEventListener('popstate', go);
addEventListener('keydown', keys.handle);
go();
