// api: where the API is, and how it is used from elsewhere.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import { addressOf } from '../api/client.js';
import type { App, View } from '../app.js';
import type { Off } from '../emitter.js';
import type { Gpu, Host } from '../fleet/fleet.js';
import { formatBytes, formatError } from '../format.js';
import { copyText } from './clipboard.js';
import { examplesFor, type Example, type ExampleGroup } from './api/examples.js';
import { send, type Answer, type Request } from './api/request.js';

const COPIED_MS = 2000;
/** Of an answer; the rest is there to be fetched. */
const SHOWN_CHARACTERS = 20_000;
/** Of a subscription: the latest. */
const SHOWN_EVENTS = 20;

const DOCUMENTS = [
  { path: 'graphql', title: 'GraphiQL', text: 'Explore the GraphQL schema, write queries, watch subscriptions' },
  { path: 'swagger/', title: 'Swagger UI', text: 'Every REST address, to be tried out' },
  { path: 'graphql/schema.graphql', title: 'GraphQL schema', text: 'As text, for code generators' },
  { path: 'swagger/swagger.json', title: 'OpenAPI, JSON', text: 'The REST interface, for client generators' },
  { path: 'swagger/swagger.yaml', title: 'OpenAPI, YAML', text: 'The same, for reading' },
  { path: 'swagger/#/live/openWebSocket', title: 'WebSocket', text: 'What is said at /ws' },
  { path: 'metrics', title: 'Metrics', text: 'The gateway’s own, for Prometheus' },
  { path: 'ready', title: 'Readiness', text: 'Whether the gateway can answer, and why not' },
];

const LOOPBACK = /^(localhost|127\.|\[?::1)/;

/** The broker as it is reached from here, where the gateway says where that is. */
async function findBroker(app: App): Promise<string | null> {
  interface Reply {
    pipeline: { broker: { address: string | null } };
  }
  const { pipeline } = await app.api.query<Reply>('{ pipeline { broker { address } } }');
  const { address } = pipeline.broker;
  if (address === null) return null;
  // Beside the gateway is, from here, where the gateway is.
  return `nats://${LOOPBACK.test(address) ? address.replace(/^.*(?=:)/, location.hostname) : address}`;
}

type Outcome =
  | { state: 'asking' }
  | { state: 'following'; events: unknown[]; end: Off }
  | { state: 'answered'; answer: Answer }
  | { state: 'failed'; why: string };

class ApiPage implements View {
  readonly title = 'API';
  #app: App;
  #element: HTMLElement;
  #offs: Off[];
  #gpu: Gpu | undefined;
  #broker: string | null = null;
  #outcomes = new Map<string, Outcome>();
  #copied = '';
  #copiedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#element = element;
    this.#offs = [
      app.fleet.changed.on((change) => {
        if (change.inventory) this.#inventoryChanged();
      }),
      app.api.resumed.on(() => this.#askForBroker()),
    ];
    this.#inventoryChanged();
    this.#askForBroker();
  }

  routeChanged(): void {}

  close(): void {
    clearTimeout(this.#copiedTimer);
    this.#forgetOutcomes();
    for (const off of this.#offs) off();
  }

  #forgetOutcomes(): void {
    for (const outcome of this.#outcomes.values()) if (outcome.state === 'following') outcome.end();
    this.#outcomes.clear();
  }

  #askForBroker(): void {
    findBroker(this.#app).then(
      (broker) => {
        this.#broker = broker;
        this.#render();
      },
      () => {}, // what is not known is not shown
    );
  }

  /** The GPU chosen stays, as long as it is there. */
  #inventoryChanged(): void {
    const { fleet } = this.#app;
    const chosen = this.#gpu?.uuid;
    this.#gpu =
      (chosen ? fleet.gpu(chosen) : undefined) ??
      fleet.gpus.find((gpu) => gpu.status === 'active') ??
      fleet.gpus.find((gpu) => gpu.uuid !== null);
    this.#render();
  }

  #choose(gpu: Gpu | undefined): void {
    if (!gpu) return;
    this.#gpu = gpu;
    this.#forgetOutcomes();
    this.#render();
  }

  async #copy({ id, code, title }: Example): Promise<void> {
    const copied = await copyText(code);
    this.#app.announce(copied ? `Copied: ${title}` : 'The browser does not allow copying; select the text instead.');
    this.#copied = copied ? id : '';
    this.#render();
    clearTimeout(this.#copiedTimer);
    this.#copiedTimer = setTimeout(() => {
      this.#copied = '';
      this.#render();
    }, COPIED_MS);
  }

  async #send(id: string, request: Request): Promise<void> {
    this.#setOutcome(id, { state: 'asking' });
    try {
      const answer = await send(request);
      this.#setOutcome(id, { state: 'answered', answer });
      this.#app.announce(`Answered: status ${answer.status}.`);
    } catch (error) {
      const why = formatError(error);
      this.#setOutcome(id, { state: 'failed', why });
      this.#app.announce('There was no answer.');
    }
  }

  /** Events go on until it is run again, which ends it. */
  #follow(id: string, { query, variables }: NonNullable<Example['subscription']>): void {
    const before = this.#outcomes.get(id);
    if (before?.state === 'following') {
      before.end();
      this.#outcomes.delete(id);
      this.#render();
      return;
    }
    const events: unknown[] = [];
    const end = this.#app.api.subscribe<unknown>(query, variables, {
      next: (event) => {
        events.unshift(event);
        events.length = Math.min(events.length, SHOWN_EVENTS);
        if (!this.#app.paused) this.#render();
      },
      error: ({ message }) => this.#setOutcome(id, { state: 'failed', why: message }),
    });
    this.#setOutcome(id, { state: 'following', events, end });
  }

  #setOutcome(id: string, outcome: Outcome): void {
    this.#outcomes.set(id, outcome);
    this.#render();
  }

  #render(): void {
    const gpu = this.#gpu;
    render(
      html`<div class="api">
        <header class="api-head">
          <h1>API</h1>
          <p class="muted">What this dashboard shows it has from the same API, which anybody may use.</p>
        </header>
        ${documentsTemplate()}
        ${gpu ? this.#examplesTemplate(gpu) : this.#noGpuTemplate()}
      </div>`,
      this.#element,
    );
  }

  #noGpuTemplate(): TemplateResult {
    return this.#app.fleet.loaded
      ? html`<p class="empty">No GPU has reported yet. Examples come with the first.</p>`
      : html`<div class="skeleton api-skeleton"></div>`;
  }

  #examplesTemplate(gpu: Gpu): TemplateResult {
    const groups = examplesFor(gpu, this.#broker);
    return html`
      <div class="api-choice">
        <h2>Examples</h2>
        ${this.#choiceTemplate(gpu)}
      </div>
      ${groups.map((group) => this.#groupTemplate(group))}
    `;
  }

  #choiceTemplate(gpu: Gpu): TemplateResult {
    const { hosts } = this.#app.fleet;
    const nameOf = (host: Host) =>
      this.#app.fleet.clusters.length > 1 ? `${host.hostname} (${host.cluster.name})` : host.hostname;
    const there = (host: Host) => host.gpus.filter((g) => g.uuid !== null);
    const chooseHost = (event: Event) => {
      const host = hosts[(event.target as HTMLSelectElement).selectedIndex];
      this.#choose(host && there(host)[0]);
    };
    const chooseGpu = (event: Event) => this.#choose(there(gpu.host)[(event.target as HTMLSelectElement).selectedIndex]);
    return html`
      <label>of host
        <select class="input" @change=${chooseHost}>
          ${hosts.map((host) => html`<option .selected=${host === gpu.host} ?disabled=${there(host).length === 0}>${nameOf(host)}</option>`)}
        </select>
      </label>
      <label>GPU
        <select class="input" @change=${chooseGpu}>
          ${there(gpu.host).map((g) => html`<option .selected=${g === gpu}>${g.index}</option>`)}
        </select>
      </label>
    `;
  }

  #groupTemplate({ id, title, text, examples }: ExampleGroup): TemplateResult {
    return html`<section class="api-group" aria-labelledby="api-${id}">
      <header>
        <h2 id="api-${id}">${title}</h2>
        <p class="muted">${text}</p>
      </header>
      <div class="api-examples">${examples.map((example) => this.#exampleTemplate(example))}</div>
    </section>`;
  }

  #exampleTemplate(example: Example): TemplateResult {
    const { id, title, text, code } = example;
    const outcome = this.#outcomes.get(id);
    return html`<article class="card api-example" data-example=${id} aria-labelledby="api-title-${id}">
      <header class="card-head">
        <div>
          <h3 id="api-title-${id}">${title}</h3>
          <p class="small muted">${text}</p>
        </div>
        <div class="api-actions">
          ${this.#runTemplate(example, outcome)}
          <button class="button" type="button" aria-label="Copy: ${title}" @click=${() => this.#copy(example)}>
            ${this.#copied === id ? 'Copied' : 'Copy'}
          </button>
        </div>
      </header>
      <pre class="api-code" tabindex="0" role="region" aria-label="Code: ${title}"><code>${code}</code></pre>
      ${outcome ? outcomeTemplate(outcome, title) : nothing}
    </article>`;
  }

  #runTemplate(example: Example, outcome: Outcome | undefined): TemplateResult | typeof nothing {
    const { id, title, request, subscription } = example;
    if (request) {
      return html`<button class="button" type="button" ?disabled=${outcome?.state === 'asking'}
        aria-label="Run here: ${title}" @click=${() => this.#send(id, request)}>Run here</button>`;
    }
    if (subscription) {
      const word = outcome?.state === 'following' ? 'Stop' : 'Run here';
      return html`<button class="button" type="button"
        aria-label="${word}: ${title}" @click=${() => this.#follow(id, subscription)}>${word}</button>`;
    }
    return nothing;
  }
}

function eventsTemplate(events: unknown[], title: string): TemplateResult {
  const text = events.map((event) => JSON.stringify(event)).join('\n');
  return html`<div class="api-outcome">
    <p class="small"><span class="badge badge-accent">Following</span> ${events.length === 0 ? 'nothing came yet' : 'the latest first'}</p>
    ${events.length === 0
      ? nothing
      : html`<pre class="api-code api-answer" tabindex="0" role="region" aria-label="Events: ${title}"><code>${text}</code></pre>`}
  </div>`;
}

function documentsTemplate(): TemplateResult {
  return html`<nav class="api-documents" aria-label="Documents of the API">
    ${DOCUMENTS.map(
      ({ path, title, text }) => html`<a class="card api-document" href=${addressOf(path).href}>
        <strong>${title}</strong>
        <span class="small muted">${text}</span>
      </a>`,
    )}
  </nav>`;
}

function outcomeTemplate(outcome: Outcome, title: string): TemplateResult {
  if (outcome.state === 'asking') return html`<p class="small muted">Asking …</p>`;
  if (outcome.state === 'following') return eventsTemplate(outcome.events, title);
  if (outcome.state === 'failed') {
    return html`<p class="small"><span class="badge badge-critical">No answer</span> ${outcome.why}</p>`;
  }
  const { status, milliseconds, bytes, text } = outcome.answer;
  const rest = text.length - SHOWN_CHARACTERS;
  return html`<div class="api-outcome">
    <p class="small">
      <span class="badge ${status < 400 ? 'badge-good' : 'badge-critical'}">${status}</span>
      in ${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms, ${formatBytes(bytes)}
    </p>
    <pre class="api-code api-answer" tabindex="0" role="region" aria-label="Answer: ${title}"><code>${text.slice(0, SHOWN_CHARACTERS)}${rest > 0 ? `\n… and ${rest} more characters` : ''}</code></pre>
  </div>`;
}

export function openApi(app: App, element: HTMLElement): View {
  return new ApiPage(app, element);
}
