/* Settings of buckets and objects through the door: what fails on the way changes nothing, and what
 * comes between is seen. */
#include "help/s3_stand.h"

#define VERSIONING(status)                                                                         \
    "<VersioningConfiguration><Status>" status "</Status></VersioningConfiguration>"
#define TAGGING(value)                                                                             \
    "<Tagging><TagSet><Tag><Key>k</Key><Value>" value "</Value></Tag></TagSet></Tagging>"
#define LOCK                                                                                       \
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"                      \
    "</ObjectLockConfiguration>"
#define HOLD(status) "<LegalHold><Status>" status "</Status></LegalHold>"
#define RETAIN(mode, year)                                                                         \
    "<Retention><Mode>" mode "</Mode><RetainUntilDate>" year                                       \
    "-01-01T00:00:00Z</RetainUntilDate></Retention>"

static const char bypass[] = "x-amz-bypass-governance-retention:true";

static void ask_with(const char *method, const char *target, const char *body, const char *header)
{
    char digest[64] = "content-md5:";
    struct buf b = buf_over(digest, sizeof digest - 1);
    uint8_t md5[16];

    b.len = strlen(digest);
    digest_md5(view_str(body), md5);
    text_put_base64(&b, view_of(md5, sizeof md5));
    digest[b.len] = '\0';
    ask(&(struct ask){
        .method = method, .target = target, .headers = {digest, header}, .body = view_str(body)});
}

static void put_text(const char *target, const char *body)
{
    ask_with("PUT", target, body, NULL);
}

static void get(const char *target)
{
    ask(&(struct ask){.method = "GET", .target = target});
}

static bool has(const char *text)
{
    return answer.sent && strstr((const char *)answer.sent, text);
}

static void open_locked(void)
{
    stand_open();
    put_text("/bucket?versioning", VERSIONING("Enabled"));
    assert_answer(200, NULL);
    put_text("/bucket?object-lock", LOCK);
    assert_answer(200, NULL);
    put_text("/bucket/key", "abc");
    assert_answer(200, NULL);
}

static void arm(unsigned kinds, uint64_t nth, enum err err, bool is_repeating)
{
    struct engine_fault_config config = {
        .kinds = kinds, .nth = nth, .err = err, .is_repeating = is_repeating};

    engine_fault_arm(stand.engine, &config);
}

static void a_change_that_comes_between_is_tried_again(void **state)
{
    open_locked();
    arm(ENGINE_FAULT_AMEND, 1, ERR_CHANGED, false);
    put_text("/bucket/key?tagging", TAGGING("a"));
    assert_answer(200, NULL);
    assert_int_equal(engine_fault_count(stand.engine), 1);
    get("/bucket/key?tagging");
    assert_true(has("<Value>a</Value>"));
    arm(ENGINE_FAULT_AMEND, 1, ERR_CHANGED, false);
    put_text("/bucket?tagging", TAGGING("b"));
    assert_answer(204, NULL);
    get("/bucket?tagging");
    assert_true(has("<Value>b</Value>"));
    stand_close();
}

static void who_is_always_late_gives_up(void **state)
{
    open_locked();
    put_text("/bucket/key?tagging", TAGGING("a"));
    arm(ENGINE_FAULT_AMEND, 1, ERR_CHANGED, true);
    put_text("/bucket/key?tagging", TAGGING("b"));
    assert_answer(409, "OperationAborted");
    put_text("/bucket?tagging", TAGGING("b"));
    assert_answer(409, "OperationAborted");
    arm(0, 0, ERR_OK, false);
    get("/bucket/key?tagging");
    assert_true(has("<Value>a</Value>"));
    get("/bucket?tagging");
    assert_answer(404, "NoSuchTagSet");
    stand_close();
}

static void every_engine_failure_is_clean(void **state)
{
    static const struct {
        const char *method, *target, *body;
        unsigned status;
    } cases[] = {
        {"PUT", "/bucket/key?tagging", TAGGING("b"), 200},
        {"DELETE", "/bucket/key?tagging", "", 204},
        {"PUT", "/bucket/key?legal-hold", HOLD("OFF"), 200},
        {"PUT", "/bucket/key?retention", RETAIN("GOVERNANCE", "2200"), 200},
        {"GET", "/bucket/key?tagging", "", 200},
        {"GET", "/bucket/key?retention", "", 200},
        {"PUT", "/bucket?tagging", TAGGING("b"), 204},
        {"DELETE", "/bucket?tagging", "", 204},
        {"PUT", "/bucket?versioning", VERSIONING("Enabled"), 200},
    };

    open_locked();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t failed = 1;

        for (uint64_t n = 1; failed; n++) {
            assert_true(n < 20);
            arm(ENGINE_FAULT_ANY, n, n % 2 ? ERR_IO : ERR_BUSY, false);
            ask_with(cases[i].method, cases[i].target, cases[i].body, NULL);
            failed = engine_fault_count(stand.engine);
            assert_int_equal(answer.q.status, !failed ? cases[i].status : n % 2 ? 500 : 503);
        }
    }
    stand_close();
}

static void bodies_that_say_nothing_change_nothing(void **state)
{
    static const char *const targets[] = {
        "/bucket?versioning",    "/bucket?tagging",           "/bucket?ownershipControls",
        "/bucket?object-lock",   "/bucket?publicAccessBlock", "/bucket?logging",
        "/bucket?notification",  "/bucket?requestPayment",    "/bucket/key?tagging",
        "/bucket/key?retention", "/bucket/key?legal-hold",
    };
    static const char *const bodies[] = {"", "<", "<Else/>", "<a><b/></a>"};

    open_locked();
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        for (size_t k = 0; k < ARRAY_COUNT(bodies); k++) {
            put_text(targets[i], bodies[k]);
            assert_answer(400, "MalformedXML");
        }
    }
    stand_close();
}

static void locks_need_a_digest_of_their_body(void **state)
{
    static const struct {
        const char *target, *body;
    } cases[] = {
        {"/bucket?object-lock", LOCK},
        {"/bucket/key?legal-hold", HOLD("ON")},
        {"/bucket/key?retention", RETAIN("GOVERNANCE", "2200")},
    };

    open_locked();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ask(&(struct ask){
            .method = "PUT", .target = cases[i].target, .body = view_str(cases[i].body)});
        assert_answer(400, "InvalidRequest");
    }
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/new",
        .headers = {"x-amz-object-lock-legal-hold:ON"},
        .body = VIEW("abc")});
    assert_answer(400, "InvalidRequest");
    assert_absent("/bucket/new");
    stand_close();
}

static void a_retention_is_only_made_longer(void **state)
{
    open_locked();
    put_text("/bucket/key?retention", RETAIN("GOVERNANCE", "2100"));
    put_text("/bucket/key?retention", RETAIN("GOVERNANCE", "2200"));
    assert_answer(200, NULL);
    put_text("/bucket/key?retention", RETAIN("GOVERNANCE", "2100"));
    assert_answer(403, "AccessDenied");
    ask_with("PUT", "/bucket/key?retention", RETAIN("COMPLIANCE", "2100"), bypass);
    assert_answer(200, NULL);
    ask_with("PUT", "/bucket/key?retention", RETAIN("GOVERNANCE", "2200"), bypass);
    assert_answer(403, "AccessDenied");
    get("/bucket/key");
    assert_header("x-amz-object-lock-mode", "COMPLIANCE");
    assert_header("x-amz-object-lock-retain-until-date", "2100-01-01T00:00:00.000Z");
    stand_close();
}

/* --- removal ------------------------------------------------------------------------------ */

/* "/bucket/key?versionId=..." of a version just put; static. */
static const char *put_version(void)
{
    static char target[128];

    put_text("/bucket/key", "abc");
    struct view id = fake_header(&answer, "x-amz-version-id");
    assert_true(id.len > 0);
    (void)snprintf(target, sizeof target, "/bucket/key?versionId=%.*s", VIEW_FMT(id));
    return target;
}

static void lock_version(const char *target, const char *what, const char *body)
{
    char with[256];

    (void)snprintf(with, sizeof with, "/bucket/key?%s&%s", what, strchr(target, '?') + 1);
    put_text(with, body);
    assert_answer(200, NULL);
}

static void remove_version(const char *target, const char *header)
{
    ask(&(struct ask){.method = "DELETE", .target = target, .headers = {header}});
}

static void what_is_locked_is_not_removed(void **state)
{
    open_locked();
    const char *target = put_version();
    lock_version(target, "retention", RETAIN("GOVERNANCE", "2100"));
    remove_version(target, NULL);
    assert_answer(403, "AccessDenied");
    lock_version(target, "legal-hold", HOLD("ON"));
    remove_version(target, bypass);
    assert_answer(403, "AccessDenied");
    lock_version(target, "legal-hold", HOLD("OFF"));
    get(target);
    assert_answer(200, NULL);
    remove_version(target, bypass);
    assert_answer(204, NULL);
    get(target);
    assert_answer(404, "NoSuchVersion");

    target = put_version();
    lock_version(target, "retention", RETAIN("COMPLIANCE", "2100"));
    remove_version(target, bypass);
    assert_answer(403, "AccessDenied");
    clock_fake_wall(INT64_C(4102444800001)); /* 2100-01-01, a moment later */
    remove_version(target, NULL);
    assert_answer(204, NULL);
    clock_fake_wall(0);
    stand_close();
}

static void a_removal_looks_again_when_something_changed(void **state)
{
    open_locked();
    const char *target = put_version();
    arm(ENGINE_FAULT_REMOVE, 1, ERR_CHANGED, true);
    remove_version(target, NULL);
    assert_answer(409, "OperationAborted");
    arm(0, 0, ERR_OK, false);
    get(target);
    assert_answer(200, NULL);
    arm(ENGINE_FAULT_REMOVE, 1, ERR_CHANGED, false);
    remove_version(target, NULL);
    assert_answer(204, NULL);
    assert_int_equal(engine_fault_count(stand.engine), 1);
    get(target);
    assert_answer(404, "NoSuchVersion");
    stand_close();
}

static void a_removal_that_fails_removes_nothing(void **state)
{
    uint64_t failed = 1;

    open_locked();
    const char *target = put_version();
    for (uint64_t n = 1; failed; n++) {
        assert_true(n < 20);
        arm(ENGINE_FAULT_ANY, n, n % 2 ? ERR_IO : ERR_BUSY, false);
        remove_version(target, NULL);
        failed = engine_fault_count(stand.engine);
        assert_int_equal(answer.q.status, !failed ? 204 : n % 2 ? 500 : 503);
        arm(0, 0, ERR_OK, false);
        get(target);
        assert_int_equal(answer.q.status, failed ? 200 : 404);
    }
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_that_comes_between_is_tried_again),
        cmocka_unit_test(who_is_always_late_gives_up),
        cmocka_unit_test(every_engine_failure_is_clean),
        cmocka_unit_test(bodies_that_say_nothing_change_nothing),
        cmocka_unit_test(locks_need_a_digest_of_their_body),
        cmocka_unit_test(a_retention_is_only_made_longer),
        cmocka_unit_test(what_is_locked_is_not_removed),
        cmocka_unit_test(a_removal_looks_again_when_something_changed),
        cmocka_unit_test(a_removal_that_fails_removes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
