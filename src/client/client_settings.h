/*
 * What a client knows before it says a word: endpoint, credentials, limits. From the options, the
 * environment, ~/.aws/credentials and ~/.aws/config, in that order, each value by itself.
 */
#ifndef PENSTOCK_CLIENT_SETTINGS_H
#define PENSTOCK_CLIENT_SETTINGS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "penstock/penstock.h"

struct client_settings {
    char endpoint[320];    /* "https://host:port": what was asked for */
    char host_header[280]; /* "host:port"; without a default port */
    bool is_tls;
    char access_key[136], secret_key[136], session_token[4096];
    char region[64];
    char ca_file[512];
    bool is_insecure;
    enum ps_direct direct;
    unsigned connections;
    uint64_t part_bytes_tcp, part_bytes_direct;
    uint64_t multipart_from_bytes;
    unsigned retries;
    unsigned timeout_ms;
    bool verifies;
};

/* PS_ERR_INVALID, PS_ERR_CREDENTIALS; client_why says what. options may be NULL. */
enum ps_err
client_settings_resolve(const struct ps_options *options, struct client_settings *s_out);

/* "http://127.0.0.1:9000" into endpoint, host_header, is_tls. Pure. */
enum ps_err client_settings_endpoint(struct client_settings *s, const char *url);

/*
 * One value of an INI text of the AWS kind: [section], name = value. Comments begin with '#' or
 * ';'. Nested lines (indented) are passed over. Empty when absent. Pure.
 */
struct view client_settings_ini(struct view text, struct view section, struct view name);

#endif
