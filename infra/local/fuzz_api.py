"""Asks the running stack what nobody would: Schemathesis makes requests of infra/openapi.yaml, good ones and bad ones, and
no answer may be one that the description does not know, or a fault of ours.

The client's operations are called with the key of a new account and the print floor's with the operator's. The requests
are the same each time. The whole report is in target/fuzz-api.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import stack

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "target" / "fuzz-api"
#: Fewer requests than these prove little, and mean that something kept them from being made.
LEAST = 2_000
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
#: What the operator's operations have in common.
FLOOR = "^/v2/operator/"


def main(examples: str) -> None:
    env = stack.read_env()
    base = env["MAILHOUSE_URL"]
    operator = stack.Api(base, env["MAILHOUSE_OPERATOR_KEY"])
    account = operator.post("/v2/operator/accounts", {"name": "Anything"})["id"]
    key = operator.post(f"/v2/operator/accounts/{account}/keys", {"mode": "test"})["key"]
    outcomes = [
        run("client", base, key, examples, "--exclude-path-regex", FLOOR),
        run("floor", base, operator.key, examples, "--include-path-regex", FLOOR),
    ]
    requests = sum(count for count, _ in outcomes)
    print(f"{requests} requests; the reports are in {REPORTS.relative_to(ROOT)}.")
    if any(failed for _, failed in outcomes):
        sys.exit("Some answers are not as infra/openapi.yaml says.")
    if requests < LEAST:
        sys.exit(f"That is fewer than {LEAST}, which proves little.")


def run(name: str, base: str, key: str, examples: str, *which: str) -> tuple[int, bool]:
    """Runs Schemathesis over some operations: how many requests it made, and whether an answer was wrong."""
    report = REPORTS / f"{name}.ndjson"
    report.parent.mkdir(parents=True, exist_ok=True)
    command = [
        str(ROOT / ".local" / "tests" / "bin" / "schemathesis"), "run", str(ROOT / "infra" / "openapi.yaml"),
        "--url", base, "--header", f"Authorization: Bearer {key}", *which,
        "--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS), "--max-examples", examples,
        "--generation-deterministic", "--suppress-health-check", "all",
        "--request-timeout", "60", "--warnings", "off", "--no-color", "--report", "ndjson",
        "--report-ndjson-path", str(report),
    ]
    # A proxy of the environment's has nothing to do with an address of this machine.
    environment = {**os.environ, "NO_PROXY": "*"}
    outcome = subprocess.run(command, env=environment, cwd=REPORTS, check=False)
    with report.open() as lines:
        return sum(requests_of(json.loads(line)) for line in lines), outcome.returncode != 0


def requests_of(event: dict) -> int:
    """The requests that an event of the report tells of."""
    scenario = event.get("ScenarioFinished", {})
    return len(scenario.get("recorder", {}).get("interactions", {}))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "10")
