// attention: what is wrong, by problem, the worst first, each with its way there.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import { hrefOf, type App } from '../../app.js';
import type { Off } from '../../emitter.js';
import { Acknowledged } from '../../fleet/acknowledged.js';
import type { Finding, Problem, Severity } from '../../fleet/attention.js';
import type { Gpu } from '../../fleet/fleet.js';
import { formatNumber } from '../../format.js';
import { gpuPage } from '../../route.js';
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

/** Hosts of several clusters may have one name. */
export function nameOf({ fleet }: App, { host, index }: Gpu): string {
  const place = fleet.clusters.length > 1 ? `${host.cluster.name}/${host.hostname}` : host.hostname;
  return `${place}, GPU ${index}`;
}

function groupsOf(findings: readonly Finding[]): Map<Problem, Finding[]> {
  const groups = new Map<Problem, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.problem);
    if (group) group.push(finding);
    else groups.set(finding.problem, [finding]);
  }
  return groups;
}

export class AttentionList {
  #app: App;
  #element: HTMLElement;
  #acknowledged: Acknowledged;
  #showAcknowledged = false;
  #off: Off;

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#element = element;
    this.#acknowledged = new Acknowledged(app.fleet, app.attention);
    this.#off = this.#acknowledged.changed.on(() => this.update());
  }

  close(): void {
    this.#off();
    this.#acknowledged.close();
  }

  update(): void {
    if (!this.#app.fleet.loaded) return;
    const { findings } = this.#app.attention;
    const seen = findings.filter((finding) => this.#acknowledged.has(finding)).length;
    const shown = findings.filter((f) => this.#acknowledged.has(f) === this.#showAcknowledged);
    render(
      html`${seen > 0 || this.#showAcknowledged ? this.#switch(seen) : nothing}
        ${shown.length === 0 ? this.#nothing(seen) : nothing}
        ${[...groupsOf(shown)].map(([problem, group]) => this.#group(problem, group))}`,
      this.#element,
    );
  }

  #switch(seen: number): TemplateResult {
    const toggle = () => {
      this.#showAcknowledged = !this.#showAcknowledged;
      this.update();
    };
    return html`<button type="button" class="button fleet-acknowledged" aria-pressed=${this.#showAcknowledged} @click=${toggle}>
      Acknowledged: ${formatNumber(seen)}
    </button>`;
  }

  #nothing(seen: number): TemplateResult {
    if (this.#showAcknowledged) return html`<p class="empty">Nothing is acknowledged.</p>`;
    if (seen > 0) return html`<p class="empty">Nothing that is not acknowledged.</p>`;
    return html`<p class="empty">Nothing: no GPU is hot, slow, silent, missing, or idle while it holds memory.</p>`;
  }

  #group(problem: Problem, group: readonly Finding[]): TemplateResult {
    const { attention } = this.#app;
    const listed = attention.findings.reduce((n, f) => n + (f.problem === problem ? 1 : 0), 0);
    // Of very many only some are written out; the others are not acknowledged.
    const unwritten = this.#showAcknowledged ? 0 : attention.count(problem) - listed;
    const count = group.length + unwritten;
    const all = hrefOf(this.#app, { query: QUERIES[problem] });
    return html`<section class="fleet-group">
      <h3><a href=${all}>${TITLES[problem]}</a> <span class="badge">${formatNumber(count)}</span></h3>
      <ul>${group.slice(0, LISTED).map((finding) => this.#finding(finding))}</ul>
      ${count > LISTED
        ? html`<p class="small"><a href=${all}>${formatNumber(count - LISTED)} more</a></p>`
        : nothing}
    </section>`;
  }

  #finding(finding: Finding): TemplateResult {
    const { gpu, text, severity, since } = finding;
    const name = nameOf(this.#app, gpu);
    const on = !this.#showAcknowledged;
    const acknowledge = () => {
      this.#acknowledged.set(finding, on);
      this.#app.announce(`${on ? 'Acknowledged' : 'No longer acknowledged'}: ${name}`);
    };
    return html`<li class="fleet-finding">
      <div>
        <span class=${`fleet-severity fleet-${severity}`}>${ICONS[severity]} ${severity}</span>
        <a href=${hrefOf(this.#app, gpuPage(gpu))}>${name}</a>
        <span class="fleet-finding-text">${text}${
          since === null ? nothing : html`, <span class="nowrap">${formatSince(since)}</span>`}</span>
      </div>
      <button type="button" class="button button-plain button-icon" @click=${acknowledge}
        title=${on ? 'Acknowledge' : 'Acknowledge no longer'}
        aria-label=${`${on ? 'Acknowledge' : 'Acknowledge no longer'}: ${name}, ${text}`}>${on ? '✓' : '↺'}</button>
    </li>`;
  }
}
