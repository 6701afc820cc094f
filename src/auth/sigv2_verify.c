/*
 * The string to sign of version 2, and the comparison.
 *
 * Everything is built in the caller's scratch: decoded parameters, names in lower case, then the
 * text itself. Where clients differ, a variant is a set of bits, and the text is built again.
 */
#include <assert.h>

#include "auth/sigv2.h"
#include "auth/sigv4_impl.h"
#include "base/text.h"

enum { ITEMS_MAX = 192 };

enum variant {
    SLASH_TOGGLED = 1,  /* /bucket for /bucket/ and the other way round */
    EMPTY_IS_BARE = 2,  /* ?acl= as ?acl */
    OLD_NAMES_ONLY = 4, /* without the subresources of after 2014 */
    VARIANTS = 8
};

struct item {
    struct view name, value;
    bool has_value;
};

struct items {
    unsigned count;
    struct item at[ITEMS_MAX];
};

struct text {
    const struct sigv4_request *q;
    const struct sigv4 *s;
    struct view host_bucket;
    struct buf *scratch;
    bool is_unfit; /* too large, or it could stand for another request, too */
};

static const char *const signed_params[] = {
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
};
static const char *const young_params[] = {
    "abac",
    "annotation",
    "append",
    "attributes",
    "encryption",
    "intelligent-tiering",
    "legal-hold",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "ownershipControls",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "retention",
    "session",
};

static bool is_among(struct view name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_is(name, names[i]))
            return true;
    return false;
}

static bool is_young(struct view name)
{
    return is_among(name, young_params, ARRAY_COUNT(young_params));
}

bool sigv2_signs(struct view param)
{
    return is_young(param) || is_among(param, signed_params, ARRAY_COUNT(signed_params));
}

/* ---- items in order ---- */

/* By insertion, equal names in the order they came. */
static void insert(struct text *t, struct items *list, struct item new)
{
    if (list->count == ITEMS_MAX) {
        t->is_unfit = true;
        return;
    }
    unsigned i = list->count++;
    for (; i > 0 && view_compare(list->at[i - 1].name, new.name) > 0; i--)
        list->at[i] = list->at[i - 1];
    list->at[i] = new;
}

static struct view lower(struct text *t, struct view v)
{
    size_t from = t->scratch->len;

    for (size_t i = 0; i < v.len; i++)
        buf_put_byte(
            t->scratch, v.at[i] >= 'A' && v.at[i] <= 'Z' ? (uint8_t)(v.at[i] + 32) : v.at[i]);
    return view_of(t->scratch->at + from, t->scratch->len - from);
}

/* As the server understands them: '+' is a space. */
static struct view decoded(struct text *t, struct view raw)
{
    struct buf *b = t->scratch;
    uint8_t *to = b->at + b->len;
    size_t len = 0;

    if (text_from_uri(raw, true, to, b->cap - b->len, &len)) {
        t->is_unfit = true; /* or a broken escape: the request is refused by its route */
        return VIEW("");
    }
    b->len += len;
    return view_of(to, len);
}

static bool next_param(struct text *t, struct view *query, struct item *out)
{
    struct view piece;

    if (!view_split(query, '&', &piece))
        return false;
    size_t equals = MIN(view_index(piece, '='), piece.len);
    out->name = decoded(t, view_upto(piece, equals));
    out->value = decoded(t, view_from(piece, equals + 1));
    out->has_value = equals < piece.len;
    return true;
}

/* ---- one text, one request ---- */

/*
 * The text to sign has no escapes. A parameter that decodes to a line end, or to what separates
 * names, would make the same text as a request with other headers or parameters: whoever holds a
 * presigned URL could hide one of its parts in another.
 */
static bool is_line(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < 0x20 || v.at[i] == 0x7f)
            return false;
    return true;
}

static bool hides_param(struct view value)
{
    struct view piece;
    bool is_first = true;

    while (view_split(&value, '&', &piece)) {
        if (!is_first && sigv2_signs(view_upto(piece, MIN(view_index(piece, '='), piece.len))))
            return true;
        is_first = false;
    }
    return false;
}

/* ---- the text ---- */

static bool is_presigned(const struct text *t)
{
    return t->s->form == SIGV4_PRESIGNED;
}

/* Presigners move headers into the query: both places count, the header first. */
static struct view header_or_param(struct text *t, struct view name)
{
    struct view v = sigv4_canonical_header(t->q, name, NULL), query = t->q->query;
    struct item p;

    if (v.at || !is_presigned(t))
        return view_trim(v);
    while (next_param(t, &query, &p))
        if (view_eq_nocase(p.name, name)) {
            t->is_unfit |= !is_line(p.value);
            return p.value;
        }
    return VIEW_EMPTY;
}

static struct view date_of(const struct text *t)
{
    if (is_presigned(t))
        return t->s->v2_expires;
    if (sigv4_canonical_header(t->q, VIEW("x-amz-date"), NULL).at)
        return VIEW_EMPTY;
    return view_trim(sigv4_canonical_header(t->q, VIEW("date"), NULL));
}

static void collect_amz(struct text *t, struct items *list)
{
    static const struct view prefix = VIEW("x-amz-");
    struct view query = t->q->query;
    struct item p;

    list->count = 0;
    for (unsigned i = 0; i < t->q->header_count; i++) {
        const struct sigv4_header *h = &t->q->headers[i];
        if (view_starts_nocase(h->name, prefix))
            insert(t, list, (struct item){lower(t, h->name), view_trim(h->value), true});
    }
    while (is_presigned(t) && next_param(t, &query, &p)) {
        if (!view_starts_nocase(p.name, prefix))
            continue;
        t->is_unfit |= !is_line(p.name) || view_index(p.name, ':') != SIZE_MAX || !is_line(p.value);
        insert(t, list, (struct item){lower(t, p.name), view_trim(p.value), true});
    }
}

static void collect_sub(struct text *t, unsigned variant, struct items *list)
{
    struct view query = t->q->query;
    struct item p;

    list->count = 0;
    while (next_param(t, &query, &p)) {
        if (!sigv2_signs(p.name) || (variant & OLD_NAMES_ONLY && is_young(p.name)))
            continue;
        if (variant & EMPTY_IS_BARE && p.value.len == 0)
            p.has_value = false;
        t->is_unfit |= !is_line(p.value) || hides_param(p.value);
        insert(t, list, p);
    }
}

static void put_amz(struct buf *b, const struct items *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        bool is_more = i > 0 && view_eq(list->at[i - 1].name, list->at[i].name);

        if (is_more) {
            b->len--; /* the line goes on */
            buf_put_byte(b, ',');
        } else {
            buf_put(b, list->at[i].name);
            buf_put_byte(b, ':');
        }
        buf_put(b, list->at[i].value);
        buf_put_byte(b, '\n');
    }
}

static void put_sub(struct buf *b, const struct items *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        buf_put_byte(b, i == 0 ? '?' : '&');
        buf_put(b, list->at[i].name);
        if (!list->at[i].has_value)
            continue;
        buf_put_byte(b, '=');
        buf_put(b, list->at[i].value);
    }
}

/* Does the path name a bucket and nothing in it? */
static bool is_bucket(const struct text *t)
{
    struct view rest = view_from(t->q->path, 1);
    size_t slash = view_index(rest, '/');

    return t->host_bucket.len == 0 && rest.len > 0 && (slash == SIZE_MAX || slash + 1 == rest.len);
}

static void put_path(struct text *t, unsigned variant, struct buf *b)
{
    struct view path = t->q->path.len ? t->q->path : VIEW("/");

    if (t->host_bucket.len > 0) {
        buf_put_byte(b, '/');
        buf_put(b, t->host_bucket);
    }
    if (!(variant & SLASH_TOGGLED)) {
        buf_put(b, path);
    } else if (path.at[path.len - 1] == '/') {
        buf_put(b, view_upto(path, path.len - 1));
    } else {
        buf_put(b, path);
        buf_put_byte(b, '/');
    }
}

static struct view build(struct text *t, unsigned variant)
{
    struct items amz, sub;
    struct view md5 = header_or_param(t, VIEW("content-md5"));
    struct view type = header_or_param(t, VIEW("content-type"));

    collect_amz(t, &amz);
    collect_sub(t, variant, &sub);

    struct buf *b = t->scratch;
    size_t from = b->len;
    const struct view lines[] = {t->q->method, md5, type, date_of(t)};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        buf_put(b, lines[i]);
        buf_put_byte(b, '\n');
    }
    put_amz(b, &amz);
    put_path(t, variant, b);
    put_sub(b, &sub);
    return view_of(b->at + from, b->len - from);
}

static unsigned variants_of(struct text *t)
{
    struct view query = t->q->query;
    unsigned bits = is_bucket(t) ? SLASH_TOGGLED : 0;
    struct item p;

    while (next_param(t, &query, &p)) {
        if (sigv2_signs(p.name) && p.has_value && p.value.len == 0)
            bits |= EMPTY_IS_BARE;
        /* A presigned URL is given away: what can be added to it must be signed. */
        if (is_young(p.name) && !is_presigned(t))
            bits |= OLD_NAMES_ONLY;
    }
    return bits;
}

static bool fits(const struct sigv4 *s, struct view secret, struct view to_sign)
{
    uint8_t text[SIGV2_TEXT_BYTES];
    struct buf b = buf_over(text, sizeof text);

    sigv2_sign(secret, to_sign, &b);
    return view_same(buf_view(&b), s->signature);
}

enum sigv4_verdict sigv2_verify(
    const struct sigv4_request *q, const struct sigv4 *s, struct view host_bucket,
    struct view secret, struct buf *scratch, struct view *to_sign_out)
{
    struct text t = {.q = q, .s = s, .host_bucket = host_bucket, .scratch = scratch};
    unsigned bits = variants_of(&t);

    assert(s->is_v2 && s->form != SIGV4_ANONYMOUS);
    *to_sign_out = build(&t, 0);
    if (scratch->overflow || t.is_unfit)
        return s->form == SIGV4_PRESIGNED ? SIGV4_V2_MALFORMED_QUERY : SIGV4_V2_MALFORMED_HEADER;
    size_t from = scratch->len;
    for (unsigned v = 0; v < VARIANTS; v++) {
        if ((v & bits) != v)
            continue;
        scratch->len = from;
        struct view text = build(&t, v);
        if (!scratch->overflow && !t.is_unfit && fits(s, secret, text))
            return SIGV4_OK;
    }
    return SIGV4_MISMATCH;
}
