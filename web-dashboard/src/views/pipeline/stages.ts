// stages: the way of the samples from left to right, each stage with how it is, its
// figures, and how the most telling of them went.

import { html, nothing, type TemplateResult } from 'lit-html';

import { formatBytes, formatNumber, formatRate } from '../../format.js';
import { formatDuration, formatSince } from '../../time.js';
import { sumOf, type FigureName, type Now, type Service } from './status.js';
import type { Trend, TrendKind } from './trend.js';

const NOT_KNOWN = 'not known';

export function orNotKnown(value: number, format: (value: number) => string = formatNumber): string {
  return Number.isNaN(value) ? NOT_KNOWN : format(value);
}

function seconds(value: number): string {
  return value < 10 ? `${formatNumber(value, 1)} s` : formatDuration(value * 1000);
}

const perSecond = (what: string) => (value: number) => formatRate(value, what);

/** What is drawn, by stage. */
export const TRENDS: Record<string, TrendKind> = {
  sources: { figure: 'samplesPerSecond', title: 'Samples in', format: perSecond('samples') },
  broker: { figure: 'queueDepth', title: 'Queue depth', format: formatNumber },
  collectors: { figure: 'lagSeconds', title: 'Collectors’ lag', format: seconds },
  database: { figure: 'rowsPerSecond', title: 'Rows written', format: perSecond('rows') },
  gateway: { figure: 'operationsPerSecond', title: 'GraphQL operations', format: perSecond('operations') },
  subscribers: { figure: 'subscriptions', title: 'Subscriptions', format: formatNumber },
};

interface State {
  good: boolean;
  text: string;
}

interface Figure {
  /** For scripts and tests. */
  name: FigureName | 'badRows' | 'streamFull';
  title: string;
  text: string;
}

interface Stage {
  key: keyof typeof TRENDS;
  title: string;
  /** reachable: the gateway answers. */
  state(now: Now, reachable: boolean): State | null;
  /** The first is shown large. */
  figures(now: Now): Figure[];
  /** Where or what it is. */
  note(now: Now): string;
}

function plural(count: number, one: string): string {
  return `${formatNumber(count)} ${one}${count === 1 ? '' : 's'}`;
}

function running(services: readonly Service[] | null, program: string): number {
  return services === null ? NaN : services.filter(({ name }) => name === program).length;
}

function runningState(count: number, one: string): State | null {
  if (Number.isNaN(count)) return null;
  return count > 0 ? { good: true, text: `${plural(count, one)} running` } : { good: false, text: 'none running' };
}

function connectedState(connected: boolean): State {
  return connected ? { good: true, text: 'connected' } : { good: false, text: 'not connected' };
}

function fullness({ streamBytes, streamBytesMax }: Now): string {
  const part = (streamBytes / streamBytesMax) * 100;
  if (Number.isNaN(streamBytes)) return NOT_KNOWN;
  return Number.isNaN(part) ? formatBytes(streamBytes) : `${formatBytes(streamBytes)} of ${formatBytes(streamBytesMax)}`;
}

const STAGES: readonly Stage[] = [
  {
    key: 'sources',
    title: 'Sources',
    note: () => 'files, uploads, agents',
    // Who sends needs not say so: only streamers do.
    state: ({ services }) => {
      const count = running(services, 'nexus-streamer');
      return count > 0 ? runningState(count, 'streamer') : null;
    },
    figures: (now) => [
      { name: 'samplesPerSecond', title: 'Samples in', text: orNotKnown(now.samplesPerSecond, perSecond('samples')) },
      { name: 'samplesTotal', title: 'In all', text: orNotKnown(now.samplesTotal) },
      { name: 'badRows', title: 'Rows that could not be read', text: orNotKnown(sumOf(now.services, 'nexus-streamer', 'bad_rows')) },
    ],
  },
  {
    key: 'broker',
    title: 'Broker',
    state: ({ broker }) => connectedState(broker.connected),
    figures: (now) => [
      { name: 'queueDepth', title: 'Queue depth', text: orNotKnown(now.queueDepth) },
      { name: 'streamMessages', title: 'Samples kept', text: orNotKnown(now.streamMessages) },
      { name: 'streamBytes', title: 'Their size', text: fullness(now) },
      { name: 'deadLetters', title: 'Dead letters', text: orNotKnown(now.deadLetters) },
    ],
    note: ({ broker }) =>
      [broker.address ?? '', Number.isNaN(broker.since) ? '' : formatSince(broker.since)].filter(Boolean).join(', '),
  },
  {
    key: 'collectors',
    title: 'Collectors',
    note: () => 'from stream to database',
    state: ({ collectors }) => runningState(collectors, 'collector'),
    figures: (now) => [
      { name: 'lagSeconds', title: 'Lag', text: orNotKnown(now.lagSeconds, seconds) },
      { name: 'unacknowledged', title: 'On their way', text: orNotKnown(now.unacknowledged) },
      { name: 'redelivered', title: 'Delivered again', text: orNotKnown(now.redelivered) },
    ],
  },
  {
    key: 'database',
    title: 'PostgreSQL',
    note: ({ database }) => database.problem ?? 'keeps every sample',
    state: ({ database }) => connectedState(database.connected),
    figures: (now) => [
      { name: 'rowsPerSecond', title: 'Rows written', text: orNotKnown(now.rowsPerSecond, perSecond('rows')) },
      { name: 'rowsTotal', title: 'Since their start', text: orNotKnown(now.rowsTotal) },
    ],
  },
  {
    key: 'gateway',
    title: 'This gateway',
    note: () => location.host,
    state: (_now, reachable) => ({ good: reachable, text: reachable ? 'answers' : 'does not answer' }),
    figures: (now) => [
      { name: 'operationsPerSecond', title: 'GraphQL operations', text: orNotKnown(now.operationsPerSecond, perSecond('')) },
      { name: 'operationsTotal', title: 'In all', text: orNotKnown(now.operationsTotal) },
      { name: 'samplesBehind', title: 'Samples behind the stream', text: orNotKnown(now.samplesBehind) },
    ],
  },
  {
    key: 'subscribers',
    title: 'Subscribers',
    note: () => 'of this gateway',
    state: () => null,
    figures: (now) => [
      { name: 'subscriptions', title: 'Subscriptions', text: orNotKnown(now.subscriptions) },
      { name: 'webSocketClients', title: 'WebSockets', text: orNotKnown(now.webSocketClients) },
      { name: 'updatesPerSecond', title: 'Updates sent', text: orNotKnown(now.updatesPerSecond, perSecond('')) },
      { name: 'updatesMissed', title: 'Left out for slow readers', text: orNotKnown(now.updatesMissed) },
    ],
  },
];

function stateBadge(state: State | null): TemplateResult | typeof nothing {
  if (state === null) return nothing;
  return html`<span class="badge ${state.good ? 'badge-good' : 'badge-critical'}">${state.text}</span>`;
}

function stageCard(stage: Stage, now: Now, reachable: boolean, trend: Trend): TemplateResult {
  const [first, ...rest] = stage.figures(now);
  return html`<li class="pipeline-stage card" data-stage=${stage.key}>
    <div class="pipeline-stage-head">
      <h2>${stage.title}</h2>
      ${stateBadge(stage.state(now, reachable))}
    </div>
    <p class="pipeline-note muted small">${stage.note(now)}</p>
    <dl class="pipeline-main">
      <div data-figure=${first!.name}><dt>${first!.title}</dt><dd>${first!.text}</dd></div>
    </dl>
    ${trend.element}
    <dl class="pipeline-figures">
      ${rest.map(({ name, title, text }) => html`<div data-figure=${name}><dt>${title}</dt><dd>${text}</dd></div>`)}
    </dl>
  </li>`;
}

export function stages(now: Now, reachable: boolean, trends: Record<string, Trend>): TemplateResult {
  return html`<ol class="pipeline-flow" aria-label="The way of the samples">
    ${STAGES.map((stage) => stageCard(stage, now, reachable, trends[stage.key]!))}
  </ol>`;
}
