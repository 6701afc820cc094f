#include "cli/url.h"

#include <limits.h>
#include <string.h>

static const char scheme[] = "s3://";

static bool parse_s3(const char *rest, struct url *u, const char **why_out)
{
    const char *slash = strchr(rest, '/');
    size_t bucket_bytes = slash ? (size_t)(slash - rest) : strlen(rest);
    const char *key = slash ? slash + 1 : "";

    if (bucket_bytes > URL_BUCKET_MAX) {
        *why_out = "the name of a bucket has at most 63 bytes";
        return false;
    }
    if (bucket_bytes == 0 && slash) {
        *why_out = "there is no bucket between s3:// and /";
        return false;
    }
    if (strlen(key) > URL_KEY_MAX) {
        *why_out = "a key has at most 1024 bytes";
        return false;
    }
    memcpy(u->bucket, rest, bucket_bytes);
    memcpy(u->key, key, strlen(key));
    return true;
}

bool url_parse(const char *text, struct url *u_out, const char **why_out)
{
    struct url u = {.kind = URL_PATH, .text = text};

    if (strcmp(text, "-") == 0)
        u.kind = URL_STDIO;
    if (text[0] == '\0') {
        *why_out = "the name is empty";
        return false;
    }
    if (strncmp(text, scheme, sizeof scheme - 1) == 0) {
        u.kind = URL_S3;
        if (!parse_s3(text + sizeof scheme - 1, &u, why_out))
            return false;
    }
    *u_out = u;
    return true;
}

bool url_is_folder(const struct url *u)
{
    size_t bytes = strlen(u->key);

    return bytes == 0 || u->key[bytes - 1] == '/';
}

bool url_make_folder(struct url *u)
{
    size_t bytes = strlen(u->key);

    if (url_is_folder(u))
        return true;
    if (bytes >= URL_KEY_MAX)
        return false;
    u->key[bytes] = '/';
    u->key[bytes + 1] = '\0';
    return true;
}

bool url_join_key(const char *folder, const char *name, char to[URL_KEY_MAX + 2])
{
    size_t a = strlen(folder), b = strlen(name);

    if (a + b > URL_KEY_MAX)
        return false;
    memcpy(to, folder, a);
    memcpy(to + a, name, b + 1);
    return true;
}

const char *url_base_name(const char *text, size_t *bytes_out)
{
    size_t end = strlen(text);

    while (end > 0 && text[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '/')
        start--;
    *bytes_out = end - start;
    return text + start;
}

static bool component_is_safe(const char *at, size_t bytes)
{
    bool is_dots = (bytes == 1 && at[0] == '.') || (bytes == 2 && at[0] == '.' && at[1] == '.');

    return bytes > 0 && bytes <= NAME_MAX && !is_dots;
}

bool url_key_is_safe(const char *relative)
{
    do {
        size_t bytes = strcspn(relative, "/");
        if (!component_is_safe(relative, bytes))
            return false;
        relative += bytes;
        if (*relative == '/')
            relative++;
    } while (*relative);
    return true;
}
