// compare: the GPUs that are shown beside one, and a search for more.

import { html, type TemplateResult } from 'lit-html';

import { hrefOf, type App } from '../../app.js';
import { parseFilter } from '../../fleet/filter.js';
import type { Gpu } from '../../fleet/fleet.js';
import { Dialog } from '../dialog.js';
import { placeOf } from '../status.js';

/** More lines cannot be told apart. */
export const COMPARED_MAX = 15;
const FOUND_MAX = 40;

/** Those of the address that there are. */
export function comparedTo(app: App, gpu: Gpu): Gpu[] {
  return [...new Set(app.route.compare)]
    .map((uuid) => app.fleet.gpu(uuid))
    .filter((other): other is Gpu => other !== undefined && other.uuid !== gpu.uuid)
    .slice(0, COMPARED_MAX);
}

function uuidsOf(gpus: readonly Gpu[]): string[] {
  return gpus.flatMap(({ uuid }) => uuid ?? []);
}

function neighboursOf(gpu: Gpu): Gpu[] {
  return gpu.host.gpus.filter(({ uuid }) => uuid !== null && uuid !== gpu.uuid);
}

function found(app: App, gpu: Gpu, text: string): { gpus: Gpu[]; error: string } {
  const filter = parseFilter(text, app.fleet);
  const taken = new Set([gpu.uuid, ...app.route.compare]);
  const others = app.fleet.gpus.filter((other) => other.uuid !== null && !taken.has(other.uuid));
  return { gpus: others.filter((other) => filter.takes(other)), error: filter.error };
}

export function searchToCompare(app: App, gpu: Gpu): void {
  let text = '';
  const add = (other: Gpu) => {
    app.navigate({ compare: [...uuidsOf(comparedTo(app, gpu)), other.uuid!] }, 'replace');
    app.announce(`${placeOf(other)} is compared`);
    dialog.draw();
  };
  const body = (): TemplateResult => {
    const { gpus, error } = found(app, gpu, text);
    const full = comparedTo(app, gpu).length >= COMPARED_MAX;
    return html`<input class="input" type="search" aria-label="Search GPUs" placeholder="hgpu-012, util>80, model:h100 …"
             .value=${text} @input=${(event: InputEvent) => { text = (event.target as HTMLInputElement).value; dialog.draw(); }}>
      <p class="muted small" role="status">${error || `${gpus.length} GPUs${full ? `; at most ${COMPARED_MAX} are compared` : ''}`}</p>
      <ul class="gpu-found">
        ${gpus.slice(0, FOUND_MAX).map(
          (other) => html`<li>
            <button type="button" class="button button-plain" ?disabled=${full} @click=${() => add(other)}>${placeOf(other)}</button>
            <span class="muted small">${other.model}</span>
          </li>`,
        )}
      </ul>
      ${gpus.length > FOUND_MAX ? html`<p class="muted small">The first ${FOUND_MAX} are shown: search for the others.</p>` : ''}`;
  };
  const dialog: Dialog = new Dialog({ title: `Compare with ${placeOf(gpu)}`, body });
}

export function compareBar(app: App, gpu: Gpu): TemplateResult {
  const others = comparedTo(app, gpu);
  const neighbours = neighboursOf(gpu);
  const allThere = neighbours.every((other) => others.includes(other));
  const to = (gpus: readonly Gpu[]) => app.navigate({ compare: uuidsOf(gpus) }, 'push');
  return html`<div class="gpu-compare">
    <h2 id="gpu-compared">Compare</h2>
    <ul class="gpu-compared" aria-labelledby="gpu-compared">
      ${others.map(
        (other) => html`<li class="gpu-chip">
          <a href=${hrefOf(app, { gpu: other.uuid!, compare: [] })}>
            ${other.host === gpu.host ? `GPU ${other.index}` : placeOf(other)}
          </a>
          <button type="button" class="button button-plain button-icon" aria-label="Do not compare ${placeOf(other)}"
                  @click=${() => to(others.filter((o) => o !== other))}>×</button>
        </li>`,
      )}
    </ul>
    <button type="button" class="button" @click=${() => searchToCompare(app, gpu)}>Add a GPU…</button>
    ${neighbours.length > 0 && !allThere
      ? html`<button type="button" class="button" @click=${() => to([...new Set([...others, ...neighbours])].slice(0, COMPARED_MAX))}>
          Add its ${neighbours.length} neighbours
        </button>`
      : ''}
    ${others.length > 0 ? html`<button type="button" class="button" @click=${() => to([])}>Compare none</button>` : ''}
  </div>`;
}
