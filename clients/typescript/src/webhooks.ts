// Whether a webhook is from the house: it is signed as Standard Webhooks says, with the secret that its URL was given.

import { createHmac, timingSafeEqual } from "node:crypto";

import { NotVerified } from "./errors.ts";

/** So many bytes a secret has at least, as Standard Webhooks says: fewer may be guessed, and none everybody knows. */
const LEAST = 24;

/** Headers as a server gives them. */
export type HeadersLike = Headers | Record<string, string | string[] | undefined>;

/**
 * The webhook's body, once its signature and its age are good; throws `NotVerified`, and `TypeError` for a `secret` that the API
 * cannot have given. `body` is what was received, byte for byte; `tolerance` is how many seconds the clocks of house and receiver
 * may be apart. The same webhook may come again: its `webhook-id` is then the same.
 */
export function verify(
  body: string | Uint8Array,
  headers: HeadersLike,
  secret: string,
  { tolerance = 300, now = Date.now() / 1000 }: { tolerance?: number; now?: number } = {},
): unknown {
  const key = keyOf(secret);
  const given = new Map<string, string>();
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  for (const [name, value] of entries) {
    if (typeof value === "string") given.set(name.toLowerCase(), value);
  }
  const [id, moment, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => given.get(name));
  if (id === undefined || moment === undefined || signatures === undefined) {
    throw new NotVerified("A header is missing: webhook-id, webhook-timestamp and webhook-signature must be there.");
  }
  if (!/^\d+$/.test(moment) || Math.abs(now - Number(moment)) > tolerance) {
    throw new NotVerified("The webhook is too old, or from the future.");
  }
  const content = typeof body === "string" ? Buffer.from(body) : body;
  const expected = createHmac("sha256", key).update(`${id}.${moment}.`).update(content).digest();
  // While a secret is being replaced there are two signatures.
  const good = signatures.split(" ").some((signature) => {
    const [version, encoded = ""] = signature.split(",");
    const bytes = Buffer.from(encoded, "base64");
    return version === "v1" && bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  if (!good) throw new NotVerified("The signature is not that of the secret.");
  return JSON.parse(Buffer.from(content).toString("utf8"));
}

/** What a secret signs with. One that was never set would sign with what everybody knows, and so anybody could. */
function keyOf(secret: string): Buffer {
  const encoded = /^whsec_(.*)$/.exec(secret)?.[1] ?? "";
  const key = Buffer.from(encoded, "base64");
  // What is no base64 was skipped without a word.
  if (key.length < LEAST || key.toString("base64") !== encoded) {
    throw new TypeError(`The secret is none of the API's: those are whsec_ and ${LEAST} bytes or more as base64.`);
  }
  return key;
}
