// status: a GPU's state and what is found about it, in words and a colour.

import { html, nothing, type TemplateResult } from 'lit-html';

import type { Finding } from '../fleet/attention.js';
import type { Gpu, Status } from '../fleet/fleet.js';
import { formatSince } from '../time.js';

const BADGES: Record<Status, string> = {
  active: 'badge badge-good',
  silent: 'badge badge-critical',
  missing: 'badge badge-critical',
  maintenance: 'badge',
};

export function statusBadge(status: Status): TemplateResult {
  return html`<span class=${BADGES[status]}>${status}</span>`;
}

/** active since 14:02 */
export function statusSince({ status, statusSince }: Gpu): TemplateResult {
  return html`${statusBadge(status)}
    ${statusSince === null ? '' : html`<span class="muted small">${formatSince(statusSince)}</span>`}`;
}

/** hgpu-012, GPU 3 */
export function placeOf(gpu: Gpu): string {
  return `${gpu.host.hostname}, GPU ${gpu.index}`;
}

const SEVERITIES: Record<Finding['severity'], string> = {
  critical: 'badge badge-critical',
  warning: 'badge badge-warning',
  notice: 'badge badge-accent',
};

export function findingBadge({ problem, severity, text }: Finding): TemplateResult {
  return html`<span class=${SEVERITIES[severity]} title=${text}>${problem.replaceAll('_', ' ')}</span>`;
}

function findingLine(findings: readonly Finding[]): TemplateResult {
  const [first] = findings as [Finding, ...Finding[]];
  const indexes = findings.map(({ gpu }) => gpu.index).join(', ');
  return html`<li>
    ${findingBadge(first)}
    ${findings.length === 1 ? first.text : html`GPUs ${indexes}`}
    ${findings.length > 1 || first.since === null ? nothing : html`<span class="muted small">${formatSince(first.since)}</span>`}
  </li>`;
}

/** What is wrong, each problem in a line; nothing where nothing is. */
export function findingsList(findings: readonly Finding[]): TemplateResult | typeof nothing {
  if (findings.length === 0) return nothing;
  const problems = new Map<string, Finding[]>();
  for (const finding of findings) {
    problems.set(finding.problem, [...(problems.get(finding.problem) ?? []), finding]);
  }
  return html`<ul class="findings" aria-label="Needs attention">${[...problems.values()].map(findingLine)}</ul>`;
}
