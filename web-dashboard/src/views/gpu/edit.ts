// edit: what people write on a GPU: labels, and that it is out of service.

import { html, type TemplateResult } from 'lit-html';

import type { App } from '../../app.js';
import type { Gpu, Status } from '../../fleet/fleet.js';
import { Dialog } from '../dialog.js';
import { placeOf } from '../status.js';

const LABELS_MAX = 64;

type Label = Gpu['labels'][number];

function inputOf(label: string, value: string, set: (text: string) => void, size: number): TemplateResult {
  return html`<input class="input" aria-label=${label} placeholder=${label} maxlength=${size} .value=${value}
    @input=${(event: InputEvent) => set((event.target as HTMLInputElement).value)}>`;
}

/** done: they are written. */
export function editLabels(app: App, gpu: Gpu, done: () => void): void {
  const labels: Label[] = gpu.labels.map((label) => ({ ...label }));
  if (labels.length === 0) labels.push({ key: '', value: '' });
  const row = (label: Label, i: number) =>
    html`<div class="dialog-row">
      ${inputOf('Key', label.key, (text) => (label.key = text), 63)}
      ${inputOf('Value', label.value, (text) => (label.value = text), 255)}
      <button type="button" class="button button-icon" aria-label="Remove ${label.key || 'this label'}"
              @click=${() => { labels.splice(i, 1); dialog.draw(); }}>×</button>
    </div>`;
  const dialog = new Dialog({
    title: `Labels of ${placeOf(gpu)}`,
    body: () => html`${labels.map(row)}
      <button type="button" class="button" ?disabled=${labels.length >= LABELS_MAX}
              @click=${() => { labels.push({ key: '', value: '' }); dialog.draw(); }}>Add a label</button>`,
    action: 'Save',
    act: async () => {
      const written = labels.filter(({ key, value }) => key !== '' || value !== '');
      const { setGpuLabels } = await app.api.query<{ setGpuLabels: { labels: Label[] } }>(
        `mutation SetLabels($uuid: ID!, $labels: [LabelInput!]!) {
          setGpuLabels(uuid: $uuid, labels: $labels) { labels { key value } }
        }`,
        { uuid: gpu.uuid, labels: written },
      );
      app.fleet.set(gpu, { labels: setGpuLabels.labels });
      done();
    },
  });
}

interface Serviced {
  setGpuMaintenance: { status: Status; statusSince: string | null; maintenance: { reason: string | null } | null };
}

/** Takes it out of service, or puts it back. */
export function editMaintenance(app: App, gpu: Gpu, done: () => void): void {
  const on = gpu.status !== 'maintenance';
  let reason = '';
  new Dialog({
    title: `${on ? 'Take out of service' : 'Put back into service'}: ${placeOf(gpu)}`,
    body: () =>
      on
        ? inputOf('Reason', reason, (text) => (reason = text), 255)
        : html`<p>It was out of service${gpu.maintenanceReason ? `: ${gpu.maintenanceReason}` : ''}.</p>`,
    action: on ? 'Take out of service' : 'Put back',
    act: async () => {
      const { setGpuMaintenance: now } = await app.api.query<Serviced>(
        `mutation SetMaintenance($uuid: ID!, $on: Boolean!, $reason: String) {
          setGpuMaintenance(uuid: $uuid, on: $on, reason: $reason) { status statusSince maintenance { reason } }
        }`,
        { uuid: gpu.uuid, on, reason: on && reason ? reason : null },
      );
      app.fleet.set(gpu, {
        status: now.status,
        statusSince: now.statusSince === null ? null : Date.parse(now.statusSince),
        maintenanceReason: now.maintenance?.reason ?? '',
      });
      done();
    },
  });
}
