// client: GraphQL over one WebSocket that comes back by itself.
//
// Lost is a connection that the other side ends, and one on which nothing comes for
// as long as a ping and its answer may take. Then the next is tried after a quarter
// of a second, after half of one … after 5 s at most; at once when the network is
// back, or the page is looked at again. What was asked and followed is
// asked and followed again on the next connection: a query waits, it does not fail.
// A gateway that refuses (it closes with 4400, 4500 …) is asked every 30 s.

import { createClient, type Client } from 'graphql-ws';

import { Emitter, type Off } from '../emitter.js';
import { retryWait } from './retry.js';

/** How the connection is. */
export interface Connection {
  /** `connecting` is the first time; later it is `reconnecting`. */
  state: 'connecting' | 'live' | 'reconnecting' | 'refused';
  /** Since when: ms since 1970. */
  since: number;
  /** When the next attempt is; null while one is under way, or none is needed. */
  retryAt: number | null;
  /** Why it was refused. */
  reason: string;
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

interface Answer {
  data?: unknown;
  errors?: readonly { message: string }[];
  extensions?: Extensions;
}

/** What is asked or followed, until it is complete. */
interface Operation {
  payload: { query: string; variables?: Variables };
  next(answer: Answer): void;
  ended(error?: ApiError): void;
  stop(): void;
}

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
const RETRY_REFUSED_MS = 30_000;
const CONNECT_MS = 8000;
const PING_MS = 2000;
const PONG_MS = 2500;
const ANSWER_MS = 30_000;

/** The address of something the gateway serves beside this page, with any path prefix. */
export function addressOf(path: string): URL {
  return new URL(path, document.baseURI);
}

function socketAddress(): string {
  const url = addressOf('graphql');
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  url.hash = '';
  return url.href;
}

function messageOf(errors: readonly { message: string }[] | undefined): string {
  return errors?.map((e) => e.message).join('; ') || 'no data came';
}

export class Api {
  connection: Connection = { state: 'connecting', since: Date.now(), retryAt: null, reason: '' };
  readonly connectionChanged = new Emitter<Connection>();
  /** Live again: what was missed meanwhile is to be fetched. Not after the first time. */
  readonly resumed = new Emitter();
  #client: Client;
  #address = socketAddress();
  #operations = new Set<Operation>();
  #wake = () => {};
  /** Since a connection last held. */
  #attempts = 0;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#client = this.#open();
    addEventListener('online', () => this.retryNow());
    addEventListener('pageshow', () => this.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retryNow();
    });
  }

  /** Does not wait for the next attempt's time. */
  retryNow(): void {
    this.#wake();
  }

  #open(): Client {
    return createClient({
      url: () => this.#addressInTime(),
      lazy: false,
      onNonLazyError: (cause) => void this.#refused(cause),
      retryAttempts: Infinity,
      shouldRetry: () => true,
      retryWait: () => Promise.resolve(), // It does not wait where one ended in good order.
      keepAlive: PING_MS,
      on: {
        connected: () => this.#connected(),
        closed: () => this.#lost(),
        ping: (received) => {
          if (!received) this.#expectWithin(PONG_MS);
        },
        message: () => clearTimeout(this.#deadline),
      },
    });
  }

  /** Somebody who does not answer is as good as gone. */
  #expectWithin(ms: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#client.terminate(), ms);
  }

  #set(change: Partial<Connection>): void {
    const before = this.connection;
    const since = change.state && change.state !== before.state ? Date.now() : before.since;
    this.connection = { ...before, ...change, since };
    this.connectionChanged.emit(this.connection);
  }

  #connected(): void {
    const first = this.connection.state === 'connecting';
    this.#set({ state: 'live', retryAt: null, reason: '' });
    if (!first) this.resumed.emit();
  }

  #lost(): void {
    clearTimeout(this.#deadline);
    const { state, since } = this.connection;
    if (state !== 'live') return;
    if (Date.now() - since > RETRY_MAX_MS) this.#attempts = 1;
    this.#set({ state: 'reconnecting' });
  }

  async #addressInTime(): Promise<string> {
    if (this.#attempts > 0) {
      await this.#wait(retryWait(this.#attempts, RETRY_FIRST_MS, RETRY_MAX_MS));
    }
    this.#attempts++;
    this.#expectWithin(CONNECT_MS);
    return this.#address;
  }

  #wait(ms: number): Promise<void> {
    this.#set({ retryAt: Date.now() + ms });
    return new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    }).then(() => {
      this.#wake = () => {};
      this.#set({ retryAt: null });
    });
  }

  /** graphql-ws gives up here. A page on a wall has nobody to load it anew. */
  async #refused(cause: unknown): Promise<void> {
    clearTimeout(this.#deadline);
    const { code, reason } = cause as Partial<CloseEvent>;
    this.#set({ state: 'refused', reason: [code, reason].filter(Boolean).join(' ') || String(cause) });
    await this.#wait(RETRY_REFUSED_MS);
    this.#attempts = 0;
    this.#client = this.#open();
    for (const operation of this.#operations) this.#start(operation);
  }

  #start(operation: Operation): void {
    const ended = (error?: ApiError) => {
      if (this.#operations.delete(operation)) operation.ended(error);
    };
    operation.stop = this.#client.subscribe<Record<string, unknown>, Extensions>(operation.payload, {
      next: (answer) => {
        // An error of ours would end the connection.
        try {
          operation.next(answer);
        } catch (error) {
          reportError(error);
        }
      },
      // What is no list is the connection's, and starts with the next one.
      error: (cause) => {
        if (Array.isArray(cause)) ended(new ApiError(messageOf(cause)));
      },
      complete: () => ended(),
    });
  }

  #run(operation: Operation): Off {
    this.#operations.add(operation);
    this.#start(operation);
    return () => {
      if (this.#operations.delete(operation)) operation.stop();
    };
  }

  /**
   * The answer's data. Throws an ApiError where there is none, and the signal's reason
   * where that takes it back.
   */
  query<T>(query: string, variables?: Variables, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      let data: unknown;
      let error: ApiError | undefined;
      const off = this.#run({
        payload: { query, variables },
        next: (answer) => {
          if (answer.data && !answer.errors) data = answer.data;
          else error = new ApiError(messageOf(answer.errors));
        },
        ended: (refused) => {
          over();
          if (data) resolve(data as T);
          else reject(refused ?? error ?? new ApiError('no answer came'));
        },
        stop() {},
      });
      const giveUp = (reason: unknown) => {
        over();
        off();
        reject(reason);
      };
      const late = setInterval(() => {
        const { state, since } = this.connection;
        if (state !== 'live' || Date.now() - since < ANSWER_MS) return;
        giveUp(new ApiError(`no answer came in ${ANSWER_MS / 1000} s`));
      }, ANSWER_MS);
      const aborted = () => giveUp(signal?.reason);
      const over = () => {
        clearInterval(late);
        signal?.removeEventListener('abort', aborted);
      };
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted);
    });
  }

  /** Follows a subscription, over lost connections, until the returned is called. */
  subscribe<T>(query: string, variables: Variables, handlers: EventHandlers<T>): Off {
    return this.#run({
      payload: { query, variables },
      next: ({ data, errors, extensions }) => {
        if (data) handlers.next(data as T, extensions?.missed ?? 0);
        else handlers.error?.(new ApiError(messageOf(errors)));
      },
      ended: (error) => {
        if (error) handlers.error?.(error);
      },
      stop() {},
    });
  }
}
