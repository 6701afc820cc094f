#include <curl/curl.h>
#include <jansson.h>
#include <lmdb.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "base/crc64.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/jsonline.h"
#include "cli/version_build.h"
#include "cli/version_commit.h"
#include "penstock/penstock.h"

static const char *crc64_kernel(void)
{
    if (crc64_has_wide())
        return "vpclmul";
    return crc64_has_clmul() ? "pclmul" : "table";
}

static void print_json(void)
{
    struct jsonline j;

    jsonline_open(&j, stdout);
    jsonline_text(&j, "version", PS_VERSION);
    jsonline_text(&j, "commit", VERSION_COMMIT);
    jsonline_text(&j, "compiler", VERSION_COMPILER);
    jsonline_text(&j, "build", VERSION_BUILD);
    jsonline_text(&j, "crc64", crc64_kernel());
    jsonline_text(&j, "openssl", OpenSSL_version(OPENSSL_VERSION));
    jsonline_text(&j, "curl", curl_version_info(CURLVERSION_NOW)->version);
    jsonline_text(&j, "lmdb", mdb_version(NULL, NULL, NULL));
    jsonline_text(&j, "liburing", VERSION_LIBURING);
    jsonline_text(&j, "jansson", JANSSON_VERSION);
    jsonline_close(&j);
}

int version_main(int argc, char **argv)
{
    const struct args_spec spec = {
        .usage = "version [--json]",
        .about = "Prints the version and how this binary was built.\n",
        .is_offline = true,
    };
    struct args a;

    int status = args_read(&a, &spec, argc, argv);
    if (status != ARGS_GO)
        return status;
    if (a.json) {
        print_json();
        return CLI_DONE;
    }
    printf("penstock %s (%s)\n", PS_VERSION, VERSION_COMMIT);
    printf(
        "built with %s, %s; CRC-64/NVME by %s here\n", VERSION_COMPILER, VERSION_BUILD,
        crc64_kernel());
    printf(
        "%s, curl %s, liburing %s, %s, jansson %s\n", OpenSSL_version(OPENSSL_VERSION),
        curl_version_info(CURLVERSION_NOW)->version, VERSION_LIBURING,
        mdb_version(NULL, NULL, NULL), JANSSON_VERSION);
    return CLI_DONE;
}
