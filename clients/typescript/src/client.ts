// The client: what the API has, by name. Bodies and answers are the JSON of the contract.

import { createHash } from "node:crypto";

import { Transport, type Answer, type Json, type Options, type Query } from "./transport.ts";

/** What a POST takes besides its body. */
export interface Once {
  /** Made up where it is not given. */
  idempotencyKey?: string;
}

/** Part of a path. */
const of = encodeURIComponent;

/** One account of one deployment. `key` and `url` are taken from MAILHOUSE_KEY and MAILHOUSE_URL where they are not given. */
export class Mailhouse {
  readonly letters: Letters;
  readonly postcards: Letters;
  readonly documents: Documents;
  readonly templates: Templates;
  readonly batches: Batches;
  readonly events: Events;
  readonly webhooks: Webhooks;
  readonly #transport: Transport;

  constructor({ key, url, ...options }: { key?: string; url?: string } & Options = {}) {
    key ??= process.env["MAILHOUSE_KEY"];
    url ??= process.env["MAILHOUSE_URL"];
    if (!key || !url) throw new TypeError("Give the key and the URL of the API, or set MAILHOUSE_KEY and MAILHOUSE_URL.");
    const transport = new Transport(key, url, options);
    this.#transport = transport;
    this.letters = new Letters(transport, "letters");
    this.postcards = new Letters(transport, "postcards");
    this.documents = new Documents(transport);
    this.templates = new Templates(transport);
    this.batches = new Batches(transport);
    this.events = new Events(transport);
    this.webhooks = new Webhooks(transport);
  }

  /** Production days, and why other days are none. */
  calendar(query: Query = {}): Promise<Json> {
    return this.#transport.json("GET", "/v2/calendar", { query });
  }

  /** What would become of `{ letter: … }` or `{ postcard: … }`; nothing is created. */
  preflight(what: Json, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", "/v2/preflight", { body: what, ...once });
  }
}

/** Letters that are sent by themselves, or postcards, which are sent as letters are. */
class Letters {
  readonly #transport: Transport;
  readonly #path: string;

  constructor(transport: Transport, name: "letters" | "postcards") {
    this.#transport = transport;
    this.#path = `/v2/${name}`;
  }

  /** Creates a letter, or with `recipients` up to 1,000 of them, all or none. */
  create(letter: Json, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", this.#path, { body: letter, ...once });
  }

  /**
   * Creates a letter, which has no `content`, or with `recipients` many, of a PDF of up to 4 MB. One that is larger, or of which
   * several letters are made, is uploaded before (`documents.upload`).
   */
  createWithPdf(letter: Json, pdf: Uint8Array, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", this.#path, { body: letter, file: pdf, ...once });
  }

  /** A letter as it is now. */
  get(id: string): Promise<Json> {
    return this.#transport.json("GET", `${this.#path}/${of(id)}`);
  }

  /** Changes a letter, until the cutoff of its send date. */
  update(id: string, changes: Json): Promise<Json> {
    return this.#transport.json("PATCH", `${this.#path}/${of(id)}`, { body: changes });
  }

  /** Takes a letter back, until the cutoff of its send date. */
  cancel(id: string): Promise<void> {
    return this.#transport.json("DELETE", `${this.#path}/${of(id)}`);
  }

  /** All letters that the filters let through, over all pages. */
  list(filters: Query = {}, metadata: Record<string, string> = {}): AsyncGenerator<Json> {
    const pairs = Object.entries(metadata).map(([key, value]) => [`metadata[${key}]`, value]);
    return this.#transport.pages(this.#path, { ...filters, ...Object.fromEntries(pairs) });
  }

  /** What happened to a letter, and once it is mailed what the postal service told of it. */
  events(id: string): Promise<Json> {
    return this.#transport.json("GET", `${this.#path}/${of(id)}/events`);
  }

  /** The document of a letter that passed inspection, a PDF. */
  download(id: string): Promise<Uint8Array> {
    return this.#transport.file(`${this.#path}/${of(id)}/download`);
  }

  /** A picture of a letter as it will be printed, a PNG. */
  proof(id: string): Promise<Uint8Array> {
    return this.#transport.file(`${this.#path}/${of(id)}/proof`);
  }

  /** Has a letter of a test key live the life of a mailed one. */
  advance(id: string, outcome: Json): Promise<Json> {
    return this.#transport.json("POST", `/v2/test/letters/${of(id)}/advance`, { body: outcome });
  }
}

/** Files that are uploaded before letters or templates name them: PDFs to print, images for HTML. */
class Documents {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Uploads a file and gives the document that it is then: `ready`, or `refused` with findings. Letters name its `id`. */
  async upload(content: Uint8Array<ArrayBuffer>, contentType = "application/pdf", once: Once = {}): Promise<Json> {
    const sha256 = createHash("sha256").update(content).digest("hex");
    const body = { contentType, bytes: content.length, sha256 };
    const document: Json = await this.#transport.json("POST", "/v2/documents", { body, ...once });
    const { method, url, headers } = document["upload"];
    // What is sent has a length anyway, and fetch takes none from others.
    const { "content-length": _length, host: _host, ...sent } = headers as Record<string, string>;
    await this.#transport.plain(url, { method, headers: sent, body: content });
    return this.get(document["id"]);
  }

  /** A document as it is now. */
  get(id: string): Promise<Json> {
    return this.#transport.json("GET", `/v2/documents/${of(id)}`);
  }
}

/** What an answer shows, with its ETag. */
function tagged(answer: Answer): Json {
  return { ...answer.json(), etag: answer.headers.get("etag") ?? undefined };
}

/** HTML with variables in it, of which letters are made. */
class Templates {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates a template with its first version. Its `etag` is for `update`. */
  async create(template: Json, once: Once = {}): Promise<Json> {
    return tagged(await this.#transport.request("POST", "/v2/templates", { body: template, ...once }));
  }

  /** A template with its HTML, in its latest version or in another. Its `etag` is for `update`. */
  async get(id: string, version?: number): Promise<Json> {
    return tagged(await this.#transport.request("GET", `/v2/templates/${of(id)}`, { query: { version } }));
  }

  /** All templates. */
  list(filters: Query = {}): AsyncGenerator<Json> {
    return this.#transport.pages("/v2/templates", filters);
  }

  /**
   * Adds a version to a template. Those before it stay as they were. With the `etag` that the template was read with as `ifMatch`,
   * it is a `Conflict` when somebody else has changed it since.
   */
  async update(id: string, template: Json, { ifMatch }: { ifMatch?: string } = {}): Promise<Json> {
    return tagged(await this.#transport.request("PUT", `/v2/templates/${of(id)}`, { body: template, ifMatch }));
  }

  /** Deletes a template. Letters that were made of it stay as they are. */
  delete(id: string): Promise<void> {
    return this.#transport.json("DELETE", `/v2/templates/${of(id)}`);
  }

  /** What a letter of the template would look like: links to a PDF and a picture. */
  preview(id: string, variables: unknown, wish: Json = {}): Promise<Json> {
    return this.#transport.json("POST", `/v2/templates/${of(id)}/preview`, { body: { variables, ...wish } });
  }
}

/** Groups of letters that are made and mailed together. */
class Batches {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates a batch, with all its letters or with their number. */
  create(batch: Json, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", "/v2/batches", { body: batch, ...once });
  }

  /** A batch as it is now. */
  get(id: string): Promise<Json> {
    return this.#transport.json("GET", `/v2/batches/${of(id)}`);
  }

  /** All batches that the filters let through. */
  list(filters: Query = {}): AsyncGenerator<Json> {
    return this.#transport.pages("/v2/batches", filters);
  }

  /** Takes a batch back that is not being printed yet. */
  cancel(id: string): Promise<void> {
    return this.#transport.json("DELETE", `/v2/batches/${of(id)}`);
  }

  /** How many letters of a batch are in which postal state. */
  tracking(id: string): Promise<Json> {
    return this.#transport.json("GET", `/v2/batches/${of(id)}/tracking`);
  }

  /** Adds letters to a batch, all or none. */
  addLetters(id: string, letters: Json[], once: Once = {}): Promise<void> {
    return this.#transport.json("POST", `/v2/batches/${of(id)}/letters`, { body: letters, ...once });
  }

  /** The letters of a batch. */
  letters(id: string, filters: Query = {}): AsyncGenerator<Json> {
    return this.#transport.pages(`/v2/batches/${of(id)}/letters`, filters);
  }
}

/** What happened to the mail of the account, in one order. */
class Events {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All events that the filters let through, up to the newest. */
  list(filters: Query = {}): AsyncGenerator<Json> {
    return this.#transport.pages("/v2/events", filters);
  }

  /** One page. Its `nextCursor` is where to go on, now or another day; nothing between is missed. */
  page(query: Query = {}): Promise<Json> {
    return this.#transport.json("GET", "/v2/events", { query });
  }
}

/** URLs that are told of events. What they are sent is checked by `verify`. */
class Webhooks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates a webhook. The answer has its secret, which no other shows. */
  create(webhook: Json, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", "/v2/webhooks", { body: webhook, ...once });
  }

  /** All webhooks. */
  list(): AsyncGenerator<Json> {
    return this.#transport.pages("/v2/webhooks");
  }

  /** A webhook as it is now. */
  get(id: string): Promise<Json> {
    return this.#transport.json("GET", `/v2/webhooks/${of(id)}`);
  }

  /** Changes a webhook. */
  update(id: string, changes: Json): Promise<Json> {
    return this.#transport.json("PATCH", `/v2/webhooks/${of(id)}`, { body: changes });
  }

  /** Deletes a webhook. */
  delete(id: string): Promise<void> {
    return this.#transport.json("DELETE", `/v2/webhooks/${of(id)}`);
  }

  /** Gives a webhook a new secret; the old one signs as well for a day. */
  rotate(id: string, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", `/v2/webhooks/${of(id)}/rotate`, once);
  }

  /** Sends a webhook a sample. */
  test(id: string, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", `/v2/webhooks/${of(id)}/test`, once);
  }

  /** The attempts to deliver to a webhook. */
  attempts(id: string, filters: Query = {}): AsyncGenerator<Json> {
    return this.#transport.pages(`/v2/webhooks/${of(id)}/attempts`, filters);
  }

  /** Delivers an event, or those of a time, once more. */
  replay(id: string, what: Json, once: Once = {}): Promise<Json> {
    return this.#transport.json("POST", `/v2/webhooks/${of(id)}/replay`, { body: what, ...once });
  }
}
