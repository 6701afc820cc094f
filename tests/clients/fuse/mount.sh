#!/bin/bash
# s3fs (FUSE) mounts a bucket: files are objects and the other way round. TAP on standard output.
set -u
bucket=fuse-clients
folder=$(mktemp -d)
cd / || exit 1
n=0

tell() { # NAME STATUS
    n=$((n + 1))
    if [ "$2" = 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

ask() { # METHOD PATH [CURL OPTIONS]
    local method=$1 path=$2
    shift 2
    curl -fsS -X "$method" --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        -H x-amz-content-sha256:UNSIGNED-PAYLOAD "$AWS_ENDPOINT_URL/$bucket$path" "$@"
}

ask PUT "" >/dev/null || { echo "not ok 1 - start"; exit 1; }
export AWSACCESSKEYID=$AWS_ACCESS_KEY_ID AWSSECRETACCESSKEY=$AWS_SECRET_ACCESS_KEY
s3fs "$bucket" "$folder" -o "url=$AWS_ENDPOINT_URL,use_path_request_style,endpoint=us-east-1,no_check_certificate"
mountpoint -q "$folder"
tell "mount" $?

echo "by file" >"$folder/small" && [ "$(ask GET /small)" = "by file" ]
tell "a file is an object" $?
ask PUT /object -d "by object" >/dev/null && [ "$(cat "$folder/object")" = "by object" ]
tell "an object is a file" $?
head -c 30000000 /dev/urandom >"$folder.large" && cp "$folder.large" "$folder/large" && cmp "$folder.large" "$folder/large"
tell "a large file, in parts" $?
dd if="$folder/large" bs=1000 skip=20000 count=1 status=none | cmp - <(dd if="$folder.large" bs=1000 skip=20000 count=1 status=none)
tell "a range of it" $?
mkdir -p "$folder/d/e" && mv "$folder/small" "$folder/d/e/moved" && [ "$(cat "$folder/d/e/moved")" = "by file" ]
tell "folders and a rename" $?
chmod 640 "$folder/d/e/moved" && [ "$(stat -c %a "$folder/d/e/moved")" = 640 ]
tell "a mode is metadata" $?
echo more >>"$folder/d/e/moved" && [ "$(ask GET /d/e/moved | tail -1)" = more ]
tell "append" $?
rm -r "$folder/d" "$folder/large" "$folder/object" && [ -z "$(ls "$folder")" ]
tell "remove" $?

umount "$folder"
rm -rf "$folder" "$folder.large"
ask DELETE "" >/dev/null
tell "nothing is left in the bucket" $?
