"""Sends what is in a dead-letter queue round again: redrive.py Inspect. Mend the cause first.

Message by message, each deleted only after it was sent: SQS has a call of its own for this, which emulators lack. One that
is sent and not deleted comes round twice, and every worker may be told twice.
"""

import sys

import boto3

import stack


def main(queue: str) -> None:
    sqs, outputs = boto3.client("sqs"), stack.outputs()
    name = queue.capitalize()
    if f"{name}DeadLettersUrl" not in outputs:
        sys.exit("Name one of: " + ", ".join(n.removesuffix("QueueUrl") for n in outputs if n.endswith("QueueUrl")))
    source, target = outputs[f"{name}DeadLettersUrl"], outputs[f"{name}QueueUrl"]
    moved = 0
    while messages := sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in messages:
            sqs.send_message(QueueUrl=target, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    print(f"{moved} messages are on their way back to {name}.")


if __name__ == "__main__":
    main(sys.argv[1])
