"""Whether a webhook is from the house: it is signed as Standard Webhooks says, with the secret that its URL was given."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Mapping

from .errors import MailhouseError

#: How the API's secrets begin.
PREFIX = "whsec_"
#: So many bytes a secret has at least, as Standard Webhooks says: fewer may be guessed, and none everybody knows.
LEAST = 24


class NotVerified(MailhouseError):
    """The webhook is not to be trusted: answer 401 and do nothing."""


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = 300,
    now: float | None = None,
) -> dict[str, Any]:
    """The webhook's body, once its signature and its age are good. `body` is what was received, byte for byte; `tolerance`
    is how many seconds the clocks of house and receiver may be apart. The same webhook may come again: its `webhook-id` is
    then the same.

    Raises `NotVerified`, and `ValueError` for a `secret` that the API cannot have given.
    """
    key = _key(secret)
    content = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    try:
        name, moment, signatures = (given[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise NotVerified(f"The header {missing} is missing.") from None
    try:
        sent = int(moment)
    except ValueError:
        raise NotVerified("The time of the webhook is no number.") from None
    if abs((time.time() if now is None else now) - sent) > tolerance:
        raise NotVerified("The webhook is too old, or from the future.")
    signed = b".".join([name.encode(), moment.encode(), content])
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # While a secret is being replaced there are two signatures.
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures.split()):
        raise NotVerified("The signature is not that of the secret.")
    return json.loads(content)


def _key(secret: str) -> bytes:
    """What a secret signs with. One that was never set would sign with what everybody knows, and so anybody could."""
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if encoded == secret or len(key) < LEAST:
        raise ValueError(f"The secret is none of the API's: those are {PREFIX} and {LEAST} bytes or more as base64.")
    return key
