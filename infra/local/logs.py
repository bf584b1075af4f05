"""Follows the log of one function: logs.py batches.create. Starts ten minutes back and ends with Ctrl-C."""

import sys
import time

import boto3

import stack


def main(operation: str) -> None:
    logs = boto3.client("logs")
    group = f"/aws/lambda/{stack.NAME}-{operation.replace('.', '-')}"
    start, shown = int((time.time() - 600) * 1000), set()
    while True:
        try:
            pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start))
        except logs.exceptions.ResourceNotFoundException:
            sys.exit(f"There is no log group {group}. Name a Handler of template.yaml, such as batches.create.")
        # Two lines of one millisecond are told apart by what they say: not every emulator gives events an id.
        for event in (event for page in pages for event in page["events"]):
            line = (event["timestamp"], event["logStreamName"], event["message"])
            if line not in shown:
                shown.add(line)
                print(event["message"].rstrip(), flush=True)
        time.sleep(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        pass
