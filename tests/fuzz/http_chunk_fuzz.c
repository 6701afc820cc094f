/*
 * Input: split seed, then a chunked body.
 *
 * Invariants. Any split, of what comes in and of the room for data, gives the same data, the same
 * end and the same verdict. Data that is framed here comes back.
 */
#include "http/chunk.h"

#include "fuzz.h"

enum { BODY_BYTES_MAX = 1 << 15 };

struct result {
    enum err err;
    bool is_done;
    size_t len, left_over;
    uint8_t data[BODY_BYTES_MAX];
};

static void decode(struct view in, struct fuzz_dice *dice, struct result *r)
{
    struct chunk c;

    chunk_init(&c);
    r->err = ERR_OK;
    r->len = 0;
    while (in.len > 0 && !r->err && !chunk_is_done(&c)) {
        struct view piece = view_upto(in, dice ? fuzz_roll(dice, in.len) : in.len), rest = piece;
        size_t cap = dice ? fuzz_roll(dice, piece.len) : piece.len, got = SIZE_MAX;
        uint64_t next = chunk_data_left(&c);

        r->err = chunk_feed(&c, &rest, r->data + r->len, cap, &got);
        if (r->err)
            break;
        MUST(got <= cap && got <= piece.len);
        MUST(rest.len < piece.len); /* cap is at least 1: it always moves */
        if (next > 0 && got == 0)
            MUST(next == 0);
        r->len += got;
        in = view_from(in, piece.len - rest.len);
    }
    r->is_done = !r->err && chunk_is_done(&c);
    r->left_over = in.len;
}

static void check_round_trip(struct view data, struct fuzz_dice *dice)
{
    static uint8_t bytes[BODY_BYTES_MAX];
    static struct result r;
    struct buf b = buf_over(bytes, sizeof bytes);
    struct view rest = data;

    while (rest.len > 0) {
        struct view piece = view_upto(rest, fuzz_roll(dice, rest.len));
        buf_printf(&b, "%zX\r\n", piece.len);
        buf_put(&b, piece);
        buf_put(&b, VIEW("\r\n"));
        rest = view_from(rest, piece.len);
    }
    buf_put(&b, VIEW("0\r\n\r\nnext"));
    if (b.overflow)
        return;
    decode(buf_view(&b), dice, &r);
    MUST(r.is_done && view_eq(view_of(r.data, r.len), data) && r.left_over == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct result whole, split;
    struct view v = view_of(data, MIN(size, BODY_BYTES_MAX));
    struct fuzz_dice dice = fuzz_dice(fuzz_byte(&v));

    decode(v, NULL, &whole);
    decode(v, &dice, &split);
    MUST(whole.err == split.err && whole.is_done == split.is_done);
    if (!whole.err) {
        MUST(whole.left_over == split.left_over && whole.len == split.len);
        MUST(memcmp(whole.data, split.data, whole.len) == 0);
    }
    check_round_trip(v, &dice);
    return 0;
}
