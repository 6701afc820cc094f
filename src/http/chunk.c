/*
 *   size --hex digits--> [ext] --CRLF--> data --CRLF--> size ...
 *                                 `-- size 0 --> trailer lines --empty line--> done
 */
#include "http/chunk.h"

#include <assert.h>

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXT,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_DONE
};

enum { CHUNK_DIGITS_MAX = 15 }; /* 2^60: no overflow, and no object is that large */

void chunk_init(struct chunk *C)
{
    *C = (struct chunk){.state = CHUNK_SIZE};
}

bool chunk_is_done(const struct chunk *C)
{
    return C->state == CHUNK_DONE;
}

uint64_t chunk_data_left(const struct chunk *C)
{
    return C->state == CHUNK_DATA ? C->left : 0;
}

void chunk_skip(struct chunk *C, uint64_t n)
{
    assert(C->state == CHUNK_DATA && n <= C->left);
    C->left -= n;
    if (!C->left)
        C->state = CHUNK_DATA_CR;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err size_step(struct chunk *C, uint8_t c)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        if (C->digits == CHUNK_DIGITS_MAX)
            return ERR_MALFORMED;
        C->digits++;
        C->left = C->left << 4 | (uint64_t)digit;
        return ERR_OK;
    }
    if (!C->digits || (c != '\r' && c != ';'))
        return ERR_MALFORMED;
    C->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXT;
    return ERR_OK;
}

/* Inside an extension or a trailer: anything but controls, until the CR. */
static enum err extra_step(struct chunk *C, uint8_t c, enum chunk_state after)
{
    if (c == '\r') {
        C->state = (uint8_t)after;
        return ERR_OK;
    }
    if ((c < 0x20 && c != '\t') || c == 0x7f || ++C->extra_bytes > CHUNK_EXTRA_BYTES_MAX)
        return ERR_MALFORMED;
    return ERR_OK;
}

static enum err expect(struct chunk *C, uint8_t c, uint8_t want, enum chunk_state after)
{
    if (c != want)
        return ERR_MALFORMED;
    C->state = (uint8_t)after;
    return ERR_OK;
}

static enum err size_done(struct chunk *C, uint8_t c)
{
    enum chunk_state after = C->left ? CHUNK_DATA : CHUNK_TRAILER_START;

    C->digits = 0;
    return expect(C, c, '\n', after);
}

static enum err trailer_start(struct chunk *C, uint8_t c)
{
    if (c == '\r') {
        C->state = CHUNK_END_LF;
        return ERR_OK;
    }
    if (c == ' ' || c == '\t' || c == ':') /* folding, or no name */
        return ERR_MALFORMED;
    C->state = CHUNK_TRAILER;
    return extra_step(C, c, CHUNK_TRAILER_LF);
}

static enum err framing_step(struct chunk *C, uint8_t c)
{
    switch ((enum chunk_state)C->state) {
    case CHUNK_SIZE:
        return size_step(C, c);
    case CHUNK_EXT:
        return extra_step(C, c, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        return size_done(C, c);
    case CHUNK_DATA_CR:
        return expect(C, c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return expect(C, c, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER_START:
        return trailer_start(C, c);
    case CHUNK_TRAILER:
        return extra_step(C, c, CHUNK_TRAILER_LF);
    case CHUNK_TRAILER_LF:
        return expect(C, c, '\n', CHUNK_TRAILER_START);
    case CHUNK_END_LF:
        return expect(C, c, '\n', CHUNK_DONE);
    case CHUNK_DATA:
    case CHUNK_DONE:
        break;
    }
    assert(false && "framing_step in a state without framing");
    return ERR_MALFORMED;
}

enum err chunk_feed(struct chunk *C, struct view *in, uint8_t *to, size_t cap, size_t *got_out)
{
    size_t got = 0;

    while (in->len && C->state != CHUNK_DONE) {
        if (C->state == CHUNK_DATA) {
            size_t n = MIN(in->len, cap - got);

            n = (size_t)MIN((uint64_t)n, C->left);
            if (!n)
                break;
            if (to)
                memcpy(to + got, in->at, n);
            got += n;
            *in = view_from(*in, n);
            chunk_skip(C, n);
            continue;
        }
        TRY(framing_step(C, in->at[0]));
        *in = view_from(*in, 1);
    }
    *got_out = got;
    return ERR_OK;
}
