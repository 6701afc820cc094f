/*
 * Multipart uploads over the stand: what their tests say often. Include after s3_stand.h's rules:
 * once, in one file of a test program.
 */
#ifndef PENSTOCK_TESTS_S3_UPLOAD_H
#define PENSTOCK_TESTS_S3_UPLOAD_H

#include "help/s3_stand.h"

static inline bool says(const char *text)
{
    return answer.sent && strstr((const char *)answer.sent, text);
}

static inline void assert_says(const char *text)
{
    if (!says(text))
        print_message("answer: %.*s\n", (int)answer.sent_bytes, (const char *)answer.sent);
    assert_true(says(text));
}

/* What stands in the first element of that name; static, valid until the next call. */
static inline const char *element(const char *name)
{
    static char text[2048];
    char open[64];
    const char *from, *end;

    (void)snprintf(open, sizeof open, "<%s>", name);
    from = answer.sent ? strstr((const char *)answer.sent, open) : NULL;
    text[0] = 0;
    if (!from)
        return text;
    from += strlen(open);
    end = strchr(from, '<');
    (void)snprintf(text, sizeof text, "%.*s", (int)(end - from), from);
    return text;
}

static inline void engine_fails(uint64_t nth, enum err e)
{
    engine_fault_arm(
        stand.engine, &(struct engine_fault_config){
                          .kinds = nth ? ENGINE_FAULT_ANY : 0,
                          .nth = nth,
                          .err = e,
                          .seed = nth,
                          .turns_max = nth ? 3 : 0});
}

/* --- one upload of /bucket/key ------------------------------------------------------------ */

static struct {
    char id[64];
    char target[256]; /* with the id */
    char part[256];   /* the same, for one part */
    char xml[16384];  /* the body of Complete */
    struct buf body;
} up;

static inline const char *part_target(unsigned number)
{
    (void)snprintf(up.part, sizeof up.part, "/bucket/key?partNumber=%u&uploadId=%s", number, up.id);
    return up.part;
}

/* header, more: "name:value" or NULL */
static inline void create_upload(const char *header, const char *more)
{
    ask(&(struct ask){
        .method = "POST", .target = "/bucket/key?uploads", .headers = {header, more}});
    assert_answer(200, NULL);
    (void)snprintf(up.id, sizeof up.id, "%s", element("UploadId"));
    (void)snprintf(up.target, sizeof up.target, "/bucket/key?uploadId=%s", up.id);
    up.body = buf_over(up.xml, sizeof up.xml - 1);
    buf_put_str(&up.body, "<CompleteMultipartUpload>");
}

static inline void name_part(unsigned number, struct view etag, const char *more)
{
    buf_put_str(&up.body, "<Part><PartNumber>");
    buf_put_u64(&up.body, number);
    buf_put_str(&up.body, "</PartNumber><ETag>");
    buf_put(&up.body, etag);
    buf_put_str(&up.body, "</ETag>");
    buf_put_str(&up.body, more ? more : "");
    buf_put_str(&up.body, "</Part>");
}

/* Stores the part, and names it in the body of Complete. */
static inline void
put_part(unsigned number, struct view bytes, const char *header, const char *more)
{
    ask(&(struct ask){
        .method = "PUT", .target = part_target(number), .headers = {header}, .body = bytes});
    assert_answer(200, NULL);
    name_part(number, fake_header(&answer, "ETag"), more);
}

static inline void complete_with(const char *header, const char *more)
{
    struct buf b = up.body;

    buf_put_str(&b, "</CompleteMultipartUpload>");
    assert_false(b.overflow);
    ask(&(struct ask){
        .method = "POST", .target = up.target, .headers = {header, more}, .body = buf_view(&b)});
}

#endif
