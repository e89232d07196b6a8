// client: GraphQL over one WebSocket that comes back by itself.

import { createClient, type Client } from 'graphql-ws';

import { Emitter, type Off } from '../emitter.js';

/** How the connection is. */
export interface Connection {
  /** `connecting` is the first time; later it is `reconnecting`. */
  state: 'connecting' | 'live' | 'reconnecting';
  /** Since when: ms since 1970. */
  since: number;
}

/** The API refused: what it said. */
export class ApiError extends Error {}

export type Variables = Record<string, unknown>;

export interface EventHandlers<T> {
  /** missed: so many events before this one were left out for us. */
  next(data: T, missed: number): void;
  /** It is over: the API refused it. Lost connections end nothing. */
  error?(error: Error): void;
}

/** What the API says beside the data. */
type Extensions = { missed?: number };

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
const PING_MS = 4000;

/** The address of something the gateway serves beside this page, with any path prefix. */
export function addressOf(path: string): URL {
  return new URL(path, document.baseURI);
}

function socketAddress(): string {
  const url = addressOf('graphql');
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url.href;
}

/** Doubles, with jitter, so that a fleet of dashboards does not come back at once. */
function waitBeforeRetry(retries: number): Promise<void> {
  const longest = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** retries);
  return new Promise((done) => setTimeout(done, longest * (0.5 + Math.random() / 2)));
}

export class Api {
  connection: Connection = { state: 'connecting', since: Date.now() };
  readonly connectionChanged = new Emitter<Connection>();
  /** Live again: what was missed meanwhile is to be fetched. Not after the first time. */
  readonly resumed = new Emitter();
  #client: Client;

  constructor() {
    let pinged: ReturnType<typeof setTimeout> | undefined;
    this.#client = createClient({
      url: socketAddress(),
      lazy: false,
      retryAttempts: Infinity,
      shouldRetry: () => true,
      retryWait: waitBeforeRetry,
      keepAlive: PING_MS,
      on: {
        connected: (_socket, _payload, wasRetry) => {
          this.#set('live');
          if (wasRetry) this.resumed.emit();
        },
        closed: () => this.#set('reconnecting'),
        // A gateway that does not answer is as good as gone.
        ping: (received) => {
          if (!received) pinged = setTimeout(() => this.#client.terminate(), PING_MS);
        },
        pong: (received) => {
          if (received) clearTimeout(pinged);
        },
      },
    });
  }

  #set(state: Connection['state']): void {
    if (state === this.connection.state) return;
    this.connection = { state, since: Date.now() };
    this.connectionChanged.emit(this.connection);
  }

  /** The answer's data. Throws an ApiError where there is none. */
  query<T>(query: string, variables?: Variables): Promise<T> {
    return new Promise((resolve, reject) => {
      let answer: T | undefined;
      this.#client.subscribe<T>(
        { query, variables },
        {
          next: ({ data, errors }) => {
            if (data && !errors) answer = data;
            else reject(new ApiError(errors?.map((e) => e.message).join('; ') ?? 'no data'));
          },
          error: (error) => reject(errorOf(error)),
          complete: () => (answer ? resolve(answer) : reject(new ApiError('no answer'))),
        },
      );
    });
  }

  /** Follows a subscription, over lost connections, until the returned is called. */
  subscribe<T>(query: string, variables: Variables, handlers: EventHandlers<T>): Off {
    return this.#client.subscribe<T, Extensions>(
      { query, variables },
      {
        next: ({ data, errors, extensions }) => {
          if (data) handlers.next(data, extensions?.missed ?? 0);
          else handlers.error?.(new ApiError(errors?.map((e) => e.message).join('; ')));
        },
        error: (error) => handlers.error?.(errorOf(error)),
        complete: () => {},
      },
    );
  }
}

function errorOf(cause: unknown): Error {
  if (cause instanceof Error) return cause;
  if (Array.isArray(cause)) return new ApiError(cause.map((e) => e.message).join('; '));
  return new ApiError('the connection was lost');
}
