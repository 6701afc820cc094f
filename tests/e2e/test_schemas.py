"""Every document of every served operation against botocore's model of S3: nothing that no client knows, nothing
missing that clients count on, values of the right types; and headers and errors likewise."""
import json
import os
import re
import uuid
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

from conftest import client
from server import ROOT

NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# operation -> (name of the root element, what AWS always sends: Element, or List/Element)
DOCUMENTS = {
    "ListBuckets": ("ListAllMyBucketsResult", "Owner/ID Buckets Buckets/Bucket/Name Buckets/Bucket/CreationDate"),
    "GetObjectAcl": ("AccessControlPolicy", "Owner/ID AccessControlList AccessControlList/Grant/Permission "
                     "AccessControlList/Grant/Grantee"),
    "GetObjectAttributes": ("GetObjectAttributesResponse", "ETag StorageClass ObjectSize Checksum ObjectParts"),
    "GetObjectLegalHold": ("LegalHold", "Status"),
    "GetObjectRetention": ("Retention", "Mode RetainUntilDate"),
    "GetObjectTagging": ("Tagging", "TagSet TagSet/Tag/Key TagSet/Tag/Value"),
    "ListParts": ("ListPartsResult", "Bucket Key UploadId PartNumberMarker MaxParts IsTruncated "
                  "Initiator/ID Owner/ID StorageClass Part/PartNumber Part/LastModified Part/ETag Part/Size"),
    "UploadPartCopy": ("CopyPartResult", "LastModified ETag"),
    "CopyObject": ("CopyObjectResult", "LastModified ETag"),
    "CreateMultipartUpload": ("InitiateMultipartUploadResult", "Bucket Key UploadId"),
    "CompleteMultipartUpload": ("CompleteMultipartUploadResult", "Location Bucket Key ETag"),
    "GetBucketLocation": ("LocationConstraint", ""),
    "ListMultipartUploads": ("ListMultipartUploadsResult", "Bucket KeyMarker UploadIdMarker MaxUploads IsTruncated "
                             "Upload/Key Upload/UploadId Upload/Initiator/ID Upload/Owner/ID Upload/StorageClass "
                             "Upload/Initiated"),
    "ListObjectVersions": ("ListVersionsResult", "Name Prefix KeyMarker VersionIdMarker MaxKeys IsTruncated "
                           "Version/Key Version/VersionId Version/IsLatest Version/LastModified Version/ETag "
                           "Version/Size Version/StorageClass Version/Owner/ID DeleteMarker/Key DeleteMarker/VersionId "
                           "DeleteMarker/IsLatest DeleteMarker/LastModified DeleteMarker/Owner/ID"),
    "GetBucketAccelerateConfiguration": ("AccelerateConfiguration", ""),
    "GetBucketAcl": ("AccessControlPolicy", "Owner/ID AccessControlList/Grant/Permission"),
    "GetBucketCors": ("CORSConfiguration", "CORSRule/AllowedMethod CORSRule/AllowedOrigin"),
    "GetBucketLogging": ("BucketLoggingStatus", ""),
    "GetBucketNotificationConfiguration": ("NotificationConfiguration", ""),
    "GetBucketOwnershipControls": ("OwnershipControls", "Rule/ObjectOwnership"),
    "GetBucketPolicyStatus": ("PolicyStatus", "IsPublic"),
    "GetBucketRequestPayment": ("RequestPaymentConfiguration", "Payer"),
    "GetBucketTagging": ("Tagging", "TagSet/Tag/Key TagSet/Tag/Value"),
    "GetBucketVersioning": ("VersioningConfiguration", "Status"),
    "GetObjectLockConfiguration": ("ObjectLockConfiguration", "ObjectLockEnabled"),
    "GetPublicAccessBlock": ("PublicAccessBlockConfiguration", "BlockPublicAcls IgnorePublicAcls BlockPublicPolicy "
                             "RestrictPublicBuckets"),
    "ListObjectsV2": ("ListBucketResult", "Name Prefix KeyCount MaxKeys IsTruncated Contents/Key Contents/LastModified "
                      "Contents/ETag Contents/Size Contents/StorageClass"),
    "ListObjects": ("ListBucketResult", "Name Prefix Marker MaxKeys IsTruncated Contents/Key Contents/LastModified "
                    "Contents/ETag Contents/Size Contents/StorageClass Contents/Owner/ID"),
    "DeleteObjects": ("DeleteResult", "Deleted/Key"),
    "ListBucketAnalyticsConfigurations": ("ListBucketAnalyticsConfigurationResult", "IsTruncated"),
    "ListBucketIntelligentTieringConfigurations": ("ListBucketIntelligentTieringConfigurationsOutput", "IsTruncated"),
    "ListBucketInventoryConfigurations": ("ListInventoryConfigurationsResult", "IsTruncated"),
    "ListBucketMetricsConfigurations": ("ListMetricsConfigurationsResult", "IsTruncated"),
}
# Served, but what they have to tell is an error: nothing of the kind is ever set.
ONLY_ERRORS = {
    "GetBucketEncryption": (404, "ServerSideEncryptionConfigurationNotFoundError"),
    "GetBucketLifecycleConfiguration": (404, "NoSuchLifecycleConfiguration"),
    "GetBucketReplication": (404, "ReplicationConfigurationNotFoundError"),
    "GetBucketWebsite": (404, "NoSuchWebsiteConfiguration"),
    "GetBucketAnalyticsConfiguration": (404, "NoSuchConfiguration"),
    "GetBucketIntelligentTieringConfiguration": (404, "NoSuchConfiguration"),
    "GetBucketInventoryConfiguration": (404, "NoSuchConfiguration"),
    "GetBucketMetricsConfiguration": (404, "NoSuchConfiguration"),
}
NOT_XML = {"GetObject", "GetBucketPolicy"}


class Watch:
    """A client that keeps what was answered, as it came."""

    def __init__(self, server):
        self.s3 = client(server)
        self.answers = {}
        self.s3.meta.events.register("before-parse.s3", self._keep)

    def _keep(self, operation_model, response_dict, **_):
        body = response_dict["body"]
        self.answers[operation_model.name] = (response_dict["status_code"], dict(response_dict["headers"]),
                                              body if isinstance(body, bytes) else None)

    def ask(self, operation, **params):
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()
        parsed = getattr(self.s3, name)(**params)
        return (parsed, *self.answers[operation])

    def output(self, operation):
        return self.s3.meta.service_model.operation_model(operation).output_shape


def name_of(name, shape):
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        return shape.member.serialization.get("name") or shape.serialization.get("name", name)
    return shape.serialization.get("name", name)


def check_scalar(path, text, shape):
    text = text or ""
    if shape.type_name in ("integer", "long"):
        assert re.fullmatch(r"-?\d+", text), f"{path}: {text!r}"
    elif shape.type_name == "boolean":
        assert text in ("true", "false"), f"{path}: {text!r}"
    elif shape.type_name == "timestamp":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", text), f"{path}: {text!r}"
    elif getattr(shape, "enum", None):
        assert text in shape.enum, f"{path}: {text!r}"


def check_element(path, element, shape):
    """element as botocore would read it, but nothing passed over."""
    assert element.tag.startswith(NS), path
    if shape.type_name == "structure":
        known = {name_of(n, s): s for n, s in shape.members.items()}
        for attribute in element.attrib:
            assert attribute == XSI_TYPE and "xsi:type" in known, f"{path}: {attribute}"
        seen = set()
        for child in element:
            name = child.tag[len(NS):]
            below = f"{path}/{name}"
            assert name in known, f"{below} is unknown to clients"
            member = known[name]
            if member.type_name == "list" and member.serialization.get("flattened"):
                check_element(below, child, member.member)
            else:
                assert name not in seen, f"{below} twice"
                check_element(below, child, member)
            seen.add(name)
        required = {name_of(n, shape.members[n]) for n in shape.required_members} - {"xsi:type"}
        assert required <= seen, f"{path} lacks {required - seen}"
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            assert child.tag == NS + item, f"{path}: {child.tag}, not {item}"
            check_element(f"{path}/{item}", child, shape.member)
    else:
        assert len(element) == 0, path
        check_scalar(path, element.text, shape)


def check_headers(operation, headers, shape):
    # AWS names the version that was found, whether the model tells or not
    told = {"x-amz-request-id", "x-amz-id-2", "x-amz-version-id"}
    told |= {s.serialization["name"].lower() for s in (shape.members.values() if shape else ())
             if s.serialization.get("location") == "header"}
    for name in headers:
        low = name.lower()
        if low.startswith("x-amz-") and not low.startswith("x-amz-meta-"):
            assert low in told, f"{operation}: {name} is unknown to clients"
    assert "x-amz-request-id" in {n.lower() for n in headers}


def check_document(watch, operation, headers, body):
    root_name, needed = DOCUMENTS[operation]
    shape = watch.output(operation)
    payload = shape.serialization.get("payload")
    headers = {n.lower(): v for n, v in headers.items()}
    check_headers(operation, headers, shape)
    assert headers["content-type"] == "application/xml"
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    root = ElementTree.fromstring(body)
    assert root.tag == NS + root_name
    if operation == "GetBucketLocation":
        assert len(root) == 0
    else:
        check_element(root_name, root, shape.members[payload] if payload else in_body(shape))
    for path in needed.split():
        assert root.find("/".join(NS + step for step in path.split("/"))) is not None, f"{root_name} lacks {path}"


class in_body:
    """The members of an output that stand in its body, as a structure."""
    type_name = "structure"

    def __init__(self, shape):
        self.members = {n: s for n, s in shape.members.items() if not s.serialization.get("location")}
        self.required_members = [n for n in shape.required_members if n in self.members]


@pytest.fixture(scope="module")
def watch(plain_server):
    return Watch(plain_server)


@pytest.fixture(scope="module")
def full(watch):
    """A bucket with something of everything."""
    s3, name = watch.s3, "schemas-" + uuid.uuid4().hex[:8]
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, ObjectOwnership="ObjectWriter")
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "a=b"}, {"Key": "b", "Value": ""}]})
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [
        {"ID": "i<", "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"],
         "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 5}]})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObjectTorrent", "Resource": f"arn:aws:s3:::{name}/*"}]}))
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
    until = datetime.now(timezone.utc) + timedelta(hours=1)
    s3.put_object(Bucket=name, Key="a<&>\"'\u00fc.txt", Body=b"one", ACL="public-read", Tagging="k=v&l=",
                  ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until, ObjectLockLegalHoldStatus="ON",
                  StorageClass="REDUCED_REDUNDANCY", ChecksumAlgorithm="SHA256", Metadata={"m": "n"},
                  WebsiteRedirectLocation="/x")
    s3.put_object(Bucket=name, Key="d/e", Body=b"two")
    s3.put_object(Bucket=name, Key="gone", Body=b"3")
    s3.delete_object(Bucket=name, Key="gone")
    upload = s3.create_multipart_upload(Bucket=name, Key="m", ChecksumAlgorithm="CRC32")["UploadId"]
    s3.upload_part(Bucket=name, Key="m", UploadId=upload, PartNumber=1, Body=b"p" * (5 << 20),
                   ChecksumAlgorithm="CRC32")
    s3.upload_part(Bucket=name, Key="m", UploadId=upload, PartNumber=2, Body=b"q", ChecksumAlgorithm="CRC32")
    return name, upload


KEY = "a<&>\"'\u00fc.txt"
CALLS = [
    ("ListBuckets", {}), ("ListBuckets", {"MaxBuckets": 1, "Prefix": "s"}),
    ("GetObjectAcl", {"Key": KEY}), ("GetObjectLegalHold", {"Key": KEY}), ("GetObjectRetention", {"Key": KEY}),
    ("GetObjectTagging", {"Key": KEY}),
    ("ListParts", {"Key": "m", "UploadId": None}), ("ListParts", {"Key": "m", "UploadId": None, "MaxParts": 1}),
    ("CopyObject", {"Key": "c", "CopySource": None}),
    ("CopyObject", {"Key": "c", "CopySource": None, "ChecksumAlgorithm": "SHA1"}),
    ("UploadPartCopy", {"Key": "m", "UploadId": None, "PartNumber": 3, "CopySource": None}),
    ("ListMultipartUploads", {}), ("ListMultipartUploads", {"Delimiter": "/", "Prefix": "m", "EncodingType": "url"}),
    ("GetBucketLocation", {}),
    ("ListObjectVersions", {}), ("ListObjectVersions", {"Prefix": "g", "EncodingType": "url"}),
    ("GetBucketAccelerateConfiguration", {}), ("GetBucketAcl", {}), ("GetBucketCors", {}), ("GetBucketLogging", {}),
    ("GetBucketNotificationConfiguration", {}), ("GetBucketOwnershipControls", {}), ("GetBucketPolicyStatus", {}),
    ("GetBucketRequestPayment", {}), ("GetBucketTagging", {}), ("GetBucketVersioning", {}),
    ("GetObjectLockConfiguration", {}), ("GetPublicAccessBlock", {}),
    ("ListObjectsV2", {}), ("ListObjectsV2", {"MaxKeys": 1, "FetchOwner": True, "Delimiter": "/", "StartAfter": "A"}),
    ("ListObjects", {}), ("ListObjects", {"MaxKeys": 1, "Delimiter": "/"}),
    ("ListBucketAnalyticsConfigurations", {}), ("ListBucketIntelligentTieringConfigurations", {}),
    ("ListBucketInventoryConfigurations", {}), ("ListBucketMetricsConfigurations", {}),
]


@pytest.mark.parametrize("operation,params", CALLS, ids=[f"{o}-{len(p)}" for o, p in CALLS])
def test_documents(watch, full, operation, params):
    params = dict(params)
    if operation != "ListBuckets":
        params["Bucket"] = full[0]
    if "UploadId" in params:
        params["UploadId"] = full[1]
    if "CopySource" in params:
        params["CopySource"] = {"Bucket": full[0], "Key": "d/e"}
    parsed, status, headers, body = watch.ask(operation, **params)
    assert status == 200
    check_document(watch, operation, headers, body)
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_documents_of_uploads(watch, full):
    s3, name = watch.s3, full[0]
    made, status, headers, body = watch.ask(
        "CreateMultipartUpload", Bucket=name, Key="done", ChecksumAlgorithm="SHA256")
    check_document(watch, "CreateMultipartUpload", headers, body)
    parts = []
    for n, data in ((1, b"1" * (5 << 20)), (2, b"2")):
        part = s3.upload_part(Bucket=name, Key="done", UploadId=made["UploadId"], PartNumber=n, Body=data,
                              ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": n, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    _, status, headers, body = watch.ask("CompleteMultipartUpload", Bucket=name, Key="done",
                                         UploadId=made["UploadId"], MultipartUpload={"Parts": parts})
    check_document(watch, "CompleteMultipartUpload", headers, body)
    for more in ({}, {"MaxParts": 1}):
        _, _, headers, body = watch.ask("GetObjectAttributes", Bucket=name, Key="done", **more, ObjectAttributes=[
            "ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"])
        check_document(watch, "GetObjectAttributes", headers, body)


def test_documents_of_deletes(watch, full):
    objects = [{"Key": "x<&>"}, {"Key": KEY, "VersionId": "null"}, {"Key": "y", "VersionId": "nonsense"}]
    parsed, _, headers, body = watch.ask("DeleteObjects", Bucket=full[0], Delete={"Objects": objects})
    check_document(watch, "DeleteObjects", headers, body)
    assert {d["Key"] for d in parsed["Deleted"]} >= {"x<&>"}
    _, _, headers, body = watch.ask("DeleteObjects", Bucket=full[0], Delete={"Objects": objects[:1], "Quiet": True})
    assert len(ElementTree.fromstring(body)) == 0


def test_every_served_document_is_checked(watch):
    """Rows of the table of operations that are answered, and of which botocore knows a document."""
    with open(os.path.join(ROOT, "src/s3/ops.c")) as f:
        rows = list(re.finditer(r'\{"(\w+)", HTTP_\w+,.*?\},\n', f.read(), re.S))
    served = {row[1] for row in rows if "START(" in row[0]}
    assert len(rows) > 90 and len(served) > 60
    model = watch.s3.meta.service_model
    with_document = set()
    for name in served & set(model.operation_names):
        shape = model.operation_model(name).output_shape
        if shape and (shape.serialization.get("payload") or in_body(shape).members):
            with_document.add(name)
    assert with_document == (set(DOCUMENTS) | set(ONLY_ERRORS) | NOT_XML) & served
    asked = {o for o, _ in CALLS} | {"CreateMultipartUpload", "CompleteMultipartUpload", "GetObjectAttributes",
                                     "DeleteObjects"}
    assert asked == set(DOCUMENTS)


@pytest.mark.parametrize("operation", ONLY_ERRORS)
def test_what_is_never_set(watch, full, operation):
    params = {"Id": "i"} if operation.endswith("Configuration") and "Lifecycle" not in operation else {}
    with pytest.raises(ClientError) as e:
        watch.ask(operation, Bucket=full[0], **params)
    assert (e.value.response["ResponseMetadata"]["HTTPStatusCode"], e.value.response["Error"]["Code"]) == \
        ONLY_ERRORS[operation]


def test_headers_of_objects(watch, full):
    s3, name = watch.s3, full[0]
    for operation, params in (("HeadObject", {"Key": KEY, "ChecksumMode": "ENABLED"}), ("HeadBucket", {}),
                              ("GetObject", {"Key": KEY, "ChecksumMode": "ENABLED"}),
                              ("PutObject", {"Key": "h", "Body": b"x"}), ("DeleteObject", {"Key": "h"}),
                              ("PutObjectTagging", {"Key": KEY, "Tagging": {"TagSet": []}}),
                              ("DeleteObjectTagging", {"Key": KEY}), ("PutObjectAcl", {"Key": KEY, "ACL": "private"}),
                              ("UploadPart", {"Key": "m", "UploadId": full[1], "PartNumber": 9, "Body": b"x"}),
                              ("GetBucketPolicy", {})):
        _, status, headers, _ = watch.ask(operation, Bucket=name, **params)
        assert status in (200, 204)
        check_headers(operation, headers, watch.output(operation))
    assert watch.answers["GetBucketPolicy"][1].get("content-type") == "application/json" or \
        watch.answers["GetBucketPolicy"][1].get("Content-Type") == "application/json"
    head = s3.head_object(Bucket=name, Key=KEY)
    assert head["StorageClass"] == "REDUCED_REDUNDANCY" and head["ObjectLockLegalHoldStatus"] == "ON"


# Errors

BAD = b"a\xff\xfe\xed\xa0\x80\xef\xbf\xbf\xc3"


def parse_error(body):
    root = ElementTree.fromstring(body)
    assert root.tag == "Error" and root[0].tag == "Code" and root[1].tag == "Message"
    names = [n.tag for n in root]
    assert len(names) == len(set(names)) and {"Resource", "RequestId", "HostId"} <= set(names)
    return root.findtext("Code"), root.findtext("Message")


@pytest.mark.parametrize("target", [b"/bucket-x/" + BAD, b"/" + BAD, b"/bucket-x/k?versionId=" + BAD, b"/bucket-x/%00",
                                    b"/bucket-x/%ef%bf%bf?uploads", b"/bucket-x/%01%3c%26?acl"])
@pytest.mark.parametrize("method", [b"GET", b"PUT", b"OPTIONS"])
def test_errors_are_xml_whatever_was_asked(plain_server, method, target):
    from raw import Connection
    with Connection(plain_server) as c:
        c.send(method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: AWS " + BAD +
               b":" + BAD + b"\r\n\r\n")
        answer = c.read()
        assert answer.status >= 400, answer
        parse_error(answer.body) if b"<Resource>" in answer.body else ElementTree.fromstring(answer.body)


def test_sentences_are_not_cut_within_characters(watch, full):
    for n in range(70, 90):
        with pytest.raises(ClientError) as e:
            watch.s3.put_bucket_policy(Bucket=full[0], Policy=json.dumps(
                {"Version": "2012-10-17", "Statement": [], "x" * (n % 3) + "\u20ac" * n: 1}, ensure_ascii=False))
        assert e.value.response["Error"]["Code"] == "MalformedPolicy"
        parse_error(watch.answers["PutBucketPolicy"][2])
