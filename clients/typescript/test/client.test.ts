// What the client does by itself, against a server of this process that answers as it is told.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { setTimeout as passes } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

import { Conflict, InvalidRequest, Mailhouse, NotConnected, NotFound, NotVerified, RateLimited, verify } from "../src/index.ts";
import { CONFLICT_LASTS, PACK_FROM, pauseOf } from "../src/transport.ts";

type Answer = [status: number, headers: Record<string, string>, body: unknown] | ((response: ServerResponse) => unknown) | null;

interface Seen {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const servers: Server[] = [];
after(() => servers.forEach((server) => server.close()));

/** Answers requests in turn; `null` hangs up, and a function answers in its own way. */
async function serve(...answers: Answer[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    seen.push({ method: request.method!, path: request.url!, headers: request.headers, body: Buffer.concat(parts) });
    const answer = answers.shift();
    if (answer == null) return void request.socket.destroy();
    if (typeof answer === "function") return answer(response);
    const [status, headers, body] = answer;
    response.writeHead(status, { connection: "close", ...headers });
    response.end(Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function house(answers: Answer[], retries = 4, timeout = 30_000) {
  const { url, seen } = await serve(...answers);
  const pauses: number[] = [];
  const sleep = async (milliseconds: number) => void pauses.push(milliseconds);
  return { house: new Mailhouse({ key: "mh_test_key", url, retries, timeout, sleep }), seen, pauses };
}

const keys = (seen: Seen[]) => seen.map(({ headers }) => headers["idempotency-key"]);

test("a POST that fails in passing is sent again with the same key", async () => {
  const { house: client, seen, pauses } = await house([[503, {}, {}], null, [201, {}, { id: "ltr_1" }]]);
  assert.deepEqual(await client.letters.create({ useType: "marketing" }), { id: "ltr_1" });
  assert.equal(seen.length, 3);
  assert.ok(keys(seen)[0]);
  assert.equal(new Set(keys(seen)).size, 1);
  assert.equal(pauses.length, 2);
});

test("two POSTs have two keys, and one that is given is used", async () => {
  const created: Answer = [201, {}, {}];
  const { house: client, seen } = await house([created, created, created]);
  await client.letters.create({});
  await client.letters.create({});
  await client.letters.create({}, { idempotencyKey: "mine" });
  assert.equal(new Set(keys(seen)).size, 3);
  assert.equal(keys(seen)[2], "mine");
});

test("what never answers is given up", async () => {
  const { house: client, seen } = await house([null, null], 1);
  await assert.rejects(client.webhooks.create({ url: "https://example.com" }), NotConnected);
  assert.equal(new Set(keys(seen)).size, 1);
});

test("it waits as long as it is asked to and gives up in the end", async () => {
  const slower: Answer = [429, { "retry-after": "7" }, { code: "rate", message: "Slower." }];
  const { house: client, pauses } = await house([slower, slower, slower], 2);
  await assert.rejects(client.letters.get("ltr_1"), (error) => {
    assert.ok(error instanceof RateLimited);
    assert.deepEqual([error.code, error.retryAfter], ["rate", 7]);
    return true;
  });
  assert.deepEqual(pauses, [7000, 7000]);
});

test("a first attempt that is still running is waited for, and another conflict is not", async () => {
  const { house: client, seen } = await house([
    [409, { "retry-after": "1" }, { code: "idempotency_key.running", message: "Wait." }],
    [201, {}, { id: "ltr_1" }],
    [409, {}, { code: "cutoff", message: "Too late." }],
  ]);
  assert.equal((await client.letters.create({}))["id"], "ltr_1");
  await assert.rejects(client.letters.cancel("ltr_1"), Conflict);
  assert.equal(seen.length, 3);
});

test("a POST that failed is sent again for as long as its first attempt may stand in the way", async () => {
  const running = [1, 2, 4, 8, 15].map((seconds): Answer => {
    return [409, { "retry-after": String(seconds) }, { code: "idempotency_key.running", message: "Wait." }];
  });
  const { house: client, seen, pauses } = await house([[500, {}, {}], ...running, [503, {}, {}], [201, {}, { id: "ltr_1" }]], 2);
  assert.equal((await client.letters.create({}))["id"], "ltr_1");
  assert.deepEqual(pauses.slice(1, 6), [1000, 2000, 4000, 8000, 15_000]);
  assert.deepEqual([seen.length, new Set(keys(seen)).size], [8, 1]);
});

test("a conflict that never passes is given up in the end, and at once if nothing is to be tried again", async () => {
  const running: Answer = [409, { "retry-after": "2" }, { code: "idempotency_key.running", message: "Wait." }];
  for (const [retries, count] of [[1, 18], [0, 0]] as const) {
    const { house: client, pauses } = await house(Array<Answer>(20).fill(running), retries);
    await assert.rejects(client.letters.create({}), Conflict);
    assert.deepEqual(pauses, Array(count).fill(2000));
    assert.ok(count === 0 || count * 2000 >= CONFLICT_LASTS);
  }
});

test("an error has every fault and is of its kind", async () => {
  const errors = [{ pointer: "/useType", rule: "enum", message: "Give one." }];
  const { house: client, seen } = await house([
    [422, {}, { code: "invalid", message: "No.", requestId: "r1", errors }],
    [404, {}, { code: "not_found", message: "None." }],
  ]);
  await assert.rejects(client.letters.create({}), (error) => {
    assert.ok(error instanceof InvalidRequest);
    assert.deepEqual([error.name, error.status, error.code, error.requestId], ["InvalidRequest", 422, "invalid", "r1"]);
    assert.deepEqual(error.errors, errors);
    assert.match(error.message, /\/useType: Give one\./);
    return true;
  });
  await assert.rejects(client.letters.get("../ltr 1"), NotFound);
  assert.equal(seen[1]!.path, "/v2/letters/..%2Fltr%201");
});

test("a list is read over all its pages", async () => {
  const { house: client, seen } = await house([
    [200, {}, { items: [1, 2], nextCursor: "c&1" }],
    [200, {}, { items: [3] }],
  ]);
  const items = [];
  for await (const item of client.letters.list({ status: "ready", limit: 2 })) items.push(item);
  assert.deepEqual(items, [1, 2, 3]);
  const first = "/v2/letters?status=ready&limit=2";
  assert.deepEqual(seen.map(({ path }) => path), [first, `${first}&cursor=c%261`]);
});

test("the log is read up to its end though that has a cursor", async () => {
  const { house: client, seen } = await house([[200, {}, { items: [1], nextCursor: "c", hasMore: false }]]);
  for await (const item of client.events.list()) assert.equal(item, 1);
  assert.equal(seen.length, 1);
});

test("a download does not show the key to where the file is", async () => {
  const other = await serve([200, {}, Buffer.from("%PDF-")]);
  const { house: client, seen } = await house([[302, { location: `${other.url}/file?signature=1` }, undefined]]);
  assert.equal(Buffer.from(await client.letters.download("ltr_1")).toString(), "%PDF-");
  assert.ok(seen[0]!.headers.authorization);
  assert.equal(other.seen[0]!.headers.authorization, undefined);
});

test("an upload says its hash and puts the bytes where it is told without the key", async () => {
  const other = await serve([200, {}, undefined]);
  const upload = { method: "PUT", url: `${other.url}/put?signed=1`, headers: { "x-amz-checksum-sha256": "abc=", "content-length": "8" } };
  const { house: client, seen } = await house([[201, {}, { id: "doc_1", upload }], [200, {}, { id: "doc_1", status: "ready" }]]);
  assert.equal((await client.documents.upload(new TextEncoder().encode("%PDF-1.7")))["status"], "ready");
  const wish = JSON.parse(seen[0]!.body.toString());
  assert.deepEqual([wish.contentType, wish.bytes, wish.sha256.slice(0, 4)], ["application/pdf", 8, "86ed"]);
  const [put] = other.seen;
  assert.deepEqual([put!.method, put!.path, put!.body.toString()], ["PUT", "/put?signed=1", "%PDF-1.7"]);
  assert.equal(put!.headers["x-amz-checksum-sha256"], "abc=");
  assert.equal(put!.headers["authorization"], undefined);
});

const MEGABYTE = 1024 * 1024;
/** Bytes of an upload: more than the system takes that nobody has read. */
const LARGE = 16 * MEGABYTE;

/** A server that takes what is put there, but stops four times on the way, for 0.8 seconds each time. */
async function slowly(): Promise<{ url: string; taken: () => number }> {
  let taken = 0;
  const server = createServer(async (request, response) => {
    let stops = 0;
    for await (const part of request) {
      taken += part.length;
      if (stops < 4 && taken > stops * 3 * MEGABYTE) {
        stops++;
        await passes(800);
      }
    }
    response.writeHead(request.headers["content-length"] === String(taken) ? 200 : 501, { connection: "close" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken: () => taken };
}

test("a large upload takes longer than the timeout while it moves", async () => {
  const { url, taken } = await slowly();
  const upload = { method: "PUT", url: `${url}/put`, headers: {} };
  const ready = { id: "doc_1", status: "ready" };
  const { house: client } = await house([[201, {}, { id: "doc_1", upload }], [200, {}, ready]], 0, 800);
  const bytes = new Uint8Array(LARGE);
  assert.equal((await client.documents.upload(bytes))["status"], "ready");
  assert.equal(taken(), bytes.length);
});

test("an upload that does not move is given up", async () => {
  const stands = createServer((request) => request.pause());
  await new Promise<void>((resolve) => stands.listen(0, "127.0.0.1", resolve));
  after(() => stands.closeAllConnections());
  servers.push(stands);
  const upload = { method: "PUT", url: `http://127.0.0.1:${(stands.address() as AddressInfo).port}/put`, headers: {} };
  const { house: client, pauses } = await house([[201, {}, { id: "doc_1", upload }]], 1, 200);
  await assert.rejects(client.documents.upload(new Uint8Array(LARGE)), NotConnected);
  assert.equal(pauses.length, 1);
});

test("a large download takes longer than the timeout while it moves", async () => {
  const other = await serve(async (response) => {
    for (const part of ["%P", "D", "F", "-"]) {
      response.write(part);
      await passes(400);
    }
    response.end();
  });
  const { house: client } = await house([[302, { location: `${other.url}/file` }, undefined]], 0, 1000);
  assert.equal(Buffer.from(await client.letters.download("ltr_1")).toString(), "%PDF-");
});

/** Answers that are not finished: one breaks off, the other stands still. */
const breaksOff = (response: ServerResponse) => {
  response.writeHead(200, { "content-length": "5" });
  response.write("%PD", () => response.destroy());
};
const standsStill = (response: ServerResponse) => {
  response.writeHead(200, { "content-length": "5" });
  response.write("%PD");
};

test("a download that is not finished is asked for again, and given up in the end", async () => {
  const other = await serve(breaksOff, standsStill, [200, {}, Buffer.from("%PDF-")], breaksOff, standsStill);
  const found: Answer = [302, { location: `${other.url}/file` }, undefined];
  const { house: client, pauses } = await house([found], 2, 500);
  assert.equal(Buffer.from(await client.letters.download("ltr_1")).toString(), "%PDF-");
  assert.equal(pauses.length, 2);
  const { house: another } = await house([found], 1, 500);
  await assert.rejects(another.letters.download("ltr_1"), NotConnected);
  assert.equal(other.seen.length, 5);
});

test("an answer of the API that is not finished is asked for again with the same key", async () => {
  const { house: client, seen } = await house([breaksOff, standsStill, [201, {}, { id: "ltr_1" }]], 2, 500);
  assert.deepEqual(await client.letters.create({}), { id: "ltr_1" });
  assert.deepEqual([seen.length, new Set(keys(seen)).size], [3, 1]);
});

test("metadata narrows a list by its pairs", async () => {
  const { house: client, seen } = await house([[200, {}, { items: [] }]]);
  for await (const item of client.letters.list({ status: "ready" }, { campaign: "a b" })) assert.fail(String(item));
  assert.equal(seen[0]!.path, "/v2/letters?status=ready&metadata%5Bcampaign%5D=a+b");
});

test("a large body is packed", async () => {
  const { house: client, seen } = await house([[204, {}, undefined]]);
  const letters = [{ letterRefId: "x".repeat(PACK_FROM) }];
  await client.batches.addLetters("b", letters);
  assert.equal(seen[0]!.headers["content-encoding"], "gzip");
  assert.deepEqual(JSON.parse(gunzipSync(seen[0]!.body).toString()), letters);
});

test("a letter and its PDF are the parts of a form, which is the same when it is sent again", async () => {
  const { house: client, seen } = await house([[503, {}, {}], [201, {}, { id: "ltr_1" }]]);
  const pdf = Uint8Array.from([...Buffer.from("%PDF-1.7\r\n--"), 0, 255]);
  assert.deepEqual(await client.letters.createWithPdf({ description: "\u00e4" }, pdf), { id: "ltr_1" });
  const [first, again] = seen;
  const type = first!.headers["content-type"]!;
  const form = await new Response(new Uint8Array(first!.body), { headers: { "content-type": type } }).formData();
  const parts = await Promise.all([...form].map(async ([name, part]) => [name, part instanceof Blob ? await part.bytes() : part]));
  assert.deepEqual(parts, [["letter", '{"description":"\u00e4"}'], ["file", pdf]]);
  assert.deepEqual([again!.body, again!.headers["content-type"]], [first!.body, type]);
});

test("a pause grows and is never long", () => {
  for (let attempt = 0; attempt < 12; attempt++) assert.ok(pauseOf(attempt, null) <= Math.min(8000, 500 * 2 ** attempt));
  assert.equal(pauseOf(0, "120"), 60_000);
  assert.equal(pauseOf(0, "Wed, 21 Oct 2015 07:28:00 GMT"), 0);
});

test("a webhook with a good signature gives its body, and anything else is refused", () => {
  // An example of the Standard Webhooks specification's own library.
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const body = '{"test": 2432232314}';
  const headers = {
    "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const now = 1614265330;
  assert.deepEqual(verify(body, headers, secret, { now }), { test: 2432232314 });
  const two = { ...headers, "webhook-signature": `v1,bm9uZQ== ${headers["webhook-signature"]}` };
  assert.deepEqual(verify(Buffer.from(body), new Headers(two), secret, { now }), { test: 2432232314 });
  const refused: [string, Record<string, string>, number][] = [
    ['{"test": 2432232315}', headers, now],
    [body, headers, now + 301],
    [body, headers, now - 301],
    [body, { ...headers, "webhook-signature": "v1," }, now],
    [body, { ...headers, "webhook-timestamp": "soon" }, now],
    [body, {}, now],
  ];
  for (const [content, given, moment] of refused) {
    assert.throws(() => verify(content, given, secret, { now: moment }), NotVerified);
  }
});

test("a secret that cannot be one of the API's is refused, whatever is signed with it", () => {
  const [body, id, moment] = ["{}", "evt_1", 1614265330];
  const signed = (key: Buffer | string) => {
    const signature = createHmac("sha256", key).update(`${id}.${moment}.${body}`).digest("base64");
    return { "webhook-id": id, "webhook-timestamp": String(moment), "webhook-signature": `v1,${signature}` };
  };
  const text = Buffer.alloc(32, 7).toString("base64");
  const refused: [unknown, Buffer | string][] = [
    ["", ""],
    ["whsec_", ""],
    [undefined, ""],
    ["whsec_%%%", ""],
    ["whsec_undefined", Buffer.from("undefined", "base64")],
    [`whsec_${Buffer.alloc(23, 7).toString("base64")}`, Buffer.alloc(23, 7)],
    [text, Buffer.alloc(32, 7)],
    [`mh_live_${text}`, Buffer.from(`mh_live_${text}`, "base64")],
    [`whsec_${text.slice(0, 20)} ${text.slice(20)}`, Buffer.alloc(32, 7)],
    [`whsec_${text}\n`, Buffer.alloc(32, 7)],
  ];
  for (const [secret, key] of refused) {
    assert.throws(() => verify(body, signed(key), secret as string, { now: moment }), TypeError, String(secret));
  }
  assert.deepEqual(verify(body, signed(Buffer.alloc(32, 7)), `whsec_${text}`, { now: moment }), {});
});

test("while a secret is being replaced, the old one and the new one are both good", () => {
  const [body, id, moment] = ['{"type":"letter.mailed"}', "evt_1", 1614265330];
  const secrets = [1, 2, 3].map((byte) => Buffer.alloc(32, byte));
  const signatures = secrets.slice(0, 2).map((key) => {
    return `v1,${createHmac("sha256", key).update(`${id}.${moment}.${body}`).digest("base64")}`;
  });
  const headers = { "webhook-id": id, "webhook-timestamp": String(moment), "webhook-signature": signatures.join(" ") };
  const [older, newer, other] = secrets.map((key) => {
    return () => verify(body, headers, `whsec_${key.toString("base64")}`, { now: moment });
  });
  assert.deepEqual([older!(), newer!()], [{ type: "letter.mailed" }, { type: "letter.mailed" }]);
  assert.throws(other!, NotVerified);
});
