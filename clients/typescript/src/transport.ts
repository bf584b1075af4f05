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
  /**
   * For how many milliseconds nothing may move, in each attempt; up to thrice as long where a body is sent. A large file that
   * moves takes as long as its line needs.
   */
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

/** The status, the headers and the body of an answer that has come to its end. */
export class Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly content: Uint8Array;

  constructor(status: number, headers: Headers, content: Uint8Array) {
    this.status = status;
    this.headers = headers;
    this.content = content;
  }

  /** The body as JSON; undefined if there is none. */
  json(): any {
    return this.content.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(this.content));
  }
}

/**
 * Of a body the system takes up to so many bytes before it has sent them, and does not tell how far it is. A slow line needs
 * longer than the timeout for that many, also once the last of them is taken and the answer is waited for.
 */
const HELD = 4 * 1024 * 1024;

type Body = string | Uint8Array<ArrayBuffer>;

/** In parts of so many bytes a body is sent. */
const PART = 64 * 1024;

/**
 * A body that says when a part of it is taken. Bytes are taken all at once, as those of a plain blob are, so that nobody could
 * tell whether they move. It is a blob all the same, because fetch says the length of one, without which no upload is accepted.
 */
class Watched extends Blob {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #moved: () => void;

  constructor(bytes: Uint8Array<ArrayBuffer>, moved: () => void) {
    super([bytes]);
    this.#bytes = bytes;
    this.#moved = moved;
  }

  override stream() {
    let at = 0;
    const pull = (taker: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      this.#moved();
      if (at < this.#bytes.length) taker.enqueue(this.#bytes.subarray(at, (at += PART)));
      else taker.close();
    };
    // No part is made ready before it is asked for, or it would count as moved.
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  }
}

/** What fetch is told, with a body that can be watched. */
type Init = Omit<RequestInit, "body" | "signal"> & { body?: Body | undefined };

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
  async request(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#key}`,
      accept: "application/json",
      "user-agent": "mailhouse-typescript/0.1.0",
    };
    let body: Body | undefined;
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
    return this.#untilAnswered(this.#url + path + queryOf(sent.query), { method, headers, redirect: "manual", body });
  }

  /** The JSON that a request is answered with; undefined if there is none. */
  async json(method: string, path: string, sent: Sent = {}): Promise<any> {
    return (await this.request(method, path, sent)).json();
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
  async plain(url: string, init: Init): Promise<Uint8Array> {
    return (await this.#untilAnswered(url, init)).content;
  }

  async #untilAnswered(url: string, init: Init): Promise<Answer> {
    const retries = this.#retries;
    let waited = 0;
    for (let attempt = 0; ; ) {
      let pause: number;
      try {
        const answer = await this.#send(url, init);
        if (answer.status < 400) return answer;
        const asked = answer.headers.get("retry-after");
        const error = apiError(answer.status, bodyOf(answer), asked);
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

  /** Sends a request once and reads its answer to the end, so that one that breaks off is none. */
  async #send(url: string, { body, ...rest }: Init): Promise<Answer> {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const most = this.#timeout * (1 + (2 * Math.min(bytes?.length ?? 0, HELD)) / HELD);
    const limit = new AbortController();
    const stop = () => limit.abort(new DOMException(`Nothing has moved for ${Math.round(most)} ms.`, "TimeoutError"));
    const timer = setTimeout(stop, most);
    const moved = () => void timer.refresh();
    try {
      const sent = bytes === undefined ? {} : { body: new Watched(bytes, moved) };
      const response = await fetch(url, { ...rest, ...sent, signal: limit.signal });
      moved();
      const parts: Uint8Array[] = [];
      for await (const part of response.body ?? []) {
        moved();
        parts.push(part);
      }
      return new Answer(response.status, response.headers, new Uint8Array(Buffer.concat(parts)));
    } finally {
      clearTimeout(timer);
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

function bodyOf(answer: Answer): Record<string, unknown> {
  try {
    const body: unknown = answer.json();
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
