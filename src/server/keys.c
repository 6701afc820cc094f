#include "server/keys.h"

#include <stdio.h>

#include "base/digest.h"
#include "server/secret_file.h"

static bool find(const struct s3_credentials *C, struct view access, struct view *secret_out)
{
    const struct keys *k = (const struct keys *)(const void *)C;

    if (!view_same(access, view_str(k->access)))
        return false;
    *secret_out = view_str(k->secret);
    return true;
}

/* len characters of the alphabet S3 keys use; no bias: 32 divides 256. */
static void make_text(char *to, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t random[64];

    digest_random(random, len);
    for (size_t i = 0; i < len; i++)
        to[i] = alphabet[random[i] % 32];
    to[len] = 0;
}

static enum err store(const struct keys *k, const char *path, struct buf *why)
{
    char text[300];
    int n = snprintf(text, sizeof text, "%s %s\n", k->access, k->secret);

    return secret_file_write(path, view_of(text, (size_t)n), why);
}

static enum err parse(struct keys *k, struct view text, const char *path, struct buf *why)
{
    struct view rest = view_trim(text), access, secret;

    if (view_ends(rest, VIEW("\n")))
        rest.len--;
    if (!view_split(&rest, ' ', &access) || !view_split(&rest, ' ', &secret) || access.len < 3 ||
        secret.len < 8 || access.len > 128 || secret.len > 128) {
        buf_printf(why, "%s is not \"ACCESS-KEY SECRET-KEY\"", path);
        return ERR_CORRUPT;
    }
    memcpy(k->access, access.at, access.len);
    memcpy(k->secret, secret.at, secret.len);
    return ERR_OK;
}

static enum err load(struct keys *k, const char *path, struct buf *why)
{
    uint8_t text[512];
    struct buf b = buf_over(text, sizeof text);

    TRY(secret_file_read(path, &b, why));
    return parse(k, buf_view(&b), path, why);
}

enum err
keys_open(struct keys *k, const char *user, const char *password, const char *dir, struct buf *why)
{
    char path[4096];

    memset(k, 0, sizeof *k);
    k->credentials.find = find;
    if (user) {
        if (strlen(user) >= sizeof k->access || strlen(password) >= sizeof k->secret) {
            buf_put_str(why, "root user and password have 128 characters at most");
            return ERR_INVALID;
        }
        strcpy(k->access, user);
        strcpy(k->secret, password);
        return ERR_OK;
    }
    (void)snprintf(path, sizeof path, "%s/root-credentials", dir ? dir : "");
    enum err e = dir ? load(k, path, why) : ERR_NOT_FOUND;
    if (e != ERR_NOT_FOUND)
        return e;
    make_text(k->access, 20);
    make_text(k->secret, 40);
    k->was_made = true;
    return dir ? store(k, path, why) : ERR_OK;
}
