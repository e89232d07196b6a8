// request: one HTTP request, as a command of curl and as this page makes it. Both are
// made from the same, so that what is copied does what was tried here.

export interface Request {
  url: URL;
  headers?: Record<string, string>;
  /** Sent as JSON, by POST. */
  body?: unknown;
}

export interface Answer {
  status: number;
  /** Laid out where it is JSON. */
  text: string;
  bytes: number;
  milliseconds: number;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function headersOf({ headers, body }: Request): [string, string][] {
  const type: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
  return Object.entries({ ...type, ...headers });
}

export function curl(request: Request, flags = '-s'): string {
  const lines = [`curl ${flags} ${quoted(request.url.href)}`];
  for (const [name, value] of headersOf(request)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (request.body !== undefined) lines.push(`-d ${quoted(JSON.stringify(request.body))}`);
  return lines.join(' \\\n  ');
}

function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export async function send(request: Request): Promise<Answer> {
  const started = performance.now();
  const reply = await fetch(request.url, {
    method: request.body === undefined ? 'GET' : 'POST',
    headers: headersOf(request),
    body: request.body === undefined ? null : JSON.stringify(request.body),
  });
  const content = await reply.arrayBuffer();
  return {
    status: reply.status,
    text: laidOut(new TextDecoder().decode(content)),
    bytes: content.byteLength,
    milliseconds: performance.now() - started,
  };
}
