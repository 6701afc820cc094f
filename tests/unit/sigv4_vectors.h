/* Made by tests/help/make_sigv4_vectors.py; do not edit. */
#define VECTORS_NOW_MS 1767323045000 /* 2026-01-02T03:04:05Z */
/* clang-format off */
static const char *const vectors[] = {
    ("GET /b/plain\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=aa26704c630061f6863f9659093e5f7f22c642d42acf3841d4d87433b5610c8d\n"),
    ("GET /b/a%20b%2Bc%26d%3De/f~g%28h%29%21%2A%27%24%2C%3B%3A%40\n"
     "Host: store.test:9000\n"
     "Range: bytes=0-1\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=025a0bad94a71cfef09afc4ccbed55aae0ebd7a6aeeae51f79f62186cd419502\n"),
    ("GET /b/%E2%82%AC/%C3%BC//x/../y?response-content-type=text%2Fa%20b\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=d6fc9be3196f654ba85b6d8b3a69fccbe3835b7e64f62aed2d412b3af17e5799\n"),
    ("GET /b/%2541%252F%25?versionId=null\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=8f22c1b804e08d7927e3832c923829a83f59e224f73dfd83666942243ca81ae0\n"),
    ("HEAD /b/k\n"
     "Host: store.test:9000\n"
     "If-None-Match: \"e\"\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date, Signature=8e604e371369fcdc04c68ce45d8fb70c017eb6a549ea394f914fac20c16587ab\n"),
    ("GET /b?list-type=2&prefix=a%2Bb%20c%2F&delimiter=%2F&start-after=%C3%A9%26%3D&encoding-type=url\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=9a0e7c86fab7221fd66625806b1fd5205d8a0f63ce452081b2be2dcc8680a524\n"),
    ("GET /b?marker=&encoding-type=url&max-keys=3\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=ebd823c0f238e2fef8e56e083517ac8dd2124ba2605c93d2207f461bf4898826\n"),
    ("PUT /b/k\n"
     "Host: store.test:9000\n"
     "x-amz-meta-One: a   b\n"
     "x-amz-meta-two: x\n"
     "Content-Type: text/plain;  charset=utf-8\n"
     "Content-MD5: hBotaJrYa9FhFEdFPCLG/A==\n"
     "Expect: 100-continue\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: 230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=content-md5;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-one;x-amz-meta-two, Signature=1df43fbc3347d35a45f770916dedb414707220950530ab36f1e45c7c0ebb3f09\n"
     "Content-Length: 4\n"),
    ("PUT /b/k\n"
     "Host: store.test:9000\n"
     "Cache-Control: no-cache, \tmax-age=0\n"
     "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\n"
     "Expect: 100-continue\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=cache-control;content-md5;host;x-amz-content-sha256;x-amz-date, Signature=f38a60240d53c821a8eafc2482cd64ba2710323897e4aaa571c2e735eb7d4962\n"
     "Content-Length: 0\n"),
    ("PUT /b/k\n"
     "Host: store.test:9000\n"
     "x-amz-copy-source: c/x%20y/%2B\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-copy-source;x-amz-date, Signature=afd2b010d03606736951462d14602f17aa352cc41087ee9bd93d5f4f6fbc5326\n"
     "Content-Length: 0\n"),
    ("POST /b?delete\n"
     "Host: store.test:9000\n"
     "Content-MD5: cDL/HO6237pKgcrKF+HYeA==\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: ee14008cf8b8dc1560aef85ac8e299c5afd06c7dc857e44ce281beffe62f093d\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date, Signature=bc01de094c35433dc407b7c55d75dd31466c6b5de51cbf90868e42470926c5c5\n"
     "Content-Length: 94\n"),
    ("POST /b/a/b?uploads\n"
     "Host: store.test:9000\n"
     "x-amz-checksum-algorithm: CRC32\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-checksum-algorithm;x-amz-content-sha256;x-amz-date, Signature=1a9669f57dcd8e5d8497cb7b56dac4284a777ff7847cc39a1d621e49467f5ea0\n"
     "Content-Length: 0\n"),
    ("PUT /b/k?uploadId=a%2Fb%2Bc%3D%3D&partNumber=1\n"
     "Host: store.test:9000\n"
     "Content-MD5: ndTkYSaMgDT1yFZOFVxnpg==\n"
     "Expect: 100-continue\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date, Signature=860d9b7c60d1a512644347167c9a649e3a73171444a66e43dbeb8297356713f9\n"
     "Content-Length: 1\n"),
    ("GET /b/k?uploadId=u&part-number-marker=3\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=404c3bb87ca0b98faa3b7eb340637c068f018d428c556362c429a0cadd6b6923\n"),
    ("GET /\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=30e364e2d2ea5507e13a7a048673bafcc272fdf1cf9df5daa6fb226eaa392ae5\n"),
    ("GET /b/plain?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=54348803f8cef633de426087a17a77e0d25399a20569c6015d4aa1a2a9ab6b77\n"
     "Host: store.test:9000\n"),
    ("GET /b/%E2%82%AC/%C3%BC//x/../y?response-content-type=text%2Fa%20b&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=76f42e897785a9c535a23f0630a54865878f51d7a7c21327ec57888b9e828f1e\n"
     "Host: store.test:9000\n"),
    ("GET /b/%2541%252F%25?versionId=null&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=97250daf17b0fa9b5f29819691a0a9c28af613382343eb69a225c78308a80527\n"
     "Host: store.test:9000\n"),
    ("GET /b?list-type=2&prefix=a%2Bb%20c%2F&delimiter=%2F&start-after=%C3%A9%26%3D&encoding-type=url&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=bfe0d81149df446eead4bafed2cbe0d38d51de41a3714dd03e42052e80c85dbc\n"
     "Host: store.test:9000\n"),
    ("GET /b?marker=&encoding-type=url&max-keys=3&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=357f6f187aa472204dbe23aae1251a471898b59d755ac8f8e2953a0a1db620ea\n"
     "Host: store.test:9000\n"),
    ("GET /b/k?uploadId=u&part-number-marker=3&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=f0db9cc0c06e18f31294e83dde746e5494814638b88c72c298658cb3604d79ad\n"
     "Host: store.test:9000\n"),
    ("GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=0f6acd29475ccd865517d569541dcd2ce6d21ad8d130896b55475cb89b3e3b73\n"
     "Host: store.test:9000\n"),
    ("GET /b/plain\n"
     "Host: store.test:9000\n"
     "x-amz-checksum-mode: ENABLED\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date, Signature=4521fedb7ea616c929d5749d906074ac57d03030b97b3311d47aab44f9720a16\n"),
    ("GET /b/a%20b%2Bc%26d%3De/f~g%28h%29%21%2A%27%24%2C%3B%3A%40\n"
     "Host: store.test:9000\n"
     "Range: bytes=0-1\n"
     "x-amz-checksum-mode: ENABLED\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;range;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date, Signature=a122f6c4bf3f60ba5581648f6d02fd8f4d4c2a4b96091a9a647182bd95e702ac\n"),
    ("GET /b/%E2%82%AC/%C3%BC//x/../y?response-content-type=text%2Fa%20b\n"
     "Host: store.test:9000\n"
     "x-amz-checksum-mode: ENABLED\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date, Signature=821d0ea01418eb5a47f2dc078330d4f8c707ac69a7db024b654054e4f4149edc\n"),
    ("GET /b/%2541%252F%25?versionId=null\n"
     "Host: store.test:9000\n"
     "x-amz-checksum-mode: ENABLED\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date, Signature=6e4eb8b52ab95f53ce38b64767475ab8a263ff8f7a3a3f507d34152c9f4f8928\n"),
    ("HEAD /b/k\n"
     "Host: store.test:9000\n"
     "If-None-Match: \"e\"\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date, Signature=8e604e371369fcdc04c68ce45d8fb70c017eb6a549ea394f914fac20c16587ab\n"),
    ("GET /b?list-type=2&prefix=a%2Bb%20c%2F&delimiter=%2F&start-after=%C3%A9%26%3D&encoding-type=url\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=9a0e7c86fab7221fd66625806b1fd5205d8a0f63ce452081b2be2dcc8680a524\n"),
    ("GET /b?marker=&encoding-type=url&max-keys=3\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=ebd823c0f238e2fef8e56e083517ac8dd2124ba2605c93d2207f461bf4898826\n"),
    ("PUT /b/k\n"
     "Host: store.test:9000\n"
     "x-amz-meta-One:  a   b \n"
     "x-amz-meta-two: x\n"
     "Content-Type: text/plain;  charset=utf-8\n"
     "Expect: 100-continue\n"
     "x-amz-checksum-crc32: 26gLsg==\n"
     "x-amz-sdk-checksum-algorithm: CRC32\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: 230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-meta-one;x-amz-meta-two;x-amz-sdk-checksum-algorithm, Signature=2d9378379984574d283aced618e768a219d7921d22fe1231cb32344f5a5294f4\n"
     "Content-Length: 4\n"),
    ("PUT /b/k\n"
     "Host: store.test:9000\n"
     "Cache-Control: no-cache, \tmax-age=0\n"
     "Expect: 100-continue\n"
     "x-amz-checksum-crc32: AAAAAA==\n"
     "x-amz-sdk-checksum-algorithm: CRC32\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=cache-control;host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-sdk-checksum-algorithm, Signature=c26b2cf9e861be5a6554ad7168395d9db34b1505f83d7a60a58ea1558767983c\n"
     "Content-Length: 0\n"),
    ("PUT /b/k\n"
     "Host: store.test:9000\n"
     "x-amz-copy-source: c/x%20y/%2B\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-copy-source;x-amz-date, Signature=afd2b010d03606736951462d14602f17aa352cc41087ee9bd93d5f4f6fbc5326\n"
     "Content-Length: 0\n"),
    ("POST /b?delete\n"
     "Host: store.test:9000\n"
     "x-amz-checksum-crc32: tCs18Q==\n"
     "x-amz-sdk-checksum-algorithm: CRC32\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: ee14008cf8b8dc1560aef85ac8e299c5afd06c7dc857e44ce281beffe62f093d\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-sdk-checksum-algorithm, Signature=2ffde714877b67806975890994ad03bd4e6a0cfdbddd7aeed7fa38fae7f190d7\n"
     "Content-Length: 94\n"),
    ("POST /b/a/b?uploads\n"
     "Host: store.test:9000\n"
     "x-amz-checksum-algorithm: CRC32\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-checksum-algorithm;x-amz-content-sha256;x-amz-date, Signature=1a9669f57dcd8e5d8497cb7b56dac4284a777ff7847cc39a1d621e49467f5ea0\n"
     "Content-Length: 0\n"),
    ("PUT /b/k?uploadId=a%2Fb%2Bc%3D%3D&partNumber=1\n"
     "Host: store.test:9000\n"
     "Expect: 100-continue\n"
     "x-amz-checksum-crc32: jNwWgw==\n"
     "x-amz-sdk-checksum-algorithm: CRC32\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-sdk-checksum-algorithm, Signature=4e5c14867dd6c70df6a9e77330a23bf7593dc77c6aba6ab9fafa9a96a8e7665b\n"
     "Content-Length: 1\n"),
    ("GET /b/k?uploadId=u&part-number-marker=3\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=404c3bb87ca0b98faa3b7eb340637c068f018d428c556362c429a0cadd6b6923\n"),
    ("GET /\n"
     "Host: store.test:9000\n"
     "X-Amz-Date: 20260102T030405Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/eu-north-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=30e364e2d2ea5507e13a7a048673bafcc272fdf1cf9df5daa6fb226eaa392ae5\n"),
    ("GET /b/plain?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=54348803f8cef633de426087a17a77e0d25399a20569c6015d4aa1a2a9ab6b77\n"
     "Host: store.test:9000\n"),
    ("GET /b/%E2%82%AC/%C3%BC//x/../y?response-content-type=text%2Fa%20b&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=76f42e897785a9c535a23f0630a54865878f51d7a7c21327ec57888b9e828f1e\n"
     "Host: store.test:9000\n"),
    ("GET /b/%2541%252F%25?versionId=null&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=97250daf17b0fa9b5f29819691a0a9c28af613382343eb69a225c78308a80527\n"
     "Host: store.test:9000\n"),
    ("GET /b?list-type=2&prefix=a%2Bb%20c%2F&delimiter=%2F&start-after=%C3%A9%26%3D&encoding-type=url&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=bfe0d81149df446eead4bafed2cbe0d38d51de41a3714dd03e42052e80c85dbc\n"
     "Host: store.test:9000\n"),
    ("GET /b?marker=&encoding-type=url&max-keys=3&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=357f6f187aa472204dbe23aae1251a471898b59d755ac8f8e2953a0a1db620ea\n"
     "Host: store.test:9000\n"),
    ("GET /b/k?uploadId=u&part-number-marker=3&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=f0db9cc0c06e18f31294e83dde746e5494814638b88c72c298658cb3604d79ad\n"
     "Host: store.test:9000\n"),
    ("GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-north-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0f6acd29475ccd865517d569541dcd2ce6d21ad8d130896b55475cb89b3e3b73\n"
     "Host: store.test:9000\n"),
};
/* clang-format on */
