/* Listings against a model: pages, groups, markers, and names that XML cannot hold. */
#include "help/s3_upload.h"

enum { ITEMS_MAX = 4096 };

static const char *const keys[] = {
    "a",   "a/",     "a/1",       "a/2", "a/b/1", "a/b/2", "a0",  "b",   "b//x",
    "b/y", "c d+e%", "d\xc3\xa9", "e/",  "f/g/",  "f/h",   "g-1", "g-2", "z",
};

static void put_keys(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        char target[128] = "/bucket/";
        struct buf b = buf_over(target, sizeof target - 1);

        b.len = strlen(target);
        text_put_uri(&b, view_str(keys[i]), true);
        target[b.len] = 0;
        ask(&(struct ask){.method = "PUT", .target = target, .body = VIEW("x")});
        assert_answer(200, NULL);
    }
}

/* --- the model ---------------------------------------------------------------------------- */

static struct {
    char name[ITEMS_MAX][64];
    unsigned count;
} model, got;

/* Entries and groups behind `after`, in order. */
static void make_model(const char *prefix, const char *delimiter, const char *after)
{
    model.count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        const char *at = strstr(keys[i], prefix) == keys[i] ? keys[i] + strlen(prefix) : NULL;
        const char *cut = at && delimiter[0] ? strstr(at, delimiter) : NULL;
        size_t len = cut ? (size_t)(cut - keys[i]) + strlen(delimiter) : strlen(keys[i]);
        char *to = model.name[model.count];

        if (!at)
            continue;
        (void)snprintf(to, sizeof model.name[0], "%.*s", (int)len, keys[i]);
        if (strcmp(to, after) > 0 &&
            (model.count == 0 || strcmp(to, model.name[model.count - 1]) != 0))
            model.count++;
    }
}

/* Adds what stands in `element` of the answer, decoded, in order. */
static void collect(const char *open, const char *close)
{
    const char *at = (const char *)answer.sent;

    while ((at = strstr(at, open))) {
        const char *from = strstr(at, close) + strlen(close), *end = strchr(from, '<');
        size_t len = 0;

        assert_int_equal(
            text_from_uri(
                view_of(from, (size_t)(end - from)), false, (uint8_t *)got.name[got.count], 63,
                &len),
            ERR_OK);
        got.name[got.count++][len] = 0;
        at = end;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_is_model(void)
{
    qsort(got.name, got.count, sizeof got.name[0], by_name);
    assert_int_equal(got.count, model.count);
    for (unsigned i = 0; i < model.count; i++)
        assert_string_equal(got.name[i], model.name[i]);
}

/* All pages of a listing; `next` is the element and `param` the parameter that goes on with it. */
static void list_all(const char *query, const char *next, const char *param, unsigned page)
{
    char target[1024], marker[512] = "";

    got.count = 0;
    for (unsigned pages = 0;; pages++) {
        unsigned before = got.count;

        assert_true(pages < 100);
        (void)snprintf(
            target, sizeof target, "/bucket?%s%s%s%s", query, marker[0] ? "&" : "",
            marker[0] ? param : "", marker);
        ask(&(struct ask){.method = "GET", .target = target});
        assert_answer(200, NULL);
        collect("<Contents>", "<Key>");
        collect("<Version>", "<Key>");
        collect("<CommonPrefixes>", "<Prefix>");
        assert_true(got.count - before <= page);
        if (!says("<IsTruncated>true</IsTruncated>"))
            return;
        assert_int_equal(got.count - before, page);
        (void)snprintf(marker, sizeof marker, "%s", element(next));
        assert_true(marker[0]); /* else a client goes round for ever */
    }
}

static void pages_make_the_whole(void **state)
{
    static const char *const prefixes[] = {"", "a", "a/", "a/b/", "b/", "f/g", "nothing"};
    static const char *const delimiters[] = {"", "/", "-", "//"};
    char query[256];

    stand_open();
    put_keys();
    for (size_t p = 0; p < ARRAY_COUNT(prefixes); p++)
        for (size_t d = 0; d < ARRAY_COUNT(delimiters); d++)
            for (unsigned page = 1; page <= 5; page += 2) {
                make_model(prefixes[p], delimiters[d], "");
                (void)snprintf(
                    query, sizeof query,
                    "list-type=2&encoding-type=url&prefix=%s&delimiter=%s&max-keys=%u", prefixes[p],
                    delimiters[d], page);
                list_all(query, "NextContinuationToken", "continuation-token=", page);
                assert_is_model();
                (void)snprintf(
                    query, sizeof query,
                    "versions&encoding-type=url&prefix=%s&delimiter=%s&max-keys=%u", prefixes[p],
                    delimiters[d], page);
                list_all(query, "NextKeyMarker", "key-marker=", page);
                assert_is_model();
                if (!delimiters[d][0])
                    continue;
                (void)snprintf(
                    query, sizeof query, "encoding-type=url&prefix=%s&delimiter=%s&max-keys=%u",
                    prefixes[p], delimiters[d], page);
                list_all(query, "NextMarker", "marker=", page);
                assert_is_model();
            }
    stand_close();
}

static void markers_need_not_exist(void **state)
{
    static const char *const markers[] = {"", "a", "a/", "a/1x", "a/zz", "b", "b/", "f/gg", "zz"};
    char query[256];

    stand_open();
    put_keys();
    for (size_t i = 0; i < ARRAY_COUNT(markers); i++)
        for (unsigned with = 0; with < 2; with++) {
            make_model("", with ? "/" : "", markers[i]);
            (void)snprintf(
                query, sizeof query, "list-type=2&encoding-type=url&start-after=%s&delimiter=%s",
                markers[i], with ? "/" : "");
            list_all(query, "NextContinuationToken", "continuation-token=", 1000);
            assert_is_model();
        }
    stand_close();
}

static void odd_questions_are_answered(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
        const char *code;
    } cases[] = {
        {"/bucket?max-keys=x", 400, "InvalidArgument"},
        {"/bucket?max-keys=-1", 400, "InvalidArgument"},
        {"/bucket?max-keys=2147483648", 400, "InvalidArgument"},
        {"/bucket?encoding-type=xml", 400, "InvalidArgument"},
        {"/bucket?list-type=2&continuation-token=", 200, NULL},
        {"/bucket?list-type=2&continuation-token=161", 200, NULL},
        {"/bucket?list-type=2&continuation-token=16x", 400, "InvalidArgument"},
        {"/bucket?list-type=3", 400, "InvalidArgument"},
        {"/bucket?versions&version-id-marker=null", 400, "InvalidArgument"},
        {"/bucket?versions&key-marker=a&version-id-marker=null", 200, NULL},
        {"/nobucket", 404, "NoSuchBucket"},
        {"/nobucket?max-keys=0", 404, "NoSuchBucket"},
        {"/bucket?uploads&max-uploads=x", 400, "InvalidArgument"},
        {"/nobucket?uploads&max-uploads=0", 404, "NoSuchBucket"},
        {"/?max-buckets=0", 400, "InvalidArgument"},
        {"/?max-buckets=10001", 400, "InvalidArgument"},
    };

    stand_open();
    put_keys();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ask(&(struct ask){.method = "GET", .target = cases[i].target});
        assert_answer(cases[i].status, cases[i].code);
    }
    ask(&(struct ask){.method = "GET", .target = "/bucket?list-type=2&max-keys=0"});
    assert_answer(200, NULL);
    assert_string_equal(element("KeyCount"), "0");
    assert_string_equal(element("IsTruncated"), "false");
    assert_false(says("<Contents>"));
    ask(&(struct ask){.method = "GET", .target = "/bucket?list-type=2&max-keys=5000"});
    assert_string_equal(element("MaxKeys"), "1000");
    assert_false(says("<Owner>"));
    ask(&(struct ask){.method = "GET", .target = "/bucket?list-type=2&fetch-owner=true"});
    assert_says("<Owner>");
    stand_close();
}

/* The key is a, newline, 0x01, less-than, space. */
static void names_are_encoded_or_true(void **state)
{
    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/a%0A%01%3C%20", .body = VIEW("x")});
    ask(&(struct ask){.method = "GET", .target = "/bucket?encoding-type=url"});
    assert_says("<Key>a%0A%01%3C%20</Key>");
    ask(&(struct ask){.method = "GET", .target = "/bucket"});
    assert_says("<Key>a&#xA;&#x1;&lt; </Key>");
    stand_close();
}

/* --- uploads and buckets ------------------------------------------------------------------ */

static void upload_to(const char *key)
{
    char target[128];

    (void)snprintf(target, sizeof target, "/bucket/%s?uploads", key);
    ask(&(struct ask){.method = "POST", .target = target});
    assert_answer(200, NULL);
}

/* Pages of uploads, by both markers. */
static unsigned count_uploads(const char *query, unsigned page)
{
    char target[1024], key[256] = "", id[256] = "";

    got.count = 0;
    for (unsigned pages = 0;; pages++) {
        unsigned before = got.count;

        assert_true(pages < 1000);
        (void)snprintf(
            target, sizeof target,
            "/bucket?uploads&encoding-type=url&max-uploads=%u%s&key-marker=%s&upload-id-marker=%s",
            page, query, key, id);
        ask(&(struct ask){.method = "GET", .target = target});
        assert_answer(200, NULL);
        collect("<Upload>", "<Key>");
        collect("<CommonPrefixes>", "<Prefix>");
        qsort(got.name, got.count, sizeof got.name[0], by_name); /* groups come last in a page */
        if (!says("<IsTruncated>true</IsTruncated>"))
            return got.count;
        assert_int_equal(got.count - before, page);
        (void)snprintf(key, sizeof key, "%s", element("NextKeyMarker"));
        (void)snprintf(id, sizeof id, "%s", element("NextUploadIdMarker"));
        assert_true(key[0]);
    }
}

static void uploads_are_paged(void **state)
{
    stand_open();
    for (unsigned i = 0; i < 7; i++)
        upload_to("same"); /* told apart by their ids */
    for (unsigned i = 0; i < 300; i++)
        upload_to(i % 2 ? "dir/x" : "dir/y/z"); /* more than one page of the engine */
    upload_to("dir0");
    upload_to("zoo");
    for (unsigned page = 1; page <= 5; page += 2) {
        assert_int_equal(count_uploads("&prefix=same", page), 7);
        assert_int_equal(count_uploads("&delimiter=/", page), 10);
        assert_string_equal(got.name[0], "dir/");
        assert_string_equal(got.name[1], "dir0");
        assert_int_equal(count_uploads("&delimiter=/&prefix=dir/", page), 151);
        assert_string_equal(got.name[150], "dir/y/");
    }
    assert_int_equal(count_uploads("", 100), 309);
    ask(&(struct ask){.method = "GET", .target = "/bucket?uploads&max-uploads=0"});
    assert_string_equal(element("IsTruncated"), "false");
    assert_false(says("<Upload>"));
    ask(&(struct ask){
        .method = "GET", .target = "/bucket?uploads&delimiter=/&key-marker=dir/x/inside"});
    assert_false(says("CommonPrefixes"));
    stand_close();
}

static void buckets_are_paged_and_filtered(void **state)
{
    static const char body[] =
        "<CreateBucketConfiguration><LocationConstraint>eu-west-7</LocationConstraint>"
        "</CreateBucketConfiguration>";

    stand_open();
    put_bucket("alpha");
    ask(&(struct ask){.method = "PUT", .target = "/europe", .body = view_str(body)});
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/europe"});
    assert_header("x-amz-bucket-region", "eu-west-7");
    ask(&(struct ask){.method = "GET", .target = "/?max-buckets=2"});
    assert_says("<Name>alpha</Name>");
    assert_string_equal(element("ContinuationToken"), "bucket");
    ask(&(struct ask){.method = "GET", .target = "/?max-buckets=2&continuation-token=bucket"});
    assert_string_equal(element("BucketRegion"), "eu-west-7");
    assert_false(says("ContinuationToken"));
    ask(&(struct ask){.method = "GET", .target = "/?bucket-region=us-east-1"});
    assert_says("<Name>alpha</Name>");
    assert_false(says("<Name>europe</Name>"));
    ask(&(struct ask){.method = "GET", .target = "/?prefix=e&bucket-region=eu-west-7"});
    assert_string_equal(element("Name"), "europe");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bad-one",
        .body = VIEW("<CreateBucketConfiguration><Lock/></CreateBucketConfiguration>")});
    assert_answer(400, "MalformedXML");
    stand_close();
}

static void every_engine_failure_is_an_error(void **state)
{
    static const char *const targets[] = {
        "/", "/bucket", "/bucket?list-type=2", "/bucket?versions", "/bucket?uploads"};

    stand_open();
    put_keys();
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        engine_fails(1, ERR_IO);
        ask(&(struct ask){.method = "GET", .target = targets[i]});
        engine_fails(0, ERR_OK);
        assert_answer(500, "InternalError");
    }
    for (size_t i = 1; i < ARRAY_COUNT(targets); i++) { /* the door's own lookup */
        bucket_changed(&stand.service, VIEW("bucket"));
        engine_fails(1, ERR_CORRUPT);
        ask(&(struct ask){.method = "GET", .target = targets[i]});
        engine_fails(0, ERR_OK);
        assert_answer(500, "InternalError");
    }
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_make_the_whole),
        cmocka_unit_test(markers_need_not_exist),
        cmocka_unit_test(odd_questions_are_answered),
        cmocka_unit_test(names_are_encoded_or_true),
        cmocka_unit_test(uploads_are_paged),
        cmocka_unit_test(buckets_are_paged_and_filtered),
        cmocka_unit_test(every_engine_failure_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
