"""What the scripts in this folder share: the deployed stack's outputs, the URL of its API, and a small HTTP client."""

import gzip
import json
import os
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

import boto3

NAME = "mailhouse"
STAGE = "api"
ENV_FILE = Path(__file__).resolve().parents[2] / ".local" / "env"


@cache
def outputs() -> dict[str, str]:
    """The outputs of the stack, by name."""
    stack = boto3.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def url() -> str:
    """Where the API answers: emulators serve every API under their own address."""
    return f"{os.environ['AWS_ENDPOINT_URL'].rstrip('/')}/restapis/{outputs()['ApiId']}/{STAGE}/_user_request_"


class Api:
    """Calls the API with one key. An answer other than a success is an exception that shows it."""

    def __init__(self, base: str, key: str):
        self.base, self.key = base, key

    def call(self, method: str, path: str, body=None, headers: dict[str, str] | None = None):
        request = urllib.request.Request(self.base + path, method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("Accept", "application/json")
        if body is not None:
            request.data = gzip.compress(json.dumps(body).encode())
            request.add_header("Content-Type", "application/json")
            request.add_header("Content-Encoding", "gzip")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ApiError(method, path, error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text else None

    def get(self, path: str):
        return self.call("GET", path)

    def post(self, path: str, body=None, **headers: str):
        return self.call("POST", path, body, headers)


class ApiError(Exception):
    """An answer with an error status."""

    def __init__(self, method: str, path: str, status: int, text: str):
        super().__init__(f"{method} {path} answered {status}: {text}")
        self.status = status


def read_env() -> dict[str, str]:
    """The values in .local/env, or none when there is no such file."""
    if not ENV_FILE.exists():
        return {}
    lines = (line.removeprefix("export ").partition("=") for line in ENV_FILE.read_text().splitlines())
    return {name: value for name, equals, value in lines if equals}
