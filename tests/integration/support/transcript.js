// What a client saw, as plain data that is the same in every run: times,
// names made at random and measurements are replaced by a word.

const BYTES_SHOWN = 200;

// Different in every run.
const VOLATILE = new Set([
  ...['created', 'time', 'timestamp', 'started', 'mtime', 'last_active'],
  ...['first_ts', 'last_ts', 'id', 'nuid', 'processing_time'],
  ...['average_processing_time', 'pause_remaining'],
]);
// Members newer servers have; the scenarios that are about them say so.
const NEWER = new Set([
  ...['compression', 'consumer_limits', 'metadata', 'ts'],
  ...['reserved_memory', 'reserved_storage'],
]);
const NOT_SET = '0001-01-01T00:00:00Z';

const plainText = (text) =>
  text
    .replace(/_INBOX\.[\w.]+/g, '_INBOX')
    .replace(/\b[A-Z0-9]{22}\b/gi, '<nuid>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) =>
      time === NOT_SET ? time : '<time>'
    )
    .replace(/\b1\d{18}\b/g, '<ns>')
    .replace(/127\.0\.0\.1:\d+|localhost:\d+/g, '<server>');

function plainBytes(bytes) {
  if (bytes.length > BYTES_SHOWN) return `<${bytes.length} bytes>`;
  return plainText(Buffer.from(bytes).toString());
}

function plainError(error) {
  const api = error.api_error ?? error.apiError?.();
  return plainMembers({
    error: error.name,
    code: api?.err_code ?? error.code,
    text: error.message,
  });
}

function plainMembers(object) {
  const members = {};
  for (const key of Object.keys(object).sort()) {
    const value = object[key];
    if (NEWER.has(key) || value === undefined || typeof value === 'function')
      continue;
    members[key] =
      VOLATILE.has(key) && value !== NOT_SET ? `<${key}>` : plain(value);
  }
  return members;
}

function plainHeaders(headers) {
  const lines = {};
  for (const key of headers.keys()) lines[key] = plain(headers.values(key));
  if (headers.code) lines.status = `${headers.code} ${headers.description}`;
  return lines;
}

// A message of a subscription or a stream: subject, payload and, where they
// are there, reply, headers and the place in the stream.
function plainMessage(message) {
  const seen = [plain(message.subject), plain(message.data)];
  const headers = message.headers ?? message.header;
  const { info, seq } = message;
  if (message.reply && !info) seen.push(plain(message.reply));
  if (headers) seen.push(plainHeaders(headers));
  if (info)
    seen.push(
      `${info.stream} ${info.consumer} ${info.redeliveryCount ?? info.deliveryCount}. ` +
        `${info.streamSequence} ${info.deliverySequence} +${info.pending}`
    );
  else if (seq) seen.push(seq);
  return seen;
}

const plainEntry = ({ key, operation, revision, value, delta, isUpdate }) =>
  plainMembers({ key, operation, revision, value, delta, isUpdate });

function plainObject(value) {
  if (value.operation && value.bucket) return plainEntry(value);
  if (typeof value.string === 'function' && value.data) return plainMessage(value);
  return plainMembers(value);
}

export function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return plainText(value);
  if (value instanceof Error) return plainError(value);
  if (value instanceof Date) return '<time>';
  if (value instanceof Uint8Array) return plainBytes(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object') return plainObject(value);
  return value;
}

const isTree = (value) => typeof value === 'object' && value !== null;

// Where two transcripts differ, a line each: [3][1].state.bytes: 36, not 35.
export function differences(ours, theirs, path = '') {
  if (!isTree(ours) || !isTree(theirs)) {
    const [here, there] = [JSON.stringify(ours), JSON.stringify(theirs)];
    return here === there ? [] : [`${path}: ${here}, not ${there}`];
  }
  const inside = (key) => (Array.isArray(ours) ? `[${key}]` : `.${key}`);
  const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...keys].flatMap((key) =>
    differences(ours[key], theirs[key], path + inside(key))
  );
}
