"""Follows the log of one function: logs.py batches.create. Ends with Ctrl-C."""

import sys
import time

import boto3

import stack


def main(operation: str) -> None:
    logs = boto3.client("logs")
    group = f"/aws/lambda/{stack.NAME}-{operation.replace('.', '-')}"
    seen: set[str] = set()
    since = int((time.time() - 600) * 1000)
    while True:
        try:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
                for event in page["events"]:
                    if event["eventId"] not in seen:
                        seen.add(event["eventId"])
                        print(event["message"].rstrip(), flush=True)
        except logs.exceptions.ResourceNotFoundException:
            sys.exit(f"There is no log group {group}. Name a Handler of template.yaml, such as batches.create.")
        time.sleep(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        pass
