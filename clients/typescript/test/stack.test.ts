// The client against a stack that runs: `source .local/env` says where it is.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Conflict, InvalidRequest, Mailhouse, NotAuthenticated, NotFound } from "../src/index.ts";

const BATCH = {
  mailClass: "FirstClass",
  electronicReturnReceipt: false,
  usePerforatedPaper: false,
  targetMailDate: "2030-05-10",
  letterCount: 1,
  returnAddress: "PO Box 52138\nNew Orleans LA 70153",
};

const house = new Mailhouse();

/** Up to so many items. */
async function some<T>(items: AsyncIterable<T>, most: number): Promise<T[]> {
  const taken: T[] = [];
  if (most > 0) {
    for await (const item of items) {
      if (taken.push(item) === most) break;
    }
  }
  return taken;
}

test("a batch is created once for its key and is found in the list", async () => {
  const idempotencyKey = randomUUID();
  const created = await house.batches.create(BATCH, { idempotencyKey });
  assert.deepEqual(await house.batches.create(BATCH, { idempotencyKey }), created);
  const batch: string = created["id"];
  assert.equal((await house.batches.get(batch))["id"], batch);
  const newest = await some(house.batches.list({ limit: 1 }), 200);
  assert.ok(newest.some((one) => one["id"] === batch));
  assert.deepEqual(await some(house.batches.letters(batch), 1), []);
  await assert.rejects(house.batches.addLetters(batch, [{}]), (error) => {
    assert.ok(error instanceof InvalidRequest);
    assert.ok(error.errors.some((fault) => fault.pointer === "/0/letterRefId"), error.message);
    return true;
  });
  await house.batches.cancel(batch);
  assert.equal((await house.batches.get(batch))["state"], "canceled");
});

const ACME = {
  organization: "Acme Inc.",
  address: { address1: "PO Box 52138", city: "New Orleans", state: "LA", postalCode: "70153" },
};
/** Somebody to whom no earlier run has sent the same. */
const JANE = {
  individual: { firstName: "Jane", lastName: `Doe ${randomUUID().slice(0, 8)}` },
  address: { address1: "1300 Perdido St", city: "New Orleans", state: "LA", postalCode: "70112" },
};

/** A page with a bar on it. */
function pdf(width = 612, height = 792): string {
  const bodies = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 ${width} ${height}]/Contents 4 0 R/Resources<<>>>>`,
    "<</Length 18>>stream\n72 200 200 12 re f\nendstream",
  ];
  let [file, table] = ["%PDF-1.5\n", "0000000000 65535 f \n"];
  bodies.forEach((body, index) => {
    table += `${String(file.length).padStart(10, "0")} 00000 n \n`;
    file += `${index + 1} 0 obj\n${body}\nendobj\n`;
  });
  return `${file}xref\n0 5\n${table}trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n${file.length}\n%%EOF\n`;
}

test("a letter is sent in one call and found, changed, downloaded and canceled", async () => {
  const days: { date: string; productionDay: boolean }[] = (await house.calendar())["items"];
  const sendDate = days.filter((day) => day.productionDay).at(-1)!.date;
  const externalId = randomUUID();
  const content = { pdf: Buffer.from(pdf()).toString("base64") };
  const wish = { sender: ACME, recipient: JANE, content, useType: "transactional", externalId, sendDate };
  const letter = await house.letters.create({ ...wish, allowDuplicate: true });
  const id: string = letter["id"];
  assert.equal(letter["status"], "queued");
  const end = Date.now() + 60_000;
  let now = letter;
  while (now["status"] === "queued") {
    assert.ok(Date.now() < end, JSON.stringify(now));
    await new Promise((resolve) => setTimeout(resolve, 300));
    now = await house.letters.get(id);
  }
  assert.equal(now["status"], "ready", JSON.stringify(now));
  assert.deepEqual((await some(house.letters.list({ externalId }), 2)).map((one) => one["id"]), [id]);
  assert.equal(Buffer.from(await house.letters.download(id)).subarray(0, 5).toString(), "%PDF-");
  assert.equal(Buffer.from(await house.letters.proof(id)).subarray(1, 4).toString(), "PNG");
  assert.equal((await house.letters.update(id, { description: "A note." }))["description"], "A note.");
  await house.letters.cancel(id);
  const history = await house.letters.events(id);
  assert.deepEqual([history["status"], history["items"][0].type], ["canceled", "letter.created"]);
});

test("a letter is made of HTML, of a template and of an uploaded document", async () => {
  const days: { date: string; productionDay: boolean }[] = (await house.calendar())["items"];
  const sendDate = days.filter((day) => day.productionDay).at(-1)!.date;
  const wish = { sender: ACME, recipient: JANE, useType: "transactional", sendDate };
  const html = "<p>Dear {{name}},</p>";
  const variables = { name: "Jane" };
  await assert.rejects(house.letters.create({ ...wish, content: { html } }), (error) => {
    assert.ok(error instanceof InvalidRequest);
    assert.deepEqual(error.errors.map((fault) => fault.pointer), ["/content/variables/name"]);
    return true;
  });
  const { id: template, etag: ifMatch } = await house.templates.create({ name: "Reminder", html });
  assert.equal((await house.templates.get(template))["etag"], ifMatch);
  const changed = { name: "Reminder", html: `<h1>Last reminder</h1>${html}` };
  const second = await house.templates.update(template, changed, { ifMatch });
  await assert.rejects(house.templates.update(template, { name: "Reminder", html }, { ifMatch }), Conflict);
  assert.deepEqual(await house.templates.update(template, changed, { ifMatch: second["etag"] }), second);
  assert.equal((await house.templates.get(template))["latestVersion"], 2);
  assert.equal((await house.templates.get(template, 1))["html"], html);
  assert.ok((await some(house.templates.list(), 200)).some((one) => one["id"] === template));
  assert.equal((await house.templates.preview(template, variables, { version: 1 }))["pages"], 1);
  const document = await house.documents.upload(new TextEncoder().encode(pdf()));
  assert.equal(document["status"], "ready");
  const contents = [{ html, variables }, { templateId: template, variables }, { documentId: document["id"] }];
  for (const content of contents) {
    const letter = await house.letters.create({ ...wish, content });
    const id: string = letter["id"];
    const end = Date.now() + 60_000;
    let now = letter;
    while (now["status"] === "queued") {
      assert.ok(Date.now() < end, JSON.stringify(now));
      await new Promise((resolve) => setTimeout(resolve, 300));
      now = await house.letters.get(id);
    }
    assert.equal(now["status"], "ready", JSON.stringify(now));
    await house.letters.cancel(id);
  }
  await house.templates.delete(template);
  await assert.rejects(house.templates.get(template), NotFound);
});

test("a letter is sent with the bytes of its PDF", async () => {
  const days: { date: string; productionDay: boolean }[] = (await house.calendar())["items"];
  const sendDate = days.filter((day) => day.productionDay).at(-1)!.date;
  const wish = { sender: ACME, recipient: JANE, useType: "transactional", sendDate, allowDuplicate: true };
  const letter = await house.letters.createWithPdf(wish, Buffer.from(pdf()));
  assert.equal(letter["content"].pdf.bytes, pdf().length);
  await house.letters.cancel(letter["id"]);
});

test("a postcard is looked at before it is sent and then has a proof", async () => {
  const days: { date: string; productionDay: boolean }[] = (await house.calendar())["items"];
  const sendDate = days.filter((day) => day.productionDay).at(-1)!.date;
  const externalId = randomUUID();
  const content = { pdf: Buffer.from(pdf(450, 306)).toString("base64") };
  const wish = { sender: ACME, recipient: JANE, content, useType: "marketing", externalId };
  const seen = await house.preflight({ postcard: wish });
  assert.equal(seen["acceptable"], true, JSON.stringify(seen));
  assert.deepEqual(await some(house.postcards.list({ externalId }), 1), []);
  const card = await house.postcards.create({ ...wish, sendDate, allowDuplicate: true });
  const id: string = card["id"];
  assert.ok(id.startsWith("psc_"));
  const end = Date.now() + 60_000;
  let now = card;
  while (now["status"] === "queued") {
    assert.ok(Date.now() < end, JSON.stringify(now));
    await new Promise((resolve) => setTimeout(resolve, 300));
    now = await house.postcards.get(id);
  }
  assert.deepEqual([now["status"], now["options"].size], ["ready", "4x6"], JSON.stringify(now));
  assert.equal(Buffer.from(await house.postcards.proof(id)).subarray(1, 4).toString(), "PNG");
  await house.postcards.cancel(id);
  assert.equal((await house.postcards.events(id))["status"], "canceled");
});

test("the log is read page by page and on from where it ended", async () => {
  const first = await house.events.page({ limit: 1 });
  const both = await some(house.events.list({ limit: 1 }), 2);
  assert.deepEqual(both.slice(0, 1), first["items"]);
  const rest = await house.events.page({ cursor: first["nextCursor"], limit: 1 });
  assert.deepEqual(both.slice(1), rest["items"]);
});

test("errors say what is wrong", async () => {
  await assert.rejects(house.batches.create({}), (error) => {
    assert.ok(error instanceof InvalidRequest);
    assert.ok(error.errors.length > 0 && error.requestId);
    return true;
  });
  await assert.rejects(house.batches.get("00000000"), NotFound);
  const nobody = new Mailhouse({ key: "mh_live_nobody" });
  await assert.rejects(some(nobody.batches.list(), 1), NotAuthenticated);
});
