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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_read_back),
        cmocka_unit_test(ids_stay_what_they_are),
        cmocka_unit_test(the_null_version_is_null),
        cmocka_unit_test(what_nobody_gave_is_no_id),
        cmocka_unit_test(an_id_has_one_form),
        cmocka_unit_test(a_version_that_is_not_there_is_said_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
