"""The client: what the API has, by name. Bodies and answers are the JSON of the contract as dictionaries."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from typing import Any, Iterator

from .transport import Answer, Transport

Json = dict[str, Any]


class Mailhouse:
    """One account of one deployment.

    `key` and `url` are taken from MAILHOUSE_KEY and MAILHOUSE_URL where they are not given. A request that fails in passing
    is sent up to `retries` times more, after longer and longer pauses. `timeout` is for how many seconds nothing may move, in
    each attempt; up to thrice as long where a body is sent. A large file that moves takes as long as its line needs.
    """

    def __init__(self, key: str | None = None, url: str | None = None, *, timeout: float = 30, retries: int = 4):
        key, url = key or os.environ.get("MAILHOUSE_KEY"), url or os.environ.get("MAILHOUSE_URL")
        if not key or not url:
            raise ValueError("Give the key and the URL of the API, or set MAILHOUSE_KEY and MAILHOUSE_URL.")
        self.transport = Transport(key, url, timeout=timeout, retries=retries)
        self.letters = Letters(self.transport)
        self.postcards = Postcards(self.transport)
        self.documents = Documents(self.transport)
        self.templates = Templates(self.transport)
        self.batches = Batches(self.transport)
        self.events = Events(self.transport)
        self.webhooks = Webhooks(self.transport)

    def calendar(self, **query: Any) -> Json:
        """Production days, and why other days are none."""
        return self.transport.request("GET", "/v2/calendar", query=query).json()

    def preflight(self, what: Json, *, idempotency_key: str | None = None) -> Json:
        """What would become of `{"letter": …}` or `{"postcard": …}`; nothing is created."""
        return self.transport.request("POST", "/v2/preflight", body=what, idempotency_key=idempotency_key).json()


def _at(*parts: str) -> str:
    return "/".join(["/v2", *(urllib.parse.quote(part, safe="") for part in parts)])


def _tagged(answer: Answer) -> Json:
    """What an answer shows, with its ETag."""
    return {**answer.json(), "etag": answer.headers.get("etag")}


class Letters:
    """Letters that are sent by themselves."""

    _name = "letters"

    def __init__(self, transport: Transport):
        self._transport = transport

    def create(self, letter: Json, *, idempotency_key: str | None = None) -> Json:
        """Creates a letter, or with `recipients` up to 1,000 of them, all or none."""
        return self._transport.request("POST", _at(self._name), body=letter, idempotency_key=idempotency_key).json()

    def create_with_pdf(self, letter: Json, pdf: bytes, *, idempotency_key: str | None = None) -> Json:
        """Creates a letter, which has no `content`, or with `recipients` many, of a PDF of up to 4 MB. One that is larger, or of
        which several letters are made, is uploaded before (`documents.upload`)."""
        path = _at(self._name)
        return self._transport.request("POST", path, body=letter, file=pdf, idempotency_key=idempotency_key).json()

    def get(self, letter_id: str) -> Json:
        """A letter as it is now."""
        return self._transport.request("GET", _at(self._name, letter_id)).json()

    def update(self, letter_id: str, changes: Json) -> Json:
        """Changes a letter, until the cutoff of its send date."""
        return self._transport.request("PATCH", _at(self._name, letter_id), body=changes).json()

    def cancel(self, letter_id: str) -> None:
        """Takes a letter back, until the cutoff of its send date."""
        self._transport.request("DELETE", _at(self._name, letter_id))

    def list(self, *, metadata: dict[str, str] | None = None, **filters: Any) -> Iterator[Json]:
        """All letters that the filters let through, over all pages."""
        pairs = {f"metadata[{key}]": value for key, value in (metadata or {}).items()}
        return self._transport.pages(_at(self._name), {**filters, **pairs})

    def events(self, letter_id: str) -> Json:
        """What happened to a letter, and once it is mailed what the postal service told of it."""
        return self._transport.request("GET", _at(self._name, letter_id, "events")).json()

    def download(self, letter_id: str) -> bytes:
        """The document of a letter that passed inspection, a PDF."""
        return self._transport.file(_at(self._name, letter_id, "download"))

    def proof(self, letter_id: str) -> bytes:
        """A picture of a letter as it will be printed, a PNG."""
        return self._transport.file(_at(self._name, letter_id, "proof"))

    def advance(self, letter_id: str, outcome: Json) -> Json:
        """Has a letter of a test key live the life of a mailed one."""
        return self._transport.request("POST", _at("test", "letters", letter_id, "advance"), body=outcome).json()


class Postcards(Letters):
    """Postcards that are sent by themselves: as letters are, each by its own id."""

    _name = "postcards"


class Documents:
    """Files that are uploaded before letters or templates name them: PDFs to print, images for HTML."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def upload(
        self, content: bytes, content_type: str = "application/pdf", *, idempotency_key: str | None = None
    ) -> Json:
        """Uploads a file and gives the document that it is then: `ready`, or `refused` with findings. Letters name its `id`."""
        wish = {"contentType": content_type, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        document = self._transport.request("POST", "/v2/documents", body=wish, idempotency_key=idempotency_key).json()
        upload = document["upload"]
        self._transport.plain(upload["method"], upload["url"], content, upload["headers"])
        return self.get(document["id"])

    def get(self, document_id: str) -> Json:
        """A document as it is now."""
        return self._transport.request("GET", _at("documents", document_id)).json()


class Templates:
    """HTML with variables in it, of which letters are made."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def create(self, template: Json, *, idempotency_key: str | None = None) -> Json:
        """Creates a template with its first version. Its `etag` is for `update`."""
        return _tagged(self._transport.request("POST", "/v2/templates", body=template, idempotency_key=idempotency_key))

    def get(self, template_id: str, version: int | None = None) -> Json:
        """A template with its HTML, in its latest version or in another. Its `etag` is for `update`."""
        return _tagged(self._transport.request("GET", _at("templates", template_id), query={"version": version}))

    def list(self, **filters: Any) -> Iterator[Json]:
        """All templates."""
        return self._transport.pages("/v2/templates", filters)

    def update(self, template_id: str, template: Json, *, if_match: str | None = None) -> Json:
        """Adds a version to a template. Those before it stay as they were. With the `etag` that the template was read with as
        `if_match`, it is a `Conflict` when somebody else has changed it since."""
        return _tagged(self._transport.request("PUT", _at("templates", template_id), body=template, if_match=if_match))

    def delete(self, template_id: str) -> None:
        """Deletes a template. Letters that were made of it stay as they are."""
        self._transport.request("DELETE", _at("templates", template_id))

    def preview(self, template_id: str, variables: Any, **wish: Any) -> Json:
        """What a letter of the template would look like: links to a PDF and a picture."""
        body = {"variables": variables, **wish}
        return self._transport.request("POST", _at("templates", template_id, "preview"), body=body).json()


class Batches:
    """Groups of letters that are made and mailed together."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def create(self, batch: Json, *, idempotency_key: str | None = None) -> Json:
        """Creates a batch, with all its letters or with their number."""
        return self._transport.request("POST", "/v2/batches", body=batch, idempotency_key=idempotency_key).json()

    def get(self, batch_id: str) -> Json:
        """A batch as it is now."""
        return self._transport.request("GET", _at("batches", batch_id)).json()

    def list(self, **filters: Any) -> Iterator[Json]:
        """All batches that the filters let through."""
        return self._transport.pages("/v2/batches", filters)

    def cancel(self, batch_id: str) -> None:
        """Takes a batch back that is not being printed yet."""
        self._transport.request("DELETE", _at("batches", batch_id))

    def tracking(self, batch_id: str) -> Json:
        """How many letters of a batch are in which postal state."""
        return self._transport.request("GET", _at("batches", batch_id, "tracking")).json()

    def add_letters(self, batch_id: str, letters: list[Json], *, idempotency_key: str | None = None) -> None:
        """Adds letters to a batch, all or none."""
        path = _at("batches", batch_id, "letters")
        self._transport.request("POST", path, body=letters, idempotency_key=idempotency_key)

    def letters(self, batch_id: str, **filters: Any) -> Iterator[Json]:
        """The letters of a batch."""
        return self._transport.pages(_at("batches", batch_id, "letters"), filters)


class Events:
    """What happened to the mail of the account, in one order."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def list(self, **filters: Any) -> Iterator[Json]:
        """All events that the filters let through, up to the newest."""
        return self._transport.pages("/v2/events", filters)

    def page(self, cursor: str | None = None, **filters: Any) -> Json:
        """One page. Its `nextCursor` is where to go on, now or another day; nothing between is missed."""
        return self._transport.request("GET", "/v2/events", query={"cursor": cursor, **filters}).json()


class Webhooks:
    """URLs that are told of events. What they are sent is checked by `mailhouse.verify`."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def create(self, webhook: Json, *, idempotency_key: str | None = None) -> Json:
        """Creates a webhook. The answer has its secret, which no other shows."""
        return self._transport.request("POST", "/v2/webhooks", body=webhook, idempotency_key=idempotency_key).json()

    def list(self) -> Iterator[Json]:
        """All webhooks."""
        return self._transport.pages("/v2/webhooks", {})

    def get(self, webhook_id: str) -> Json:
        """A webhook as it is now."""
        return self._transport.request("GET", _at("webhooks", webhook_id)).json()

    def update(self, webhook_id: str, changes: Json) -> Json:
        """Changes a webhook."""
        return self._transport.request("PATCH", _at("webhooks", webhook_id), body=changes).json()

    def delete(self, webhook_id: str) -> None:
        """Deletes a webhook."""
        self._transport.request("DELETE", _at("webhooks", webhook_id))

    def rotate(self, webhook_id: str, *, idempotency_key: str | None = None) -> Json:
        """Gives a webhook a new secret; the old one signs as well for a day."""
        path = _at("webhooks", webhook_id, "rotate")
        return self._transport.request("POST", path, idempotency_key=idempotency_key).json()

    def test(self, webhook_id: str, *, idempotency_key: str | None = None) -> Json:
        """Sends a webhook a sample."""
        path = _at("webhooks", webhook_id, "test")
        return self._transport.request("POST", path, idempotency_key=idempotency_key).json()

    def attempts(self, webhook_id: str, **filters: Any) -> Iterator[Json]:
        """The attempts to deliver to a webhook."""
        return self._transport.pages(_at("webhooks", webhook_id, "attempts"), filters)

    def replay(self, webhook_id: str, what: Json, *, idempotency_key: str | None = None) -> Json:
        """Delivers an event, or those of a time, once more."""
        path = _at("webhooks", webhook_id, "replay")
        return self._transport.request("POST", path, body=what, idempotency_key=idempotency_key).json()
