/*
 * Settings of `penstock serve`: one table gives the option, the variable and the line of the
 * configuration file. A flag wins over the environment, the environment over the file, the file
 * over the default.
 *
 *   --listen HOST:PORT     PENSTOCK_LISTEN=HOST:PORT,...     listen = HOST:PORT
 */
#ifndef PENSTOCK_SERVER_CONFIG_H
#define PENSTOCK_SERVER_CONFIG_H

#include "base/cidr.h"
#include "base/log.h"
#include "loop/ring.h"

enum {
    CONFIG_DIRS_MAX = 64,
    CONFIG_LISTENS_MAX = 16,
    CONFIG_DOMAINS_MAX = 8,
    CONFIG_PROXIES_MAX = 16
};

struct config {
    char *dirs[CONFIG_DIRS_MAX];
    unsigned dir_count;
    char *listens[CONFIG_LISTENS_MAX];
    unsigned listen_count;
    char *domains[CONFIG_DOMAINS_MAX];
    unsigned domain_count;
    struct cidr proxies[CONFIG_PROXIES_MAX];
    unsigned proxy_count;
    unsigned ownership; /* of new buckets: enum bucket_ownership */
    bool sigv2;
    char *region;
    char *tls_cert, *tls_key;
    unsigned reactors;    /* 0: one per CPU */
    uint64_t arena_bytes; /* 0: a quarter of the memory, 256 MiB at least */
    char *direct;         /* "auto", "off", "local,..." */
    char *direct_socket;  /* NULL: DIR/direct.sock */
    char *direct_group;   /* NULL: same user only */
    bool direct_put_decline_200;
    enum ring_kind ring;
    enum log_level log_level;
    char *access_log;   /* "off", "-", path */
    unsigned conns_max; /* per reactor */
    char *engine;       /* "drives"; "memory" loses everything at exit */
    char *durability;   /* "strict" or "relaxed" */
    char *root_user, *root_password;
    char *store_key_file; /* NULL: DIR/store.key */
    bool admin_plain;
    bool wants_help;
};

/*
 * config_read(c, argc, argv, why): argv[0] is "serve". Exits nothing: on failure `why` has a
 * sentence and the answer is ERR_INVALID. config_done frees.
 */
enum err config_read(struct config *c, int argc, char **argv, struct buf *why) MUST_CHECK;
void config_done(struct config *c);
/* The table as help text. */
void config_usage(struct buf *b);
/* The table as "name<TAB>argument<TAB>default<TAB>text" lines, for the man page and shell
 * completion. */
void config_table(struct buf *b);

#endif
