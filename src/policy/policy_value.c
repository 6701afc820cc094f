/*
 * Values by their type: numbers, dates, addresses, truth, bytes. What cannot be read as its type
 * fits nothing.
 */
#include <arpa/inet.h>

#include "base/text.h"
#include "policy/policy_impl.h"

/* --- numbers: a sign, up to 18 digits, a fraction -------------------------------------------- */

static bool take_digits(struct view *v, long double *n_io, long double *scale_out, unsigned max)
{
    unsigned count = 0;

    *scale_out = 1;
    while (v->len && v->at[0] >= '0' && v->at[0] <= '9') {
        if (count++ == max)
            return false;
        *n_io = *n_io * 10 + (v->at[0] - '0');
        *scale_out *= 10;
        *v = view_from(*v, 1);
    }
    return count > 0;
}

static bool number(struct view v, long double *n_out)
{
    bool is_negative = v.len && v.at[0] == '-';
    long double n = 0, scale = 1;

    if (v.len && (v.at[0] == '-' || v.at[0] == '+'))
        v = view_from(v, 1);
    if (!take_digits(&v, &n, &scale, 18))
        return false;
    if (v.len && v.at[0] == '.') {
        long double fraction = 0;

        v = view_from(v, 1);
        if (!take_digits(&v, &fraction, &scale, 18))
            return false;
        n += fraction / scale;
    }
    *n_out = is_negative ? -n : n;
    return v.len == 0;
}

/* --- dates: W3C's profile of ISO 8601, or seconds since 1970 ---------------------------------- */

/* "+01:00" or "-0800" off the end of *v. */
static bool take_offset(struct view *v, int64_t *ms_out)
{
    size_t len = v->len >= 6 && v->at[v->len - 3] == ':' ? 6 : 5;
    uint64_t hours, minutes;

    if (v->len < len + 11) /* behind a date and a 'T' */
        return false;
    struct view tail = view_from(*v, v->len - len);
    if (tail.at[0] != '+' && tail.at[0] != '-')
        return false;
    if (text_to_u64(view_of(tail.at + 1, 2), &hours) ||
        text_to_u64(view_of(tail.at + len - 2, 2), &minutes) || hours > 14 || minutes > 59)
        return false;
    int64_t ms = (int64_t)(hours * 60 + minutes) * 60000;
    *ms_out = tail.at[0] == '-' ? -ms : ms;
    *v = view_upto(*v, v->len - len);
    return true;
}

static bool date(struct view v, long double *ms_out)
{
    uint8_t room[64];
    struct buf b = buf_over(room, sizeof room);
    int64_t ms, offset_ms = 0;

    if (view_index(v, '-') == SIZE_MAX || view_index(v, '-') == 0) {
        if (!number(v, ms_out))
            return false;
        *ms_out *= 1000;
        return true;
    }
    bool has_time = view_index(v, 'T') != SIZE_MAX;
    if (has_time && !view_ends(v, VIEW("Z")) && !take_offset(&v, &offset_ms))
        return false;
    buf_put(&b, has_time && view_ends(v, VIEW("Z")) ? view_upto(v, v.len - 1) : v);
    if (!has_time)
        buf_put_str(&b, b.len == 4 ? "-01-01T00:00:00" : b.len == 7 ? "-01T00:00:00" : "T00:00:00");
    else if (b.len == 16) /* without seconds */
        buf_put_str(&b, ":00");
    buf_put_str(&b, "Z");
    if (b.overflow || text_to_iso_date(buf_view(&b), &ms))
        return false;
    *ms_out = (long double)(ms - offset_ms);
    return true;
}

/* --- addresses -------------------------------------------------------------------------------- */

struct address {
    uint8_t at[16];
    bool is_v6;
    unsigned bits; /* of the prefix */
};

static bool address(struct view v, struct address *a_out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[64];

    if (v.len == 0 || v.len >= sizeof text)
        return false;
    memcpy(text, v.at, v.len);
    text[v.len] = 0;
    *a_out = (struct address){.is_v6 = strchr(text, ':') != NULL};
    if (strlen(text) != v.len || inet_pton(a_out->is_v6 ? AF_INET6 : AF_INET, text, a_out->at) != 1)
        return false;
    if (a_out->is_v6 && memcmp(a_out->at, mapped, sizeof mapped) == 0) {
        memmove(a_out->at, a_out->at + 12, 4);
        a_out->is_v6 = false;
    }
    a_out->bits = a_out->is_v6 ? 128 : 32;
    return true;
}

static bool network(struct view v, struct address *a_out)
{
    size_t slash = view_index(v, '/');
    uint64_t bits;

    if (!address(view_upto(v, slash), a_out))
        return false;
    if (slash == SIZE_MAX)
        return true;
    if (text_to_u64(view_from(v, slash + 1), &bits) || v.len - slash > 4)
        return false;
    if (!a_out->is_v6 && view_index(v, ':') != SIZE_MAX) { /* ::ffff:192.0.2.0/120 */
        if (bits < 96)
            return false;
        bits -= 96;
    }
    if (bits > a_out->bits)
        return false;
    a_out->bits = (unsigned)bits;
    return true;
}

bool policy_value_network(struct view text, unsigned *bits_out, bool *is_v6_out)
{
    struct address a;

    if (!network(text, &a))
        return false;
    *bits_out = a.bits;
    *is_v6_out = a.is_v6;
    return true;
}

static bool is_inside(const struct address *net, const struct address *a)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    if (net->is_v6 != a->is_v6 || memcmp(net->at, a->at, whole) != 0)
        return false;
    return rest == 0 || (net->at[whole] ^ a->at[whole]) >> (8 - rest) == 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool truth(struct view v, bool *is_true_out)
{
    *is_true_out = view_eq_nocase(v, VIEW("true"));
    return *is_true_out || view_eq_nocase(v, VIEW("false"));
}

/* Standard base64 with padding: one form for the same bytes. */
static bool is_base64(struct view v)
{
    size_t len = v.len;

    while (len > 0 && v.len - len < 2 && v.at[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = v.at[i], lower = c | 0x20;

        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '/')
            return false;
    }
    return v.len % 4 == 0;
}

bool policy_value_is_valid(enum policy_type type, struct view text)
{
    struct address a;
    long double n;
    bool is_true;

    switch (type) {
    case POLICY_NUMERIC:
        return number(text, &n);
    case POLICY_DATE:
        return date(text, &n);
    case POLICY_BOOL:
    case POLICY_NULL:
        return truth(text, &is_true);
    case POLICY_BINARY:
        return is_base64(text);
    case POLICY_IP:
        return network(text, &a);
    case POLICY_STRING:
    case POLICY_STRING_NOCASE:
    case POLICY_STRING_LIKE:
    case POLICY_ARN:
        break;
    }
    return true;
}

static bool relates(enum policy_relation relation, long double got, long double want)
{
    switch (relation) {
    case POLICY_EQUAL:
        return got >= want && got <= want;
    case POLICY_LESS:
        return got < want;
    case POLICY_LESS_EQUAL:
        return got <= want;
    case POLICY_MORE:
        return got > want;
    case POLICY_MORE_EQUAL:
        return got >= want;
    }
    return false;
}

static bool fits(const struct policy_operator *o, struct view want, struct view got)
{
    struct address net, one;
    long double n, m;
    bool is_true, is_wanted;

    if (o->type == POLICY_NUMERIC)
        return number(got, &n) && number(want, &m) && relates(o->relation, n, m);
    if (o->type == POLICY_DATE)
        return date(got, &n) && date(want, &m) && relates(o->relation, n, m);
    if (o->type == POLICY_IP)
        return address(got, &one) && network(want, &net) && is_inside(&net, &one);
    if (o->type == POLICY_BOOL)
        return truth(got, &is_true) && truth(want, &is_wanted) && is_true == is_wanted;
    return view_eq(want, got); /* base64 */
}

enum policy_fit policy_value_fits(
    const struct policy_operator *o, const struct policy_text *want, struct view got,
    struct policy_run *run)
{
    switch (o->type) {
    case POLICY_STRING:
        return policy_match(want, got, 0, run);
    case POLICY_STRING_NOCASE:
        return policy_match(want, got, POLICY_NOCASE, run);
    case POLICY_STRING_LIKE:
        return policy_match(want, got, POLICY_WILD, run);
    case POLICY_ARN:
        return policy_match_arn(want, got, run);
    case POLICY_NUMERIC:
    case POLICY_DATE:
    case POLICY_BOOL:
    case POLICY_BINARY:
    case POLICY_IP:
    case POLICY_NULL:
        break;
    }
    return fits(o, want->text, got) ? POLICY_FITS : POLICY_FITS_NOT;
}
