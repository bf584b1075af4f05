"""Paper mail behind an API: a client of Mailhouse."""

from .client import Mailhouse
from .errors import (
    ApiError,
    Conflict,
    InvalidRequest,
    MailhouseError,
    NotAllowed,
    NotAuthenticated,
    NotConnected,
    NotFound,
    RateLimited,
    ServerError,
)
from .webhooks import NotVerified, verify

__all__ = [
    "ApiError",
    "Conflict",
    "InvalidRequest",
    "Mailhouse",
    "MailhouseError",
    "NotAllowed",
    "NotAuthenticated",
    "NotConnected",
    "NotFound",
    "NotVerified",
    "RateLimited",
    "ServerError",
    "verify",
]
