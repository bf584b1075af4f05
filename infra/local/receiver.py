"""A client's endpoint on this machine: takes webhooks and callback pushes and verifies their signatures.

They are signed as Standard Webhooks says: HMAC-SHA256 of the id, the time and the body, which is all that a receiver has
to compute. A client in earnest would take a library for it, and refuse what is older than some minutes.
"""

import base64
import hashlib
import hmac
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Listens on a free port of this machine. What is verified is in `taken`: the path and the body as JSON."""

    def __init__(self):
        self.secrets: dict[str, str] = {}
        self.taken: queue.Queue[tuple[str, dict]] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                verified = receiver.verifies(self.path, self.headers, body)
                if verified:
                    receiver.taken.put((self.path, json.loads(body)))
                self.send_response(204 if verified else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def verifies(self, path: str, headers, body: bytes) -> bool:
        """Whether a post is signed with the secret that its path was given."""
        secret = self.secrets.get(path)
        if secret is None:
            return False
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split())
