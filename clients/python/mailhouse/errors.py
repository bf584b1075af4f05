"""What can go wrong with a request, one class for each thing that a caller would do about it."""

from __future__ import annotations

from typing import Any, Mapping


class MailhouseError(Exception):
    """Anything that this package raises."""


class NotConnected(MailhouseError):
    """No answer came, also not after trying again. Whether the request was carried out is not known; a POST that is sent
    again with the same idempotency key is carried out once."""


class ApiError(MailhouseError):
    """The API refused. `message` is for a person, `code` for a program; `errors` lists every fault of the request, each with
    a JSON pointer, a rule and a message; `request_id` is what to quote when asking for help. `retry_after` is for how many
    seconds the API asked to wait, if it did."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]):
        self.status = status
        self.body = dict(body)
        self.headers = dict(headers)
        self.code = str(body.get("code") or "unknown")
        self.message = str(body.get("message") or f"The API answered {status}.")
        self.errors: list[dict[str, str]] = list(body.get("errors") or [])
        self.request_id = body.get("requestId")
        asked = self.headers.get("retry-after")
        self.retry_after = float(asked) if asked is not None and asked.isdecimal() else None
        faults = "".join(f"\n  {fault.get('pointer')}: {fault.get('message')}" for fault in self.errors[:10])
        super().__init__(f"{self.message} ({status} {self.code}, request {self.request_id}){faults}")


class InvalidRequest(ApiError):
    """400, 413, 415, 422: the request must be mended."""


class NotAuthenticated(ApiError):
    """401: the key is missing, unknown or revoked."""


class NotAllowed(ApiError):
    """403: the key may not do this."""


class NotFound(ApiError):
    """404: there is no such thing, or it is another's."""


class Conflict(ApiError):
    """409, 412: it clashes with the state of things, such as a cutoff that has passed, or a change that was not seen."""


class RateLimited(ApiError):
    """429: too many requests, also after waiting as long as the API asked."""


class ServerError(ApiError):
    """5xx: a fault of the house."""


def api_error(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> ApiError:
    """The error for an answer."""
    by_status = {401: NotAuthenticated, 403: NotAllowed, 404: NotFound, 409: Conflict, 412: Conflict, 429: RateLimited}
    kind = by_status.get(status) or (ServerError if status >= 500 else InvalidRequest)
    return kind(status, body, headers)
