#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "cli/jsonline.h"
#include "cli/multipart.h"
#include "cli/progress.h"
#include "cli/report.h"

static void a_json_line_escapes_what_json_reserves(void **state)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    struct jsonline j;

    jsonline_open(&j, f);
    jsonline_text(&j, "a\"b", "x\\y\"\n\x01\x7f/é€😀");
    jsonline_number(&j, "n", UINT64_MAX);
    jsonline_real(&j, "r", 1.5);
    jsonline_flag(&j, "f", false);
    jsonline_close(&j);
    (void)fclose(f);
    assert_string_equal(
        text, "{\"a\\\"b\": \"x\\\\y\\\"\\u000a\\u0001\\u007f/é€😀\", "
              "\"n\": 18446744073709551615, \"r\": 1.500, \"f\": false}\n");
    free(text);
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
    static const char *const cases[][2] = {
        {"a\xff"
         "b",
         "a\\ufffdb"},       /* never a first byte */
        {"\xc3", "\\ufffd"}, /* cut short by the end */
        {"\xe2\x82", "\\ufffd\\ufffd"},
        {"\xc0\x80", "\\ufffd\\ufffd"},            /* overlong */
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"}, /* a surrogate */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *text = NULL, want[100];
        size_t bytes;
        FILE *f = open_memstream(&text, &bytes);
        struct jsonline j;
        jsonline_open(&j, f);
        jsonline_text(&j, "v", cases[i][0]);
        jsonline_close(&j);
        (void)fclose(f);
        (void)snprintf(want, sizeof want, "{\"v\": \"%s\"}\n", cases[i][1]);
        assert_string_equal(text, want);
        free(text);
    }
}

static void sizes_are_exact_when_small_and_round_when_large(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {9999, "9999 B"},
        {10000, "9.8 KiB"},
        {MIB, "1.0 MiB"},
        {999 * KIB, "999 KiB"},
        {5 * GIB, "5.0 GiB"},
        {UINT64_MAX, "16 EiB"}};
    char text[24];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        progress_size(text, sizeof text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

static void the_progress_line_fits_every_terminal(void **state)
{
    char line[200];
    struct progress p = {.done = 50 * MIB, .total = 100 * MIB};

    progress_format(line, sizeof line, &p, 1.0, 80);
    assert_int_equal(strlen(line), 79);
    assert_non_null(strstr(line, "==>"));
    assert_non_null(strstr(line, "50%  50 MiB / 100 MiB  52 MB/s  0:01"));
    for (unsigned columns = 0; columns <= 150; columns++) {
        progress_format(line, sizeof line, &p, 1.0, columns);
        assert_true(strlen(line) + 1 <= MAX(columns, 1));
    }
}

static void progress_of_unknown_or_wrong_totals_is_still_told(void **state)
{
    char line[200];
    struct progress nothing = {0}, more = {.done = 200, .total = 100};

    progress_format(line, sizeof line, &nothing, 0, 80);
    assert_string_equal(line, "0 B  0 MB/s");
    progress_format(line, sizeof line, &more, 1, 80);
    assert_non_null(strstr(line, "100%"));
}

static void a_cause_names_code_status_and_request(void **state)
{
    struct ps_result r = {.err = PS_ERR_NOT_FOUND, .status = 404};
    char text[400], narrow[20];

    (void)snprintf(r.code, sizeof r.code, "NoSuchKey");
    (void)snprintf(r.message, sizeof r.message, "The key is not there.");
    (void)snprintf(r.request_id, sizeof r.request_id, "ABC123");
    report_cause(text, sizeof text, &r);
    assert_string_equal(text, "NoSuchKey: The key is not there. (HTTP 404, request ABC123)");
    r.code[0] = r.request_id[0] = '\0';
    report_cause(text, sizeof text, &r);
    assert_null(strstr(text, "The key")); /* HEAD: nothing was said but a status */
    assert_non_null(strstr(text, " (HTTP 404)"));
    r.status = 0;
    report_cause(text, sizeof text, &r);
    assert_string_equal(text, "The key is not there.");
    report_cause(narrow, sizeof narrow, &r);
    assert_true(strlen(narrow) < sizeof narrow);
}

static void the_first_element_is_found_and_its_entities_resolved(void **state)
{
    const char *xml = "<A><UploadId>a&amp;b&lt;&#34;&quot;</UploadId><UploadId>2</UploadId></A>";
    char to[40], small[4];

    assert_true(multipart_element(xml, "UploadId", to, sizeof to));
    assert_string_equal(to, "a&b<\"\"");
    assert_false(multipart_element(xml, "ETag", to, sizeof to));
    assert_false(multipart_element(xml, "Upload", to, sizeof to));
    assert_false(multipart_element(xml, "UploadId", small, sizeof small));
    assert_false(multipart_element("<ETag>never ends", "ETag", to, sizeof to));
    assert_true(multipart_element("<ETag></ETag>", "ETag", to, sizeof to));
    assert_string_equal(to, "");
}

static void keys_are_escaped_for_xml_or_refused(void **state)
{
    char *text = multipart_escape("a&b<c>\"d' é");

    assert_string_equal(text, "a&amp;b&lt;c&gt;&quot;d&apos; é");
    free(text);
    text = multipart_escape("");
    assert_string_equal(text, "");
    free(text);
    assert_null(multipart_escape("a\x01"));
    assert_null(multipart_escape("line\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_escapes_what_json_reserves),
        cmocka_unit_test(bytes_that_are_not_utf8_become_replacement_characters),
        cmocka_unit_test(sizes_are_exact_when_small_and_round_when_large),
        cmocka_unit_test(the_progress_line_fits_every_terminal),
        cmocka_unit_test(progress_of_unknown_or_wrong_totals_is_still_told),
        cmocka_unit_test(a_cause_names_code_status_and_request),
        cmocka_unit_test(the_first_element_is_found_and_its_entities_resolved),
        cmocka_unit_test(keys_are_escaped_for_xml_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
