// The client against a stack that runs: `source .local/env` says where it is.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { InvalidRequest, Mailhouse, NotAuthenticated, NotFound } from "../src/index.ts";

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
  await house.batches.cancel(batch);
  assert.equal((await house.batches.get(batch))["state"], "canceled");
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
