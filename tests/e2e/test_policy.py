"""Bucket policies: the documents. What they decide: test_policy_effects.py."""
import copy
import json

import pytest
from botocore.exceptions import ClientError
from conftest import client


def code(e):
    return e.value.response["Error"]["Code"], e.value.response["ResponseMetadata"]["HTTPStatusCode"]


def statement(bucket, **more):
    """Everybody may get every object; more replaces elements, None takes them away."""
    s = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
         "Resource": f"arn:aws:s3:::{bucket}/*", **more}
    return {name: value for name, value in s.items() if value is not None}


def document(*statements, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def test_round_trip_to_the_byte(s3, bucket):
    for text in (document(statement(bucket)),
                 json.dumps(json.loads(document(statement(bucket), Id="x")), indent=3),
                 document(statement(bucket, Sid="Länge & <Maß>, please"))):
        answer = s3.put_bucket_policy(Bucket=bucket, Policy=text)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        answer = s3.get_bucket_policy(Bucket=bucket)
        assert answer["Policy"] == text
        assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"


def test_delete(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=document(statement(bucket)))
    for _ in range(2):  # the second finds none
        assert s3.delete_bucket_policy(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
        with pytest.raises(ClientError) as e:
            s3.get_bucket_policy(Bucket=bucket)
        assert code(e) == ("NoSuchBucketPolicy", 404)


def test_of_no_bucket(s3):
    for call in (s3.get_bucket_policy, s3.delete_bucket_policy, s3.get_bucket_policy_status,
                 lambda Bucket: s3.put_bucket_policy(Bucket=Bucket, Policy=document(statement(Bucket)))):
        with pytest.raises(ClientError) as e:
            call(Bucket="never-made-by-anybody")
        assert code(e) == ("NoSuchBucket", 404)


def test_a_new_bucket_of_the_name_has_no_policy(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=document(statement(bucket)))
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as e:
        s3.get_bucket_policy(Bucket=bucket)
    assert code(e) == ("NoSuchBucketPolicy", 404)


def test_confirmation_is_taken(s3, bucket):
    text = document(statement(bucket, Effect="Deny", Action="s3:*PolicyStatus", Resource=f"arn:aws:s3:::{bucket}"))
    s3.put_bucket_policy(Bucket=bucket, Policy=text, ConfirmRemoveSelfBucketAccess=True)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text


MALFORMED = {
    "empty": ("", "Policies must be valid JSON and the first byte must be '{'"),
    "no object": ("[]", "Policies must be valid JSON and the first byte must be '{'"),
    "cut": ('{"Version":"2012-10-17"', "This policy contains invalid Json"),
    "twice": ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', "This policy contains invalid Json"),
    "no statement": ("{}", "Missing required field Statement"),
    "no statements": ('{"Statement":[]}', "Could not parse the policy: Statement is empty!"),
    "version": ('{"Version":"2020-01-01","Statement":[]}', "The policy must contain a valid version string"),
    "unknown": ('{"Statements":[]}', "Unknown field Statements"),
}
STATEMENTS = {
    "no principal": ({"Principal": None}, "Missing required field Principal"),
    "name as principal": ({"Principal": {"AWS": "bob*"}}, "Invalid principal in policy"),
    "allow all but": ({"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::x:root"}},
                      "Allow with NotPrincipal is not allowed."),
    "no action": ({"Action": None}, "Missing required field Action"),
    "unknown action": ({"Action": "s3:GetObjects"}, "Policy has invalid action"),
    "other service": ({"Action": ["s3:GetObject", "sqs:SendMessage"]}, "Policy has invalid action"),
    "other bucket": ({"Resource": "arn:aws:s3:::another/*"}, "Policy has invalid resource"),
    "no arn": ({"Resource": "/*"}, "Policy has invalid resource"),
    "action of buckets": ({"Action": ["s3:ListBucket"]}, "Action does not apply to any resource(s) in statement"),
    "effect": ({"Effect": "Permit"}, "Invalid effect: Permit"),
    "operator": ({"Condition": {"StringIs": {"aws:Referer": "x"}}}, "Invalid Condition type : StringIs"),
    "key": ({"Condition": {"StringEquals": {"aws:Refferer": "x"}}}, "Policy has an invalid condition key"),
    "address": ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0.0"}}},
                "Invalid value in the condition IpAddress: 10.0.0.0.0"),
    "unknown field": ({"Conditions": {}}, "Unknown field Conditions"),
}


@pytest.mark.parametrize("name", [*MALFORMED, *STATEMENTS])
def test_malformed(plain_server, name):
    s3 = client(plain_server)
    bucket = "malformed-policies"
    if bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_policy(Bucket=bucket, Policy=document(statement(bucket, Sid="before")))
    if name in MALFORMED:
        text, message = MALFORMED[name]
    else:
        more, message = STATEMENTS[name]
        text = document(statement(bucket), statement(bucket, **more))
    with pytest.raises(ClientError) as e:
        s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert code(e) == ("MalformedPolicy", 400)
    assert e.value.response["Error"]["Message"] == message
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Sid"] == "before"


def test_size(s3, bucket):
    text = document(statement(bucket))
    fits = text + " " * (20480 - len(text))
    s3.put_bucket_policy(Bucket=bucket, Policy=fits)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == fits
    with pytest.raises(ClientError) as e:
        s3.put_bucket_policy(Bucket=bucket, Policy=fits + " ")
    assert code(e) == ("MalformedPolicy", 400)
    with pytest.raises(ClientError) as e:
        s3.put_bucket_policy(Bucket=bucket, Policy=fits + " " * (1 << 20))
    assert code(e)[1] == 400
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == fits


def is_public(s3, bucket):
    return s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]


def test_status(s3, bucket):
    """Shows: GetBucketPolicyStatus"""
    assert is_public(s3, bucket) is False
    s = statement(bucket)
    for more, public in (({}, True), ({"Effect": "Deny"}, False),
                         ({"Principal": {"AWS": "111122223333"}}, False),
                         ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}, False),
                         ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}}, True),
                         ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, False),
                         ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True)):
        s3.put_bucket_policy(Bucket=bucket, Policy=document({**copy.deepcopy(s), **more}))
        assert is_public(s3, bucket) is public, more
    s3.delete_bucket_policy(Bucket=bucket)
    assert is_public(s3, bucket) is False
