// status: a GPU's state and what is found about it, in words and a colour.

import { html, type TemplateResult } from 'lit-html';

import type { Gpu, Status } from '../fleet/fleet.js';
import { formatSince } from '../time.js';

const BADGES: Record<Status, string> = {
  active: 'badge badge-good',
  silent: 'badge badge-critical',
  missing: 'badge badge-critical',
  maintenance: 'badge badge-warning',
};

export function statusBadge(status: Status): TemplateResult {
  return html`<span class=${BADGES[status]}>${status}</span>`;
}

/** active since 14:02 */
export function statusSince({ status, statusSince }: Gpu): TemplateResult {
  return html`${statusBadge(status)}
    ${statusSince === null ? '' : html`<span class="muted small">${formatSince(statusSince)}</span>`}`;
}

/** What is shown of a GPU is that of the one with its UUID now: inventories replace objects. */
export function placeOf(gpu: Gpu): string {
  return `${gpu.host.hostname} · GPU ${gpu.index}`;
}
