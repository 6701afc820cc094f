#include "s3/form.h"

#include <assert.h>

#include "base/text.h"

enum { STEP_FRESH, STEP_DASH, STEP_BLANK, STEP_CR };

/* --- parameters of header lines ----------------------------------------------------------- */

/* Takes `name=value` or `name="value"` off *rest, behind a ';'. A quote inside is written \". */
static bool take_param(struct view *rest, struct view *name_out, struct view *value_out)
{
    struct view v = view_trim(*rest);
    size_t end = 0;

    if (v.len == 0 || v.at[0] != ';')
        return false;
    v = view_trim(view_from(v, 1));
    size_t equals = view_index(v, '=');
    if (equals == SIZE_MAX)
        return false;
    *name_out = view_trim(view_upto(v, equals));
    v = view_trim(view_from(v, equals + 1));
    if (v.len == 0 || v.at[0] != '"') {
        end = MIN(view_index(v, ';'), v.len);
        *value_out = view_trim(view_upto(v, end));
        *rest = view_from(v, end);
        return true;
    }
    v = view_from(v, 1);
    while (end < v.len && v.at[end] != '"')
        end += v.at[end] == '\\' && end + 1 < v.len && v.at[end + 1] == '"' ? 2 : 1;
    if (end >= v.len)
        return false;
    *value_out = view_upto(v, end);
    *rest = view_from(v, end + 1);
    return true;
}

/* Copies without the backslashes before quotes. */
static struct view put_unquoted(struct buf *b, struct view v)
{
    size_t from = b->len;

    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] != '\\' || i + 1 == v.len || v.at[i + 1] != '"')
            buf_put_byte(b, v.at[i]);
    return view_of(b->at + from, b->len - from);
}

/* UTF-8''na%C3%AFve (RFC 8187) */
static struct view put_extended(struct buf *b, struct view v)
{
    static const struct view charset = VIEW("utf-8'");
    size_t from = b->len, len = 0, quote;

    if (!view_starts_nocase(v, charset))
        return VIEW_EMPTY;
    v = view_from(v, charset.len);
    quote = view_index(v, '\'');
    if (quote == SIZE_MAX ||
        text_from_uri(view_from(v, quote + 1), false, b->at + from, b->cap - from, &len))
        return VIEW_EMPTY;
    b->len += len;
    return view_of(b->at + from, len);
}

/* --- start -------------------------------------------------------------------------------- */

static struct view type_of(struct view content_type)
{
    return view_trim(view_upto(content_type, MIN(view_index(content_type, ';'), content_type.len)));
}

bool form_is(struct view content_type)
{
    return view_eq_nocase(type_of(content_type), VIEW("multipart/form-data"));
}

static bool is_boundary(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < ' ' || v.at[i] == 0x7f || v.at[i] == '"')
            return false;
    return v.len > 0 && v.len <= FORM_BOUNDARY_BYTES_MAX && v.at[v.len - 1] != ' ';
}

static bool find_boundary(struct view content_type, struct view *out)
{
    struct view rest = view_from(content_type, view_index(content_type, ';')), name, value;

    while (take_param(&rest, &name, &value))
        if (view_eq_nocase(name, VIEW("boundary"))) {
            *out = value;
            return is_boundary(value);
        }
    return false;
}

enum err form_init(struct form *f, struct view content_type, uint8_t *text)
{
    struct view boundary;
    struct buf b = buf_over(f->delimiter, sizeof f->delimiter);

    memset(f, 0, sizeof *f);
    if (!form_is(content_type) || !find_boundary(content_type, &boundary))
        return ERR_MALFORMED;
    buf_put(&b, VIEW("\r\n--"));
    buf_put(&b, boundary);
    assert(!b.overflow);
    f->delimiter_len = b.len;
    f->matched = 2; /* the first one needs no line end before it */
    f->text = buf_over(text, FORM_TEXT_BYTES_MAX);
    return ERR_OK;
}

/* --- up to a boundary --------------------------------------------------------------------- */

/* Data: into *out as far as there is room (NULL: dropped). How much was taken. */
static size_t give(struct buf *out, const uint8_t *at, size_t len)
{
    if (!out)
        return len;
    len = MIN(len, out->cap - out->len);
    buf_put(out, view_of(at, len));
    return len;
}

/*
 * True when the boundary has come; false when *in is used up or *out is full. CR stands at the
 * delimiter's beginning and nowhere else in it: when a match breaks, the next one can only begin
 * with the byte that broke it.
 */
static bool scan(struct form *f, struct view *in, struct buf *out)
{
    for (;;) {
        f->flush_at += give(out, f->delimiter + f->flush_at, f->flush_len - f->flush_at);
        if (f->flush_at < f->flush_len || in->len == 0)
            return false;
        if (f->matched == 0) {
            size_t run = MIN(view_index(*in, '\r'), in->len);
            size_t taken = give(out, in->at, run);
            *in = view_from(*in, taken);
            if (taken < run || in->len == 0)
                return false;
        }
        if (in->at[0] != f->delimiter[f->matched]) {
            f->flush_at = 0;
            f->flush_len = f->matched;
            f->matched = 0;
            continue;
        }
        *in = view_from(*in, 1);
        if (++f->matched == f->delimiter_len) {
            f->matched = 0;
            return true;
        }
    }
}

static void enter_boundary(struct form *f)
{
    f->state = FORM_BOUNDARY;
    f->step = STEP_FRESH;
}

static enum err feed_loose(struct form *f, struct view *in)
{
    size_t before = in->len;
    bool is_found = scan(f, in, NULL);

    f->loose_bytes += before - in->len;
    if (is_found)
        enter_boundary(f);
    return f->loose_bytes > FORM_LOOSE_BYTES_MAX ? ERR_TOO_LARGE : ERR_OK;
}

static enum err feed_value(struct form *f, struct view *in)
{
    size_t used = f->text.len - f->value_at;
    struct buf out =
        buf_over(f->text.at, MIN(f->text.cap, f->text.len + FORM_FIELD_BYTES_MAX - used));
    out.len = f->text.len;
    bool is_found = scan(f, in, &out);

    f->text.len = out.len;
    if (!is_found)
        return in->len > 0 || f->flush_at < f->flush_len ? ERR_TOO_LARGE : ERR_OK;
    f->fields[f->field_count++] = (struct form_field){
        f->part_name, view_of(f->text.at + f->value_at, f->text.len - f->value_at)};
    enter_boundary(f);
    return ERR_OK;
}

/* --- behind a boundary -------------------------------------------------------------------- */

static enum err feed_boundary(struct form *f, struct view *in)
{
    uint8_t c = in->at[0];

    *in = view_from(*in, 1);
    if (f->step == STEP_DASH && c == '-') {
        f->state = FORM_END;
        return ERR_OK;
    }
    if (f->step == STEP_CR && c == '\n') {
        f->state = FORM_HEADER;
        f->line_len = 0;
        f->line_count = 0;
        f->part_name = f->part_file_name = VIEW_EMPTY;
        return ERR_OK;
    }
    if (f->step == STEP_DASH || f->step == STEP_CR)
        return ERR_MALFORMED;
    if (c == '-' && f->step == STEP_FRESH)
        f->step = STEP_DASH;
    else if (c == '\r')
        f->step = STEP_CR;
    else if (c == ' ' || c == '\t')
        f->step = STEP_BLANK;
    else
        return ERR_MALFORMED;
    return ERR_OK;
}

/* --- the header of a part ----------------------------------------------------------------- */

static enum err read_disposition(struct form *f, struct view v)
{
    struct view rest = view_from(v, view_index(v, ';')), name, value, extended = VIEW_EMPTY;

    if (!view_eq_nocase(type_of(v), VIEW("form-data")) || f->part_name.at)
        return ERR_MALFORMED;
    while (take_param(&rest, &name, &value)) {
        if (view_eq_nocase(name, VIEW("name")) && !f->part_name.at)
            f->part_name = put_unquoted(&f->text, value);
        else if (view_eq_nocase(name, VIEW("filename")) && !f->part_file_name.at)
            f->part_file_name = put_unquoted(&f->text, value);
        else if (view_eq_nocase(name, VIEW("filename*")))
            extended = put_extended(&f->text, value);
        else
            return ERR_MALFORMED;
    }
    if (extended.at)
        f->part_file_name = extended;
    if (f->text.overflow)
        return ERR_TOO_LARGE;
    return f->part_name.len > 0 && view_trim(rest).len == 0 ? ERR_OK : ERR_MALFORMED;
}

/* Nothing decodes a part: one that says it is encoded would be stored as it is not meant. */
static bool is_plain_encoding(struct view v)
{
    return view_eq_nocase(v, VIEW("binary")) || view_eq_nocase(v, VIEW("8bit")) ||
           view_eq_nocase(v, VIEW("7bit"));
}

static enum err read_line(struct form *f, struct view line)
{
    size_t colon = view_index(line, ':');
    struct view name = view_trim(view_upto(line, colon));

    if (colon == SIZE_MAX || colon == 0 || ++f->line_count > FORM_LINES_MAX)
        return ERR_MALFORMED;
    struct view value = view_trim(view_from(line, colon + 1));
    if (view_eq_nocase(name, VIEW("content-disposition")))
        return read_disposition(f, value);
    if (view_eq_nocase(name, VIEW("content-transfer-encoding")) && !is_plain_encoding(value))
        return ERR_MALFORMED;
    return ERR_OK;
}

static enum err begin_part(struct form *f)
{
    bool is_file = view_eq_nocase(f->part_name, VIEW("file"));

    if (!f->part_name.at || (is_file && f->has_file))
        return ERR_MALFORMED;
    if (f->has_file) {
        f->state = FORM_REST;
    } else if (is_file) {
        f->has_file = true;
        f->file_name = f->part_file_name;
        f->state = FORM_FILE;
    } else {
        if (f->field_count == FORM_FIELDS_MAX)
            return ERR_TOO_LARGE;
        f->value_at = f->text.len;
        f->state = FORM_VALUE;
    }
    return ERR_OK;
}

static enum err feed_header(struct form *f, struct view *in)
{
    size_t end = view_index(*in, '\n');
    struct view piece = view_upto(*in, end == SIZE_MAX ? in->len : end + 1);

    if (piece.len > sizeof f->line - f->line_len)
        return ERR_TOO_LARGE;
    memcpy(f->line + f->line_len, piece.at, piece.len);
    f->line_len += piece.len;
    *in = view_from(*in, piece.len);
    if (end == SIZE_MAX)
        return ERR_OK;
    struct view line = view_of(f->line, f->line_len);
    f->line_len = 0;
    if (!view_ends(line, VIEW("\r\n")))
        return ERR_MALFORMED;
    line = view_upto(line, line.len - 2);
    return line.len == 0 ? begin_part(f) : read_line(f, line);
}

/* --- all of it ---------------------------------------------------------------------------- */

static enum err feed_step(struct form *f, struct view *in, struct buf *file)
{
    switch (f->state) {
    case FORM_PREAMBLE:
    case FORM_REST:
        return feed_loose(f, in);
    case FORM_BOUNDARY:
        return feed_boundary(f, in);
    case FORM_HEADER:
        return feed_header(f, in);
    case FORM_VALUE:
        return feed_value(f, in);
    case FORM_FILE:
        if (scan(f, in, file))
            enter_boundary(f);
        return ERR_OK;
    case FORM_END:
        break;
    }
    return ERR_OK;
}

enum err form_feed(struct form *f, struct view *in, uint8_t *to, size_t cap, size_t *got_out)
{
    struct buf file = buf_over(to, cap);

    *got_out = 0;
    while (in->len > 0 && f->state != FORM_END) {
        size_t before = in->len;

        if (f->state == FORM_FILE && !to)
            break;
        TRY(feed_step(f, in, &file));
        if (in->len == before && f->state == FORM_FILE) /* no room */
            break;
    }
    /* Data that looked like a boundary may have waited for room. */
    if (f->state == FORM_FILE && to && f->flush_at < f->flush_len)
        (void)scan(f, in, &file);
    *got_out = file.len;
    return ERR_OK;
}

struct view form_value(const struct form *f, const char *name)
{
    for (unsigned i = 0; i < f->field_count; i++)
        if (view_eq_nocase(f->fields[i].name, view_str(name)))
            return f->fields[i].value;
    return VIEW_EMPTY;
}
