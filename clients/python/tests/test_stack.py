"""The client against a stack that runs: `source .local/env` says where it is."""

import base64
import itertools
import os
import sys
import time
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from mailhouse import Conflict, InvalidRequest, Mailhouse, NotAuthenticated, NotFound

BATCH = {
    "mailClass": "FirstClass",
    "electronicReturnReceipt": False,
    "usePerforatedPaper": False,
    "targetMailDate": "2030-05-10",
    "letterCount": 1,
    "returnAddress": "PO Box 52138\nNew Orleans LA 70153",
}


ACME = {
    "organization": "Acme Inc.",
    "address": {"address1": "PO Box 52138", "city": "New Orleans", "state": "LA", "postalCode": "70153"},
}
# Somebody to whom no earlier run has sent the same.
JANE = {
    "individual": {"firstName": "Jane", "lastName": f"Doe {uuid.uuid4().hex[:8]}"},
    "address": {"address1": "1300 Perdido St", "city": "New Orleans", "state": "LA", "postalCode": "70112"},
}


def pdf(width: int = 612, height: int = 792) -> bytes:
    """A page with a bar on it."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<<>>>>" % (width, height),
        b"<</Length 18>>stream\n72 200 200 12 re f\nendstream",
    ]
    file, table = b"%PDF-1.5\n", b"0000000000 65535 f \n"
    for number, body in enumerate(bodies, 1):
        table += b"%010d 00000 n \n" % len(file)
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    end = b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(file)
    return file + b"xref\n0 5\n" + table + end


class Stack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = Mailhouse()

    def test_a_batch_is_created_once_for_its_key_and_is_found_in_the_list(self):
        key = str(uuid.uuid4())
        created = self.house.batches.create(BATCH, idempotency_key=key)
        self.assertEqual(self.house.batches.create(BATCH, idempotency_key=key), created)
        batch = created["id"]
        self.assertEqual(self.house.batches.get(batch)["id"], batch)
        newest = itertools.islice(self.house.batches.list(limit=1), 200)
        self.assertIn(batch, (one["id"] for one in newest))
        self.assertEqual(list(self.house.batches.letters(batch)), [])
        with self.assertRaises(InvalidRequest) as raised:
            self.house.batches.add_letters(batch, [{}])
        self.assertIn("/0/letterRefId", [error["pointer"] for error in raised.exception.errors])
        self.house.batches.cancel(batch)
        self.assertEqual(self.house.batches.get(batch)["state"], "canceled")

    def test_a_letter_is_sent_in_one_call_and_found_changed_downloaded_and_canceled(self):
        mine = str(uuid.uuid4())
        content = {"pdf": base64.b64encode(pdf()).decode()}
        wish = {"sender": ACME, "recipient": JANE, "content": content, "useType": "transactional", "externalId": mine}
        letter = self.house.letters.create({**wish, "sendDate": self.in_some_weeks(), "allowDuplicate": True})
        self.assertEqual(letter["status"], "queued")
        end = time.monotonic() + 60
        while (now := self.house.letters.get(letter["id"]))["status"] == "queued":
            self.assertLess(time.monotonic(), end, now)
            time.sleep(0.3)
        self.assertEqual(now["status"], "ready", now)
        self.assertEqual([one["id"] for one in self.house.letters.list(externalId=mine)], [letter["id"]])
        self.assertTrue(self.house.letters.download(letter["id"]).startswith(b"%PDF-"))
        self.assertTrue(self.house.letters.proof(letter["id"]).startswith(b"\x89PNG"))
        changed = self.house.letters.update(letter["id"], {"description": "A note."})
        self.assertEqual(changed["description"], "A note.")
        self.house.letters.cancel(letter["id"])
        history = self.house.letters.events(letter["id"])
        self.assertEqual((history["status"], history["items"][0]["type"]), ("canceled", "letter.created"))

    def test_a_letter_is_made_of_html_of_a_template_and_of_an_uploaded_document(self):
        wish = {"sender": ACME, "recipient": JANE, "useType": "transactional", "sendDate": self.in_some_weeks()}
        variables = {"name": "Jane", "rows": [1, 2]}
        html = "<p>Dear {{name}},</p>{{#each rows}}<p>{{this}}</p>{{/each}}"
        with self.assertRaises(InvalidRequest) as raised:
            self.house.letters.create({**wish, "content": {"html": html, "variables": {"rows": []}}})
        self.assertEqual([error["pointer"] for error in raised.exception.errors], ["/content/variables/name"])

        template = self.house.templates.create({"name": "Reminder", "html": html})
        seen = template["etag"]
        self.assertEqual(self.house.templates.get(template["id"])["etag"], seen)
        changed = {"name": "Reminder", "html": f"<h1>Last reminder</h1>{html}"}
        second = self.house.templates.update(template["id"], changed, if_match=seen)
        with self.assertRaises(Conflict):
            self.house.templates.update(template["id"], {"name": "Reminder", "html": html}, if_match=seen)
        self.assertEqual(self.house.templates.update(template["id"], changed, if_match=second["etag"]), second)
        self.assertEqual(self.house.templates.get(template["id"])["latestVersion"], 2)
        self.assertEqual(self.house.templates.get(template["id"], 1)["html"], html)
        self.assertIn(template["id"], (one["id"] for one in itertools.islice(self.house.templates.list(), 200)))
        self.assertEqual(self.house.templates.preview(template["id"], variables, version=1)["pages"], 1)
        document = self.house.documents.upload(pdf())
        self.assertEqual((document["status"], document["pages"]), ("ready", 1))

        for content, shown in [
            ({"html": html, "variables": variables}, "html"),
            ({"templateId": template["id"], "version": 1, "variables": variables}, "templateId"),
            ({"documentId": document["id"]}, "documentId"),
        ]:
            letter = self.house.letters.create({**wish, "content": content})
            self.assertIn(shown, letter["content"])
            end = time.monotonic() + 60
            while (now := self.house.letters.get(letter["id"]))["status"] == "queued":
                self.assertLess(time.monotonic(), end, now)
                time.sleep(0.3)
            self.assertEqual(now["status"], "ready", now)
            self.house.letters.cancel(letter["id"])
        self.house.templates.delete(template["id"])
        with self.assertRaises(NotFound):
            self.house.templates.get(template["id"])

    def test_a_letter_is_sent_with_the_bytes_of_its_pdf(self):
        wish = {"sender": ACME, "recipient": JANE, "useType": "transactional", "sendDate": self.in_some_weeks()}
        letter = self.house.letters.create_with_pdf({**wish, "allowDuplicate": True}, pdf())
        self.assertEqual(letter["content"]["pdf"]["bytes"], len(pdf()))
        self.house.letters.cancel(letter["id"])

    def test_a_postcard_is_looked_at_before_it_is_sent_and_then_has_a_proof(self):
        mine = str(uuid.uuid4())
        content = {"pdf": base64.b64encode(pdf(450, 306)).decode()}
        wish = {"sender": ACME, "recipient": JANE, "content": content, "useType": "marketing", "externalId": mine}
        seen = self.house.preflight({"postcard": wish})
        self.assertTrue(seen["acceptable"], seen)
        self.assertEqual([*self.house.postcards.list(externalId=mine)], [])
        card = self.house.postcards.create({**wish, "sendDate": self.in_some_weeks(), "allowDuplicate": True})
        self.assertTrue(card["id"].startswith("psc_"))
        end = time.monotonic() + 60
        while (now := self.house.postcards.get(card["id"]))["status"] == "queued":
            self.assertLess(time.monotonic(), end, now)
            time.sleep(0.3)
        self.assertEqual((now["status"], now["options"]["size"]), ("ready", "4x6"), now)
        self.assertTrue(self.house.postcards.proof(card["id"]).startswith(b"\x89PNG"))
        self.assertEqual([one["id"] for one in self.house.postcards.list(externalId=mine)], [card["id"]])
        self.house.postcards.cancel(card["id"])
        self.assertEqual(self.house.postcards.events(card["id"])["status"], "canceled")

    def in_some_weeks(self) -> str:
        """A production day some weeks ahead."""
        days = self.house.calendar()["items"]
        return [day["date"] for day in days if day["productionDay"]][-1]

    def test_the_log_is_read_page_by_page_and_on_from_where_it_ended(self):
        first = self.house.events.page(limit=1)
        both = list(itertools.islice(self.house.events.list(limit=1), 2))
        self.assertEqual(both[:1], first["items"])
        rest = self.house.events.page(first["nextCursor"], limit=1)
        self.assertEqual(both[1:], rest["items"])

    def test_errors_say_what_is_wrong(self):
        with self.assertRaises(InvalidRequest) as raised:
            self.house.batches.create({})
        self.assertTrue(raised.exception.errors)
        self.assertTrue(raised.exception.request_id)
        with self.assertRaises(NotFound):
            self.house.batches.get("00000000")
        nobody = Mailhouse("mh_live_nobody", os.environ["MAILHOUSE_URL"])
        with self.assertRaises(NotAuthenticated):
            next(nobody.batches.list())


if __name__ == "__main__":
    unittest.main()
