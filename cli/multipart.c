#include "cli/multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct {
    const char *entity;
    char character;
} entities[] = {{"&amp;", '&'},   {"&lt;", '<'},  {"&gt;", '>'},   {"&quot;", '"'},
                {"&apos;", '\''}, {"&#34;", '"'}, {"&#39;", '\''}, {"&#38;", '&'}};

static size_t resolve(const char *at, char *character_out)
{
    for (size_t i = 0; i < ARRAY_COUNT(entities); i++) {
        size_t len = strlen(entities[i].entity);
        if (strncmp(at, entities[i].entity, len) == 0) {
            *character_out = entities[i].character;
            return len;
        }
    }
    *character_out = *at;
    return 1;
}

bool multipart_element(const char *xml, const char *name, char *to, size_t cap)
{
    char open[64];
    size_t len = 0;

    (void)snprintf(open, sizeof open, "<%s>", name);
    const char *at = strstr(xml, open);
    if (!at)
        return false;
    at += strlen(open);
    while (*at && *at != '<') {
        if (len + 1 >= cap)
            return false;
        at += resolve(at, &to[len++]);
    }
    to[len] = '\0';
    return *at == '<';
}

char *multipart_escape(const char *text)
{
    char *escaped = malloc(strlen(text) * 6 + 1);
    char *to = escaped;

    for (; escaped && *text; text++) {
        unsigned char c = (unsigned char)*text;
        size_t i = 0;
        if (c < 0x20) { /* tab and line ends would be normalised away */
            free(escaped);
            return NULL;
        }
        while (i < 5 && entities[i].character != *text)
            i++;
        if (i == 5)
            *to++ = *text;
        else
            to = stpcpy(to, entities[i].entity);
    }
    if (escaped)
        *to = '\0';
    return escaped;
}

/* A 200 whose body is an error, or lacks what was asked for. */
static bool refuse(struct multipart *m, const char *answer)
{
    m->result.err = PS_ERR_S3;
    if (!multipart_element(answer, "Code", m->result.code, sizeof m->result.code))
        m->result.code[0] = '\0';
    if (!multipart_element(answer, "Message", m->result.message, sizeof m->result.message))
        (void)snprintf(
            m->result.message, sizeof m->result.message, "the answer is not what was asked for");
    return false;
}

/* One request; the text of the answer's element `wanted`, if any, goes to `to`. */
struct question {
    const char *method, *query;
    const char *const *headers;
    struct view body;
    const char *wanted;
    char *to;
    size_t cap;
};

static bool ask(struct multipart *m, const struct question *q)
{
    char *answer = NULL;
    size_t bytes = 0;
    bool is_fine = true;

    m->result = (struct ps_result){0};
    enum ps_err e = ps_request(
        m->client, q->method, m->bucket, m->key, q->query, q->headers, q->body.at, q->body.len,
        &answer, &bytes, &m->result);
    if (e) {
        m->result.err = e;
        return false;
    }
    char *text = strndup(answer ? answer : "", bytes);
    if (!text || (q->wanted && !multipart_element(text, q->wanted, q->to, q->cap)))
        is_fine = refuse(m, text ? text : "");
    free(text);
    free(answer);
    return is_fine;
}

bool multipart_begin(
    struct multipart *m, struct ps_client *client, const char *bucket, const char *key,
    const char *content_type)
{
    char type[200];
    const char *headers[] = {type, NULL};
    struct question q = {
        .method = "POST",
        .query = "uploads",
        .headers = content_type ? headers : NULL,
        .wanted = "UploadId"};

    *m = (struct multipart){.client = client, .bucket = bucket, .key = key};
    (void)snprintf(type, sizeof type, "Content-Type: %s", content_type ? content_type : "");
    m->etags = calloc(MULTIPART_PARTS_MAX, sizeof *m->etags);
    if (!m->etags) {
        m->result.err = PS_ERR_NO_MEMORY;
        return false;
    }
    q.to = m->upload_id;
    q.cap = sizeof m->upload_id;
    if (ask(m, &q))
        return true;
    free(m->etags);
    return false;
}

/* "partNumber=7&uploadId=..."; number 0: without. */
static void put_query(const struct multipart *m, unsigned number, char *to, size_t cap)
{
    struct buf b = buf_over(to, cap - 1);

    if (number)
        buf_printf(&b, "partNumber=%u&", number);
    buf_put_str(&b, "uploadId=");
    text_put_uri(&b, view_str(m->upload_id), false);
    to[b.len] = '\0';
}

static bool has_room(struct multipart *m)
{
    if (m->parts < MULTIPART_PARTS_MAX)
        return true;
    m->result = (struct ps_result){.err = PS_ERR_INVALID};
    (void)snprintf(
        m->result.message, sizeof m->result.message, "more than %d parts would be needed",
        MULTIPART_PARTS_MAX);
    return false;
}

bool multipart_put(struct multipart *m, const void *at, size_t bytes)
{
    char query[3 * MULTIPART_ID_MAX + 64];
    const struct question q = {.method = "PUT", .query = query, .body = view_of(at, bytes)};

    if (!has_room(m))
        return false;
    put_query(m, m->parts + 1, query, sizeof query);
    if (!ask(m, &q))
        return false;
    memcpy(m->etags[m->parts++], m->result.etag, sizeof m->result.etag);
    return true;
}

bool multipart_copy(
    struct multipart *m, const char *from_bucket, const char *from_key, uint64_t offset,
    uint64_t bytes)
{
    char query[3 * MULTIPART_ID_MAX + 64], range[80];
    char source[3 * URL_KEY_MAX + URL_BUCKET_MAX + 32];
    struct buf b = buf_over(source, sizeof source - 1);
    const char *headers[] = {source, range, NULL};
    const struct question q = {
        .method = "PUT",
        .query = query,
        .headers = headers,
        .wanted = "ETag",
        .to = m->etags[m->parts],
        .cap = MULTIPART_ETAG_MAX};

    if (!has_room(m))
        return false;
    put_query(m, m->parts + 1, query, sizeof query);
    buf_printf(&b, "x-amz-copy-source: /%s/", from_bucket);
    text_put_uri(&b, view_str(from_key), true);
    source[b.len] = '\0';
    (void)snprintf(
        range, sizeof range, "x-amz-copy-source-range: bytes=%llu-%llu", (unsigned long long)offset,
        (unsigned long long)(offset + bytes - 1));
    if (!ask(m, &q))
        return false;
    m->parts++;
    return true;
}

static char *list_of_parts(const struct multipart *m, size_t *bytes_out)
{
    char *list = NULL;
    FILE *f = open_memstream(&list, bytes_out);

    if (!f)
        return NULL;
    (void)fputs("<CompleteMultipartUpload>", f);
    for (unsigned i = 0; i < m->parts; i++)
        (void)fprintf(
            f, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>", i + 1, m->etags[i]);
    (void)fputs("</CompleteMultipartUpload>", f);
    if (fclose(f) != 0) {
        free(list);
        return NULL;
    }
    return list;
}

bool multipart_finish(struct multipart *m)
{
    char query[3 * MULTIPART_ID_MAX + 64], etag[MULTIPART_ETAG_MAX];
    size_t bytes = 0;
    char *list = list_of_parts(m, &bytes);
    const struct question q = {
        .method = "POST",
        .query = query,
        .body = view_of(list, bytes),
        .wanted = "ETag",
        .to = etag,
        .cap = sizeof etag};

    put_query(m, 0, query, sizeof query);
    if (!list)
        m->result = (struct ps_result){.err = PS_ERR_NO_MEMORY};
    bool is_fine = list && ask(m, &q);
    free(list);
    if (!is_fine) {
        multipart_abort(m);
        return false;
    }
    memcpy(m->result.etag, etag, sizeof etag);
    free(m->etags);
    return true;
}

/* What went wrong before stays in m->result. */
void multipart_abort(struct multipart *m)
{
    char query[3 * MULTIPART_ID_MAX + 64];
    const struct question q = {.method = "DELETE", .query = query};
    struct ps_result before = m->result;

    put_query(m, 0, query, sizeof query);
    (void)ask(m, &q);
    m->result = before;
    free(m->etags);
}
