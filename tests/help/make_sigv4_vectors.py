#!/usr/bin/env python3
"""Prints tests/unit/sigv4_vectors.h: requests signed by the installed botocore, as text for
auth_help_read. Not part of the build; run it by hand, with two versions of botocore, and commit
the result: make_sigv4_vectors.py PYTHON [PYTHON...]"""
import json
import subprocess
import sys
import types
from datetime import datetime, timedelta, timezone

KEY, SECRET = 'AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
CALLS = [
    ('get_object', dict(Bucket='b', Key='plain')),
    ('get_object', dict(Bucket='b', Key='a b+c&d=e/f~g(h)!*\'$,;:@', Range='bytes=0-1')),
    ('get_object', dict(Bucket='b', Key='\u20ac/\u00fc//x/../y', ResponseContentType='text/a b')),
    ('get_object', dict(Bucket='b', Key='%41%2F%', VersionId='null')),
    ('head_object', dict(Bucket='b', Key='k', IfNoneMatch='"e"')),
    ('list_objects_v2', dict(Bucket='b', Prefix='a+b c/', Delimiter='/', StartAfter='\u00e9&=')),
    ('list_objects', dict(Bucket='b', Marker='', EncodingType='url', MaxKeys=3)),
    ('put_object', dict(Bucket='b', Key='k', Body=b'body', Metadata={'One': ' a   b ', 'two': 'x'},
                        ContentType='text/plain;  charset=utf-8')),
    ('put_object', dict(Bucket='b', Key='k', Body=b'', CacheControl='no-cache, \tmax-age=0')),
    ('copy_object', dict(Bucket='b', Key='k', CopySource={'Bucket': 'c', 'Key': 'x y/+'})),
    ('delete_objects', dict(Bucket='b', Delete={'Objects': [{'Key': 'k'}]})),
    ('create_multipart_upload', dict(Bucket='b', Key='a/b', ChecksumAlgorithm='CRC32')),
    ('upload_part', dict(Bucket='b', Key='k', UploadId='a/b+c==', PartNumber=1, Body=b'x')),
    ('list_parts', dict(Bucket='b', Key='k', UploadId='u', PartNumberMarker=3)),
    ('list_buckets', {}),
]


def one_version():
    import botocore.auth
    import botocore.session
    from botocore.config import Config

    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

    class Clock(datetime):
        @classmethod
        def utcnow(cls):
            return now.replace(tzinfo=None)

        @classmethod
        def now(cls, tz=None):
            return now if tz else now.replace(tzinfo=None)

    modules = [botocore.auth]
    try:
        import botocore.crt.auth
        modules.append(botocore.crt.auth)
    except ImportError:
        pass
    fake = types.SimpleNamespace(datetime=Clock, timedelta=timedelta, timezone=timezone)
    for module in modules:
        if hasattr(module, 'get_current_datetime'):
            module.get_current_datetime = lambda remove_tzinfo=True: (
                now.replace(tzinfo=None) if remove_tzinfo else now)
        if hasattr(module, 'datetime'):
            module.datetime = fake

    client = botocore.session.Session().create_client(
        's3', 'eu-north-1', endpoint_url='http://store.test:9000', aws_access_key_id=KEY,
        aws_secret_access_key=SECRET, config=Config(
            signature_version='s3v4', s3={'addressing_style': 'path'}, parameter_validation=False))
    out = []

    class Stop(Exception):
        pass

    def before_send(request, **_):
        target = request.url.split('http://store.test:9000', 1)[1]
        lines = ['%s %s' % (request.method, target), 'Host: store.test:9000']
        for name, value in request.headers.items():
            value = value.decode() if isinstance(value, bytes) else value
            if name.lower() in ('host', 'user-agent') or name.startswith('amz-sdk'):
                continue
            lines.append('%s: %s' % (name, value))
        out.append('\n'.join(lines))
        raise Stop

    client.meta.events.register_last('before-send.s3', before_send)
    for name, args in CALLS:
        try:
            getattr(client, name)(**args)
        except Stop:
            pass
        except Exception as e:
            if not isinstance(e.__context__, Stop) and 'Stop' not in repr(e):
                sys.stderr.write('%s: %r\n' % (name, e))
    for name, args in CALLS:
        url = client.generate_presigned_url(
            name, {k: v for k, v in args.items() if k not in ('Body', 'Delete')}, ExpiresIn=60)
        if name.startswith(('get', 'list')) and 'SignedHeaders=host&' in url:
            out.append('GET %s\nHost: store.test:9000' % url.split(':9000', 1)[1])
    return out


def c_text(s):
    return '\n     '.join(json.dumps(line + '\n') for line in s.split('\n'))


if __name__ == '__main__':
    if sys.argv[1:] == ['--json']:
        print(json.dumps(one_version()))
        sys.exit()
    seen = []
    for python in sys.argv[1:]:
        for text in json.loads(subprocess.check_output([python, __file__, '--json'])):
            if text not in seen:
                seen.append(text)
    print('/* Made by tests/help/make_sigv4_vectors.py; do not edit. */')
    print('#define VECTORS_NOW_MS 1767323045000 /* 2026-01-02T03:04:05Z */')
    print('/* clang-format off */')
    print('static const char *const vectors[] = {')
    for text in seen:
        print('    (%s),' % c_text(text))
    print('};\n/* clang-format on */')
