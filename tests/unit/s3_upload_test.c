/* Multipart uploads: their life, the failure of every engine call in it, and 10,000 parts. */
#include "help/s3_upload.h"

#include "s3/upload_name.h"

static void uploads_live_and_die(void **state)
{
    stand_open();
    create_upload(NULL, NULL);
    put_part(1, VIEW("abc"), NULL, NULL);
    put_part(2, VIEW("x"), NULL, NULL);
    ask(&(struct ask){.method = "PUT", .target = part_target(1), .body = VIEW("abcd")});
    ask(&(struct ask){.method = "GET", .target = up.target});
    assert_answer(200, NULL);
    assert_string_equal(element("Size"), "4");
    assert_string_equal(element("IsTruncated"), "false");
    ask(&(struct ask){
        .method = "DELETE",
        .target = up.target,
        .headers = {"x-amz-if-match-initiated-time:Thu, 01 Jan 2026 00:00:00 GMT"}});
    assert_answer(501, "NotImplemented");
    ask(&(struct ask){.method = "DELETE", .target = up.target});
    assert_answer(204, NULL);
    ask(&(struct ask){.method = "DELETE", .target = up.target});
    assert_answer(404, "NoSuchUpload");
    ask(&(struct ask){.method = "PUT", .target = part_target(1), .body = VIEW("abc")});
    assert_answer(404, "NoSuchUpload");
    complete_with(NULL, NULL);
    assert_answer(404, "NoSuchUpload");
    ask(&(struct ask){.method = "DELETE", .target = "/bucket"});
    assert_answer(204, NULL);
    stand_close();
}

static void a_bucket_takes_its_uploads_along(void **state)
{
    stand_open();
    create_upload(NULL, NULL);
    put_part(1, VIEW("abc"), NULL, NULL);
    ask(&(struct ask){.method = "DELETE", .target = "/bucket"});
    assert_answer(204, NULL);
    ask(&(struct ask){.method = "GET", .target = up.target});
    assert_answer(404, "NoSuchBucket");
    put_bucket("bucket");
    ask(&(struct ask){.method = "GET", .target = up.target});
    assert_answer(404, "NoSuchUpload");
    stand_close();
}

static void ids_of_other_keys_are_unknown(void **state)
{
    char target[512];

    stand_open();
    create_upload(NULL, NULL);
    (void)snprintf(target, sizeof target, "/bucket/other?uploadId=%s", up.id);
    ask(&(struct ask){.method = "GET", .target = target});
    assert_answer(404, "NoSuchUpload");
    ask(&(struct ask){.method = "GET", .target = "/bucket/key?uploadId=../x"});
    assert_answer(404, "NoSuchUpload");
    ask(&(struct ask){.method = "GET", .target = "/bucket/key?uploadId="});
    assert_answer(404, "NoSuchUpload");
    ask(&(struct ask){.method = "PUT", .target = part_target(0)});
    assert_answer(400, "InvalidArgument");
    ask(&(struct ask){.method = "PUT", .target = part_target(10001)});
    assert_answer(400, "InvalidArgument");
    stand_close();
}

static void parts_are_listed_in_pages(void **state)
{
    char target[512];

    stand_open();
    create_upload("x-amz-checksum-algorithm:SHA256", NULL);
    for (unsigned i = 1; i <= 5; i++)
        put_part(i * 7, VIEW("abc"), NULL, NULL);
    (void)snprintf(target, sizeof target, "%s&max-parts=2", up.target);
    ask(&(struct ask){.method = "GET", .target = target});
    assert_string_equal(element("NextPartNumberMarker"), "14");
    assert_string_equal(element("IsTruncated"), "true");
    assert_string_equal(element("ChecksumAlgorithm"), "SHA256");
    assert_string_equal(element("ChecksumSHA256"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    (void)snprintf(target, sizeof target, "%s&part-number-marker=28", up.target);
    ask(&(struct ask){.method = "GET", .target = target});
    assert_string_equal(element("PartNumber"), "35");
    assert_string_equal(element("IsTruncated"), "false");
    (void)snprintf(target, sizeof target, "%s&max-parts=0", up.target);
    ask(&(struct ask){.method = "GET", .target = target});
    assert_false(says("<Part>"));
    assert_string_equal(element("IsTruncated"), "false");
    (void)snprintf(target, sizeof target, "%s&max-parts=x", up.target);
    ask(&(struct ask){.method = "GET", .target = target});
    assert_answer(400, "InvalidArgument");
    stand_close();
}

/* --- faults ------------------------------------------------------------------------------- */

/* Runs `step` with its N-th engine call failing, for every N. */
static void with_every_failure(void (*step)(bool failed))
{
    uint64_t failed = 1;

    for (uint64_t n = 1; failed; n++) {
        assert_true(n < 100);
        engine_fails(n, ERR_IO);
        step(false);
        failed = engine_fault_count(stand.engine);
        assert_true(failed ? answer.q.status == 500 : answer.q.status < 300);
        engine_fails(0, ERR_OK);
        if (failed)
            step(true);
    }
}

static void try_create(bool failed)
{
    if (!failed) {
        ask(&(struct ask){.method = "POST", .target = "/bucket/key?uploads"});
        return;
    }
    ask(&(struct ask){.method = "GET", .target = "/bucket?uploads"});
    assert_false(says("<Upload>"));
}

static void try_part(bool failed)
{
    if (!failed) {
        ask(&(struct ask){.method = "PUT", .target = part_target(1), .body = some_bytes(3 << 20)});
        return;
    }
    ask(&(struct ask){.method = "GET", .target = up.target});
    assert_answer(200, NULL);
    assert_false(says("<Part>"));
}

static void try_complete(bool failed)
{
    if (!failed) {
        complete_with(NULL, NULL);
        return;
    }
    assert_absent("/bucket/key");
    ask(&(struct ask){.method = "GET", .target = up.target});
    assert_answer(200, NULL);
    assert_says("<PartNumber>2</PartNumber>");
}

static void try_abort(bool failed)
{
    if (!failed) {
        ask(&(struct ask){.method = "DELETE", .target = up.target});
        return;
    }
    ask(&(struct ask){.method = "GET", .target = up.target});
    assert_answer(200, NULL);
    assert_says("<PartNumber>1</PartNumber>");
}

static void every_engine_failure_is_clean(void **state)
{
    stand_open();
    with_every_failure(try_create);
    create_upload(NULL, NULL);
    with_every_failure(try_part);
    with_every_failure(try_abort);
    create_upload(NULL, NULL);
    put_part(1, some_bytes(5 << 20), NULL, NULL);
    put_part(2, VIEW("b"), NULL, NULL);
    with_every_failure(try_complete);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
    assert_int_equal(answer.sent_bytes, (5 << 20) + 1);
    stand_close();
}

/* The commit took place, its answer is lost: the client asks again. */
static void an_unknown_outcome_is_found_out(void **state)
{
    stand_open();
    create_upload(NULL, NULL);
    put_part(1, VIEW("abc"), NULL, NULL);
    engine_fault_arm(
        stand.engine,
        &(struct engine_fault_config){
            .kinds = ENGINE_FAULT_COMMIT, .nth = 1, .err = ERR_UNKNOWN_OUTCOME, .is_after = true});
    complete_with(NULL, NULL);
    assert_answer(500, "InternalError");
    engine_fails(0, ERR_OK);
    complete_with(NULL, NULL);
    assert_answer(200, NULL);
    stand_close();
}

/* Another Complete wins between our pins and our commit: what we say is what it said. */
static void who_loses_a_race_is_told_the_same(void **state)
{
    stand_open();
    create_upload(NULL, NULL);
    put_part(1, VIEW("abc"), NULL, NULL);
    complete_with(NULL, NULL);
    engine_fault_arm(
        stand.engine, &(struct engine_fault_config){
                          .kinds = ENGINE_FAULT_LOOKUP, .nth = 1, .err = ERR_NOT_FOUND});
    complete_with(NULL, NULL); /* the upload is gone */
    assert_answer(200, NULL);

    create_upload(NULL, NULL);
    put_part(1, VIEW("abc"), NULL, NULL);
    for (uint64_t n = 2; n <= 3; n++) { /* the part; the commit finds no upload */
        engine_fault_arm(
            stand.engine, &(struct engine_fault_config){
                              .kinds = ENGINE_FAULT_LOOKUP | ENGINE_FAULT_COMMIT,
                              .nth = n,
                              .err = n == 2 ? ERR_NOT_FOUND : ERR_NO_UPLOAD});
        complete_with(NULL, NULL);
        assert_answer(n == 2 ? 400 : 404, n == 2 ? "InvalidPart" : "NoSuchUpload");
    }
    engine_fails(0, ERR_OK);
    complete_with(NULL, NULL);
    assert_answer(200, NULL);
    stand_close();
}

/* --- ten thousand ------------------------------------------------------------------------- */

enum { MANY = 10000 };

/* Parts that share the payload of one object: 50 GiB that cost 5 MiB. */
static void put_many_parts(struct engine_object *shared)
{
    uint8_t name[UPLOAD_NAME_PART_BYTES_MAX];
    struct engine_object *parts[] = {shared};
    struct engine_put p;

    for (unsigned i = 1; i <= MANY; i++) {
        engine_put_init(
            stand.engine, &p,
            (struct engine_key){
                SPACE_PART, VIEW("bucket"), upload_name_part_over(name, view_str(up.id), i)},
            0);
        p.etag = VIEW("0123456789abcdef0123456789abcdef");
        p.parts = parts;
        p.part_count = 1;
        op_init(&p.op, loop_nothing);
        engine_commit(&p);
        assert_int_equal(loop_wait(&p.op), ERR_OK);
    }
}

static struct view many_named(void)
{
    static const char each[] =
        "<Part>\n  <ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag>\n"
        "  <PartNumber>%u</PartNumber>\n</Part>\n";
    size_t cap = MANY * (sizeof each + 8) + 100;
    struct buf b = buf_over(malloc(cap), cap);

    buf_put_str(&b, "<CompleteMultipartUpload>\n");
    for (unsigned i = 1; i <= MANY; i++)
        buf_printf(&b, each, i);
    buf_put_str(&b, "</CompleteMultipartUpload>");
    assert_false(b.overflow);
    return buf_view(&b);
}

static void ten_thousand_parts_become_an_object(void **state)
{
    struct engine_lookup l = {.key = {SPACE_OBJECT, VIEW("bucket"), VIEW("shared")}};
    struct view body = many_named();

    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/shared", .body = some_bytes(5 << 20)});
    op_init(&l.op, loop_nothing);
    engine_lookup(stand.engine, &l);
    assert_int_equal(loop_wait(&l.op), ERR_OK);
    create_upload("x-amz-checksum-algorithm:CRC64NVME", NULL);
    put_many_parts(l.object);
    engine_release(l.object);
    ask(&(struct ask){.method = "POST", .target = up.target, .body = body});
    assert_answer(200, NULL);
    assert_says("-10000&quot;</ETag>");
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/key?partNumber=10000"});
    assert_int_equal(answer.length, 5 << 20);
    assert_header("x-amz-mp-parts-count", "10000");
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/key"});
    assert_true(answer.length == (uint64_t)MANY * (5 << 20));
    free((void *)(uintptr_t)body.at);
    stand_close();
}

static void uploads_do_not_keep_a_bucket(void **state)
{
    stand_open();
    create_upload(NULL, NULL);
    put_part(1, VIEW("abc"), NULL, NULL);
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = VIEW("abc")});
    ask(&(struct ask){.method = "DELETE", .target = "/bucket"});
    assert_answer(409, "BucketNotEmpty");
    ask(&(struct ask){.method = "GET", .target = up.target}); /* nothing was aborted for nothing */
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "DELETE", .target = "/bucket/key"});
    for (unsigned i = 0; i < 150; i++)
        create_upload(NULL, NULL);
    ask(&(struct ask){.method = "DELETE", .target = "/bucket"});
    assert_answer(204, NULL);
    put_bucket("bucket");
    ask(&(struct ask){.method = "GET", .target = "/bucket?uploads"});
    assert_answer(200, NULL);
    assert_string_equal(element("UploadId"), "");
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uploads_live_and_die),
        cmocka_unit_test(a_bucket_takes_its_uploads_along),
        cmocka_unit_test(ids_of_other_keys_are_unknown),
        cmocka_unit_test(parts_are_listed_in_pages),
        cmocka_unit_test(every_engine_failure_is_clean),
        cmocka_unit_test(an_unknown_outcome_is_found_out),
        cmocka_unit_test(who_loses_a_race_is_told_the_same),
        cmocka_unit_test(ten_thousand_parts_become_an_object),
        cmocka_unit_test(uploads_do_not_keep_a_bucket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
