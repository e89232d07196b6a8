// pipeline: how the samples get on: what is wrong first, then their way from the
// sources to the subscribers, then who is running.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import type { App, View } from '../app.js';
import { atGateway } from '../clock.js';
import { formatAge, formatSince } from '../time.js';
import { historyTable } from './pipeline/history.js';
import { problemsOf, type Problem } from './pipeline/problems.js';
import { servicesTable } from './pipeline/services.js';
import { stages, TRENDS } from './pipeline/stages.js';
import { PipelineStatus } from './pipeline/status.js';
import { Trend } from './pipeline/trend.js';

const AGES_MS = 1000;

const SEVERITIES: Record<Problem['severity'], string> = {
  critical: 'badge badge-critical',
  warning: 'badge badge-warning',
  notice: 'badge badge-accent',
};

class PipelineView implements View {
  readonly title = 'Pipeline';
  readonly #app: App;
  readonly #element: HTMLElement;
  readonly #status: PipelineStatus;
  readonly #trends = Object.fromEntries(Object.entries(TRENDS).map(([stage, kind]) => [stage, new Trend(kind)]));
  readonly #offs: (() => void)[];
  readonly #ages: ReturnType<typeof setInterval>;
  #announced = new Set<string>();
  #historyOpen = false;

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#element = element;
    this.#status = new PipelineStatus(app.api);
    this.#offs = [
      this.#status.changed.on(() => this.#draw()),
      app.api.connectionChanged.on(() => this.#draw()),
      app.pausedChanged.on(() => this.#draw()),
    ];
    this.#ages = setInterval(() => this.#draw(), AGES_MS);
    this.#draw();
  }

  routeChanged(): void {}

  close(): void {
    for (const off of this.#offs) off();
    clearInterval(this.#ages);
    this.#status.close();
  }

  /** Paused, the page stands still; what comes meanwhile is kept. */
  #draw(): void {
    if (this.#app.paused && this.#element.childElementCount > 0) return;
    for (const trend of Object.values(this.#trends)) trend.show(this.#status.history);
    render(this.#page(), this.#element);
  }

  #page(): TemplateResult {
    const { now, error } = this.#status;
    if (!now) return html`<h1>Pipeline</h1><p class="empty" role="status">${error || 'Asking how the samples get on…'}</p>`;
    return html`<header class="pipeline-head">
        <h1>Pipeline</h1>
        <p class="muted small">Looked at ${formatAge(now.time)}</p>
      </header>
      ${this.#problems()}
      ${stages(now, this.#app.api.connection.state === 'live', this.#trends)}
      <section class="card" aria-labelledby="pipeline-services">
        <div class="card-head"><h2 id="pipeline-services">Running services</h2></div>
        ${servicesTable(now.services, now.time)}
      </section>
      <details class="pipeline-past card" @toggle=${(event: Event) => this.#toggled(event)}>
        <summary>The last 15 minutes as a table</summary>
        ${this.#historyOpen ? historyTable(this.#status.history) : nothing}
      </details>`;
  }

  #toggled(event: Event): void {
    this.#historyOpen = (event.target as HTMLDetailsElement).open;
    this.#draw();
  }

  #problems(): TemplateResult {
    const problems = [...this.#unreachable(), ...problemsOf(this.#status)];
    this.#announceNew(problems);
    return html`<section class="pipeline-problems" aria-label="What is wrong">
      ${problems.length === 0
        ? html`<p class="pipeline-well"><span class="badge badge-good">well</span> All samples are on their way; nothing is wrong.</p>`
        : html`<ul>${problems.map(
            ({ key, severity, text }) => html`<li data-problem=${key}><span class=${SEVERITIES[severity]}>${severity}</span> ${text}</li>`,
          )}</ul>`}
    </section>`;
  }

  /** What the gateway cannot say itself. */
  #unreachable(): Problem[] {
    const { state, since } = this.#app.api.connection;
    if (this.#status.error) return [{ key: 'error', severity: 'critical', text: `The gateway does not tell: ${this.#status.error}` }];
    if (state === 'live') return [];
    return [{
      key: 'gateway',
      severity: 'critical',
      text: `The gateway cannot be reached, ${formatSince(atGateway(since))}. What is shown is how it was before.`,
    }];
  }

  #announceNew(problems: readonly Problem[]): void {
    for (const { key, severity, text } of problems) {
      if (severity !== 'notice' && !this.#announced.has(key)) this.#app.announce(text);
    }
    this.#announced = new Set(problems.map(({ key }) => key));
  }
}

export function openPipeline(app: App, element: HTMLElement): View {
  return new PipelineView(app, element);
}
