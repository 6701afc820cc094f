#include "cli/copy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/cli.h"
#include "cli/download.h"
#include "cli/file.h"
#include "cli/server_copy.h"
#include "cli/upload.h"

struct copy {
    struct session session;
    bool recursive;
    struct url to;
    bool to_folder; /* sources keep their names, below `to` */
};

static bool is_directory(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool ends_with_slash(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && text[len - 1] == '/';
}

static void problem(struct copy *c, const char *verb, const char *name, const char *cause)
{
    const struct report_what what = {verb, name, NULL};

    report_problem(&c->session.report, &what, cause);
}

/* The key for a source called `name` (a path or a key). False after a complaint. */
static bool key_for(struct copy *c, const char *verb, const char *name, struct url *to_out)
{
    char base_name[URL_KEY_MAX + 2] = {0};
    size_t bytes;
    const char *base = url_base_name(name, &bytes);

    *to_out = c->to;
    if (!c->to_folder)
        return true;
    if (bytes == 0 || bytes > URL_KEY_MAX) {
        problem(c, verb, name, "there is no name to keep: give the whole target");
        return false;
    }
    memcpy(base_name, base, bytes);
    if (url_join_key(c->to.key, base_name, to_out->key))
        return true;
    problem(c, verb, name, "the key would be longer than 1024 bytes");
    return false;
}

static void put_one(struct copy *c, const struct url *from)
{
    struct url to;

    if (from->kind == URL_STDIO)
        upload_stream(&c->session, STDIN_FILENO, "-", c->to.bucket, c->to.key);
    else if (c->recursive && is_directory(from->text))
        copy_tree_put(&c->session, from->text, &c->to);
    else if (key_for(c, "put", from->text, &to))
        upload_file(&c->session, from->text, to.bucket, to.key);
}

/* Where an object goes in the file system. False after a complaint. */
static bool path_for(struct copy *c, const struct url *from, char path[PATH_MAX])
{
    size_t bytes;
    const char *base = url_base_name(from->key, &bytes);
    char name[NAME_MAX + 1] = {0};
    int len;

    if (!c->to_folder) {
        len = snprintf(path, PATH_MAX, "%s", c->to.text);
    } else {
        memcpy(name, base, MIN(bytes, sizeof name - 1));
        len = snprintf(path, PATH_MAX, "%s/%s", c->to.text, name);
        if (bytes > NAME_MAX || !url_key_is_safe(name))
            len = -1;
    }
    if (len >= 0 && len < PATH_MAX)
        return true;
    problem(c, "get", from->text, "this key cannot be the name of a file here");
    return false;
}

static void get_one(struct copy *c, const struct url *from)
{
    struct download_source source;
    struct ps_stat stat;
    char path[PATH_MAX];

    if (c->to.kind == URL_STDIO) {
        if (!download_look(&c->session, "get", from, &stat, &source))
            return;
        download_start(&c->session, &source, NULL);
        queue_drain(&c->session.queue); /* one after the other */
        return;
    }
    if (c->recursive) {
        copy_tree_get(&c->session, from, c->to.text);
        return;
    }
    if (path_for(c, from, path) && download_look(&c->session, "get", from, &stat, &source))
        download_start(&c->session, &source, path);
}

static void copy_one(struct copy *c, const struct url *from)
{
    struct download_source source;
    struct ps_stat stat;
    struct url to;

    if (c->recursive)
        copy_tree_server(&c->session, from, &c->to);
    else if (
        key_for(c, "cp", from->key, &to) && download_look(&c->session, "cp", from, &stat, &source))
        server_copy(&c->session, from->bucket, from->key, source.bytes, &to);
}

/* Why the pair makes no sense for this command, or NULL. Decided before anything is sent. */
static const char *
objection(const struct copy_command *k, const struct copy *c, const struct url *from)
{
    bool from_s3 = from->kind == URL_S3, to_s3 = c->to.kind == URL_S3;

    if (!from_s3 && !to_s3)
        return "one of the two must be s3://BUCKET/KEY";
    if (from_s3 && to_s3 && !k->may_copy)
        return "both are on the server: that is what cp is for";
    if (from_s3 && !to_s3 && !k->may_get)
        return "that reads from the server: get or cp do";
    if (!from_s3 && !k->may_put)
        return "that writes to the server: put or cp do";
    if (from_s3 && !from->bucket[0])
        return "the bucket is missing";
    if (from_s3 && !from->key[0] && !c->recursive)
        return "the key is missing (-r takes all keys)";
    if (from->kind == URL_STDIO && (c->to_folder || c->recursive))
        return "standard input has no name: give the whole target";
    if (c->to.kind == URL_STDIO && c->recursive)
        return "-r and standard output do not go together";
    return NULL;
}

/* Decides whether the target is a folder. A complaint's exit status, or ARGS_GO. */
static int read_target(struct copy *c, const struct args_spec *spec, const char *text, bool is_many)
{
    const char *why = "";

    if (!url_parse(text, &c->to, &why))
        return args_complain(spec, "'%s': %s", text, why);
    bool must_be = is_many || c->recursive;
    if (c->to.kind == URL_S3) {
        if (!c->to.bucket[0])
            return args_complain(spec, "'%s': the bucket is missing", text);
        if (must_be && !url_make_folder(&c->to))
            return args_complain(spec, "'%s': the key is too long", text);
        c->to_folder = url_is_folder(&c->to);
    } else if (c->to.kind == URL_PATH) {
        c->to_folder = must_be || ends_with_slash(text) || is_directory(text);
        if (is_many && !c->recursive && !is_directory(text))
            return args_complain(spec, "'%s' is not a folder", text);
    }
    return ARGS_GO;
}

static int read_sources(
    const struct copy_command *k, struct copy *c, const struct args_spec *spec,
    const struct args *a, struct url *sources)
{
    const char *why = NULL;

    for (int i = 0; i < a->count; i++) {
        if (!url_parse(a->operands[i], &sources[i], &why))
            return args_complain(spec, "'%s': %s", a->operands[i], why);
        why = objection(k, c, &sources[i]);
        if (why)
            return args_complain(spec, "'%s' to '%s': %s", a->operands[i], c->to.text, why);
        if (c->recursive && sources[i].kind == URL_S3 && !url_make_folder(&sources[i]))
            return args_complain(spec, "'%s': the key is too long", a->operands[i]);
    }
    return ARGS_GO;
}

static int run(struct copy *c, const struct args *a, const struct url *sources)
{
    struct session *S = &c->session;
    const char *content_type = S->content_type;
    bool sync = S->sync;

    if (session_open(S, a)) {
        S->content_type = content_type;
        S->sync = sync;
        if (c->to.kind == URL_STDIO)
            report_to_stderr(&S->report);
        for (int i = 0; i < a->count; i++) {
            if (c->to.kind != URL_S3)
                get_one(c, &sources[i]);
            else if (sources[i].kind == URL_S3)
                copy_one(c, &sources[i]);
            else
                put_one(c, &sources[i]);
        }
    }
    return session_close(S);
}

int copy_main(const struct copy_command *k, int argc, char **argv)
{
    struct copy c = {0};
    struct args a;
    char fallback[16] = {0};
    char *target = fallback;
    const struct args_option options[] = {
        {'r', "recursive", NULL, "all below a folder or prefix", .flag = &c.recursive},
        {0, "content-type", "TYPE", "the type of what is stored", .text = &c.session.content_type},
        {0, "sync", NULL, "files are on stable storage before their names appear",
         .flag = &c.session.sync},
    };
    const struct args_spec spec = {
        .usage = k->usage,
        .about = k->about,
        .options = options,
        .option_count = ARRAY_COUNT(options),
        .operands_min = k->default_target ? 1 : 2,
        .operands_max = INT_MAX};

    int status = args_read(&a, &spec, argc, argv);
    if (status != ARGS_GO)
        return status;
    if (a.count == 1)
        (void)snprintf(fallback, sizeof fallback, "%s", k->default_target);
    else
        target = a.operands[--a.count];
    status = read_target(&c, &spec, target, a.count > 1);
    if (status != ARGS_GO)
        return status;
    struct url *sources = calloc((size_t)a.count, sizeof *sources);
    if (!sources)
        return CLI_FAILED;
    status = read_sources(k, &c, &spec, &a, sources);
    if (status == ARGS_GO)
        status = run(&c, &a, sources);
    free(sources);
    return status;
}
