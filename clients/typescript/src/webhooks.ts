// Whether a webhook is from the house: it is signed as Standard Webhooks says, with the secret that its URL was given.

import { createHmac, timingSafeEqual } from "node:crypto";

import { NotVerified } from "./errors.ts";

/** Headers as a server gives them. */
export type HeadersLike = Headers | Record<string, string | string[] | undefined>;

/**
 * The webhook's body, once its signature and its age are good; throws `NotVerified`. `body` is what was received, byte for
 * byte; `tolerance` is how many seconds the clocks of house and receiver may be apart. The same webhook may come again: its
 * `webhook-id` is then the same.
 */
export function verify(
  body: string | Uint8Array,
  headers: HeadersLike,
  secret: string,
  { tolerance = 300, now = Date.now() / 1000 }: { tolerance?: number; now?: number } = {},
): unknown {
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
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
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
