/*
 * What an operand names: s3://bucket/key, "-" (standard input or output), or a path. Pure.
 *
 * A key is any bytes; a path made from one must stay below the folder it is put in, which is what
 * url_key_is_safe decides.
 */
#ifndef PENSTOCK_CLI_URL_H
#define PENSTOCK_CLI_URL_H

#include <stdbool.h>
#include <stddef.h>

enum { URL_BUCKET_MAX = 63, URL_KEY_MAX = 1024 };
enum url_kind { URL_PATH, URL_STDIO, URL_S3 };

struct url {
    enum url_kind kind;
    const char *text;                /* as given; for paths this is the path */
    char bucket[URL_BUCKET_MAX + 1]; /* "" in "s3://" */
    char key[URL_KEY_MAX + 2];       /* "" when only a bucket is named; one spare for a '/' */
};

/* False when text begins with s3:// and names nothing possible; *why_out then says what is wrong.
 * text must outlive *u_out. */
bool url_parse(const char *text, struct url *u_out, const char **why_out);
/* The key as the name of a folder: "" stays, else it ends with '/'. False when that is too long. */
bool url_make_folder(struct url *u);
/* Is the key "", or does it end with '/'? */
bool url_is_folder(const struct url *u);
/* Joins folder and name into a key; the folder is "" or ends with '/'. False when too long. */
bool url_join_key(const char *folder, const char *name, char to[URL_KEY_MAX + 2]);
/* The part behind the last '/', slashes at the end not counted ("a/b/" gives "b"). Points into
 * text; *bytes_out is its length. */
const char *url_base_name(const char *text, size_t *bytes_out);
/* May the relative name be appended to a folder's path? Not with empty, "." or ".." components,
 * a '/' in front, or a component longer than a file name can be. One '/' at the end is fine. */
bool url_key_is_safe(const char *relative);

#endif
