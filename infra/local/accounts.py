"""Makes the accounts that a person, the demo and the tests use, and writes .local/env.

The first operator key comes from a function that only IAM guards; everything after that goes through the API, as an
operator would do it. What .local/env already holds is kept when it still works.
"""

import json
import os
import shlex

import boto3
from botocore.exceptions import ClientError

import stack

BUCKET = "mailhouse-client-documents"
PREFIX = "letters"
PUSH_USER = "usps"  # as samconfig.toml says for this machine


def main() -> None:
    base = stack.url()
    keys = stack.read_env()
    if not all(works(base, keys, name, path) for name, path in [
        ("MAILHOUSE_KEY", "/v2/batches"),
        ("MAILHOUSE_OTHER_KEY", "/v2/batches"),
        ("MAILHOUSE_OPERATOR_KEY", "/v2/operator/queue"),
    ]):
        keys = create(base)
    write_env(base, keys)
    print(f"The API is at {base}. `source .local/env` has its address and keys.")


def works(base: str, keys: dict[str, str], name: str, path: str) -> bool:
    if name not in keys:
        return False
    try:
        stack.Api(base, keys[name]).get(path)
    except stack.ApiError as error:
        if error.status in (401, 403):
            return False
        raise
    return True


def create(base: str) -> dict[str, str]:
    operator_key = issue_operator_key()
    operator = stack.Api(base, operator_key)

    account = operator.post("/v2/operator/accounts", {"name": "Demo"})["id"]
    key = operator.post(f"/v2/operator/accounts/{account}/keys", {"mode": "live"})["key"]
    other = operator.post("/v2/operator/accounts", {"name": "Other"})["id"]
    other_key = operator.post(f"/v2/operator/accounts/{other}/keys", {"mode": "live"})["key"]

    make_client_bucket()
    owner = boto3.client("sts").get_caller_identity()["Account"]
    location = {"bucket": BUCKET, "prefix": f"{PREFIX}/", "owner": owner}
    operator.post(f"/v2/operator/accounts/{account}/locations", location)
    return {"MAILHOUSE_KEY": key, "MAILHOUSE_OTHER_KEY": other_key, "MAILHOUSE_OPERATOR_KEY": operator_key}


def issue_operator_key() -> str:
    answer = boto3.client("lambda").invoke(FunctionName=f"{stack.NAME}-keys-issue_operator", Payload=b"{}")
    text = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise SystemExit(f"The function that issues the first operator key failed: {text}")
    return json.loads(text)["key"]


def make_client_bucket() -> None:
    """The client's own bucket. It is not part of the stack: clients own theirs."""
    s3 = boto3.client("s3")
    try:
        s3.head_bucket(Bucket=BUCKET)
    except ClientError:
        s3.create_bucket(Bucket=BUCKET)


def push_credentials() -> str:
    """The user and the password with which the postal service would push scans."""
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=stack.outputs()["PushPassword"])
    return f"{PUSH_USER}:{secret['SecretString']}"


def write_env(base: str, keys: dict[str, str]) -> None:
    same_as_here = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"]
    values = {name: os.environ[name] for name in same_as_here}
    values |= {"MAILHOUSE_URL": base}
    values |= {name: keys[name] for name in ["MAILHOUSE_KEY", "MAILHOUSE_OTHER_KEY", "MAILHOUSE_OPERATOR_KEY"]}
    values |= {"MAILHOUSE_DOCUMENTS": f"s3://{BUCKET}/{PREFIX}"}
    values |= {"MAILHOUSE_TABLE": stack.outputs()["TableName"]}
    values |= {"MAILHOUSE_SCANS": f"s3://{stack.outputs()['ScansBucket']}/usps", "MAILHOUSE_PUSH": push_credentials()}
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    stack.ENV_FILE.write_text(text)


if __name__ == "__main__":
    main()
