// What can go wrong with a request, one class for each thing that a caller would do about it.

/** A fault of a request: where in the body, which rule, and how to mend it. */
export interface Fault {
  pointer: string;
  rule: string;
  message: string;
}

/** Anything that this package throws. */
export class MailhouseError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/**
 * No answer came, also not after trying again. Whether the request was carried out is not known; a POST that is sent again
 * with the same idempotency key is carried out once.
 */
export class NotConnected extends MailhouseError {}

/** The webhook is not to be trusted: answer 401 and do nothing. */
export class NotVerified extends MailhouseError {}

/** The API refused. */
export class ApiError extends MailhouseError {
  /** The HTTP status. */
  readonly status: number;
  /** For a program. */
  readonly code: string;
  /** Every fault of the request. */
  readonly errors: Fault[];
  /** What to quote when asking for help. */
  readonly requestId: string | undefined;
  /** The whole body. */
  readonly body: Record<string, unknown>;
  /** For how many seconds the API asked to wait, if it did. */
  readonly retryAfter: number | undefined;

  constructor(status: number, body: Record<string, unknown>, retryAfter?: string | null) {
    const errors = Array.isArray(body["errors"]) ? (body["errors"] as Fault[]) : [];
    const code = typeof body["code"] === "string" ? body["code"] : "unknown";
    const message = typeof body["message"] === "string" ? body["message"] : `The API answered ${status}.`;
    const faults = errors.slice(0, 10).map((fault) => `\n  ${fault.pointer}: ${fault.message}`);
    super(`${message} (${status} ${code}, request ${String(body["requestId"])})${faults.join("")}`);
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.requestId = typeof body["requestId"] === "string" ? body["requestId"] : undefined;
    this.body = body;
    this.retryAfter = /^[0-9]+$/.test(retryAfter ?? "") ? Number(retryAfter) : undefined;
  }
}

/** 400, 413, 415, 422: the request must be mended. */
export class InvalidRequest extends ApiError {}

/** 401: the key is missing, unknown or revoked. */
export class NotAuthenticated extends ApiError {}

/** 403: the key may not do this. */
export class NotAllowed extends ApiError {}

/** 404: there is no such thing, or it is another's. */
export class NotFound extends ApiError {}

/** 409, 412: it clashes with the state of things, such as a cutoff that has passed, or a change that was not seen. */
export class Conflict extends ApiError {}

/** 429: too many requests, also after waiting as long as the API asked. */
export class RateLimited extends ApiError {}

/** 5xx: a fault of the house. */
export class ServerError extends ApiError {}

/** The error for an answer. */
export function apiError(status: number, body: Record<string, unknown>, retryAfter: string | null): ApiError {
  const kinds: Record<number, typeof ApiError> = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    429: RateLimited,
  };
  const kind = kinds[status] ?? (status >= 500 ? ServerError : InvalidRequest);
  return new kind(status, body, retryAfter);
}
