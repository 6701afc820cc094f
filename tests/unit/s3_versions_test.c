/* Version ids, and versions in the operations on objects. */
#include "s3/version.h"

#include "help/s3_stand.h"

static void an_id_is_read_back(void **state)
{
    static const uint64_t seqs[] = {0, 1, 2, 255, 1u << 31, UINT64_MAX - 1, UINT64_MAX};
    char text[VERSION_TEXT_BYTES];
    struct engine_version v;

    for (size_t i = 0; i < ARRAY_COUNT(seqs); i++) {
        version_text(seqs[i], ENGINE_VERSION_NAMED, text);
        assert_int_equal(strlen(text), 32);
        assert_int_equal(version_read(view_str(text), &v), S3_None);
        assert_int_equal(v.kind, VERSION_SEQ);
        assert_true(v.seq == seqs[i]);
    }
}

/* Clients keep ids: their form is as fixed as a disk format. */
static void ids_stay_what_they_are(void **state)
{
    char text[VERSION_TEXT_BYTES];

    version_text(1, ENGINE_VERSION_NAMED, text);
    assert_string_equal(text, "2a2f5d854f9424d472f08149db514277");
    version_text(4711, ENGINE_VERSION_NAMED | ENGINE_MARKER, text);
    assert_string_equal(text, "e384dcdb50db10289eb8437d6dc25ccb");
}

static void the_null_version_is_null(void **state)
{
    char text[VERSION_TEXT_BYTES];
    struct engine_version v = {.kind = VERSION_SEQ, .seq = 5};

    version_text(77, ENGINE_MARKER, text);
    assert_string_equal(text, "null");
    assert_int_equal(version_read(VIEW("null"), &v), S3_None);
    assert_int_equal(v.kind, VERSION_NULL);
    assert_int_equal(version_read(VIEW_EMPTY, &v), S3_None);
    assert_int_equal(v.kind, VERSION_LATEST);
}

static void what_nobody_gave_is_no_id(void **state)
{
    static const char *const texts[] = {"", "Null", "0", "zz", "null ", "3c2", "%00"};
    char text[VERSION_TEXT_BYTES + 1];
    struct engine_version v;

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        assert_int_equal(version_read(view_str(texts[i]), &v), S3_InvalidArgument);
    for (size_t i = 0; i < 32; i++) {
        version_text(99, ENGINE_VERSION_NAMED, text);
        text[i] = text[i] == '0' ? '1' : '0';
        assert_int_equal(version_read(view_str(text), &v), S3_InvalidArgument);
    }
    version_text(99, ENGINE_VERSION_NAMED, text);
    strcat(text, "0");
    assert_int_equal(version_read(view_str(text), &v), S3_InvalidArgument);
}

static void an_id_has_one_form(void **state)
{
    char text[VERSION_TEXT_BYTES];
    struct engine_version v;
    bool had_letter = false;

    version_text(3, ENGINE_VERSION_NAMED, text);
    for (char *c = text; *c; c++) {
        had_letter |= *c >= 'a';
        *c = (char)(*c >= 'a' ? *c - 32 : *c);
    }
    assert_true(had_letter);
    assert_int_equal(version_read(view_str(text), &v), S3_InvalidArgument);
}

static void a_version_that_is_not_there_is_said_so(void **state)
{
    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = VIEW("abc")});
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key?versionId=null"});
    assert_answer(200, NULL);
    assert_header("x-amz-version-id", "null");
    ask(&(struct ask){.method = "GET", .target = "/bucket/key?versionId="});
    assert_answer(400, "InvalidArgument");
    ask(&(struct ask){.method = "GET", .target = "/bucket/key?versionId=abc"});
    assert_answer(400, "InvalidArgument");
    ask(&(struct ask){.method = "GET", .target = "/bucket/other?versionId=null"});
    assert_answer(404, "NoSuchVersion");
    ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
    assert_answer(200, NULL);
    assert_false(fake_header(&answer, "x-amz-version-id").at);
    stand_close();
}

/* --- operations --------------------------------------------------------------------------- */

static char said[16][VERSION_TEXT_BYTES]; /* ids of answers, by number */

static void keep_id(unsigned n)
{
    struct view id = fake_header(&answer, "x-amz-version-id");

    (void)snprintf(said[n], sizeof said[n], "%.*s", VIEW_FMT(id));
}

static void versioned_open(unsigned flags)
{
    stand_open();
    put_bucket_with("versioned", NULL, flags);
}

static void put(const char *target, const char *body)
{
    ask(&(struct ask){.method = "PUT", .target = target, .body = view_str(body)});
    assert_answer(200, NULL);
}

/* method of target, with ?versionId= when id is not NULL. */
static void act(const char *method, const char *target, const char *id, const char *header)
{
    char text[256];

    (void)snprintf(text, sizeof text, "%s%s%s", target, id ? "?versionId=" : "", id ? id : "");
    ask(&(struct ask){.method = method, .target = text, .headers = {header}});
}

static void assert_body(const char *target, const char *id, const char *body)
{
    act("GET", target, id, NULL);
    assert_answer(200, NULL);
    assert_true(view_is(view_of(answer.sent, answer.sent_bytes), body));
}

static bool says(const char *text)
{
    return answer.sent && strstr((const char *)answer.sent, text);
}

static void every_put_has_an_id_of_its_own(void **state)
{
    versioned_open(ENGINE_BUCKET_VERSIONED);
    put("/versioned/k", "one");
    keep_id(0);
    put("/versioned/k", "two");
    keep_id(1);
    assert_int_equal(strlen(said[0]), 32);
    assert_string_not_equal(said[0], said[1]);
    assert_body("/versioned/k", NULL, "two");
    assert_header("x-amz-version-id", said[1]);
    assert_body("/versioned/k", said[0], "one");
    assert_header("x-amz-version-id", said[0]);
    act("HEAD", "/versioned/k", said[0], NULL);
    assert_header("x-amz-version-id", said[0]);
    act("GET", "/versioned/k", "null", NULL);
    assert_answer(404, "NoSuchVersion");
    stand_close();
}

static void a_marker_hides_what_is_there(void **state)
{
    versioned_open(ENGINE_BUCKET_VERSIONED);
    put("/versioned/k", "one");
    keep_id(0);
    act("DELETE", "/versioned/k", NULL, NULL);
    assert_answer(204, NULL);
    assert_header("x-amz-delete-marker", "true");
    keep_id(1);
    act("GET", "/versioned/k", NULL, NULL);
    assert_answer(404, "NoSuchKey");
    assert_header("x-amz-delete-marker", "true");
    assert_header("x-amz-version-id", said[1]);
    act("GET", "/versioned/k", said[1], NULL);
    assert_answer(405, "MethodNotAllowed");
    assert_header("x-amz-delete-marker", "true");
    assert_true(fake_header(&answer, "Last-Modified").at);
    assert_header("Allow", "DELETE");
    act("HEAD", "/versioned/k", said[1], NULL);
    assert_int_equal(answer.q.status, 405);
    assert_body("/versioned/k", said[0], "one");
    act("DELETE", "/versioned/k", said[1], NULL);
    assert_answer(204, NULL);
    assert_header("x-amz-delete-marker", "true");
    assert_header("x-amz-version-id", said[1]);
    assert_body("/versioned/k", NULL, "one");
    stand_close();
}

static void a_named_version_goes_for_good(void **state)
{
    versioned_open(ENGINE_BUCKET_VERSIONED);
    put("/versioned/k", "one");
    keep_id(0);
    put("/versioned/k", "two");
    keep_id(1);
    act("DELETE", "/versioned/k", said[1], NULL);
    assert_answer(204, NULL);
    assert_header("x-amz-version-id", said[1]);
    assert_false(fake_header(&answer, "x-amz-delete-marker").at);
    assert_body("/versioned/k", NULL, "one");
    act("DELETE", "/versioned/k", said[1], NULL); /* gone already */
    assert_answer(204, NULL);
    assert_header("x-amz-version-id", said[1]);
    act("DELETE", "/versioned/k", "nothing", NULL);
    assert_answer(400, "InvalidArgument");
    act("DELETE", "/versioned/k", said[0], "x-amz-if-match-size:4");
    assert_answer(412, "PreconditionFailed");
    act("DELETE", "/versioned/k", said[0], "x-amz-if-match-size:3");
    assert_answer(204, NULL);
    act("GET", "/versioned/k", NULL, NULL);
    assert_answer(404, "NoSuchKey");
    assert_header("x-amz-delete-marker", "false");
    stand_close();
}

static void conditions_are_of_what_is_named(void **state)
{
    char etag[64];

    versioned_open(ENGINE_BUCKET_VERSIONED);
    put("/versioned/k", "one");
    keep_id(0);
    (void)snprintf(etag, sizeof etag, "if-match:%.*s", VIEW_FMT(fake_header(&answer, "ETag")));
    put("/versioned/k", "two");
    act("DELETE", "/versioned/k", NULL, etag);
    assert_answer(412, "PreconditionFailed");
    act("DELETE", "/versioned/k", NULL,
        "x-amz-if-match-last-modified-time:Wed, 21 Oct 2015 07:28:00 GMT");
    assert_answer(412, "PreconditionFailed");
    act("DELETE", "/versioned/k", NULL, "x-amz-if-match-size:three");
    assert_answer(400, "InvalidArgument");
    assert_body("/versioned/k", NULL, "two");
    act("DELETE", "/versioned/k", said[0], etag);
    assert_answer(204, NULL);
    act("DELETE", "/versioned/k", NULL, "x-amz-if-match-size:3");
    assert_answer(204, NULL);
    assert_header("x-amz-delete-marker", "true");
    stand_close();
}

static void a_suspended_bucket_has_one_null_version(void **state)
{
    versioned_open(ENGINE_BUCKET_SUSPENDED);
    put("/versioned/k", "one");
    assert_false(fake_header(&answer, "x-amz-version-id").at); /* a write says it of named ones */
    put("/versioned/k", "two");
    assert_body("/versioned/k", "null", "two");
    assert_header("x-amz-version-id", "null");
    act("DELETE", "/versioned/k", NULL, NULL);
    assert_answer(204, NULL);
    assert_header("x-amz-delete-marker", "true");
    assert_header("x-amz-version-id", "null");
    act("GET", "/versioned/k", "null", NULL);
    assert_answer(405, "MethodNotAllowed");
    act("DELETE", "/versioned/k", "null", NULL);
    assert_answer(204, NULL);
    assert_header("x-amz-version-id", "null");
    assert_header("x-amz-delete-marker", "true");
    act("GET", "/versioned?versions", NULL, NULL);
    assert_answer(200, NULL);
    assert_false(says("<VersionId>"));
    stand_close();
}

static void an_older_version_is_restored_by_a_copy(void **state)
{
    char source[128];

    versioned_open(ENGINE_BUCKET_VERSIONED);
    put("/versioned/k", "one");
    keep_id(0);
    put("/versioned/k", "two");
    (void)snprintf(source, sizeof source, "x-amz-copy-source:versioned/k?versionId=%s", said[0]);
    ask(&(struct ask){.method = "PUT", .target = "/versioned/k", .headers = {source}});
    assert_answer(200, NULL);
    assert_header("x-amz-copy-source-version-id", said[0]);
    keep_id(2);
    assert_string_not_equal(said[2], said[0]);
    assert_body("/versioned/k", NULL, "one");
    assert_header("x-amz-version-id", said[2]);
    ask(&(struct ask){
        .method = "PUT", .target = "/versioned/k", .headers = {"x-amz-copy-source:versioned/k"}});
    assert_answer(400, "InvalidRequest");
    ask(&(struct ask){.method = "PUT", .target = "/bucket/k", .headers = {source}});
    assert_answer(200, NULL);
    assert_false(fake_header(&answer, "x-amz-version-id").at);
    assert_header("x-amz-copy-source-version-id", said[0]);
    stand_close();
}

static void a_marker_is_no_source(void **state)
{
    char source[128];

    versioned_open(ENGINE_BUCKET_VERSIONED);
    put("/versioned/k", "one");
    act("DELETE", "/versioned/k", NULL, NULL);
    keep_id(0);
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/k", .headers = {"x-amz-copy-source:versioned/k"}});
    assert_answer(404, "NoSuchKey");
    (void)snprintf(source, sizeof source, "x-amz-copy-source:versioned/k?versionId=%s", said[0]);
    ask(&(struct ask){.method = "PUT", .target = "/bucket/k", .headers = {source}});
    assert_answer(400, "InvalidRequest");
    assert_absent("/bucket/k");
    stand_close();
}

static void a_copy_looks_at_its_destination_first(void **state)
{
    versioned_open(0);
    put("/versioned/from", "one");
    put("/versioned/to", "two");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/versioned/to",
        .headers = {"x-amz-copy-source:versioned/from", "if-none-match:*"}});
    assert_answer(412, "PreconditionFailed");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/versioned/to",
        .headers = {"x-amz-copy-source:versioned/from", "if-match:\"x\""}});
    assert_answer(412, "PreconditionFailed");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/versioned/nothing",
        .headers = {"x-amz-copy-source:versioned/from", "if-match:\"x\""}});
    assert_answer(404, "NoSuchKey");
    assert_body("/versioned/to", NULL, "two");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/versioned/new",
        .headers = {"x-amz-copy-source:versioned/from", "if-none-match:*"}});
    assert_answer(200, NULL);
    stand_close();
}

/* --- listing ------------------------------------------------------------------------------ */

static const char *text_of(const char *element, unsigned nth)
{
    static char text[256];
    char open[64];
    const char *at = (const char *)answer.sent;

    (void)snprintf(open, sizeof open, "<%s>", element);
    for (at = strstr(at, open); at && nth > 0; nth--)
        at = strstr(at + 1, open);
    text[0] = '\0';
    if (at)
        (void)snprintf(
            text, sizeof text, "%.*s", (int)strcspn(at + strlen(open), "<"), at + strlen(open));
    return text;
}

/* Three versions and a marker of k0, a version of k1. */
static void fill(void)
{
    versioned_open(ENGINE_BUCKET_VERSIONED);
    for (unsigned i = 0; i < 3; i++) {
        put("/versioned/k0", "body");
        keep_id(3 - i);
    }
    act("DELETE", "/versioned/k0", NULL, NULL);
    keep_id(0);
    put("/versioned/k1", "body");
    keep_id(4);
}

static void versions_are_listed_newest_first(void **state)
{
    fill();
    act("GET", "/versioned?versions", NULL, NULL);
    assert_answer(200, NULL);
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(text_of("VersionId", i), said[i]);
    assert_true(says("<DeleteMarker><Key>k0</Key>"));
    assert_string_equal(text_of("IsLatest", 0), "true");
    assert_string_equal(text_of("IsLatest", 1), "false");
    assert_string_equal(text_of("IsLatest", 4), "true");
    assert_string_equal(text_of("IsTruncated", 0), "false");
    act("GET", "/versioned", NULL, NULL);
    assert_string_equal(text_of("Key", 0), "k1");
    assert_string_equal(text_of("Key", 1), "");
    stand_close();
}

static void pages_end_inside_a_key(void **state)
{
    char target[256] = "/versioned?versions&max-keys=2";
    unsigned n = 0;

    fill();
    for (unsigned pages = 0; pages < 3; pages++) {
        act("GET", target, NULL, NULL);
        assert_answer(200, NULL);
        for (unsigned i = 0; i < 2 && text_of("VersionId", i)[0]; i++)
            assert_string_equal(text_of("VersionId", i), said[n++]);
        assert_string_equal(text_of("IsTruncated", 0), pages < 2 ? "true" : "false");
        char key[64], id[64];
        (void)snprintf(key, sizeof key, "%s", text_of("NextKeyMarker", 0));
        (void)snprintf(id, sizeof id, "%s", text_of("NextVersionIdMarker", 0));
        (void)snprintf(
            target, sizeof target,
            "/versioned?versions&max-keys=2&key-marker=%s&version-id-marker=%s", key, id);
    }
    assert_int_equal(n, 5);
    stand_close();
}

static void a_null_version_can_be_a_marker(void **state)
{
    versioned_open(0);
    put("/versioned/k", "null");
    put_bucket_with("other", NULL, 0);
    put("/versioned/l", "null");
    act("GET", "/versioned?versions&key-marker=k&version-id-marker=null", NULL, NULL);
    assert_answer(200, NULL);
    assert_string_equal(text_of("Key", 0), "l");
    assert_string_equal(text_of("VersionId", 0), "null");
    assert_string_equal(text_of("IsLatest", 0), "true");
    act("GET", "/versioned?versions&max-keys=1", NULL, NULL);
    char target[256];
    (void)snprintf(
        target, sizeof target, "/versioned?versions&key-marker=k&version-id-marker=%s",
        text_of("NextVersionIdMarker", 0));
    act("GET", target, NULL, NULL);
    assert_string_equal(text_of("Key", 0), "l");
    act("GET", "/versioned?versions&key-marker=gone&version-id-marker=null", NULL, NULL);
    assert_answer(200, NULL);
    assert_string_equal(text_of("Key", 0), "k");
    stand_close();
}

static void markers_that_mean_nothing_are_refused(void **state)
{
    static const char *const bad[] = {
        "/versioned?versions&version-id-marker=null",
        "/versioned?versions&key-marker=k&version-id-marker=abc",
        "/versioned?versions&max-keys=x",
        "/versioned?versions&max-keys=-1",
        "/versioned?versions&encoding-type=base64",
    };

    versioned_open(ENGINE_BUCKET_VERSIONED);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        act("GET", bad[i], NULL, NULL);
        assert_answer(400, "InvalidArgument");
    }
    stand_close();
}

static void groups_of_versions_are_rolled_up(void **state)
{
    versioned_open(ENGINE_BUCKET_VERSIONED);
    put("/versioned/a/1", "x");
    put("/versioned/a/1", "y");
    put("/versioned/b", "x");
    act("DELETE", "/versioned/c/1", NULL, NULL);
    act("GET", "/versioned?versions&delimiter=/", NULL, NULL);
    assert_answer(200, NULL);
    assert_true(says("<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"
                     "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>"));
    assert_string_equal(text_of("Key", 0), "b");
    assert_string_equal(text_of("Key", 1), "");
    act("GET", "/versioned?versions&delimiter=/&max-keys=1", NULL, NULL);
    assert_string_equal(text_of("NextKeyMarker", 0), "a/");
    assert_false(says("NextVersionIdMarker"));
    act("GET", "/versioned?versions&delimiter=/&max-keys=1&key-marker=a/", NULL, NULL);
    assert_string_equal(text_of("Key", 0), "b");
    act("GET", "/versioned?versions&max-keys=0", NULL, NULL);
    assert_string_equal(text_of("IsTruncated", 0), "false");
    assert_false(says("<Key>"));
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_read_back),
        cmocka_unit_test(ids_stay_what_they_are),
        cmocka_unit_test(the_null_version_is_null),
        cmocka_unit_test(what_nobody_gave_is_no_id),
        cmocka_unit_test(an_id_has_one_form),
        cmocka_unit_test(a_version_that_is_not_there_is_said_so),
        cmocka_unit_test(every_put_has_an_id_of_its_own),
        cmocka_unit_test(a_marker_hides_what_is_there),
        cmocka_unit_test(a_named_version_goes_for_good),
        cmocka_unit_test(conditions_are_of_what_is_named),
        cmocka_unit_test(a_suspended_bucket_has_one_null_version),
        cmocka_unit_test(an_older_version_is_restored_by_a_copy),
        cmocka_unit_test(a_marker_is_no_source),
        cmocka_unit_test(a_copy_looks_at_its_destination_first),
        cmocka_unit_test(versions_are_listed_newest_first),
        cmocka_unit_test(pages_end_inside_a_key),
        cmocka_unit_test(a_null_version_can_be_a_marker),
        cmocka_unit_test(markers_that_mean_nothing_are_refused),
        cmocka_unit_test(groups_of_versions_are_rolled_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
