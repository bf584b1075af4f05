"""Requests and answers: keys, retries, errors, pages."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import io
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any, Callable, Iterator, Mapping

from .errors import ApiError, NotConnected, api_error

#: Answers after which the same request may succeed.
PASSING = frozenset({429, 500, 502, 503, 504})
#: For so many seconds in all a conflict that passes is waited for: longer than a first attempt that died stands in the way.
CONFLICT_LASTS = 35.0
#: From this many bytes on a body is sent packed.
PACK_FROM = 64 * 1024
#: Of a body the system takes up to so many bytes before it has sent them, and does not tell how far it is. A slow line needs
#: longer than the timeout for that many, also once the last of them is taken and the answer is waited for.
HELD = 4 * 1024 * 1024


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect leads to a file elsewhere, which must not be shown the key."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Answer:
    """The status, the headers with their names in lower case, and the body of an answer."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.content = content

    def json(self) -> Any:
        """The body as JSON; `None` if there is none."""
        return json.loads(self.content) if self.content else None


class Transport:
    """Sends requests to one deployment with one key."""

    def __init__(self, key: str, url: str, *, timeout: float, retries: int, sleep: Callable[[float], None] = time.sleep):
        self.key = key
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.retries = retries
        self._sleep = sleep
        self._opener = urllib.request.build_opener(_NoRedirects)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        file: bytes | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Sends a request until it is answered for good, and gives an answer below 400.

        A POST carries an idempotency key, the same one each time, so that it is carried out once. With a file, the body is the
        part `letter` of a form, and the file its part `file`.
        """
        url = self.url + path + _query(query)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json", "User-Agent": "mailhouse-python/0.1.0"}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
            if file is not None:
                boundary = uuid.uuid4().hex
                headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
                content = _form(boundary, content, file)
            if len(content) >= PACK_FROM:
                content = gzip.compress(content)
                headers["Content-Encoding"] = "gzip"
        if if_match is not None:
            headers["If-Match"] = if_match
        if method == "POST":
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        attempt, waited = 0, 0.0
        while True:
            last = attempt >= self.retries
            try:
                answer = self._send(method, url, content, headers)
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                if last:
                    raise NotConnected(f"{method} {path}: {error}") from error
                self._sleep(_pause(attempt, None))
            else:
                if answer.status < 400:
                    return answer
                error, asked = _error(answer), answer.headers.get("retry-after")
                pause = _pause(attempt, asked)
                # A conflict that passes says when to come back: such as with a first attempt that is still being carried out. It
                # is no failure, so that it is waited for as long as it may last.
                if answer.status == 409 and asked is not None and self.retries > 0 and waited < CONFLICT_LASTS:
                    waited += pause
                    self._sleep(pause)
                    continue
                if last or answer.status not in PASSING:
                    raise error
                self._sleep(pause)
            attempt += 1

    def pages(self, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Each item of a list, over all its pages."""
        asked = dict(query)
        while True:
            page = self.request("GET", path, query=asked).json()
            yield from page["items"]
            # The log's last page has a cursor too, for the day there is more.
            if not page.get("nextCursor") or page.get("hasMore") is False:
                return
            asked["cursor"] = page["nextCursor"]

    def file(self, path: str) -> bytes:
        """The bytes of a file that a path leads to. The key is not shown to where it is kept."""
        location = self.request("GET", path).headers["location"]
        return self.plain("GET", urllib.parse.urljoin(self.url + path, location))

    def plain(self, method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        """A request to a URL that is a key itself."""
        for attempt in range(self.retries + 1):
            try:
                answer = self._send(method, url, content, headers or {})
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                if attempt == self.retries:
                    raise NotConnected(f"{method} {urllib.parse.urlsplit(url).path}: {error}") from error
            else:
                if answer.status < 300:
                    return answer.content
                if answer.status not in PASSING or attempt == self.retries:
                    raise _error(answer)
            self._sleep(_pause(attempt, None))
        raise AssertionError("the last attempt ends the loop")

    def _send(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Sends a request once and reads its answer to the end."""
        request, most = urllib.request.Request(url, headers=dict(headers), method=method), self.timeout
        if content is not None:
            # A file is sent in blocks, for each of which the timeout counts; for bytes it counts once, however many they are. The
            # length of a file has to be said, because no upload is accepted without.
            request.data = io.BytesIO(content)
            request.add_header("Content-Length", str(len(content)))
            most *= 1 + 2 * min(len(content), HELD) / HELD
        try:
            with self._opener.open(request, timeout=most) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


def _form(boundary: str, letter: bytes, file: bytes) -> bytes:
    """A form of a letter and its document."""
    disposition = b"Content-Disposition: form-data; name="
    return b"\r\n".join([
        b"--" + boundary.encode(), disposition + b'"letter"', b"Content-Type: application/json", b"", letter,
        b"--" + boundary.encode(), disposition + b'"file"; filename="letter.pdf"', b"Content-Type: application/pdf", b"", file,
        b"--" + boundary.encode() + b"--", b"",
    ])


def _error(answer: Answer) -> ApiError:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return api_error(answer.status, body if isinstance(body, dict) else {}, answer.headers)


def _pause(attempt: int, asked: str | None) -> float:
    """How long to wait before the next attempt, seconds: as long as was asked, or up to half a second, a second, and so on,
    by chance, so that many clients do not come back at once."""
    if asked is not None:
        try:
            return min(60.0, float(asked))
        except ValueError:
            when = email.utils.parsedate_to_datetime(asked)
            return min(60.0, max(0.0, when.timestamp() - time.time()))
    return random.uniform(0, min(8.0, 0.5 * 2**attempt))


def _query(query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return "?" + urllib.parse.urlencode(given, doseq=True) if given else ""
