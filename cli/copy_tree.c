#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/copy.h"
#include "cli/download.h"
#include "cli/file.h"
#include "cli/server_copy.h"
#include "cli/upload.h"
#include "cli/walk.h"

struct tree {
    struct session *S;
    const struct url *from, *to; /* folders */
    const char *folder;
    unsigned found;
};

static void problem(struct tree *t, const char *verb, const char *name, const char *cause)
{
    const struct report_what what = {verb, name, NULL};

    report_problem(&t->S->report, &what, cause);
}

static void put_one(const char *path, const char *relative, void *user)
{
    struct tree *t = user;
    char key[URL_KEY_MAX + 2];

    if (url_join_key(t->to->key, relative, key))
        upload_file(t->S, path, t->to->bucket, key);
    else
        problem(t, "put", path, "the key would be longer than 1024 bytes");
}

static void put_problem(const char *path, const char *why, void *user)
{
    problem(user, "put", path, why);
}

void copy_tree_put(struct session *S, const char *folder, const struct url *to)
{
    struct tree t = {.S = S, .to = to};

    walk_folder(folder, put_one, put_problem, &t);
    queue_drain(&S->queue);
}

/* Lists all below t->from; nothing there is a complaint, as with a file that does not exist. */
static void list(struct tree *t, const char *verb, ps_list_fn *fn)
{
    struct ps_result result = {0};

    if (ps_list(t->S->client, t->from->bucket, t->from->key, NULL, fn, t, &result) != PS_OK)
        session_failed(t->S, verb, t->from->text, &result);
    else if (t->found == 0)
        problem(t, verb, t->from->text, "there is nothing");
    queue_drain(&t->S->queue);
}

/* "a/b/" of no bytes stands for an empty folder in many tools. */
static void make_folder(struct tree *t, const char *path, const char *name)
{
    if (!file_make_folders(path))
        problem(t, "get", name, strerror(errno));
}

static int get_one(const struct ps_entry *e, void *user)
{
    struct tree *t = user;
    const char *relative = e->name + strlen(t->from->key);
    char path[PATH_MAX], name[SESSION_NAME_MAX];

    t->found++;
    session_name(name, t->from->bucket, e->name);
    if (!*relative) /* the prefix's own marker */
        return 0;
    int len = snprintf(path, sizeof path, "%s/%s", t->folder, relative);
    bool is_folder = relative[strlen(relative) - 1] == '/';
    if (!url_key_is_safe(relative) || len >= (int)sizeof path || (is_folder && e->bytes > 0)) {
        problem(t, "get", name, "this key cannot be the name of a file here");
        return 0;
    }
    if (is_folder) {
        make_folder(t, path, name);
        return 0;
    }
    const struct download_source source = {
        .bucket = t->from->bucket,
        .key = e->name,
        .bytes = e->bytes,
        .etag = e->etag ? e->etag : ""};
    download_start(t->S, &source, path);
    return 0;
}

void copy_tree_get(struct session *S, const struct url *from, const char *folder)
{
    struct tree t = {.S = S, .from = from, .folder = folder};

    list(&t, "get", get_one);
}

static int copy_one(const struct ps_entry *e, void *user)
{
    struct tree *t = user;
    struct url to = *t->to;

    t->found++;
    if (url_join_key(t->to->key, e->name + strlen(t->from->key), to.key))
        server_copy(t->S, t->from->bucket, e->name, e->bytes, &to);
    else
        problem(t, "cp", e->name, "the key would be longer than 1024 bytes");
    return 0;
}

void copy_tree_server(struct session *S, const struct url *from, const struct url *to)
{
    struct tree t = {.S = S, .from = from, .to = to};

    list(&t, "cp", copy_one);
}
