// main: puts the parts together, and shows the page that the address names.

import { Api } from './api/client.js';
import type { App } from './app.js';
import { now } from './clock.js';
import { Emitter } from './emitter.js';
import { Attention } from './fleet/attention.js';
import { Fleet } from './fleet/fleet.js';
import { follow } from './fleet/live.js';
import { samePage, type Route } from './route.js';
import { Announcer } from './shell/announcer.js';
import { Freshness } from './shell/freshness.js';
import { Header, type Pause } from './shell/header.js';
import { Help } from './shell/help.js';
import { keys } from './shell/keyboard.js';
import { Stage } from './shell/stage.js';
import { Trail } from './shell/trail.js';
import { applyTheme, chooseTheme, nextTheme, watchTheme } from './theme.js';
import { openApi } from './views/api.js';
import { openFleet } from './views/fleet.js';
import { openGpu } from './views/gpu.js';
import { openHost } from './views/host.js';
import { openPipeline } from './views/pipeline.js';

const api = new Api();
const fleet = new Fleet();
const attention = new Attention(fleet);
const trail = new Trail();
const announcer = new Announcer();
const help = new Help();

let pause: { at: number; updatesBefore: number } | null = null;

const app: App = {
  api,
  fleet,
  attention,
  get route() {
    return trail.route;
  },
  navigate(change: Partial<Route>, how = 'push') {
    trail.go(change, how);
  },
  get paused() {
    return pause !== null;
  },
  setPaused(paused) {
    if (paused === app.paused) return;
    pause = paused ? { at: now(), updatesBefore: fleet.updates } : null;
    app.pausedChanged.emit(paused);
    announcer.say(paused ? 'Paused.' : 'Resumed.');
  },
  pausedChanged: new Emitter<boolean>(),
  themeChanged: new Emitter(),
  announce: (text) => announcer.say(text),
};

function pauseNow(): Pause | null {
  return pause && { at: pause.at, updates: fleet.updates - pause.updatesBefore };
}

const actions = {
  togglePause: () => app.setPaused(!app.paused),
  nextTheme() {
    chooseTheme(nextTheme());
    app.themeChanged.emit();
  },
  help: () => help.open(),
};

const header = new Header(app, new Freshness(app), actions, pauseNow);
const stage = new Stage(app, {
  fleet: openFleet,
  host: openHost,
  gpu: openGpu,
  pipeline: openPipeline,
  api: openApi,
});

function skipLink(): HTMLElement {
  const link = document.createElement('a');
  link.className = 'shell-skip button';
  link.href = '#content';
  link.textContent = 'Skip to the content';
  // Behind the # stands the page: it stays.
  link.addEventListener('click', (event) => {
    event.preventDefault();
    stage.focus();
  });
  return link;
}

trail.changed.on((before) => {
  header.routeChanged();
  if (samePage(before, app.route)) {
    stage.routeChanged();
    return;
  }
  header.tellFailure('');
  stage.open();
  trail.restore();
  if (!header.search.hasFocus) stage.focus();
});

watchTheme(() => app.themeChanged.emit());
applyTheme();

const go = (view: Route['view']) => () => app.navigate({ view });
keys.register({ key: '/', text: 'Search', run: () => header.search.focus() });
keys.register({ key: 'g f', text: 'Go to the fleet', run: go('fleet') });
keys.register({ key: 'g p', text: 'Go to the pipeline', run: go('pipeline') });
keys.register({ key: 'g a', text: 'Go to the API', run: go('api') });
keys.register({ key: 'p', text: 'Pause and resume', run: actions.togglePause });
keys.register({ key: ' ', text: 'Pause and resume', run: actions.togglePause });
keys.register({ key: 't', text: 'Next theme', run: actions.nextTheme });
keys.register({ key: '?', text: 'This help', run: actions.help });
keys.register({
  key: 'Escape',
  text: 'Close, clear the search, reset a zoom',
  run() {
    if (app.route.view !== 'fleet' || app.route.query === '') return false;
    header.search.clear();
    return true;
  },
});
addEventListener('keydown', keys.handle);

// What a part does by itself, outside of opening its page, may fail, too.
addEventListener('error', ({ message }) => {
  // Says only that a frame was not enough: the next one goes on.
  if (!message.startsWith('ResizeObserver')) header.tellFailure(message.replace(/^Uncaught /, ''));
});
addEventListener('unhandledrejection', ({ reason }) => {
  if (reason?.name !== 'AbortError') header.tellFailure(reason?.message ?? String(reason));
});

document
  .querySelector('#app')!
  .append(skipLink(), header.element, stage.element, announcer.element, help.element);
follow(api, fleet, () => app.paused);
stage.open();
trail.restore();
