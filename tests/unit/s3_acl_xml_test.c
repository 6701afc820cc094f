/* AccessControlPolicy: what is read, what is refused, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "iam/iam.h"
#include "s3/acl_xml.h"

static struct region_pool pool;
static struct region region;
static struct iam *people;
static const struct iam_snapshot *snapshot;
static const char *detail;

static int open_people(void **state)
{
    const struct iam_config config = {
        .root_id = VIEW("root-id"),
        .root_name = VIEW("r<oo>t"),
        .root_access = VIEW("AK"),
        .root_secret = VIEW("secret"),
    };

    (void)state;
    region_pool_init(&pool, 64);
    region_init(&region, &pool);
    assert_int_equal(iam_new_root_only(&config, &people), ERR_OK);
    snapshot = iam_hold(people);
    return 0;
}

static int close_people(void **state)
{
    (void)state;
    iam_release(snapshot);
    iam_close(people);
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}

#define OWNER "<Owner><ID>root-id</ID><DisplayName>x</DisplayName></Owner>"
#define POLICY(list) "<AccessControlPolicy>" OWNER list "</AccessControlPolicy>"
#define LIST(grants) POLICY("<AccessControlList>" grants "</AccessControlList>")
#define GRANT(grantee, permission)                                                                 \
    "<Grant><Grantee>" grantee "</Grantee><Permission>" permission "</Permission></Grant>"
#define ALL_USERS "http://acs.amazonaws.com/groups/global/AllUsers"

static enum s3_code read_policy(const char *text, struct acl *a)
{
    struct view owner = VIEW_EMPTY;
    enum s3_code code = acl_xml_read(view_str(text), &region, &owner, a, &detail);

    if (!code)
        assert_true(view_is(owner, "root-id"));
    return code;
}

static void a_policy_names_accounts_groups_and_addresses(void **state)
{
    (void)state;
    struct acl a;

    assert_int_equal(
        read_policy(
            "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<AccessControlList>" GRANT("<ID> a </ID><DisplayName/>", "FULL_CONTROL")
                GRANT("<URI>" ALL_USERS "</URI>", "READ") GRANT(
                    "<EmailAddress>m@x</EmailAddress>",
                    "WRITE_ACP") "<Grant><Grantee "
                                 "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                                 "xsi:type=\"CanonicalUser\"><ID>b</ID></"
                                 "Grantee><Permission>READ_ACP</Permission>"
                                 "</Grant></AccessControlList>" OWNER "</AccessControlPolicy>",
            &a),
        S3_None);
    assert_int_equal(a.count, 4);
    assert_true(a.is_explicit);
    assert_true(view_is(a.grants[0].id, "a") && a.grants[0].permission == ACL_FULL_CONTROL);
    assert_int_equal(a.grants[1].grantee, ACL_ALL_USERS);
    assert_int_equal(a.grants[2].grantee, ACL_EMAIL);
    assert_true(view_is(a.grants[3].id, "b") && a.grants[3].permission == ACL_READ_ACP);
}

static void a_policy_may_give_nothing(void **state)
{
    (void)state;
    struct acl a;

    assert_int_equal(read_policy(POLICY("<AccessControlList/>"), &a), S3_None);
    assert_int_equal(a.count, 0);
    assert_true(a.is_explicit);
}

static void what_the_schema_does_not_know_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x",
        "<AccessControlPolicy>",
        "<Other>" OWNER "<AccessControlList/></Other>",
        POLICY(""),
        "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>",
        "<AccessControlPolicy><Owner/><AccessControlList/></AccessControlPolicy>",
        "<AccessControlPolicy><Owner><ID>r</ID><Mail/></Owner><AccessControlList/>"
        "</AccessControlPolicy>",
        POLICY("<AccessControlList/><AccessControlList/>"),
        POLICY("<AccessControlList/><More/>"),
        LIST("<Give/>"),
        LIST(GRANT("<ID>a</ID>", "EAT")),
        LIST(GRANT("<ID>a</ID>", "")),
        LIST(GRANT("", "READ")),
        LIST(GRANT("<ID></ID>", "READ")),
        LIST(GRANT("<DisplayName>a</DisplayName>", "READ")),
        LIST(GRANT("<ID>a</ID><URI>" ALL_USERS "</URI>", "READ")),
        LIST(GRANT("<ID>a</ID><ID>b</ID>", "READ")),
        LIST(GRANT("<ID>a</ID><Phone>1</Phone>", "READ")),
        LIST("<Grant><Permission>READ</Permission></Grant>"),
        LIST("<Grant><Grantee><ID>a</ID></Grantee></Grant>"),
    };
    struct acl a;

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (read_policy(texts[i], &a) != S3_MalformedACLError)
            fail_msg("taken: %s", texts[i]);
    assert_int_equal(
        read_policy(LIST(GRANT("<URI>http://x/AllUsers</URI>", "READ")), &a), S3_InvalidArgument);
    assert_non_null(detail);
}

static void more_than_a_hundred_grants_are_malformed(void **state)
{
    (void)state;
    static char text[16384];
    struct acl a;

    for (unsigned count = ACL_GRANTS_MAX; count <= ACL_GRANTS_MAX + 1; count++) {
        struct buf b = buf_over(text, sizeof text - 1);

        buf_put_str(&b, "<AccessControlPolicy>" OWNER "<AccessControlList>");
        for (unsigned i = 0; i < count; i++)
            buf_put_str(&b, GRANT("<ID>a</ID>", "READ"));
        buf_put_str(&b, "</AccessControlList></AccessControlPolicy>");
        assert_false(b.overflow);
        text[b.len] = 0;
        assert_int_equal(
            read_policy(text, &a), count > ACL_GRANTS_MAX ? S3_MalformedACLError : S3_None);
    }
}

static const char *written(const struct acl *a, const char *owner)
{
    static char text[8192];
    struct view xml = acl_xml_make(a, view_str(owner), snapshot, &region);

    assert_non_null(xml.at);
    (void)snprintf(text, sizeof text, "%.*s", VIEW_FMT(xml));
    return text;
}

static void the_default_is_written_out(void **state)
{
    (void)state;
    struct acl none = {0}, empty = {.is_explicit = true};

    assert_string_equal(
        written(&none, "root-id"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AccessControlPolicy "
        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>root-id</ID>"
        "<DisplayName>r&lt;oo&gt;t</DisplayName></Owner><AccessControlList><Grant><Grantee "
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">"
        "<ID>root-id</ID><DisplayName>r&lt;oo&gt;t</DisplayName></Grantee>"
        "<Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>");
    assert_non_null(strstr(written(&empty, "root-id"), "<AccessControlList></AccessControlList>"));
}

static void groups_are_written_first_and_unknown_accounts_without_a_name(void **state)
{
    (void)state;
    const struct acl_grant grants[] = {
        {ACL_ACCOUNT, VIEW("gone"), ACL_WRITE_ACP},
        {ACL_LOG_DELIVERY, VIEW_EMPTY, ACL_WRITE},
    };
    struct acl a = {.grants = grants, .count = 2, .is_explicit = true};
    const char *text = written(&a, "65a011a29cdf8ec533ec3d1ccaae921c");

    assert_non_null(strstr(text, "<DisplayName>anonymous</DisplayName></Owner>"));
    assert_non_null(strstr(text, "<ID>gone</ID></Grantee><Permission>WRITE_ACP</Permission>"));
    assert_non_null(strstr(text, "xsi:type=\"Group\"><URI>http://acs.amazonaws.com/groups/s3/"));
    assert_true(strstr(text, "LogDelivery") < strstr(text, "gone"));
}

static void what_is_written_can_be_put_back(void **state)
{
    (void)state;
    const struct acl_grant grants[] = {
        {ACL_ALL_USERS, VIEW_EMPTY, ACL_READ},
        {ACL_AUTHENTICATED, VIEW_EMPTY, ACL_WRITE},
        {ACL_ACCOUNT, VIEW("a&b"), ACL_READ_ACP},
    };
    struct acl a = {.grants = grants, .count = 3, .is_explicit = true}, back;

    assert_int_equal(read_policy(written(&a, "root-id"), &back), S3_None);
    assert_int_equal(back.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(back.grants[i].grantee, grants[i].grantee);
        assert_int_equal(back.grants[i].permission, grants[i].permission);
        assert_true(view_eq(back.grants[i].id, grants[i].id));
    }
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    struct region_pool none;
    struct region poor;
    struct acl a = {0};
    struct view owner;

    region_pool_init(&none, 0);
    region_init(&poor, &none);
    assert_null(acl_xml_make(&a, VIEW("x"), NULL, &poor).at);
    assert_int_equal(
        acl_xml_read(VIEW(POLICY("<AccessControlList/>")), &poor, &owner, &a, &detail),
        S3_SlowDown);
    region_done(&poor);
    region_pool_done(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_names_accounts_groups_and_addresses),
        cmocka_unit_test(a_policy_may_give_nothing),
        cmocka_unit_test(what_the_schema_does_not_know_is_malformed),
        cmocka_unit_test(more_than_a_hundred_grants_are_malformed),
        cmocka_unit_test(the_default_is_written_out),
        cmocka_unit_test(groups_are_written_first_and_unknown_accounts_without_a_name),
        cmocka_unit_test(what_is_written_can_be_put_back),
        cmocka_unit_test(without_memory_it_says_so),
    };

    return cmocka_run_group_tests(tests, open_people, close_people);
}
