/*
 * Input: a seed for split points, a Content-Type up to its line end, a body.
 *
 * Invariants. The verdict, the fields, the file and how it ended do not depend on how the body was
 * split, nor on how much room there was. The file's bytes are no more than the body's.
 */
#include "s3/form.h"

#include "fuzz.h"

enum { BODY_BYTES_MAX = 1 << 17 };

static uint8_t whole_text[FORM_TEXT_BYTES_MAX], split_text[FORM_TEXT_BYTES_MAX];
static uint8_t whole_file[BODY_BYTES_MAX], split_file[BODY_BYTES_MAX];
static struct form whole, split;

static enum err
run(struct form *f, struct view body, uint8_t *file, size_t *len, struct fuzz_dice *d)
{
    while (body.len > 0 && f->state != FORM_END) {
        struct view in = view_upto(body, d ? fuzz_roll(d, 5000) : body.len);
        size_t before = in.len;

        while (in.len > 0 && f->state != FORM_END) {
            size_t room = d ? fuzz_roll(d, 5000) : BODY_BYTES_MAX, got = 0;
            bool is_file = f->state == FORM_FILE;
            enum err e = form_feed(
                f, &in, is_file ? file + *len : NULL, MIN(room, BODY_BYTES_MAX - *len), &got);

            if (e)
                return e;
            MUST(got <= room);
            *len += got;
        }
        body = view_from(body, before - in.len);
    }
    return ERR_OK;
}

static void check_same(size_t whole_len, size_t split_len)
{
    MUST(whole.state == split.state && whole.field_count == split.field_count);
    for (unsigned i = 0; i < whole.field_count; i++) {
        MUST(view_eq(whole.fields[i].name, split.fields[i].name));
        MUST(view_eq(whole.fields[i].value, split.fields[i].value));
        MUST(whole.fields[i].value.len <= FORM_FIELD_BYTES_MAX);
    }
    MUST(view_eq(whole.file_name, split.file_name));
    /* What looks like a boundary may be held back until more comes. */
    MUST(whole_len == split_len && memcmp(whole_file, split_file, whole_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view body = view_of(data, MIN(size, BODY_BYTES_MAX)), type = VIEW_EMPTY;
    struct fuzz_dice dice = fuzz_dice(fuzz_byte(&body));
    size_t whole_len = 0, split_len = 0;

    if (!view_split(&body, '\n', &type))
        return 0;
    enum err e = form_init(&whole, type, whole_text);
    MUST(e == form_init(&split, type, split_text));
    if (e)
        return 0;
    e = run(&whole, body, whole_file, &whole_len, NULL);
    MUST(e == run(&split, body, split_file, &split_len, &dice));
    MUST(e == ERR_OK || e == ERR_MALFORMED || e == ERR_TOO_LARGE);
    MUST(whole_len <= body.len);
    if (!e)
        check_same(whole_len, split_len);
    return 0;
}
