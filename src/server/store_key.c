#include "server/store_key.h"

#include <stdio.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "server/secret_file.h"

static enum err load(struct store_key *k, struct buf *why)
{
    uint8_t text[128];
    struct buf b = buf_over(text, sizeof text);
    size_t len = 0;

    TRY(secret_file_read(k->path, &b, why));
    struct view hex = buf_view(&b);
    if (view_ends(hex, VIEW("\n")))
        hex.len--;
    if (text_from_hex(hex, k->bytes, sizeof k->bytes, &len) || len != sizeof k->bytes) {
        buf_printf(why, "%s is not a store key: %d hex digits", k->path, 2 * STORE_KEY_BYTES);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

static enum err make(struct store_key *k, struct buf *why)
{
    uint8_t text[2 * STORE_KEY_BYTES + 1];
    struct buf b = buf_over(text, sizeof text);

    digest_random(k->bytes, sizeof k->bytes);
    text_put_hex(&b, view_of(k->bytes, sizeof k->bytes));
    buf_put_byte(&b, '\n');
    k->was_made = true;
    return k->path[0] ? secret_file_write(k->path, buf_view(&b), why) : ERR_OK;
}

enum err store_key_open(struct store_key *k, const char *file, const char *dir, struct buf *why)
{
    memset(k, 0, sizeof *k);
    if (file)
        (void)snprintf(k->path, sizeof k->path, "%s", file);
    else if (dir)
        (void)snprintf(k->path, sizeof k->path, "%s/store.key", dir);
    enum err e = k->path[0] ? load(k, why) : ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? make(k, why) : e;
}

void store_key_undo(struct store_key *k)
{
    if (k->was_made && k->path[0])
        (void)unlink(k->path);
}
