/*
 * Input: form, split seed, body.
 *
 * Invariants. Payload is never longer than what came in. Any split of a body gives the same error,
 * or the same payload and trailers. A payload that this file frames and signs (with code of its
 * own) comes back whole; with any one bit of the signed body altered, it never counts as done.
 */
#include "auth/chunked.h"

#include "base/text.h"
#include "fuzz.h"

enum { BODY_BYTES_MAX = 1 << 16 };

struct result {
    enum err err;
    bool is_done;
    size_t len;
    uint64_t trailers_hash;
    uint8_t payload[BODY_BYTES_MAX];
};

static void state_of(struct sigv4 *s, enum sigv4_payload payload)
{
    memset(s, 0, sizeof *s);
    s->form = SIGV4_HEADER;
    s->payload = payload;
    s->scope = VIEW("20130524/us-east-1/s3/aws4_request");
    memcpy(s->amz_date, "20130524T000000Z", 17);
    memset(s->signing_key, 'k', sizeof s->signing_key);
    memset(s->seed, 's', sizeof s->seed);
}

static uint64_t hash_more(uint64_t hash, struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        hash = (hash ^ v.at[i]) * 0x100000001b3;
    return hash * 31 + v.len;
}

/* dice NULL: in one piece */
static void
decode(struct view in, enum sigv4_payload form, struct fuzz_dice *dice, struct result *r)
{
    static struct chunked c;
    struct sigv4 s;

    state_of(&s, form);
    MUST(chunked_init(&c, &s) == ERR_OK);
    memset(r, 0, offsetof(struct result, payload));
    while (in.len > 0 && !r->err) {
        size_t n = dice ? fuzz_roll(dice, in.len) : in.len, payload = SIZE_MAX;
        uint8_t *piece = malloc(n);

        MUST(piece);
        memcpy(piece, in.at, n);
        r->err = chunked_decode(&c, piece, n, &payload);
        if (!r->err) {
            MUST(payload <= n);
            memcpy(r->payload + r->len, piece, payload);
            r->len += payload;
            MUST(c.payload_bytes == r->len);
        }
        free(piece);
        in = view_from(in, n);
    }
    MUST(!r->err || !chunked_is_done(&c));
    r->is_done = chunked_is_done(&c);
    for (unsigned i = 0; i < c.trailer_count; i++)
        r->trailers_hash =
            hash_more(hash_more(r->trailers_hash, c.trailers[i].name), c.trailers[i].value);
    chunked_done(&c);
}

static void check_splits(struct view body, enum sigv4_payload form, uint64_t seed)
{
    static struct result whole, split;

    decode(body, form, NULL, &whole);
    for (uint64_t i = 0; i < 3; i++) {
        struct fuzz_dice dice = fuzz_dice(seed * 3 + i);
        decode(body, form, &dice, &split);
        MUST(whole.err == split.err);
        if (whole.err)
            continue;
        MUST(whole.is_done == split.is_done && whole.len == split.len);
        MUST(memcmp(whole.payload, split.payload, whole.len) == 0);
        MUST(whole.trailers_hash == split.trailers_hash);
    }
}

/* ---- an encoder of our own ---- */

static uint8_t encoded_bytes[2 * BODY_BYTES_MAX];

struct chain {
    uint8_t key[32], previous[32];
};

static void
put_link(struct chain *k, const char *kind, const char *between, struct view data, struct buf *b)
{
    uint8_t text[512], hash[32];
    struct buf t = buf_over(text, sizeof text);

    digest_sha256(data, hash);
    buf_printf(
        &t, "AWS4-HMAC-SHA256-%s\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n", kind);
    text_put_hex(&t, view_of(k->previous, 32));
    buf_printf(&t, "\n%s", between);
    text_put_hex(&t, view_of(hash, 32));
    digest_hmac_sha256(view_of(k->key, 32), buf_view(&t), k->previous);
    text_put_hex(b, view_of(k->previous, 32));
}

static void put_chunk(struct chain *k, struct view data, struct buf *b)
{
    static const char nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";

    buf_printf(b, "%zx;chunk-signature=", data.len);
    put_link(k, "PAYLOAD", nothing, data, b);
    buf_put(b, VIEW("\r\n"));
    if (data.len == 0)
        return;
    buf_put(b, data);
    buf_put(b, VIEW("\r\n"));
}

static struct view encode(struct view payload, bool has_trailer, struct fuzz_dice *dice)
{
    struct buf b = buf_over(encoded_bytes, BODY_BYTES_MAX);
    struct chain k;

    memset(k.key, 'k', sizeof k.key);
    memset(k.previous, 's', sizeof k.previous);
    while (payload.len > 0) {
        size_t n = fuzz_roll(dice, payload.len);
        put_chunk(&k, view_upto(payload, n), &b);
        payload = view_from(payload, n);
    }
    put_chunk(&k, VIEW_EMPTY, &b);
    if (has_trailer) {
        buf_put(&b, VIEW("x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:"));
        put_link(&k, "TRAILER", "", VIEW("x-amz-checksum-crc32:AAAAAA==\n"), &b);
        buf_put(&b, VIEW("\r\n"));
    }
    buf_put(&b, VIEW("\r\n"));
    return b.overflow ? VIEW_EMPTY : buf_view(&b);
}

static void check_signed(struct view payload, bool has_trailer, uint64_t seed)
{
    enum sigv4_payload form =
        has_trailer ? SIGV4_PAYLOAD_STREAMING_TRAILER : SIGV4_PAYLOAD_STREAMING;
    struct fuzz_dice dice = fuzz_dice(seed);
    struct view body = encode(payload, has_trailer, &dice);
    static struct result r;

    if (body.len == 0)
        return; /* does not fit */
    decode(body, form, &dice, &r);
    MUST(!r.err && r.is_done);
    MUST(view_eq(view_of(r.payload, r.len), payload));
    for (unsigned i = 0; i < 4; i++) {
        size_t at = fuzz_roll(&dice, body.len) - 1;
        encoded_bytes[at] ^= 1; /* not 0x20: the case of hex and of names is free */
        decode(body, form, &dice, &r);
        MUST(!r.is_done);
        encoded_bytes[at] ^= 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = view_of(data, MIN(size, BODY_BYTES_MAX));
    uint8_t form = fuzz_byte(&in), seed = fuzz_byte(&in);

    switch (form % 4) {
    case 0:
        check_splits(in, SIGV4_PAYLOAD_UNSIGNED_TRAILER, seed);
        break;
    case 1:
        check_splits(in, SIGV4_PAYLOAD_STREAMING, seed);
        break;
    case 2:
        check_splits(in, SIGV4_PAYLOAD_STREAMING_TRAILER, seed);
        break;
    default:
        check_signed(in, form & 4, seed);
    }
    return 0;
}
