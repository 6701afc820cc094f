/*
 * Listing: pages of ListObjectsV2, or all buckets. A page has its entries and its common prefixes
 * each in order; fn gets both in one order. Names come percent-encoded (encoding-type=url), since
 * XML cannot carry every byte a key may have.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "client/client_command.h"
#include "client/client_why.h"
#include "client/client_xml.h"

/* A name is at most 1,024 bytes, encoded three times that. */
enum { LIST_NAME_MAX = 3 * 1024 + 16, LIST_TOKEN_MAX = 4096 };

struct entry {
    char name[LIST_NAME_MAX];
    char etag[72];
    bool is_prefix;
    uint64_t bytes;
    int64_t mtime_ms;
};

struct page {
    struct entry *entries;
    size_t count, cap;
    struct entry now; /* the one being read */
    bool is_encoded, is_truncated, is_failed;
    char token[LIST_TOKEN_MAX];
};

/* --- reading a page --- */

static void page_add(struct page *p)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 128;
        struct entry *grown = realloc(p->entries, cap * sizeof(*grown));

        if (!grown) {
            p->is_failed = true;
            return;
        }
        p->entries = grown;
        p->cap = cap;
    }
    p->entries[p->count++] = p->now;
    memset(&p->now, 0, sizeof(p->now));
}

static void take_name(struct page *p, struct view text)
{
    p->is_failed = p->is_failed || text.len >= sizeof(p->now.name);
    snprintf(p->now.name, sizeof(p->now.name), "%.*s", VIEW_FMT(text));
}

static void take_contents(struct page *p, const char *leaf, struct view text)
{
    if (strcmp(leaf, "Key") == 0)
        take_name(p, text);
    else if (strcmp(leaf, "Size") == 0)
        (void)!text_to_u64(text, &p->now.bytes);
    else if (strcmp(leaf, "LastModified") == 0)
        (void)!text_to_iso_date(text, &p->now.mtime_ms);
    else if (strcmp(leaf, "ETag") == 0)
        snprintf(p->now.etag, sizeof(p->now.etag), "%.*s", VIEW_FMT(text));
}

static void on_object(void *ctx, const char *path, struct view text)
{
    static const char contents[] = "ListBucketResult/Contents/";
    struct page *p = ctx;

    if (strncmp(path, contents, sizeof(contents) - 1) == 0) {
        take_contents(p, path + sizeof(contents) - 1, text);
    } else if (strcmp(path, "ListBucketResult/CommonPrefixes/Prefix") == 0) {
        take_name(p, text);
        p->now.is_prefix = true;
    } else if (
        strcmp(path, "ListBucketResult/Contents") == 0 ||
        strcmp(path, "ListBucketResult/CommonPrefixes") == 0) {
        page_add(p);
    } else if (strcmp(path, "ListBucketResult/IsTruncated") == 0) {
        p->is_truncated = view_is(text, "true");
    } else if (strcmp(path, "ListBucketResult/EncodingType") == 0) {
        p->is_encoded = view_is(text, "url");
    } else if (strcmp(path, "ListBucketResult/NextContinuationToken") == 0) {
        snprintf(p->token, sizeof(p->token), "%.*s", VIEW_FMT(text));
    }
}

static void on_bucket(void *ctx, const char *path, struct view text)
{
    static const char bucket[] = "ListAllMyBucketsResult/Buckets/Bucket";
    struct page *p = ctx;

    if (strcmp(path, bucket) == 0)
        page_add(p);
    else if (strncmp(path, bucket, sizeof(bucket) - 1) != 0)
        return;
    else if (strcmp(path + sizeof(bucket), "Name") == 0)
        take_name(p, text);
    else if (strcmp(path + sizeof(bucket), "CreationDate") == 0)
        (void)!text_to_iso_date(text, &p->now.mtime_ms);
}

/* EncodingType may come behind the names: so afterwards. */
static void page_decode(struct page *p)
{
    for (size_t i = 0; i < p->count && p->is_encoded; i++) {
        struct entry *n = &p->entries[i];
        size_t len = 0;

        if (text_from_uri(view_str(n->name), true, (uint8_t *)n->name, sizeof(n->name) - 1, &len)) {
            p->is_failed = true;
            return;
        }
        n->name[len] = '\0';
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* --- pages --- */

static enum ps_err
page_fetch(struct ps_client *c, const struct client_request *q, struct page *p, struct ps_result *r)
{
    struct client_reply *reply;
    enum ps_err e = client_command(c, q, &reply, r);

    p->count = 0;
    p->is_truncated = p->is_encoded = p->is_failed = false;
    p->token[0] = '\0';
    memset(&p->now, 0, sizeof(p->now));
    if (!e) {
        client_xml_fn *fn = q->bucket.len > 0 ? on_object : on_bucket;
        bool is_good = reply->text && client_xml_read(view_of(reply->text, reply->text_len), fn, p);

        page_decode(p);
        if (!is_good || p->is_failed || (p->is_truncated && !p->token[0]))
            e = client_why(PS_ERR_HTTP, "the listing cannot be read");
    }
    client_command_free(reply);
    if (!e && p->count > 0)
        qsort(p->entries, p->count, sizeof(*p->entries), compare);
    return e;
}

/* False: the caller has had enough. */
static bool page_tell(const struct page *p, ps_list_fn *fn, void *user)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct entry *n = &p->entries[i];
        struct ps_entry entry = {
            .name = n->name,
            .is_prefix = n->is_prefix,
            .bytes = n->bytes,
            .mtime_ms = n->mtime_ms,
            .etag = n->etag};

        if (fn(&entry, user))
            return false;
    }
    return true;
}

static bool put_query(struct buf *query, const struct client_listing *l, const char *token)
{
    query->len = 0;
    client_exchange_param(query, "list-type", VIEW("2"));
    client_exchange_param(query, "encoding-type", VIEW("url"));
    if (l->prefix && *l->prefix)
        client_exchange_param(query, "prefix", view_str(l->prefix));
    if (l->delimiter && *l->delimiter)
        client_exchange_param(query, "delimiter", view_str(l->delimiter));
    if (*token)
        client_exchange_param(query, "continuation-token", view_str(token));
    return !query->overflow;
}

enum ps_err
client_command_list(struct ps_client *c, const struct client_listing *l, struct ps_result *r)
{
    struct page *p = calloc(1, sizeof(*p));
    uint8_t query_bytes[2 * CLIENT_QUERY_MAX];
    struct buf query = buf_over(query_bytes, sizeof(query_bytes));
    enum ps_err e;

    if (!p)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    do {
        struct client_request q = {
            .method = "GET", .bucket = view_str(l->bucket), .signs_body = true};

        e = PS_OK;
        if (l->bucket && !put_query(&query, l, p->token))
            e = client_why(PS_ERR_INVALID, "the prefix is too long");
        if (l->bucket)
            q.query = buf_view(&query);
        if (!e)
            e = page_fetch(c, &q, p, r);
    } while (!e && page_tell(p, l->fn, l->user) && p->is_truncated);
    free(p->entries);
    free(p);
    return e;
}
