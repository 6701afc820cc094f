#include "server/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"

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

/* The new name is on the disk only when its folder is. */
static bool sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static enum err store(const struct keys *k, const char *dir, const char *path, struct buf *why)
{
    char text[300], temporary[4200];
    int n = snprintf(text, sizeof text, "%s %s\n", k->access, k->secret);

    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, (size_t)n) == n && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!ok || rename(temporary, path) != 0 || !sync_folder(dir)) {
        buf_printf(why, "%s cannot be written: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
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

/* ERR_NOT_FOUND when there is none yet. Refuses a file that others may read. */
static enum err load(struct keys *k, const char *path, struct buf *why)
{
    uint8_t text[512];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    bool ok = n >= 0 && fstat(fd, &st) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!ok) {
        buf_printf(why, "%s cannot be read: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    if (st.st_mode & 077) {
        buf_printf(why, "%s may be read by others: chmod 600 it, after changing the keys", path);
        return ERR_DENIED;
    }
    return parse(k, view_of(text, (size_t)n), path, why);
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
    return dir ? store(k, dir, path, why) : ERR_OK;
}
