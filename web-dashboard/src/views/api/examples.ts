// examples: how the API is used from elsewhere, with this server's address and a GPU
// of this fleet in place. Each runs as it is copied.

import { addressOf, type Variables } from '../../api/client.js';
import type { Gpu } from '../../fleet/fleet.js';
import { curl, type Request } from './request.js';

export interface Example {
  id: string;
  title: string;
  text: string;
  code: string;
  /** What the code asks for, where this page can ask it, too. */
  request?: Request;
  /** What it follows, where this page can, too. */
  subscription?: { query: string; variables: Variables };
}

export interface ExampleGroup {
  id: string;
  title: string;
  text: string;
  examples: Example[];
}

function socketAddressOf(path: string): string {
  const url = addressOf(path);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** A name as one token of a subject. */
function subjectToken(name: string): string {
  const bytes = new TextEncoder().encode(name);
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return /[\w-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function graphqlGroup(gpu: Gpu): ExampleGroup {
  const query: Request = {
    url: addressOf('graphql'),
    body: {
      query:
        'query ($uuid: ID!) { gpu(uuid: $uuid) { hostname index model status latest { timestamp gpuUtilization temperature powerDraw } } }',
      variables: { uuid: gpu.uuid },
    },
  };
  const subscription = `subscription ($uuid: ID!) {
    telemetryUpdates(gpuUuid: $uuid) {
      timestamp
      data { gpuUtilization temperature powerDraw }
    }
  }`;
  const events: Request = {
    url: addressOf('graphql'),
    headers: { Accept: 'text/event-stream' },
    body: { query: oneLine(subscription), variables: { uuid: gpu.uuid } },
  };
  return {
    id: 'graphql',
    title: 'GraphQL',
    text: 'One request for just the fields that are wanted; this page uses nothing else.',
    examples: [
      {
        id: 'graphql-query',
        title: 'A query, with curl',
        text: 'What one GPU reported last.',
        code: curl(query),
        request: query,
      },
      {
        id: 'graphql-events',
        title: 'A subscription, with curl',
        text: 'Server-sent events: one for each sample, until it is stopped.',
        code: curl(events, '-sN'),
      },
      {
        id: 'graphql-socket',
        title: 'A subscription, in JavaScript',
        text: 'The same over a WebSocket, which comes back by itself.',
        subscription: { query: subscription, variables: { uuid: gpu.uuid } },
        code: `// npm install graphql-ws graphql ws
import { createClient } from 'graphql-ws';
import WebSocket from 'ws'; // browsers have their own

const client = createClient({
  url: '${socketAddressOf('graphql')}',
  webSocketImpl: WebSocket,
});
const updates = client.iterate({
  query: \`${subscription}\`,
  variables: { uuid: '${gpu.uuid}' },
});
for await (const { data } of updates) console.log(data.telemetryUpdates);
`,
      },
    ],
  };
}

function restGroup(gpu: Gpu): ExampleGroup {
  const list: Request = { url: addressOf('api/v1/hosts') };
  const history: Request = {
    url: addressOf(`api/v1/gpus/${encodeURIComponent(gpu.uuid ?? '')}/telemetry?start_time=now-15m&limit=10`),
  };
  return {
    id: 'rest',
    title: 'REST',
    text: 'Plain addresses for scripts; the OpenAPI document describes each.',
    examples: [
      {
        id: 'rest-history',
        title: 'History, with curl',
        text: 'The ten latest samples of one GPU in the last 15 minutes. What was not reported is null.',
        code: curl(history),
        request: history,
      },
      {
        id: 'rest-hosts',
        title: 'A list, with curl',
        text: 'Every host, and how many of its GPUs are active.',
        code: curl(list),
        request: list,
      },
    ],
  };
}

function socketGroup(gpu: Gpu): ExampleGroup {
  const wish = JSON.stringify({
    type: 'subscribe',
    topic: 'telemetry',
    filters: { cluster: gpu.host.cluster.name, host: gpu.host.hostname, metrics: ['gpu_utilization', 'temperature'] },
  });
  return {
    id: 'websocket',
    title: 'WebSocket',
    text: 'Updates without GraphQL: one JSON object a message. Topics are telemetry, status and fleet.',
    examples: [
      {
        id: 'websocket-host',
        title: 'A host’s samples, in JavaScript',
        text: 'Two metrics of every GPU of the host, as they come.',
        code: `// npm install ws
import WebSocket from 'ws'; // browsers have their own

const socket = new WebSocket('${socketAddressOf('ws')}');
socket.onopen = () => socket.send('${wish.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}');
socket.onmessage = ({ data }) => {
  const update = JSON.parse(data);
  if (update.type === 'telemetry_update') console.log(update.gpu_id, update.data);
};
`,
      },
    ],
  };
}

function natsGroup(gpu: Gpu, broker: string): ExampleGroup {
  const { hostname, cluster } = gpu.host;
  const subject = `telemetry.${subjectToken(cluster.name)}.${subjectToken(hostname)}.*`;
  return {
    id: 'nats',
    title: 'NATS',
    text: 'Samples from the broker itself, with any NATS client: telemetry.<cluster>.<host>.<GPU UUID>, with * and > as wildcards. Where the broker asks for a user, so will these.',
    examples: [
      {
        id: 'nats-cli',
        title: 'The nats command',
        text: 'Every sample of the host.',
        code: `nats --server '${broker}' sub '${subject}'`,
      },
      {
        id: 'nats-js',
        title: 'JavaScript',
        text: 'The same.',
        code: `// npm install @nats-io/transport-node
import { connect } from '@nats-io/transport-node';

const nats = await connect({ servers: '${broker}' });
for await (const message of nats.subscribe('${subject}')) {
  const { ts, gpu, metrics } = message.json();
  console.log(ts, gpu, metrics.gpu_utilization);
}
`,
      },
    ],
  };
}

function prometheusGroup(): ExampleGroup {
  const url = addressOf('metrics');
  return {
    id: 'prometheus',
    title: 'Prometheus',
    text: 'How the gateway itself is: requests, subscribers, queries, lag.',
    examples: [
      {
        id: 'prometheus-scrape',
        title: 'A job for prometheus.yml',
        text: 'The other programs of the pipeline have a /metrics of their own.',
        code: `scrape_configs:
  - job_name: nexus-gateway
    scheme: ${url.protocol.slice(0, -1)}
    metrics_path: ${url.pathname}
    static_configs:
      - targets: ['${url.host}']
`,
      },
      {
        id: 'prometheus-curl',
        title: 'A look at it, with curl',
        text: 'In Prometheus’ text format.',
        code: curl({ url }),
        request: { url },
      },
    ],
  };
}

/** broker: nats://host:port; null: there is none to name. */
export function examplesFor(gpu: Gpu, broker: string | null): ExampleGroup[] {
  return [
    graphqlGroup(gpu),
    restGroup(gpu),
    socketGroup(gpu),
    ...(broker === null ? [] : [natsGroup(gpu, broker)]),
    prometheusGroup(),
  ];
}
