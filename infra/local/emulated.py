"""Makes up for what an emulator leaves undone when it deploys the template. On AWS none of this would be needed.

    emulated.py bucket   the bucket that `sam deploy` uploads to
    emulated.py api      what the import of the API's OpenAPI body passes over

Each step looks first and changes only what is missing, so it is right whichever emulator answers.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

import stack

ARTIFACTS = "mailhouse-artifacts"


def bucket() -> None:
    s3 = boto3.client("s3")
    try:
        s3.head_bucket(Bucket=ARTIFACTS)
    except ClientError:
        s3.create_bucket(Bucket=ARTIFACTS)


def api() -> None:
    gateway, api_id = boto3.client("apigateway"), stack.outputs()["ApiId"]
    rest_api = gateway.get_rest_api(restApiId=api_id)

    # Bodies are binary, or a gzip request arrives as mangled text.
    if "*/*" not in rest_api.get("binaryMediaTypes", []):
        patch = [{"op": "add", "path": "/binaryMediaTypes/*~1*"}]
        gateway.update_rest_api(restApiId=api_id, patchOperations=patch)

    # An emulator that takes usage keys from a header only, never from the authorizer, would refuse every request: clients
    # do not send one. Without the requirement it serves them all, and counts nobody. (`remove`, because MiniStack keeps a
    # replacing "false" as the text that it is, which counts as true.)
    if rest_api.get("apiKeySource") != "AUTHORIZER":
        patch = [{"op": "remove", "path": "/apiKeyRequired"}]
        for resource in resources(gateway, api_id):
            for verb, method in resource.get("resourceMethods", {}).items():
                if method.get("apiKeyRequired"):
                    gateway.update_method(
                        restApiId=api_id, resourceId=resource["id"], httpMethod=verb, patchOperations=patch
                    )

    # The gateway's own answers, in our error shape. They take effect with a deployment.
    now = gateway.get_gateway_responses(restApiId=api_id, limit=500)["items"]
    ours = {item["responseType"] for item in now if not item.get("defaultResponse")}
    missing = {kind: answer for kind, answer in gateway_responses().items() if kind not in ours}
    for kind, answer in missing.items():
        status = {"statusCode": str(answer["statusCode"])} if "statusCode" in answer else {}
        gateway.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            responseParameters=answer.get("responseParameters", {}),
            responseTemplates=answer.get("responseTemplates", {}),
            **status,
        )
    if missing:
        gateway.create_deployment(restApiId=api_id, stageName=stack.STAGE)


def resources(gateway, api_id: str):
    for page in gateway.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"]):
        yield from page["items"]


def gateway_responses() -> dict:
    """What the deployed template says of them, after the SAM transform."""
    answer = boto3.client("cloudformation").get_template(StackName=stack.NAME, TemplateStage="Processed")
    template = answer["TemplateBody"]
    if isinstance(template, str):
        template = json.loads(template)
    return template["Resources"]["Api"]["Properties"]["Body"].get("x-amazon-apigateway-gateway-responses", {})


if __name__ == "__main__":
    {"bucket": bucket, "api": api}[sys.argv[1]]()
