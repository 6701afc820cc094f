/*
 * The root account's keys: from the configuration, else from DIR/root-credentials (mode 0600), else
 * made at the first start, kept there and shown once. There is no well-known default.
 */
#ifndef PENSTOCK_SERVER_KEYS_H
#define PENSTOCK_SERVER_KEYS_H

#include "s3/s3.h"

struct keys {
    struct s3_credentials credentials; /* first member */
    char access[129];
    char secret[129];
    bool was_made; /* show them */
};

/*
 * keys_open(k, user, password, dir, why): user and password may be NULL; dir NULL (engine memory):
 * made keys are not kept.
 */
enum err keys_open(
    struct keys *k, const char *user, const char *password, const char *dir,
    struct buf *why) MUST_CHECK;

#endif
