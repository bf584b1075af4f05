// Requests and answers: keys, retries, errors, pages.

import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";

import { ApiError, NotConnected, apiError } from "./errors.ts";

/** JSON of the contract. */
export type Json = Record<string, any>;

/** Values of a query; what is undefined is left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** How a client talks. */
export interface Options {
  /** For each attempt, milliseconds. */
  timeout?: number;
  /** How often a request that fails in passing is sent again. */
  retries?: number;
  /** Waits so many milliseconds. */
  sleep?: (milliseconds: number) => Promise<void>;
}

/** Answers after which the same request may succeed. */
const PASSING = new Set([429, 500, 502, 503, 504]);

/**
 * For so many milliseconds in all a conflict that passes is waited for: longer than a first attempt that died stands in the way.
 */
export const CONFLICT_LASTS = 35_000;

/** From this many bytes on a body is sent packed. */
export const PACK_FROM = 64 * 1024;

interface Sent {
  query?: Query | undefined;
  body?: unknown;
  /** With it, the body is the part `letter` of a form, and this its part `file`. */
  file?: Uint8Array | undefined;
  /** The ETag of what is changed. */
  ifMatch?: string | undefined;
  /** A POST carries one, the same each time, so that it is carried out once. */
  idempotencyKey?: string | undefined;
}

/** Sends requests to one deployment with one key. */
export class Transport {
  readonly #key: string;
  readonly #url: string;
  readonly #timeout: number;
  readonly #retries: number;
  readonly #sleep: (milliseconds: number) => Promise<void>;

  constructor(key: string, url: string, { timeout = 30_000, retries = 4, sleep }: Options) {
    this.#key = key;
    this.#url = url.replace(/\/+$/, "");
    this.#timeout = timeout;
    this.#retries = retries;
    this.#sleep = sleep ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
  }

  /** Sends a request until it is answered for good, and gives an answer below 400. */
  async request(method: string, path: string, sent: Sent = {}): Promise<Response> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#key}`,
      accept: "application/json",
      "user-agent": "mailhouse-typescript/0.1.0",
    };
    let body: string | Uint8Array<ArrayBuffer> | undefined;
    if (sent.body !== undefined) {
      body = JSON.stringify(sent.body);
      headers["content-type"] = "application/json";
      if (sent.file !== undefined) {
        const boundary = randomUUID();
        headers["content-type"] = `multipart/form-data; boundary=${boundary}`;
        body = formOf(boundary, body, sent.file);
      }
      if (body.length >= PACK_FROM) {
        body = new Uint8Array(gzipSync(body));
        headers["content-encoding"] = "gzip";
      }
    }
    if (sent.ifMatch !== undefined) headers["if-match"] = sent.ifMatch;
    if (method === "POST") headers["idempotency-key"] = sent.idempotencyKey ?? randomUUID();
    const init: RequestInit = { method, headers, redirect: "manual", ...(body === undefined ? {} : { body }) };
    return this.#untilAnswered(this.#url + path + queryOf(sent.query), init, this.#retries);
  }

  /** The JSON that a request is answered with; undefined if there is none. */
  async json(method: string, path: string, sent: Sent = {}): Promise<any> {
    const text = await (await this.request(method, path, sent)).text();
    return text === "" ? undefined : JSON.parse(text);
  }

  /** Each item of a list, over all its pages. */
  async *pages(path: string, query: Query = {}): AsyncGenerator<Json> {
    let cursor: string | undefined;
    do {
      const page = await this.json("GET", path, { query: cursor === undefined ? query : { ...query, cursor } });
      yield* page.items;
      // The log's last page has a cursor too, for the day there is more.
      cursor = page.hasMore === false ? undefined : page.nextCursor;
    } while (cursor !== undefined);
  }

  /** The bytes of a file that a path leads to. The key is not shown to where it is kept. */
  async file(path: string): Promise<Uint8Array> {
    const location = (await this.request("GET", path)).headers.get("location") ?? "";
    return this.plain(new URL(location, this.#url + path).href, { method: "GET" });
  }

  /** A request to a URL that is a key itself. */
  async plain(url: string, init: RequestInit): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#untilAnswered(url, init, this.#retries)).arrayBuffer());
  }

  async #untilAnswered(url: string, init: RequestInit, retries: number): Promise<Response> {
    let waited = 0;
    for (let attempt = 0; ; ) {
      let pause: number;
      try {
        const response = await fetch(url, { ...init, signal: AbortSignal.timeout(this.#timeout) });
        if (response.status < 400) return response;
        const asked = response.headers.get("retry-after");
        const error = apiError(response.status, await bodyOf(response), asked);
        pause = pauseOf(attempt, asked);
        // A conflict that passes says when to come back: such as with a first attempt that is still being carried out. It is no
        // failure, so that it is waited for as long as it may last.
        if (error.status === 409 && asked !== null && retries > 0 && waited < CONFLICT_LASTS) {
          waited += pause;
        } else {
          if (attempt >= retries || !PASSING.has(error.status)) throw error;
          attempt++;
        }
      } catch (error) {
        if (error instanceof ApiError) throw error;
        if (attempt >= retries) throw new NotConnected(`${init.method} ${new URL(url).pathname}: ${String(error)}`);
        pause = pauseOf(attempt, null);
        attempt++;
      }
      await this.#sleep(pause);
    }
  }
}

/** A form of a letter and its document. */
function formOf(boundary: string, letter: string, file: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = (name: string, type: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name=${name}\r\ncontent-type: ${type}\r\n\r\n`;
  return new Uint8Array(
    Buffer.concat([
      Buffer.from(`${head('"letter"', "application/json")}${letter}\r\n`),
      Buffer.from(head('"file"; filename="letter.pdf"', "application/pdf")),
      file,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
  );
}

async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/**
 * How long to wait before the next attempt, milliseconds: as long as was asked, or up to half a second, a second, and so on,
 * by chance, so that many clients do not come back at once.
 */
export function pauseOf(attempt: number, asked: string | null): number {
  const most = 60_000;
  if (asked !== null) {
    const wait = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.now();
    if (!Number.isNaN(wait)) return Math.min(most, Math.max(0, wait));
  }
  return Math.random() * Math.min(8_000, 500 * 2 ** attempt);
}

function queryOf(query: Query = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
