// The same telemetry subscription on Node: graphql-ws over ws, graphql-js, one
// parsed document a client, samples from the broker.
//
//     node graphql_ws.js PORT BROKER_URL
import { createServer } from 'node:http';

import { buildSchema, execute, subscribe } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { connect } from 'nats';
import { WebSocketServer } from 'ws';

const [port, broker] = process.argv.slice(2);

const schema = buildSchema(`
  type Query { ready: Boolean! }
  type Subscription {
    telemetryUpdates(clusterId: ID): TelemetryUpdate!
  }
  type TelemetryUpdate {
    eventType: String! timestamp: String! hostId: String! gpuId: String!
    data: Telemetry!
  }
  type Telemetry {
    gpuUtilization: Float temperature: Float powerDraw: Float energyMj: Float
  }`);

// Every subscriber's own queue of what is to come.
class Queue {
  values = [];
  wake = () => {};
  push(value) {
    this.values.push(value);
    this.wake();
  }
  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.values.length > 0)
        yield { telemetryUpdates: this.values.shift() };
      await new Promise((done) => (this.wake = done));
    }
  }
}

const queues = new Set();

async function* updates({ clusterId }) {
  const queue = new Queue();
  queue.cluster = clusterId;
  queues.add(queue);
  try {
    yield* queue;
  } finally {
    queues.delete(queue);
  }
}

const eventOf = ({ ts, host, uuid, metrics }) => ({
  eventType: 'telemetry',
  timestamp: ts,
  hostId: host,
  gpuId: uuid,
  data: {
    gpuUtilization: metrics.gpu_utilization,
    temperature: metrics.temperature,
    powerDraw: metrics.power_draw,
    energyMj: metrics.energy_mj,
  },
});

const nats = await connect({ servers: broker });
nats.subscribe('telemetry.>', {
  callback: (_, message) => {
    const sample = message.json();
    const event = eventOf(sample);
    for (const queue of queues)
      if (!queue.cluster || queue.cluster === sample.cluster) queue.push(event);
  },
});

const http = createServer((_, reply) => reply.end('ready'));
const server = new WebSocketServer({ server: http, path: '/graphql' });
useServer(
  { schema, execute, subscribe, roots: { subscription: { telemetryUpdates: updates } } },
  server
);
http.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
