// Paper mail behind an API: a client of Mailhouse.

export { Mailhouse, type Once } from "./client.ts";
export * from "./errors.ts";
export { type Json, type Options, type Query } from "./transport.ts";
export { verify, type HeadersLike } from "./webhooks.ts";
