"""What the client does by itself, against a server of this process that answers as it is told."""

import base64
import email
import email.policy
import gzip
import hashlib
import hmac
import json
import sys
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from mailhouse import Conflict, InvalidRequest, Mailhouse, NotConnected, NotFound, NotVerified, RateLimited, verify
from mailhouse.transport import CONFLICT_LASTS, PACK_FROM, _pause


MEGABYTE = 1024 * 1024
#: Bytes of an upload: more than the system takes that nobody has read.
LARGE = 16 * MEGABYTE


def at_once(file, length):
    """Reads a body."""
    return file.read(length)


def slowly(file, length):
    """Reads a body, but stops four times on the way, for 0.8 seconds each time."""
    parts = []
    for _ in range(4):
        time.sleep(0.8)
        parts.append(file.read(3 * MEGABYTE))
    return b"".join([*parts, file.read(length - 12 * MEGABYTE)])


class Server:
    """Answers requests with what is in `answers`, in turn: a status, headers and a body; `None` hangs up, and a function is
    given what the answer is written to."""

    def __init__(self, answers, read=at_once):
        self.answers, self.requests = list(answers), []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self):
                content = read(self.rfile, int(self.headers.get("Content-Length") or 0))
                server.requests.append((self.command, self.path, dict(self.headers), content))
                answer = server.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                if callable(answer):
                    return answer(self.wfile)
                status, headers, body = answer
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Client(unittest.TestCase):
    def house(self, *answers, retries=4, timeout=30):
        self.server = Server(answers)
        self.addCleanup(self.server.close)
        house = Mailhouse("mh_test_key", self.server.url, retries=retries, timeout=timeout)
        self.pauses = []
        house.transport._sleep = self.pauses.append
        return house

    def keys(self):
        return [headers.get("Idempotency-Key") for _, _, headers, _ in self.server.requests]

    def test_a_post_that_fails_in_passing_is_sent_again_with_the_same_key(self):
        house = self.house((503, {}, {}), None, (201, {}, {"id": "ltr_1"}))
        self.assertEqual(house.letters.create({"useType": "marketing"}), {"id": "ltr_1"})
        keys = self.keys()
        self.assertEqual(len(keys), 3)
        self.assertTrue(keys[0])
        self.assertEqual(len(set(keys)), 1)
        self.assertEqual(len(self.pauses), 2)

    def test_two_posts_have_two_keys_and_one_that_is_given_is_used(self):
        house = self.house(*[(201, {}, {})] * 3)
        house.letters.create({})
        house.letters.create({})
        house.letters.create({}, idempotency_key="mine")
        keys = self.keys()
        self.assertEqual(len(set(keys)), 3)
        self.assertEqual(keys[2], "mine")

    def test_what_never_answers_is_given_up(self):
        house = self.house(None, None, retries=1)
        with self.assertRaises(NotConnected):
            house.webhooks.create({"url": "https://example.com"})
        self.assertEqual(len(set(self.keys())), 1)

    def test_it_waits_as_long_as_it_is_asked_to_and_gives_up_in_the_end(self):
        house = self.house(*[(429, {"Retry-After": "7"}, {"code": "rate", "message": "Slower."})] * 3, retries=2)
        with self.assertRaises(RateLimited) as raised:
            house.letters.get("ltr_1")
        self.assertEqual(self.pauses, [7.0, 7.0])
        self.assertEqual((raised.exception.code, raised.exception.retry_after), ("rate", 7.0))

    def test_a_first_attempt_that_is_still_running_is_waited_for_and_another_conflict_is_not(self):
        running = (409, {"Retry-After": "1"}, {"code": "idempotency_key.running", "message": "Wait."})
        house = self.house(running, (201, {}, {"id": "ltr_1"}), (409, {}, {"code": "cutoff", "message": "Too late."}))
        self.assertEqual(house.letters.create({})["id"], "ltr_1")
        with self.assertRaises(Conflict):
            house.letters.cancel("ltr_1")
        self.assertEqual(len(self.server.requests), 3)

    def test_a_post_that_failed_is_sent_again_for_as_long_as_its_first_attempt_may_stand_in_the_way(self):
        running = [(409, {"Retry-After": str(s)}, {"code": "idempotency_key.running", "message": "Wait."}) for s in (1, 2, 4, 8, 15)]
        house = self.house((500, {}, {}), *running, (503, {}, {}), (201, {}, {"id": "ltr_1"}), retries=2)
        self.assertEqual(house.letters.create({})["id"], "ltr_1")
        self.assertEqual(self.pauses[1:6], [1, 2, 4, 8, 15])
        self.assertEqual((len(self.keys()), len(set(self.keys()))), (8, 1))

    def test_a_conflict_that_never_passes_is_given_up_in_the_end_and_at_once_if_nothing_is_to_be_tried_again(self):
        running = (409, {"Retry-After": "2"}, {"code": "idempotency_key.running", "message": "Wait."})
        for retries, pauses in ((1, 18), (0, 0)):
            house = self.house(*[running] * 20, retries=retries)
            with self.assertRaises(Conflict):
                house.letters.create({})
            self.assertEqual(self.pauses, [2.0] * pauses)
            self.assertTrue(sum(self.pauses) >= CONFLICT_LASTS or retries == 0)

    def test_an_error_has_every_fault_and_is_of_its_kind(self):
        faults = [{"pointer": "/useType", "rule": "enum", "message": "Give one."}]
        refused = {"code": "invalid", "message": "No.", "requestId": "r1", "errors": faults}
        house = self.house((422, {}, refused), (404, {}, {"code": "not_found", "message": "None."}))
        with self.assertRaises(InvalidRequest) as raised:
            house.letters.create({})
        error = raised.exception
        self.assertEqual((error.status, error.code, error.request_id, error.errors), (422, "invalid", "r1", faults))
        self.assertIn("/useType: Give one.", str(error))
        with self.assertRaises(NotFound):
            house.letters.get("../ltr 1")
        self.assertEqual(self.server.requests[1][1], "/v2/letters/..%2Fltr%201")

    def test_a_list_is_read_over_all_its_pages(self):
        first, second = {"items": [1, 2], "nextCursor": "c&1"}, {"items": [3]}
        house = self.house((200, {}, first), (200, {}, second))
        self.assertEqual(list(house.letters.list(status="ready", limit=2)), [1, 2, 3])
        paths = [path for _, path, _, _ in self.server.requests]
        self.assertEqual(paths, ["/v2/letters?status=ready&limit=2", "/v2/letters?status=ready&limit=2&cursor=c%261"])

    def test_the_log_is_read_up_to_its_end_though_that_has_a_cursor(self):
        house = self.house((200, {}, {"items": [1], "nextCursor": "c", "hasMore": False}))
        self.assertEqual(list(house.events.list()), [1])

    def test_a_download_does_not_show_the_key_to_where_the_file_is(self):
        other = Server([(200, {}, b"%PDF-")])
        self.addCleanup(other.close)
        house = self.house((302, {"Location": f"{other.url}/file?signature=1"}, b""))
        self.assertEqual(house.letters.download("ltr_1"), b"%PDF-")
        self.assertIn("Authorization", self.server.requests[0][2])
        self.assertNotIn("Authorization", other.requests[0][2])

    def test_an_upload_says_its_hash_and_puts_the_bytes_where_it_is_told_without_the_key(self):
        other = Server([(200, {}, b"")])
        self.addCleanup(other.close)
        upload = {"method": "PUT", "url": f"{other.url}/put?signed=1", "headers": {"x-amz-checksum-sha256": "abc="}}
        house = self.house((201, {}, {"id": "doc_1", "upload": upload}), (200, {}, {"id": "doc_1", "status": "ready"}))
        self.assertEqual(house.documents.upload(b"%PDF-1.7")["status"], "ready")
        wish = json.loads(self.server.requests[0][3])
        self.assertEqual((wish["contentType"], wish["bytes"], wish["sha256"][:4]), ("application/pdf", 8, "86ed"))
        method, path, headers, content = other.requests[0]
        self.assertEqual((method, path, content), ("PUT", "/put?signed=1", b"%PDF-1.7"))
        self.assertEqual({name.lower(): value for name, value in headers.items()}["x-amz-checksum-sha256"], "abc=")
        self.assertNotIn("Authorization", headers)

    def put(self, other):
        """The answer that sends an upload to another server."""
        self.addCleanup(other.close)
        return (201, {}, {"id": "doc_1", "upload": {"method": "PUT", "url": f"{other.url}/put", "headers": {}}})

    def test_a_large_upload_takes_longer_than_the_timeout_while_it_moves(self):
        other = Server([(200, {}, b"")], slowly)
        house = self.house(self.put(other), (200, {}, {"id": "doc_1", "status": "ready"}), retries=0, timeout=0.8)
        content = bytes(LARGE)
        self.assertEqual(house.documents.upload(content)["status"], "ready")
        _, _, headers, taken = other.requests[0]
        self.assertTrue(taken == content)
        self.assertEqual((headers["Content-Length"], headers.get("Transfer-Encoding")), (str(LARGE), None))

    def test_an_upload_that_does_not_move_is_given_up(self):
        over = threading.Event()
        self.addCleanup(over.set)
        other = Server([None, None], lambda file, _: over.wait() and file.read())
        house = self.house(self.put(other), retries=1, timeout=0.2)
        with self.assertRaises(NotConnected):
            house.documents.upload(bytes(LARGE))
        self.assertEqual(len(self.pauses), 1)

    def test_a_large_download_takes_longer_than_the_timeout_while_it_moves(self):
        def answer(file):
            file.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            for part in (b"%P", b"D", b"F", b"-"):
                file.write(part)
                time.sleep(0.4)

        other = Server([answer])
        self.addCleanup(other.close)
        house = self.house((302, {"Location": f"{other.url}/file"}, b""), retries=0, timeout=1)
        self.assertEqual(house.letters.download("ltr_1"), b"%PDF-")

    def unfinished(self):
        """Answers that are not finished: one breaks off, the other stands still."""
        over = threading.Event()
        self.addCleanup(over.set)
        start = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%PD"
        return [lambda file: file.write(start), lambda file: file.write(start) and over.wait()]

    def test_a_download_that_is_not_finished_is_asked_for_again_and_given_up_in_the_end(self):
        unfinished = self.unfinished()
        other = Server([*unfinished, (200, {}, b"%PDF-"), *unfinished])
        self.addCleanup(other.close)
        found = (302, {"Location": f"{other.url}/file"}, b"")
        house = self.house(found, retries=2, timeout=0.5)
        self.assertEqual(house.letters.download("ltr_1"), b"%PDF-")
        self.assertEqual(len(self.pauses), 2)
        house = self.house(found, retries=1, timeout=0.5)
        with self.assertRaises(NotConnected):
            house.letters.download("ltr_1")
        self.assertEqual(len(other.requests), 5)

    def test_an_answer_of_the_api_that_is_not_finished_is_asked_for_again_with_the_same_key(self):
        house = self.house(*self.unfinished(), (201, {}, {"id": "ltr_1"}), retries=2, timeout=0.5)
        self.assertEqual(house.letters.create({}), {"id": "ltr_1"})
        self.assertEqual((len(self.keys()), len(set(self.keys()))), (3, 1))

    def test_metadata_narrows_a_list_by_its_pairs(self):
        house = self.house((200, {}, {"items": []}))
        self.assertEqual(list(house.letters.list(metadata={"campaign": "a b"}, status="ready")), [])
        self.assertEqual(self.server.requests[0][1], "/v2/letters?status=ready&metadata%5Bcampaign%5D=a+b")

    def test_a_large_body_is_packed(self):
        house = self.house((204, {}, b""))
        letters = [{"letterRefId": "x" * PACK_FROM}]
        house.batches.add_letters("b", letters)
        _, _, headers, content = self.server.requests[0]
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertEqual(json.loads(gzip.decompress(content)), letters)

    def test_a_letter_and_its_pdf_are_the_parts_of_a_form_which_is_the_same_when_it_is_sent_again(self):
        house = self.house((503, {}, {}), (201, {}, {"id": "ltr_1"}))
        pdf = b"%PDF-1.7\r\n--\0\xff"
        self.assertEqual(house.letters.create_with_pdf({"description": "\u00e4"}, pdf), {"id": "ltr_1"})
        (_, _, headers, content), (_, _, again, same) = self.server.requests
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        form = email.message_from_bytes(head + content, policy=email.policy.HTTP)
        parts = [(part.get_param("name", header="content-disposition"), part.get_payload(decode=True)) for part in form.iter_parts()]
        self.assertEqual(parts, [("letter", json.dumps({"description": "\u00e4"}).encode()), ("file", pdf)])
        self.assertEqual((same, again["Content-Type"]), (content, headers["Content-Type"]))

    def test_a_pause_grows_and_is_never_long(self):
        for attempt in range(12):
            self.assertLessEqual(_pause(attempt, None), min(8, 0.5 * 2**attempt))
        self.assertEqual(_pause(0, "120"), 60)
        self.assertEqual(_pause(0, "Wed, 21 Oct 2015 07:28:00 GMT"), 0)


class Webhook(unittest.TestCase):
    # An example of the Standard Webhooks specification's own library.
    SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    BODY = b'{"test": 2432232314}'
    HEADERS = {
        "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    def verified(self, body=BODY, now=1614265330, **changed):
        headers = {**self.HEADERS, **changed}
        return verify(body, headers, self.SECRET, now=now)

    def test_a_good_signature_gives_the_body(self):
        self.assertEqual(self.verified(), {"test": 2432232314})
        signatures = f"v1,bm9uZQ== {self.HEADERS['webhook-signature']}"
        self.assertEqual(self.verified(**{"webhook-signature": signatures}), {"test": 2432232314})

    def test_anything_else_is_refused(self):
        for arguments in (
            {"body": b'{"test": 2432232315}'},
            {"now": 1614265330 + 301},
            {"now": 1614265330 - 301},
            {"webhook-signature": "v1,"},
            {"webhook-signature": "v1,é"},
            {"webhook-timestamp": "soon"},
        ):
            with self.assertRaises(NotVerified, msg=str(arguments)):
                self.verified(**arguments)
        with self.assertRaises(NotVerified):
            verify(self.BODY, {}, self.SECRET)

    def signed(self, *keys):
        """The headers of a webhook that is signed with each of some keys."""
        content = b"evt_1.1614265330." + self.BODY
        signatures = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
        signature = " ".join(f"v1,{signature}" for signature in signatures)
        return {"webhook-id": "evt_1", "webhook-timestamp": "1614265330", "webhook-signature": signature}

    def test_a_secret_that_cannot_be_one_of_the_apis_is_refused_whatever_is_signed_with_it(self):
        key, short = bytes([7] * 32), bytes([7] * 23)
        text = base64.b64encode(key).decode()
        for secret, signing in (
            ("", b""),
            ("whsec_", b""),
            ("whsec_%%%", b""),
            ("whsec_\u00e9", b""),
            ("whsec_None", base64.b64decode("None")),
            (f"whsec_{base64.b64encode(short).decode()}", short),
            (text, key),
            (f"mh_live_{text}", key),
            (f"whsec_{text[:20]} {text[20:]}", key),
            (f"whsec_{text}\n", key),
        ):
            with self.assertRaises(ValueError, msg=secret):
                verify(self.BODY, self.signed(signing), secret, now=1614265330)
        self.assertEqual(verify(self.BODY, self.signed(key), f"whsec_{text}", now=1614265330), {"test": 2432232314})

    def test_while_a_secret_is_being_replaced_the_old_one_and_the_new_one_are_both_good(self):
        older, newer, other = (bytes([byte] * 32) for byte in (1, 2, 3))
        headers = self.signed(older, newer)

        def verified(key):
            return verify(self.BODY, headers, f"whsec_{base64.b64encode(key).decode()}", now=1614265330)

        self.assertEqual((verified(older), verified(newer)), ({"test": 2432232314}, {"test": 2432232314}))
        with self.assertRaises(NotVerified):
            verified(other)


if __name__ == "__main__":
    unittest.main()
