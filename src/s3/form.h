/*
 * multipart/form-data as browsers post it, pure and incremental: bytes in any pieces, the fields
 * before the file kept, the bytes of the file handed on as they come. Source: RFC 7578, RFC 2046
 * section 5.1; HTML Living Standard, "Multipart form data".
 *
 *   PREAMBLE -> BOUNDARY -> HEADER -> VALUE --boundary--> BOUNDARY ...
 *                              |
 *                              `----> FILE --boundary--> BOUNDARY -> END
 *                                                            `-> HEADER -> REST -> BOUNDARY ...
 *
 * What stands behind the file is left out, as S3 does; a second file is an error. The file counts
 * only once END was reached: without the last boundary nobody knows that it is whole.
 */
#ifndef PENSTOCK_S3_FORM_H
#define PENSTOCK_S3_FORM_H

#include "base/bytes.h"

enum {
    FORM_BOUNDARY_BYTES_MAX = 200,
    FORM_FIELDS_MAX = 100,
    FORM_FIELD_BYTES_MAX = 20480,
    FORM_TEXT_BYTES_MAX = 65536, /* names and values together */
    FORM_LINE_BYTES_MAX = 2048,  /* of a part's header */
    FORM_LINES_MAX = 16,
    FORM_LOOSE_BYTES_MAX = 65536 /* before the first boundary, and of parts behind the file */
};

enum form_state {
    FORM_PREAMBLE,
    FORM_BOUNDARY, /* behind one: "--", or the end of the line */
    FORM_HEADER,
    FORM_VALUE,
    FORM_FILE,
    FORM_REST,
    FORM_END
};

struct form_field {
    struct view name, value;
};

struct form {
    enum form_state state;
    struct form_field fields[FORM_FIELDS_MAX]; /* before the file, in order */
    unsigned field_count;
    struct view file_name; /* as sent; empty: none */

    /* private */
    uint8_t delimiter[4 + FORM_BOUNDARY_BYTES_MAX]; /* CRLF "--" boundary */
    size_t delimiter_len;
    size_t matched;             /* bytes of it that were just seen */
    size_t flush_at, flush_len; /* bytes of it that turned out to be data */
    unsigned step;              /* in BOUNDARY */
    struct buf text;            /* names and values */
    size_t value_at;
    size_t loose_bytes;
    uint8_t line[FORM_LINE_BYTES_MAX];
    size_t line_len;
    unsigned line_count;
    struct view part_name, part_file_name; /* in text */
    bool has_file;
};

/* Is that a Content-Type of forms? */
bool form_is(struct view content_type);
/* text: memory for FORM_TEXT_BYTES_MAX, alive as long as the fields. ERR_MALFORMED: no boundary. */
enum err form_init(struct form *f, struct view content_type, uint8_t *text) MUST_CHECK;
/*
 * form_feed(f, in, to, cap, got_out): takes bytes off *in. In FORM_FILE at most cap bytes of the
 * file are written to `to`; with to == NULL it stops at the file's first byte. Otherwise it stops
 * when *in is empty, or `to` is full, or at FORM_END.
 * Errors   ERR_MALFORMED; ERR_TOO_LARGE: what stands before the file is over a limit.
 */
enum err
form_feed(struct form *f, struct view *in, uint8_t *to, size_t cap, size_t *got_out) MUST_CHECK;
/* The value of a field (any case); at == NULL when absent. */
struct view form_value(const struct form *f, const char *name);

#endif
