#include "cli/remove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/text.h"
#include "cli/multipart.h"

enum { BATCH_MAX = 1000 };

struct removal {
    struct session *S;
    const char *bucket;
    char *keys[BATCH_MAX];
    unsigned count;
    uint64_t found;
};

static void complain(struct removal *r, const char *key, const char *cause)
{
    char name[SESSION_NAME_MAX];
    const struct report_what what = {"rm", name, NULL};

    session_name(name, r->bucket, key);
    report_problem(&r->S->report, &what, cause);
}

static void done(struct removal *r, const char *key)
{
    char name[SESSION_NAME_MAX];
    const struct report_what what = {"rm", name, NULL};

    session_name(name, r->bucket, key);
    report_done(&r->S->report, &what);
}

/* For keys that XML cannot carry. */
static void remove_one(struct removal *r, const char *key)
{
    struct ps_result result = {0};
    char name[SESSION_NAME_MAX];

    session_name(name, r->bucket, key);
    if (ps_remove(r->S->client, r->bucket, key, &result) != PS_OK)
        session_failed(r->S, "rm", name, &result);
    else
        done(r, key);
}

/* The answer lists only what was not removed. Those are complained about and struck off. */
static void read_errors(struct removal *r, const char *answer)
{
    char key[URL_KEY_MAX + 1], code[64], message[200], cause[300];

    while ((answer = strstr(answer, "<Error>"))) {
        answer += strlen("<Error>");
        const char *end = strstr(answer, "</Error>");
        char *part = strndup(answer, end ? (size_t)(end - answer) : strlen(answer));
        if (!part || !multipart_element(part, "Key", key, sizeof key))
            key[0] = '\0';
        if (!part || !multipart_element(part, "Code", code, sizeof code))
            code[0] = '\0';
        if (!part || !multipart_element(part, "Message", message, sizeof message))
            message[0] = '\0';
        free(part);
        (void)snprintf(cause, sizeof cause, "%s: %s", code, message);
        complain(r, key, cause);
        for (unsigned i = 0; i < r->count; i++)
            if (strcmp(r->keys[i], key) == 0)
                r->keys[i][0] = '\0';
    }
}

/* The request's body; keys it cannot carry are removed alone and struck off. */
static char *body_of(struct removal *r, size_t *bytes_out)
{
    char *body = NULL;
    FILE *f = open_memstream(&body, bytes_out);

    if (!f)
        return NULL;
    (void)fputs("<Delete><Quiet>true</Quiet>", f);
    for (unsigned i = 0; i < r->count; i++) {
        char *escaped = multipart_escape(r->keys[i]);
        if (escaped) {
            (void)fprintf(f, "<Object><Key>%s</Key></Object>", escaped);
        } else {
            remove_one(r, r->keys[i]);
            r->keys[i][0] = '\0';
        }
        free(escaped);
    }
    (void)fputs("</Delete>", f);
    (void)fclose(f);
    return body;
}

static void request(struct removal *r, struct view body)
{
    struct ps_result result = {0};
    uint8_t md5[16];
    char header[64] = {0}, *answer = NULL;
    size_t bytes = 0;
    struct buf b = buf_over(header, sizeof header - 1);
    const char *headers[] = {header, NULL};
    char name[SESSION_NAME_MAX];

    digest_md5(body, md5);
    buf_put_str(&b, "Content-MD5: ");
    text_put_base64(&b, view_of(md5, sizeof md5));
    session_name(name, r->bucket, "");
    if (ps_request(
            r->S->client, "POST", r->bucket, NULL, "delete", headers, body.at, body.len, &answer,
            &bytes, &result) != PS_OK) {
        session_failed(r->S, "rm", name, &result);
        return;
    }
    char *text = strndup(answer ? answer : "", bytes);
    read_errors(r, text ? text : "");
    for (unsigned i = 0; i < r->count; i++)
        if (r->keys[i][0])
            done(r, r->keys[i]);
    free(text);
    free(answer);
}

static bool has_keys(const struct removal *r)
{
    for (unsigned i = 0; i < r->count; i++)
        if (r->keys[i][0])
            return true;
    return false;
}

static void flush(struct removal *r)
{
    size_t bytes = 0;
    char *body = r->count ? body_of(r, &bytes) : NULL;

    if (body && has_keys(r))
        request(r, view_of(body, bytes));
    free(body);
    for (unsigned i = 0; i < r->count; i++)
        free(r->keys[i]);
    r->count = 0;
}

static int on_entry(const struct ps_entry *e, void *user)
{
    struct removal *r = user;

    r->found++;
    r->keys[r->count] = strdup(e->name);
    if (!r->keys[r->count])
        abort(); /* a key's length of memory: nothing sensible is left to do */
    if (++r->count == BATCH_MAX)
        flush(r);
    return 0;
}

uint64_t remove_prefix(struct session *S, const char *bucket, const char *prefix)
{
    struct removal r = {.S = S, .bucket = bucket};
    struct ps_result result = {0};
    char name[SESSION_NAME_MAX];

    session_name(name, bucket, prefix);
    enum ps_err e = ps_list(S->client, bucket, prefix, NULL, on_entry, &r, &result);
    flush(&r);
    if (e)
        session_failed(S, "rm", name, &result);
    return r.found;
}
