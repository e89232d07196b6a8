// attention: what is wrong, by problem, the worst first, each with its way there.

import { html, nothing, type TemplateResult } from 'lit-html';

import { hrefOf, type App } from '../../app.js';
import type { Attention, Finding, Problem, Severity } from '../../fleet/attention.js';
import { formatNumber } from '../../format.js';
import { formatSince } from '../../time.js';

const TITLES: Readonly<Record<Problem, string>> = {
  missing: 'Missing',
  silent: 'Silent',
  xid_error: 'XID errors',
  ecc_error: 'ECC errors',
  hot: 'Hot',
  throttled: 'Throttled',
  straggler: 'Slower than their hosts',
  idle_holding_memory: 'Idle, holding memory',
};

/** What shows all GPUs of a problem. */
const QUERIES: Readonly<Record<Problem, string>> = {
  missing: 'status:missing',
  silent: 'status:silent',
  xid_error: 'is:xid',
  ecc_error: 'is:ecc',
  hot: 'is:hot',
  throttled: 'is:throttled',
  straggler: 'is:straggler',
  idle_holding_memory: 'is:holding',
};

const ICONS: Readonly<Record<Severity, string>> = { critical: '■', warning: '▲', notice: '●' };

/** So many of each problem are listed. */
const LISTED = 4;

function groupsOf(findings: readonly Finding[]): Map<Problem, Finding[]> {
  const groups = new Map<Problem, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.problem);
    if (group) group.push(finding);
    else groups.set(finding.problem, [finding]);
  }
  return groups;
}

function findingTemplate(app: App, { gpu, text, severity, since, problem }: Finding): TemplateResult {
  const there = gpu.uuid
    ? { view: 'gpu' as const, gpu: gpu.uuid }
    : { view: 'host' as const, cluster: gpu.host.cluster.name, host: gpu.host.hostname };
  const known = since !== null && problem !== 'straggler';
  return html`<li class="fleet-finding">
    <span class=${`fleet-severity fleet-${severity}`}>${ICONS[severity]} ${severity}</span>
    <a href=${hrefOf(app, there)}>${gpu.host.hostname}, GPU ${gpu.index}</a>
    <span class="fleet-finding-text">${text}${known ? html`, <span class="nowrap">${formatSince(since)}</span>` : nothing}</span>
  </li>`;
}

export function attentionTemplate(app: App, attention: Attention): TemplateResult {
  const groups = [...groupsOf(attention.findings)];
  if (groups.length === 0) {
    return html`<p class="empty">Nothing: no GPU is hot, slow, silent, missing, or idle while it holds memory.</p>`;
  }
  return html`${groups.map(([problem, findings]) => {
    const count = Math.max(attention.count(problem), findings.length);
    const more = count - Math.min(count, LISTED);
    return html`<section class="fleet-group">
      <h3><a href=${hrefOf(app, { query: QUERIES[problem] })}>${TITLES[problem]}</a>
        <span class="badge">${formatNumber(count)}</span></h3>
      <ul>${findings.slice(0, LISTED).map((finding) => findingTemplate(app, finding))}</ul>
      ${more > 0
        ? html`<p class="small"><a href=${hrefOf(app, { query: QUERIES[problem] })}>${formatNumber(more)} more</a></p>`
        : nothing}
    </section>`;
  })}`;
}
