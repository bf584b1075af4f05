"""The client against a stack that runs: `source .local/env` says where it is."""

import itertools
import os
import sys
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from mailhouse import InvalidRequest, Mailhouse, NotAuthenticated, NotFound

BATCH = {
    "mailClass": "FirstClass",
    "electronicReturnReceipt": False,
    "usePerforatedPaper": False,
    "targetMailDate": "2030-05-10",
    "letterCount": 1,
    "returnAddress": "PO Box 52138\nNew Orleans LA 70153",
}


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
        self.house.batches.cancel(batch)
        self.assertEqual(self.house.batches.get(batch)["state"], "canceled")

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
