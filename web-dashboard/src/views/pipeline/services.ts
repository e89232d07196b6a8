// services: who is running, where, since when, and what it counts.

import { html, nothing, type TemplateResult } from 'lit-html';

import { formatNumber } from '../../format.js';
import { formatAge, formatDuration } from '../../time.js';
import type { Service } from './status.js';

/** The figures that are shown first, in words; others by their names. */
const TITLES: Record<string, string> = {
  rows: 'rows',
  messages: 'messages',
  commits: 'commits',
  write_retries: 'written again',
  deadletters: 'dead letters',
  seconds_since_commit: 'since the last commit',
  published: 'published',
  acknowledged: 'acknowledged',
  bad_rows: 'bad rows',
  samples: 'samples',
  values: 'values',
  retries: 'sent again',
  in_flight: 'in flight',
  web_sockets: 'WebSockets',
  subscriptions: 'subscriptions',
};

function figureText(name: string, value: number): string {
  const title = TITLES[name] ?? name.replaceAll('_', ' ');
  if (Number.isNaN(value)) return name === 'seconds_since_commit' ? 'no commit yet' : `${title} not known`;
  if (name === 'seconds_since_commit') return `${formatDuration(value * 1000)} ${title}`;
  return `${formatNumber(value)} ${value === 1 ? title.replace(/s$/, '') : title}`;
}

function serviceRow(service: Service, now: number): TemplateResult {
  const { name, id, host, pid, version, startedAt, lastSeen, figures } = service;
  return html`<tr data-service=${name} data-pid=${pid ?? nothing}>
    <th scope="row" class="nowrap">${name}${id === name ? nothing : html`<br><span class="muted">${id}</span>`}</th>
    <td class="nowrap">${host}${pid === null ? nothing : html` <span class="muted">(process ${pid})</span>`}</td>
    <td>${version}</td>
    <td class="nowrap">${formatDuration(now - startedAt)}</td>
    <td class="nowrap">${formatAge(lastSeen, now)}</td>
    <td><ul class="pipeline-counts">${[...figures].map(([figure, value]) => html`<li data-figure=${figure}>${figureText(figure, value)}</li>`)}</ul></td>
  </tr>`;
}

export function servicesTable(services: readonly Service[] | null, now: number): TemplateResult {
  if (services === null) return html`<p class="empty">Who is running is not known.</p>`;
  if (services.length === 0) return html`<p class="empty">Nobody says that it runs.</p>`;
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Table of the services">
    <table class="table pipeline-services">
      <thead>
        <tr>
          <th scope="col">Program</th>
          <th scope="col">Host</th>
          <th scope="col">Version</th>
          <th scope="col">Runs for</th>
          <th scope="col">Last heard</th>
          <th scope="col">Counts since its start</th>
        </tr>
      </thead>
      <tbody>${services.map((service) => serviceRow(service, now))}</tbody>
    </table>
  </div>`;
}
