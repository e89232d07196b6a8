import { html, render } from 'lit-html';

import type { App, View } from '../app.js';

export function openFleet(_app: App, element: HTMLElement): View {
  render(html`<p>Not there yet.</p>`, element);
  return { title: 'Fleet', routeChanged() {}, close() {} };
}
