"""Whether a webhook is from the house: it is signed as Standard Webhooks says, with the secret that its URL was given."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any, Mapping

from .errors import MailhouseError


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

    Raises `NotVerified`.
    """
    content = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    try:
        name, moment, signatures = (given[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise NotVerified(f"The header {missing} is missing.") from None
    try:
        sent = int(moment)
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        raise NotVerified("The time of the webhook is no number, or the secret is none.") from None
    if abs((time.time() if now is None else now) - sent) > tolerance:
        raise NotVerified("The webhook is too old, or from the future.")
    signed = b".".join([name.encode(), moment.encode(), content])
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # While a secret is being replaced there are two signatures.
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures.split()):
        raise NotVerified("The signature is not that of the secret.")
    return json.loads(content)
