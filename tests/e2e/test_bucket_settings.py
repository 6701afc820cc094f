"""What a bucket is set to: versioning, tags, ownership, public access block, object lock, and what is off."""
import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import client
from sigv4 import UNSIGNED
from test_boto3_objects import code


def refused(call, **arguments):
    with pytest.raises(ClientError) as e:
        call(**arguments)
    return code(e)


@pytest.fixture
def locked_bucket(s3):
    name = "locked-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def status(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def test_versioning(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for state in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == state
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended", "MFADelete": "Disabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"


@pytest.mark.parametrize("configuration, answer", [
    ({}, ("IllegalVersioningConfigurationException", 400)),
    ({"Status": "enabled"}, ("MalformedXML", 400)),
    ({"Status": "Enabled", "MFADelete": "Enabled"}, ("NotImplemented", 501)),
    ({"Status": "Enabled", "MFADelete": "Perhaps"}, ("MalformedXML", 400)),
])
def test_no_versioning(s3, bucket, configuration, answer):
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=configuration) == answer
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


def test_bodies_that_are_no_configuration(raw, raw_bucket):
    for body in (b"", b"<", b"<Other/>", b"<VersioningConfiguration><Status>Enabled</Status><More/>"
                 b"</VersioningConfiguration>", b"<VersioningConfiguration><Status>Enabled</Status>"
                 b"<Status>Enabled</Status></VersioningConfiguration>"):
        answer = raw.ask("PUT", f"/{raw_bucket}", [("versioning", "")], body=body)
        assert answer.verdict == (400, "MalformedXML"), (body, answer)
    assert b"Status" not in raw.ask("GET", f"/{raw_bucket}", [("versioning", "")]).body


def test_settings_of_no_bucket(s3):
    name = "none-" + uuid.uuid4().hex[:12]
    assert refused(s3.get_bucket_versioning, Bucket=name) == ("NoSuchBucket", 404)
    assert refused(s3.get_bucket_logging, Bucket=name) == ("NoSuchBucket", 404)
    assert refused(s3.delete_bucket_tagging, Bucket=name) == ("NoSuchBucket", 404)
    assert refused(s3.put_bucket_tagging, Bucket=name, Tagging={"TagSet": []}) == ("NoSuchBucket", 404)


def tag(key, value=""):
    return {"Key": key, "Value": value}


def test_tags(s3, bucket):
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    tags = [tag("a b", "1 = 2"), tag("e"), tag("é/ü", "ß")]
    assert status(s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})) == 204
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    many = sorted((tag(f"{n:02}", "v") for n in range(50)), key=lambda t: t["Key"])
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": many})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == many
    assert status(s3.delete_bucket_tagging(Bucket=bucket)) == 204
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)


@pytest.mark.parametrize("tags", [[tag(str(n)) for n in range(51)], [tag("a"), tag("a", "2")], [tag("aws:a")],
                                  [tag("k" * 129)], [tag("k", "v" * 257)], [tag("k", "<")]])
def test_no_tags(s3, bucket, tags):
    assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": tags}) == ("InvalidTag", 400)
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)


def test_ownership(s3, bucket):
    def get():
        return s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]

    assert get() == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    for kind in ("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"):
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": kind}]})
        assert get() == [{"ObjectOwnership": kind}]
    assert status(s3.delete_bucket_ownership_controls(Bucket=bucket)) == 204
    assert refused(s3.get_bucket_ownership_controls, Bucket=bucket) == ("OwnershipControlsNotFoundError", 404)
    for rules in ([], [{"ObjectOwnership": "Mine"}], 2 * [{"ObjectOwnership": "ObjectWriter"}]):
        assert refused(s3.put_bucket_ownership_controls, Bucket=bucket,
                       OwnershipControls={"Rules": rules}) == ("MalformedXML", 400)


def test_public_access_block(s3, bucket):
    names = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
    s3.delete_public_access_block(Bucket=bucket)
    for n in range(16):
        want = {name: bool(n & 1 << i) for i, name in enumerate(names)}
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=want)
        assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == want
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == \
        {name: name == "BlockPublicAcls" for name in names}
    assert status(s3.delete_public_access_block(Bucket=bucket)) == 204
    assert refused(s3.get_public_access_block, Bucket=bucket) == ("NoSuchPublicAccessBlockConfiguration", 404)


# --- object lock -----------------------------------------------------------------------------------------------------


def lock(mode="GOVERNANCE", **period):
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": mode, **period}}}


def test_lock_of_a_bucket_made_with_it(s3, locked_bucket):
    def get():
        return s3.get_object_lock_configuration(Bucket=locked_bucket)["ObjectLockConfiguration"]

    assert get() == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=locked_bucket)["Status"] == "Enabled"
    for want in (lock(Days=1), lock("COMPLIANCE", Years=100), {"ObjectLockEnabled": "Enabled"}):
        s3.put_object_lock_configuration(Bucket=locked_bucket, ObjectLockConfiguration=want)
        assert get() == want
    assert refused(s3.put_bucket_versioning, Bucket=locked_bucket, VersioningConfiguration={"Status": "Suspended"}) == \
        ("InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=locked_bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=locked_bucket)["Status"] == "Enabled"


def test_lock_later(s3, bucket):
    assert refused(s3.get_object_lock_configuration, Bucket=bucket) == ("ObjectLockConfigurationNotFoundError", 404)
    for state in (None, "Suspended"):
        if state:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
        assert refused(s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=lock(Days=1)) == \
            ("InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock(Days=1))
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == lock(Days=1)


@pytest.mark.parametrize("configuration, answer", [
    (lock(Days=1, Years=1), "MalformedXML"), (lock(), "MalformedXML"), (lock("governance", Days=1), "MalformedXML"),
    (lock(Days=0), "InvalidRetentionPeriod"), (lock(Years=-1), "InvalidRetentionPeriod"),
    (lock(Days=36501), "InvalidRetentionPeriod"), ({"ObjectLockEnabled": "Disabled"}, "MalformedXML"),
])
def test_no_lock(s3, locked_bucket, configuration, answer):
    assert refused(s3.put_object_lock_configuration, Bucket=locked_bucket,
                   ObjectLockConfiguration=configuration) == (answer, 400)
    assert s3.get_object_lock_configuration(Bucket=locked_bucket)["ObjectLockConfiguration"] == \
        {"ObjectLockEnabled": "Enabled"}


def test_lock_needs_a_digest(raw, raw_bucket):
    body = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
    answer = raw.ask("PUT", f"/{raw_bucket}", [("object-lock", "")], body=body, payload_hash=UNSIGNED)
    assert answer.verdict == (400, "InvalidRequest"), answer


# --- what is off -----------------------------------------------------------------------------------------------------


def test_empty_answers(s3, bucket):
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    notification = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert not [k for k in notification if k != "ResponseMetadata"]
    assert not s3.list_bucket_analytics_configurations(Bucket=bucket)["IsTruncated"]
    assert not s3.list_bucket_metrics_configurations(Bucket=bucket)["IsTruncated"]
    assert not s3.list_bucket_inventory_configurations(Bucket=bucket)["IsTruncated"]
    assert not s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)["IsTruncated"]


def test_nothing_there(s3, bucket):
    """
    Shows: GetBucketLifecycleConfiguration, GetBucketReplication, GetBucketWebsite, GetBucketEncryption,
    DeleteBucketLifecycle, DeleteBucketReplication, DeleteBucketWebsite, DeleteBucketEncryption
    """
    for name, answer in (("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
                         ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
                         ("get_bucket_website", "NoSuchWebsiteConfiguration"),
                         ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")):
        assert refused(getattr(s3, name), Bucket=bucket) == (answer, 404)
    for kind in ("lifecycle", "replication", "website", "encryption"):
        assert status(getattr(s3, f"delete_bucket_{kind}")(Bucket=bucket)) == 204


def test_nothing_of_that_id(s3, bucket):
    """
    Shows: GetBucketAnalyticsConfiguration, GetBucketMetricsConfiguration, GetBucketInventoryConfiguration,
    GetBucketIntelligentTieringConfiguration, DeleteBucketAnalyticsConfiguration, DeleteBucketMetricsConfiguration,
    DeleteBucketInventoryConfiguration, DeleteBucketIntelligentTieringConfiguration
    """
    for kind in ("analytics", "metrics", "inventory", "intelligent_tiering"):
        for verb in ("get", "delete"):
            call = getattr(s3, f"{verb}_bucket_{kind}_configuration")
            assert refused(call, Bucket=bucket, Id="x") == ("NoSuchConfiguration", 404)


def test_off_may_be_said(s3, bucket):
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})


def test_on_is_not_implemented(s3, bucket):
    no = ("NotImplemented", 501)
    assert refused(s3.put_bucket_request_payment, Bucket=bucket,
                   RequestPaymentConfiguration={"Payer": "Requester"}) == no
    assert refused(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus={
        "LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": ""}}) == no
    assert refused(s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration={
        "EventBridgeConfiguration": {}}) == no
    assert refused(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]}) == no
    assert refused(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}) == no
    assert refused(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration={
        "IndexDocument": {"Suffix": "i"}}) == no
    assert refused(s3.put_bucket_accelerate_configuration, Bucket=bucket,
                   AccelerateConfiguration={"Status": "Enabled"}) == no


def test_settings_survive_a_restart(plain_server):
    if plain_server.engine == "memory":
        pytest.skip("it forgets")
    s3, name = client(plain_server), "again-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [tag("k", "v")]})
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock(Days=3))
    assert plain_server.stop() == 0
    plain_server.start()
    s3 = client(plain_server)
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [tag("k", "v")]
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == lock(Days=3)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
