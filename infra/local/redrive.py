"""Sends what is in a dead-letter queue round again: redrive.py Inspect. Mend the cause first."""

import sys

import boto3

import stack


def main(queue: str) -> None:
    sqs, outputs = boto3.client("sqs"), stack.outputs()
    url = outputs.get(f"{queue.capitalize()}DeadLettersUrl")
    if url is None:
        sys.exit("Name one of: " + ", ".join(n.removesuffix("DeadLettersUrl") for n in outputs if "DeadLetters" in n))
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    sqs.start_message_move_task(SourceArn=attributes["QueueArn"])
    print(f"{attributes['ApproximateNumberOfMessages']} messages are on their way back to {queue}.")


if __name__ == "__main__":
    main(sys.argv[1])
