#include "server/config.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>

#include "base/text.h"
#include "s3/bucket_meta.h"

/* One setter per shape of value; `at` is the field. */
typedef enum err set_fn(struct config *c, size_t at, const char *value, struct buf *why);

struct setting {
    const char *name, *argument, *fallback, *help;
    set_fn *set;
    size_t at;
};

static void *field(struct config *c, size_t at)
{
    return (char *)c + at;
}

static enum err set_text(struct config *c, size_t at, const char *value, struct buf *why)
{
    char **to = field(c, at);
    char *copy = strdup(value);

    if (!copy)
        return ERR_NO_MEMORY;
    free(*to);
    *to = copy;
    (void)why;
    return ERR_OK;
}

static enum err set_count(struct config *c, size_t at, const char *value, struct buf *why)
{
    unsigned *to = field(c, at);
    uint64_t n;

    if (text_to_u64(view_str(value), &n) || n > 65536) {
        buf_printf(why, "'%s' is not a number from 0 to 65536", value);
        return ERR_INVALID;
    }
    *to = (unsigned)n;
    return ERR_OK;
}

static enum err set_bytes(struct config *c, size_t at, const char *value, struct buf *why)
{
    uint64_t *to = field(c, at);

    if (text_to_bytes(view_str(value), to)) {
        buf_printf(why, "'%s' is not a size like 512M or 4GiB", value);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err set_flag(struct config *c, size_t at, const char *value, struct buf *why)
{
    bool *to = field(c, at);

    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
        buf_printf(why, "'%s' is neither on nor off", value);
        return ERR_INVALID;
    }
    *to = strcmp(value, "on") == 0;
    return ERR_OK;
}

static enum err set_ring(struct config *c, size_t at, const char *value, struct buf *why)
{
    (void)at;
    if (ring_kind_parse(view_str(value), &c->ring)) {
        buf_printf(why, "'%s' is none of auto, io_uring, epoll", value);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err set_log_level(struct config *c, size_t at, const char *value, struct buf *why)
{
    (void)at;
    if (log_level_parse(view_str(value), &c->log_level)) {
        buf_printf(why, "'%s' is none of error, warn, info, debug", value);
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* Appends the comma-separated values to a list of `max` strings. */
static enum err
add_list(char **list, unsigned *count, unsigned max, const char *value, struct buf *why)
{
    struct view rest = view_str(value), part;

    while (view_split(&rest, ',', &part)) {
        part = view_trim(part);
        if (part.len == 0)
            continue;
        if (*count == max) {
            buf_printf(why, "more than %u values", max);
            return ERR_INVALID;
        }
        list[*count] = strndup((const char *)part.at, part.len);
        if (!list[*count])
            return ERR_NO_MEMORY;
        ++*count;
    }
    return ERR_OK;
}

static enum err set_listen(struct config *c, size_t at, const char *value, struct buf *why)
{
    (void)at;
    return add_list(c->listens, &c->listen_count, CONFIG_LISTENS_MAX, value, why);
}

static enum err set_domain(struct config *c, size_t at, const char *value, struct buf *why)
{
    (void)at;
    return add_list(c->domains, &c->domain_count, CONFIG_DOMAINS_MAX, value, why);
}

static enum err set_proxies(struct config *c, size_t at, const char *value, struct buf *why)
{
    struct view rest = view_str(value), part;

    (void)at;
    while (view_split(&rest, ',', &part)) {
        part = view_trim(part);
        if (part.len == 0)
            continue;
        if (c->proxy_count == CONFIG_PROXIES_MAX) {
            buf_printf(why, "more than %u networks", (unsigned)CONFIG_PROXIES_MAX);
            return ERR_INVALID;
        }
        if (cidr_parse(part, &c->proxies[c->proxy_count])) {
            buf_printf(why, "'%.*s' is no address or network like 10.0.0.0/8", VIEW_FMT(part));
            return ERR_INVALID;
        }
        c->proxy_count++;
    }
    return ERR_OK;
}

static enum err set_ownership(struct config *c, size_t at, const char *value, struct buf *why)
{
    enum bucket_ownership o;

    (void)at;
    if (!bucket_meta_read_ownership(view_str(value), &o)) {
        buf_printf(
            why, "'%s' is none of BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter", value);
        return ERR_INVALID;
    }
    c->ownership = o;
    return ERR_OK;
}

static enum err set_dirs(struct config *c, size_t at, const char *value, struct buf *why)
{
    (void)at;
    return add_list(c->dirs, &c->dir_count, CONFIG_DIRS_MAX, value, why);
}

#define AT(member) offsetof(struct config, member)

static const struct setting settings[] = {
    {"listen", "HOST:PORT", "127.0.0.1:9000", "where to listen; repeatable", set_listen, 0},
    {"dirs", "DIR,...", NULL, "the store's folders (the same as naming them last)", set_dirs, 0},
    {"region", "NAME", "us-east-1", "the region the server says it is in", set_text, AT(region)},
    {"domain", "NAME", NULL, "also serve BUCKET.NAME (virtual-host style); repeatable", set_domain,
     0},
    {"object-ownership", "KIND", "BucketOwnerEnforced",
     "of new buckets: BucketOwnerEnforced (ACLs are off), BucketOwnerPreferred or ObjectWriter",
     set_ownership, 0},
    {"trusted-proxy", "CIDR,...", NULL,
     "proxies whose X-Forwarded-For, -Host and -Proto count; repeatable", set_proxies, 0},
    {"sigv2", "on|off", "on", "accept Signature Version 2, which boto3 still presigns with",
     set_flag, AT(sigv2)},
    {"tls-cert", "FILE", NULL, "PEM certificate chain; with --tls-key: HTTPS", set_text,
     AT(tls_cert)},
    {"tls-key", "FILE", NULL, "PEM private key", set_text, AT(tls_key)},
    {"reactors", "N", "0", "threads that serve; 0: one per CPU", set_count, AT(reactors)},
    {"arena", "BYTES", "0",
     "memory for payload and cache; 0: a quarter of the machine's, 1 GiB at most", set_bytes,
     AT(arena_bytes)},
    {"direct", "WAYS", "auto", "direct transports: auto, off, or a list: local", set_text,
     AT(direct)},
    {"direct-socket", "PATH", NULL, "socket of the local transport (DIR/direct.sock)", set_text,
     AT(direct_socket)},
    {"direct-group", "GROUP", NULL, "group whose members may use it besides the server's user",
     set_text, AT(direct_group)},
    {"direct-put-decline-200", "on|off", "off",
     "answer declined direct PUTs 200 and x-amz-rdma-reply 501 (aws-c-s3)", set_flag,
     AT(direct_put_decline_200)},
    {"ring", "KIND", "auto", "auto, io_uring or epoll", set_ring, 0},
    {"connections", "N", "1024", "connections per reactor; further ones are refused", set_count,
     AT(conns_max)},
    {"engine", "KIND", "drives", "drives, or memory (everything is gone at exit)", set_text,
     AT(engine)},
    {"durability", "KIND", "strict", "strict: on stable media before 200; or relaxed", set_text,
     AT(durability)},
    {"access-log", "WHERE", "off", "off, - (standard output) or a file: one JSON line a request",
     set_text, AT(access_log)},
    {"log-level", "LEVEL", "info", "error, warn, info or debug", set_log_level, 0},
    {"root-user", "NAME", NULL, "access key of the root account (better: the environment)",
     set_text, AT(root_user)},
    {"root-password", "SECRET", NULL, "its secret key (better: the environment)", set_text,
     AT(root_password)},
    {"store-key-file", "FILE", NULL,
     "the key users' secret keys are encrypted with (DIR/store.key; made at the first start)",
     set_text, AT(store_key_file)},
    {"admin-plain", "on|off", "off",
     "let secret keys of users pass over plain HTTP from other machines", set_flag,
     AT(admin_plain)},
};

static const struct setting *setting_find(struct view name)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        if (view_is(name, settings[i].name))
            return &settings[i];
    return NULL;
}

static enum err apply(
    struct config *c, const struct setting *s, const char *value, const char *source,
    struct buf *why)
{
    char text[200];
    struct buf detail = buf_over(text, sizeof text);
    enum err e = s->set(c, s->at, value, &detail);

    if (e)
        buf_printf(why, "%s: --%s: %.*s", source, s->name, VIEW_FMT(buf_view(&detail)));
    return e;
}

/* Which settings a stronger source has given already: lists must not be mixed. */
struct given {
    bool by[ARRAY_COUNT(settings)];
};

static size_t setting_index(const struct setting *s)
{
    return (size_t)(s - settings);
}

static enum err read_environment(struct config *c, struct given *given, struct buf *why)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        char name[64];
        int n = snprintf(name, sizeof name, "PENSTOCK_%s", settings[i].name);
        for (int k = 9; k < n; k++)
            name[k] = name[k] == '-' ? '_' : (char)toupper((unsigned char)name[k]);
        const char *value = getenv(name);
        if (!value || given->by[i])
            continue;
        TRY(apply(c, &settings[i], value, name, why));
        given->by[i] = true;
    }
    return ERR_OK;
}

struct file_reading {
    struct config *c;
    struct given *given;
    struct given by_file;
    const char *path;
    struct buf *why;
    enum err err;
};

static int on_line(void *user, const char *section, const char *name, const char *value)
{
    struct file_reading *f = user;
    const struct setting *s = setting_find(view_str(name));

    (void)section;
    if (!s) {
        buf_printf(f->why, "%s: unknown setting '%s'", f->path, name);
        f->err = ERR_INVALID;
        return 0;
    }
    if (f->given->by[setting_index(s)])
        return 1;
    f->by_file.by[setting_index(s)] = true;
    f->err = apply(f->c, s, value, f->path, f->why);
    return f->err == ERR_OK;
}

static enum err read_file(struct config *c, const char *path, struct given *given, struct buf *why)
{
    struct file_reading f = {.c = c, .given = given, .path = path, .why = why};
    int line = ini_parse(path, on_line, &f);

    if (f.err)
        return f.err;
    if (line != 0) {
        if (line < 0)
            buf_printf(why, "%s: cannot be read", path);
        else
            buf_printf(why, "%s: line %d is malformed", path, line);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        given->by[i] |= f.by_file.by[i];
    return ERR_OK;
}

/* The command line while it is read. */
struct arguments {
    int count, at;
    char **list;
    struct given *given;
    const char *file; /* --config */
};

/* One "--name value" or "--name=value"; a->at moves past what was used. */
static enum err read_option(struct config *c, struct arguments *a, struct buf *why)
{
    const char *option = a->list[a->at];
    struct view name = view_from(view_str(option), 2);
    size_t eq = view_index(name, '=');
    const char *value = NULL;

    if (eq != SIZE_MAX) {
        value = (const char *)name.at + eq + 1;
        name.len = eq;
    }
    if (view_is(name, "help")) {
        c->wants_help = true;
        return ERR_OK;
    }
    const struct setting *s = setting_find(name);
    if (!s && !view_is(name, "config")) {
        buf_printf(why, "unknown option %s (penstock serve --help lists them)", option);
        return ERR_INVALID;
    }
    if (!value && ++a->at >= a->count) {
        buf_printf(why, "--%.*s wants a value", VIEW_FMT(name));
        return ERR_INVALID;
    }
    if (!value)
        value = a->list[a->at];
    if (!s) {
        a->file = value;
        return ERR_OK;
    }
    a->given->by[setting_index(s)] = true;
    return apply(c, s, value, "command line", why);
}

static enum err read_arguments(struct config *c, struct arguments *a, struct buf *why)
{
    for (a->at = 1; a->at < a->count; a->at++) {
        const char *argument = a->list[a->at];
        if (strncmp(argument, "--", 2) == 0) {
            TRY(read_option(c, a, why));
        } else if (strcmp(argument, "-h") == 0) {
            c->wants_help = true;
        } else if (argument[0] == '-') {
            buf_printf(why, "unknown option %s", argument);
            return ERR_INVALID;
        } else {
            TRY(set_dirs(c, 0, argument, why));
            a->given->by[setting_index(setting_find(VIEW("dirs")))] = true;
        }
    }
    return ERR_OK;
}

static enum err apply_defaults(struct config *c, const struct given *given, struct buf *why)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        if (!given->by[i] && settings[i].fallback)
            TRY(apply(c, &settings[i], settings[i].fallback, "default", why));
    return ERR_OK;
}

/* MinIO's names for the root account, and PENSTOCK_ROOT_* in files for containers. */
static enum err read_root(struct config *c, struct buf *why)
{
    const char *user = getenv("MINIO_ROOT_USER"), *password = getenv("MINIO_ROOT_PASSWORD");

    if (!c->root_user && user)
        TRY(set_text(c, AT(root_user), user, why));
    if (!c->root_password && password)
        TRY(set_text(c, AT(root_password), password, why));
    if (!c->root_user != !c->root_password) {
        buf_put_str(why, "the root user and the root password must be given together");
        return ERR_INVALID;
    }
    if (c->root_user && (strlen(c->root_user) < 3 || strlen(c->root_password) < 8)) {
        buf_put_str(why, "the root user needs 3 characters, the root password 8, at least");
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err check(const struct config *c, struct buf *why)
{
    const char *bad = NULL;

    if (c->dir_count == 0 && strcmp(c->engine, "memory") != 0)
        bad = "name the folder of the store: penstock serve DIR";
    else if (c->dir_count > 1)
        bad = "several drives are not supported yet: name one folder";
    else if (strcmp(c->engine, "drives") != 0 && strcmp(c->engine, "memory") != 0)
        bad = "--engine is drives or memory";
    else if (strcmp(c->durability, "strict") != 0 && strcmp(c->durability, "relaxed") != 0)
        bad = "--durability is strict or relaxed";
    else if (!c->tls_cert != !c->tls_key)
        bad = "--tls-cert and --tls-key go together";
    if (bad) {
        buf_put_str(why, bad);
        return ERR_INVALID;
    }
    return ERR_OK;
}

enum err config_read(struct config *c, int argc, char **argv, struct buf *why)
{
    struct given given = {0};
    struct arguments a = {
        .count = argc,
        .list = argv,
        .given = &given,
        .file = getenv("PENSTOCK_CONFIG"),
    };

    memset(c, 0, sizeof *c);
    TRY(read_arguments(c, &a, why));
    if (c->wants_help)
        return ERR_OK;
    TRY(read_environment(c, &given, why));
    if (a.file)
        TRY(read_file(c, a.file, &given, why));
    TRY(apply_defaults(c, &given, why));
    TRY(read_root(c, why));
    return check(c, why);
}

void config_done(struct config *c)
{
    char **texts[] = {&c->region,        &c->tls_cert,  &c->tls_key,       &c->direct,
                      &c->direct_socket, &c->engine,    &c->direct_group,  &c->durability,
                      &c->access_log,    &c->root_user, &c->root_password, &c->store_key_file};

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        free(*texts[i]);
    for (unsigned i = 0; i < c->dir_count; i++)
        free(c->dirs[i]);
    for (unsigned i = 0; i < c->listen_count; i++)
        free(c->listens[i]);
    for (unsigned i = 0; i < c->domain_count; i++)
        free(c->domains[i]);
    memset(c, 0, sizeof *c);
}

void config_usage(struct buf *b)
{
    buf_put_str(b, "usage: penstock serve [options] DIR\n\n");
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s %s", settings[i].name, settings[i].argument);
        buf_printf(b, "  %-32s %s", left, settings[i].help);
        if (settings[i].fallback)
            buf_printf(b, " [%s]", settings[i].fallback);
        buf_put_byte(b, '\n');
    }
    buf_put_str(
        b, "  --config FILE                    read `name = value` lines from FILE\n\n"
           "Each option can be given as PENSTOCK_NAME in the environment (--tls-cert: "
           "PENSTOCK_TLS_CERT)\nor as `name = value` in the file; a flag wins over the "
           "environment, that over the file.\nMINIO_ROOT_USER and MINIO_ROOT_PASSWORD are "
           "understood.\n");
}

void config_table(struct buf *b)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        buf_printf(
            b, "%s\t%s\t%s\t%s\n", settings[i].name, settings[i].argument,
            settings[i].fallback ? settings[i].fallback : "", settings[i].help);
}
