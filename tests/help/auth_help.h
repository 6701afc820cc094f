/* Requests for the tests of src/auth, from text. */
#ifndef PENSTOCK_TESTS_HELP_AUTH_HELP_H
#define PENSTOCK_TESTS_HELP_AUTH_HELP_H

#include "auth/sigv4.h"

enum { AUTH_HELP_HEADERS_MAX = 64 };

struct auth_help {
    struct sigv4_request q;
    struct sigv4_header headers[AUTH_HELP_HEADERS_MAX];
};

/*
 * auth_help_read(r, text, now): "GET /path?query\nName:value\nName:value". The views point into
 * text. Headers beyond the table are dropped.
 */
void auth_help_read(struct auth_help *r, struct view text, int64_t now_ms);
void auth_help_add(struct auth_help *r, const char *name, struct view value);
/* 2013-05-24T00:00:00Z, the day of AWS's examples. */
#define AUTH_HELP_MAY_24 1369353600000

#endif
