/* multipart/form-data in any pieces: what is taken, what is refused, where the file ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "s3/form.h"

#define TYPE "multipart/form-data; boundary=BOUND"
#define PART(name) "\r\n--BOUND\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FIRST(name) "--BOUND\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(name)                                                                            \
    "\r\n--BOUND\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" name               \
    "\"\r\nContent-Type: a/b\r\n\r\n"
#define LAST "\r\n--BOUND--\r\n"

static struct form f;
static uint8_t texts[FORM_TEXT_BYTES_MAX], file[1 << 18];
static size_t file_len;

static enum err begin(const char *type)
{
    file_len = 0;
    return form_init(&f, view_str(type), texts);
}

/* Feeds `piece` bytes at a time, with room for `room` bytes of the file at a time. */
static enum err feed(struct view body, size_t piece, size_t room)
{
    while (body.len > 0 && f.state != FORM_END) {
        struct view in = view_upto(body, piece);
        size_t before = in.len, got = 0;

        while (in.len > 0 && f.state != FORM_END) {
            enum err e =
                form_feed(&f, &in, f.state == FORM_FILE ? file + file_len : NULL, room, &got);
            if (e)
                return e;
            file_len += got;
            assert_true(got <= room);
        }
        body = view_from(body, before - in.len);
    }
    return ERR_OK;
}

static enum err parse(const char *body)
{
    assert_int_equal(begin(TYPE), ERR_OK);
    return feed(view_str(body), SIZE_MAX, sizeof file);
}

static void a_form_is_the_same_in_any_pieces(void **state)
{
    static const char body[] =
        "preamble" PART("key") "a/b" PART("Empty") "" PART("acl") "pri\r\nvate\r\n--BOUN" FILE_PART(
            "n \\\"q\\\".txt") "\r\n--BOUNdata\r" LAST "epilogue";

    for (size_t piece = 1; piece < sizeof body; piece++) {
        for (size_t room = 1; room < 20; room += 3) {
            assert_int_equal(begin(TYPE), ERR_OK);
            assert_int_equal(feed(view_str(body), piece, room), ERR_OK);
            assert_int_equal(f.state, FORM_END);
            assert_int_equal(f.field_count, 3);
            assert_true(view_is(form_value(&f, "KEY"), "a/b"));
            assert_true(form_value(&f, "empty").at && form_value(&f, "empty").len == 0);
            assert_true(view_is(form_value(&f, "acl"), "pri\r\nvate\r\n--BOUN"));
            assert_null(form_value(&f, "file").at);
            assert_true(view_is(f.file_name, "n \"q\".txt"));
            assert_true(view_is(view_of(file, file_len), "\r\n--BOUNdata\r"));
        }
    }
}

static void without_the_last_boundary_it_has_not_ended(void **state)
{
    static const char body[] = FIRST("key") "k" FILE_PART("f") "data" LAST;

    for (size_t cut = 0; cut < sizeof body - 3; cut++) { /* all but the line end behind it */
        assert_int_equal(begin(TYPE), ERR_OK);
        assert_int_equal(feed(view_of(body, cut), SIZE_MAX, sizeof file), ERR_OK);
        assert_int_not_equal(f.state, FORM_END);
    }
    assert_int_equal(parse(body), ERR_OK);
    assert_int_equal(f.state, FORM_END);
    assert_int_equal(parse(FIRST("key") "k" FILE_PART("f") "data\r\n--BOUND-"), ERR_OK);
    assert_int_not_equal(f.state, FORM_END);
}

static void it_stops_where_the_file_begins(void **state)
{
    struct view in = VIEW(FIRST("key") "k" FILE_PART("f") "data");
    size_t got = 1;

    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(form_feed(&f, &in, NULL, 0, &got), ERR_OK);
    assert_int_equal(f.state, FORM_FILE);
    assert_int_equal(got, 0);
    assert_true(view_is(in, "data"));
}

static void boundaries_come_quoted_or_plain(void **state)
{
    static const char *const good[] = {
        TYPE, "Multipart/Form-Data;BOUNDARY=\"BOUND\"",
        "multipart/form-data ; charset=utf-8 ; boundary = BOUND ",
        "multipart/form-data; a=\";\"; boundary=BOUND"};
    static const char *const bad[] = {
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"BOUND",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a\nb\"",
        "multipart/form-data boundary=a",
        "multipart/mixed; boundary=a",
        "text/plain; boundary=a",
        ""};
    char text[FORM_BOUNDARY_BYTES_MAX + 64] = "multipart/form-data; boundary=";
    size_t len = strlen(text);

    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        assert_int_equal(begin(good[i]), ERR_OK);
        assert_int_equal(feed(VIEW(FIRST("key") "k" FILE_PART("f") LAST), SIZE_MAX, 9), ERR_OK);
        assert_int_equal(f.state, FORM_END);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(begin(bad[i]), ERR_MALFORMED);
    memset(text + len, 'b', FORM_BOUNDARY_BYTES_MAX);
    assert_int_equal(begin(text), ERR_OK);
    text[len + FORM_BOUNDARY_BYTES_MAX] = 'b';
    assert_int_equal(begin(text), ERR_MALFORMED);
}

static void malformed_parts_are_refused(void **state)
{
    static const char *const bodies[] = {
        "--BOUNDx\r\n",
        "--BOUND-x",
        "--BOUND\rx",
        "--BOUND\n",
        "--BOUND\r\n\r\nno name" LAST,
        "--BOUND\r\nContent-Disposition: form-data\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name=\"a\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name=a; other=b\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name=\"a\" x\r\n\r\n",
        "--BOUND\r\nContent-Disposition: attachment; name=a\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
        "name=b\r\n\r\n",
        "--BOUND\r\nno colon\r\n\r\n",
        "--BOUND\r\n: a\r\n\r\n",
        "--BOUND\r\nContent-Disposition: form-data; name=a\n\r\n",
        "--BOUND\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: form-data; "
        "name=a\r\n\r\n",
        FIRST("key") "k" FILE_PART("a") FILE_PART("b"),
    };

    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++)
        if (parse(bodies[i]) != ERR_MALFORMED)
            fail_msg("%s", bodies[i]);
}

static void what_stands_behind_the_file_is_left_out(void **state)
{
    assert_int_equal(
        parse(FIRST("key") "k" FILE_PART("a") "data" PART("acl") "public" PART("submit") "x" LAST),
        ERR_OK);
    assert_int_equal(f.state, FORM_END);
    assert_int_equal(f.field_count, 1);
    assert_true(view_is(view_of(file, file_len), "data"));
}

static void names_of_files_come_in_three_ways(void **state)
{
    static const struct {
        const char *params, *name;
    } cases[] = {
        {"filename=plain.txt", "plain.txt"},
        {"filename=\"a;b\\\"c\\d\"", "a;b\"c\\d"},
        {"filename*=UTF-8''na%C3%AFve", "na\303\257ve"},
        {"filename=\"old\"; filename*=utf-8'en'new", "new"},
        {"filename=\"old\"; filename*=latin1''new", "old"},
        {"filename=\"\"", ""},
    };
    char body[512];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(
            body, sizeof body,
            "--BOUND\r\nContent-Disposition: form-data; name=file; %s\r\n\r\nx" LAST,
            cases[i].params);
        assert_int_equal(parse(body), ERR_OK);
        assert_true(view_is(f.file_name, cases[i].name));
    }
}

static struct view field_of(char *body, size_t value_bytes)
{
    size_t len = (size_t)sprintf(body, FIRST("a"));

    memset(body + len, 'x', value_bytes);
    len += value_bytes;
    memcpy(body + len, LAST, sizeof LAST);
    return view_of(body, len + sizeof LAST - 1);
}

static void limits_hold(void **state)
{
    static char body[1 << 18];
    struct buf b = buf_over(body, sizeof body);

    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(feed(field_of(body, FORM_FIELD_BYTES_MAX), 1000, 1), ERR_OK);
    assert_int_equal(f.state, FORM_END);
    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(feed(field_of(body, FORM_FIELD_BYTES_MAX + 1), 1000, 1), ERR_TOO_LARGE);

    for (unsigned i = 0; i < 4; i++)
        buf_put(&b, field_of(body + (1 << 17), 20000)), b.len -= sizeof LAST - 3;
    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(feed(buf_view(&b), SIZE_MAX, 1), ERR_TOO_LARGE);

    b.len = 0;
    for (unsigned i = 0; i <= FORM_FIELDS_MAX; i++)
        buf_put_str(&b, PART("a") "v");
    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(feed(buf_view(&b), SIZE_MAX, 1), ERR_TOO_LARGE);

    memset(body, 'x', sizeof body);
    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(feed(view_of(body, FORM_LOOSE_BYTES_MAX), 100, 1), ERR_OK);
    assert_int_equal(feed(view_of(body, 1), 1, 1), ERR_TOO_LARGE);

    memcpy(body, "--BOUND\r\n", 9);
    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(feed(view_of(body, FORM_LINE_BYTES_MAX + 100), 100, 1), ERR_TOO_LARGE);

    b.len = 0;
    buf_put_str(&b, "--BOUND\r\n");
    for (unsigned i = 0; i <= FORM_LINES_MAX; i++)
        buf_put_str(&b, "a: b\r\n");
    assert_int_equal(begin(TYPE), ERR_OK);
    assert_int_equal(feed(buf_view(&b), SIZE_MAX, 1), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_the_same_in_any_pieces),
        cmocka_unit_test(without_the_last_boundary_it_has_not_ended),
        cmocka_unit_test(it_stops_where_the_file_begins),
        cmocka_unit_test(boundaries_come_quoted_or_plain),
        cmocka_unit_test(malformed_parts_are_refused),
        cmocka_unit_test(what_stands_behind_the_file_is_left_out),
        cmocka_unit_test(names_of_files_come_in_three_ways),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests_name("s3_form", tests, NULL, NULL);
}
