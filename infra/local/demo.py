"""The main job, end to end, as a client and an operator would do it: PDFs and addresses go in, print files come out.

    make demo

Uploads the fixture letters to the client's bucket, posts them as one batch, merges the batch into a mail job, downloads
the print files to target/demo, and confirms that they were printed and mailed. Then three letters of a test key live their
lives, and a receiver on this machine is told of it by webhooks and by a callback push, whose signatures it verifies.
Everything goes through the deployed API.
"""

import csv
import datetime
import hashlib
import json
import queue
import shutil
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import boto3

import stack
from receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "tests" / "fixtures" / "documents"
OUT = ROOT / "target" / "demo"
PATIENCE = 120  # seconds for any one wait

# The manifest's columns that the table at the end shows, and what it calls them.
COLUMNS = {"letterRefId": "Reference", "name": "Name", "sheets": "Sheets", "trackingCode": "Tracking code"}

PEOPLE = ["Ada Moreau", "Ben Okafor", "Carla Nguyen", "Dmitri Walsh", "Elena Fontenot", "Farid Haddad", "Grace Liu"]
PLACES = [
    ("1300 Perdido Street", "New Orleans", "LA", "70112"),
    ("900 Bagby Street", "Houston", "TX", "77002"),
    ("1 Dr Carlton B Goodlett Place", "San Francisco", "CA", "94102"),
    ("121 N La Salle Street", "Chicago", "IL", "60602"),
    ("1 City Hall Square", "Boston", "MA", "02201-2013"),
    ("City Hall Park", "New York", "NY", "10007"),
    ("600 4th Avenue", "Seattle", "WA", "98104"),
]


def main() -> None:
    started = time.monotonic()
    env = stack.read_env()
    client = stack.Api(env["MAILHOUSE_URL"], env["MAILHOUSE_KEY"])
    operator = stack.Api(env["MAILHOUSE_URL"], env["MAILHOUSE_OPERATOR_KEY"])

    letters = upload_letters(env["MAILHOUSE_DOCUMENTS"])
    batch = post_batch(client, letters)
    job = merge(operator, batch)
    rows = download(job)
    confirm(operator, job)
    report(client, batch, rows)
    tell(env, operator, letters)

    step(f"done in {time.monotonic() - started:.0f} s")
    print(f"Print files and manifests: {OUT.relative_to(ROOT)}/")
    print("Ask about the batch yourself:")
    print(f'  source .local/env && curl -H "Authorization: Bearer $MAILHOUSE_KEY" $MAILHOUSE_URL/v2/batches/{batch}')


def step(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def note(text: str) -> None:
    print(f"  {text}", flush=True)


def upload_letters(location: str) -> list[dict]:
    """Puts each fixture document at the S3 path that its letter names. The documents to be refused stay at home."""
    step("Client: upload the documents")
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    index = json.loads((DOCUMENTS / "documents.json").read_text())
    documents = [document for document in index if "/" not in document["file"]]
    s3 = boto3.client("s3")
    letters = []
    for number, document in enumerate(documents, start=1):
        key = f"{prefix}/demo/{document['file']}"
        s3.upload_file(str(DOCUMENTS / document["file"]), bucket, key)
        street, city, state, zip_code = PLACES[number % len(PLACES)]
        letters.append({
            "letterRefId": f"L{number:07}",
            "name1": PEOPLE[number % len(PEOPLE)],
            "address1": street,
            "city": city,
            "state": state,
            "postalCode": zip_code,
            "country": "US",
            "originalDocumentPath": f"s3://{bucket}/{key}",
            "impressionCount": document["pages"],
        })
    note(f"{len(letters)} PDFs to s3://{bucket}/{prefix}/demo/")
    return letters


def post_batch(client: stack.Api, letters: list[dict]) -> str:
    step("Client: post the batch, gzipped")
    body = {
        "mailClass": "FirstClass",
        "electronicReturnReceipt": False,
        "usePerforatedPaper": True,
        "targetMailDate": (datetime.date.today() + datetime.timedelta(days=7)).isoformat(),
        "letters": letters,
        "letterCount": len(letters),
        "returnAddress": "PO Box 52138\nNew Orleans LA 70153",
    }
    batch = client.post("/v2/batches", body, **{"Idempotency-Key": str(uuid.uuid4())})["id"]
    note(f"batch {batch}, {len(letters)} letters")
    answer = wait(client, f"/v2/batches/{batch}", {"ready"}, {"failedToInitialize", "canceled"})
    note(f"{answer['letterCount']} of {answer['expectedLetterCount']} letters received, every document inspected")
    return batch


def merge(operator: stack.Api, batch: str) -> dict:
    step("Operator: merge it into a mail job")
    job = operator.post("/v2/operator/jobs", {"batchIds": [batch]}, **{"Idempotency-Key": str(uuid.uuid4())})["id"]
    note(f"job {job}")
    return wait(operator, f"/v2/operator/jobs/{job}", {"assembled"}, {"failed"})


def wait(api: stack.Api, path: str, wanted: set[str], hopeless: set[str]) -> dict:
    """Asks until the state is one of those wanted, and shows each state once."""
    deadline, last = time.monotonic() + PATIENCE, None
    while True:
        answer = api.get(path)
        if answer["state"] != last:
            last = answer["state"]
            note(last)
        if last in wanted:
            return answer
        if last in hopeless or time.monotonic() > deadline:
            sys.exit(f"It stayed {last}. The last answer of GET {path} was:\n{json.dumps(answer, indent=2)}")
        time.sleep(0.3)


def download(job: dict) -> list[dict[str, str]]:
    """Fetches each part's print file and manifest, holds them to the hashes that the job states, and reads the rows."""
    step("Operator: download the print files")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    rows = []
    for number, part in enumerate(job["parts"], start=1):
        name = f"{job['id']}-{number:03}"
        pdf, manifest = OUT / f"{name}.pdf", OUT / f"{name}.csv"
        fetch(part["printFile"], pdf)
        fetch(part["manifest"], manifest)
        note(f"{pdf.relative_to(ROOT)}: {part['letters']} letters, {part['pages']} pages, {pdf.stat().st_size:,} bytes")
        with manifest.open(newline="") as text:
            rows += csv.DictReader(text)
    return rows


def fetch(file: dict, path: Path) -> None:
    with urllib.request.urlopen(file["url"], timeout=60) as answer, path.open("wb") as out:
        shutil.copyfileobj(answer, out)
    if hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
        sys.exit(f"{path} is not the file that the job describes: its SHA-256 differs.")


def confirm(operator: stack.Api, job: dict) -> None:
    step("Operator: confirm that it was printed, then mailed")
    for what in ("printed", "mailed"):
        operator.post(f"/v2/operator/jobs/{job['id']}/{what}")
        note(what)


def report(client: stack.Api, batch: str, rows: list[dict[str, str]]) -> None:
    step("Client: where the letters are")
    tracking = client.get(f"/v2/batches/{batch}/tracking")
    summary = ", ".join(f"{count} {state}" for state, count in tracking["letterSummary"].items() if count)
    note(f"{tracking['status']}: {summary}")

    table = [list(COLUMNS.values())] + [[row[column] for column in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table)]
    print()
    for row in table:
        note("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


# What becomes of the test letters, by reference.
LIVES = {"L0000001": "delivered", "L0000002": "returned", "L0000003": "notMailable"}


def tell(env: dict[str, str], operator: stack.Api, letters: list[dict]) -> None:
    """Has test letters live their lives, and shows what a client is told of it."""
    step("Client: try without mail what a client is told")
    account = operator.post("/v2/operator/accounts", {"name": "Demo of what is told"})["id"]
    key = operator.post(f"/v2/operator/accounts/{account}/keys", {"mode": "test"})["key"]
    bucket, _, prefix = env["MAILHOUSE_DOCUMENTS"].removeprefix("s3://").partition("/")
    owner = boto3.client("sts").get_caller_identity()["Account"]
    operator.post(f"/v2/operator/accounts/{account}/locations", {"bucket": bucket, "prefix": f"{prefix}/", "owner": owner})
    client, receiver = stack.Api(env["MAILHOUSE_URL"], key), Receiver()

    kinds = ["batch.ready", "batch.mailed", "letter.tracked"]
    webhook = client.post("/v2/webhooks", {"url": receiver.url("/webhook"), "eventTypes": kinds})
    receiver.secrets["/webhook"] = webhook["secret"]
    include = {"postal": True, "production": False, "certifiedOnly": False}
    callback = client.call("PUT", "/v2/callback", {"url": receiver.url("/callback"), "include": include})
    receiver.secrets["/callback"] = callback["secret"]

    batch = post_batch(client, [letter for letter in letters if letter["letterRefId"] in LIVES])
    for reference, outcome in LIVES.items():
        client.post(f"/v2/test/letters/{batch}.{reference}/advance", {"outcome": outcome})
    step("Receiver: webhooks, their signatures verified")
    seen, ends, pushes = set(), {"Delivered", "Returned", "NotMailable"}, []
    while ends:
        path, event = take(receiver)
        if path == "/callback":
            pushes.append(event)
            continue
        if event["id"] in seen:
            continue
        seen.add(event["id"])
        state = event.get("data", {}).get("state", "")
        ends.discard(state)
        note(f"{event['sequence']:>4}  {event['type']:<16} {event.get('letterRefId', ''):<10} {state}".rstrip())

    step("Receiver: a callback push, its signature verified (on this machine the schedule brings one each minute)")
    while not pushes:
        path, event = take(receiver)
        if path == "/callback":
            pushes.append(event)
    for push in pushes:
        note(f"{push['id']}: {len(push['events'])} events")


def take(receiver: Receiver) -> tuple[str, dict]:
    try:
        return receiver.taken.get(timeout=PATIENCE)
    except queue.Empty:
        sys.exit(f"Nothing came to {receiver.url('')} for {PATIENCE} s.")


if __name__ == "__main__":
    try:
        main()
    except stack.ApiError as error:
        sys.exit(str(error))
