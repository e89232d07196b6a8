// What every integration test imports: servers on free ports, and the few
// tools to look at them. Everything started here is stopped when the file is
// through, and must then exit clean.
export { freePort } from './ports.js';
export {
  account,
  assertAllStored,
  realFile,
  simulatedFile,
  stored,
} from './dcgm.js';
export { readCsv, tempDir } from './files.js';
export { getJson, httpReady, metric, rawRequest } from './http.js';
export {
  following,
  liveClient,
  makeStream,
  publish,
  sample,
} from './live.js';
export { sleep, SLOW, waitFor } from './wait.js';
export { Program, ROOT, BUILD, cleanEnv } from './program.js';
export { startPostgres } from './postgres.js';
export { METRICS, createSchema, insertFleet } from './schema.js';
export {
  connectNats,
  startBroker,
  startCollector,
  startGateway,
  startNatsServer,
  startStreamer,
} from './nexus.js';
