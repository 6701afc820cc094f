/* Access control lists: the stored form, canned names, grant headers, what a list allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "s3/acl_text.h"

static struct region_pool pool;
static struct region region;

static int open_region(void **state)
{
    (void)state;
    region_pool_init(&pool, 64);
    region_init(&region, &pool);
    return 0;
}

static int close_region(void **state)
{
    (void)state;
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}

#define MAIN VIEW("main-id")
#define ALT VIEW("alt-id")
#define ANONYMOUS VIEW_EMPTY

static const char *detail;

static enum s3_code canned_of(struct view name, const struct acl_text_of *of, struct acl *a)
{
    return acl_text_read(&(struct acl_text){.canned = name}, of, &region, a, &detail);
}

static struct acl canned(struct view name)
{
    const struct acl_text_of of = {.owner = MAIN, .bucket_owner = ALT};
    struct acl a;

    assert_int_equal(canned_of(name, &of, &a), S3_None);
    return a;
}

static enum s3_code read_header(const char *text, struct acl *a)
{
    struct acl_text t = {.grants = {[0] = view_str(text)}};
    const struct acl_text_of of = {.owner = MAIN, .bucket_owner = MAIN};

    return acl_text_read(&t, &of, &region, a, &detail);
}

static struct acl header(const char *text)
{
    struct acl a;

    assert_int_equal(read_header(text, &a), S3_None);
    return a;
}

static struct acl list(const struct acl_grant *grants, unsigned count)
{
    return (struct acl){.grants = grants, .count = count, .is_explicit = true};
}

/* --- the stored form ------------------------------------------------------------------------ */

static void assert_same(const struct acl *a, const struct acl *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->is_explicit, b->is_explicit);
    for (unsigned i = 0; i < a->count; i++) {
        assert_int_equal(a->grants[i].grantee, b->grants[i].grantee);
        assert_int_equal(a->grants[i].permission, b->grants[i].permission);
        assert_true(view_eq(a->grants[i].id, b->grants[i].id));
    }
}

static void survives(const struct acl *a)
{
    struct acl back;
    struct view blob;

    assert_int_equal(acl_encode(a, &region, &blob), ERR_OK);
    assert_int_equal(acl_decode(blob, &region, &back), ERR_OK);
    assert_same(a, &back);
}

static void what_is_stored_is_read_back(void **state)
{
    (void)state;
    const struct acl_grant all[] = {
        {ACL_ACCOUNT, MAIN, ACL_FULL_CONTROL},      {ACL_ALL_USERS, VIEW_EMPTY, ACL_READ},
        {ACL_AUTHENTICATED, VIEW_EMPTY, ACL_WRITE}, {ACL_LOG_DELIVERY, VIEW_EMPTY, ACL_READ_ACP},
        {ACL_ACCOUNT, ALT, ACL_WRITE_ACP},
    };
    struct acl full = list(all, ARRAY_COUNT(all)), empty = list(NULL, 0), none = {0};

    survives(&full);
    survives(&empty);
    survives(&none);
}

static void the_default_and_the_empty_list_differ(void **state)
{
    (void)state;
    struct acl empty = list(NULL, 0), none = {0};
    struct view blob;

    assert_int_equal(acl_encode(&none, &region, &blob), ERR_OK);
    assert_int_equal(blob.len, 0);
    assert_int_equal(acl_encode(&empty, &region, &blob), ERR_OK);
    assert_int_equal(blob.len, 1);
}

static void a_damaged_blob_is_corrupt(void **state)
{
    (void)state;
    static const struct view blobs[] = {
        VIEW("\x02"),                           /* a version of the future */
        VIEW("\x01\x01"),                       /* cut in a head */
        VIEW("\x01\x01\x01\x04\x00\x00\x00ma"), /* cut in an id */
        VIEW("\x01\x01\x01\x00\x00\x00\x00"),   /* an account without an id */
        VIEW("\x01\x02\x01\x01\x00\x00\x00x"),  /* a group with one */
        VIEW("\x01\x05\x01\x01\x00\x00\x00x"),  /* an e-mail address */
        VIEW("\x01\x00\x01\x00\x00\x00\x00"),   /* nobody */
        VIEW("\x01\x02\x03\x00\x00\x00\x00"),   /* two permissions in one */
        VIEW("\x01\x02\x00\x00\x00\x00\x00"),   /* none */
    };
    struct acl a;

    for (size_t i = 0; i < ARRAY_COUNT(blobs); i++)
        assert_int_equal(acl_decode(blobs[i], &region, &a), ERR_CORRUPT);
}

static void more_grants_than_a_list_may_have_are_corrupt(void **state)
{
    (void)state;
    uint8_t at[1 + 7 * (ACL_GRANTS_MAX + 1)];
    struct buf b = buf_over(at, sizeof at);
    struct acl a;

    buf_put_byte(&b, 1);
    for (unsigned i = 0; i <= ACL_GRANTS_MAX; i++)
        buf_put(&b, VIEW("\x02\x01\x00\x00\x00\x00"));
    assert_int_equal(
        acl_decode(view_upto(buf_view(&b), 1 + 6 * ACL_GRANTS_MAX), &region, &a), ERR_OK);
    assert_int_equal(a.count, ACL_GRANTS_MAX);
    assert_int_equal(acl_decode(buf_view(&b), &region, &a), ERR_CORRUPT);
}

static void without_memory_it_is_busy(void **state)
{
    (void)state;
    struct acl a = canned(VIEW("public-read")), back;
    struct region_pool none;
    struct region poor;
    struct view blob;

    assert_int_equal(acl_encode(&a, &region, &blob), ERR_OK);
    region_pool_init(&none, 0);
    region_init(&poor, &none);
    assert_int_equal(acl_decode(blob, &poor, &back), ERR_BUSY);
    assert_int_equal(acl_encode(&a, &poor, &blob), ERR_BUSY);
    region_done(&poor);
    region_pool_done(&none);
}

/* --- what it allows ------------------------------------------------------------------------- */

static void canned_lists_allow_what_their_names_say(void **state)
{
    (void)state;
    static const struct {
        struct view name;
        unsigned anonymous, alt, other;
        bool is_public, is_private;
    } rows[] = {
        {VIEW("private"), 0, 0, 0, false, true},
        {VIEW("public-read"), ACL_READ, ACL_READ, ACL_READ, true, false},
        {VIEW("public-read-write"), 3, 3, 3, true, false},
        {VIEW("authenticated-read"), 0, ACL_READ, ACL_READ, true, false},
        {VIEW("bucket-owner-read"), 0, ACL_READ, 0, false, false},
        {VIEW("bucket-owner-full-control"), 0, ACL_FULL_CONTROL, 0, false, false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct acl a = canned(rows[i].name);

        for (unsigned p = 1; p <= ACL_FULL_CONTROL; p++) {
            assert_true(acl_allows(&a, p, MAIN));
            assert_int_equal(acl_allows(&a, p, ANONYMOUS), (rows[i].anonymous & p) == p);
            assert_int_equal(acl_allows(&a, p, ALT), (rows[i].alt & p) == p);
            assert_int_equal(acl_allows(&a, p, VIEW("other")), (rows[i].other & p) == p);
        }
        assert_int_equal(acl_is_public(&a), rows[i].is_public);
        assert_int_equal(acl_is_private(&a, MAIN), rows[i].is_private);
    }
}

static void the_default_allows_nobody_but_the_owner_who_is_not_asked_about(void **state)
{
    (void)state;
    struct acl none = {0};

    assert_false(acl_allows(&none, ACL_READ, MAIN));
    assert_false(acl_is_public(&none));
    assert_true(acl_is_private(&none, MAIN));
}

static void ignored_public_grants_leave_what_accounts_got(void **state)
{
    (void)state;
    const struct acl_grant grants[] = {
        {ACL_ALL_USERS, VIEW_EMPTY, ACL_READ},
        {ACL_AUTHENTICATED, VIEW_EMPTY, ACL_WRITE},
        {ACL_ACCOUNT, ALT, ACL_READ_ACP},
    };
    struct acl a = list(grants, 3);

    assert_true(acl_allows(&a, ACL_READ | ACL_WRITE | ACL_READ_ACP, ALT));
    assert_true(acl_allows_account(&a, ACL_READ_ACP, ALT));
    assert_false(acl_allows_account(&a, ACL_READ, ALT));
    assert_false(acl_allows_account(&a, ACL_WRITE, ALT));
    assert_false(acl_allows_account(&a, ACL_READ, ANONYMOUS));
}

static void log_delivery_is_nobody_who_asks(void **state)
{
    (void)state;
    const struct acl_text_of of = {.is_bucket = true, .owner = MAIN, .bucket_owner = MAIN};
    struct acl a;

    assert_int_equal(canned_of(VIEW("log-delivery-write"), &of, &a), S3_None);
    assert_int_equal(a.count, 3);
    assert_false(acl_allows(&a, ACL_WRITE, ALT));
    assert_false(acl_allows(&a, ACL_WRITE, ANONYMOUS));
    assert_false(acl_is_public(&a));
    assert_false(acl_is_private(&a, MAIN));
}

/* --- canned --------------------------------------------------------------------------------- */

static void names_nobody_knows_are_invalid(void **state)
{
    (void)state;
    const struct acl_text_of object = {.owner = MAIN, .bucket_owner = MAIN};
    static const struct view names[] = {
        VIEW("public-ready"), VIEW(""), VIEW("Private"), VIEW("log-delivery-write")};
    struct acl a;

    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        assert_int_equal(canned_of(names[i], &object, &a), S3_InvalidArgument);
    assert_int_equal(canned_of(VIEW("aws-exec-read"), &object, &a), S3_NotImplemented);
    assert_non_null(detail);
}

static void an_owner_of_both_is_granted_once(void **state)
{
    (void)state;
    const struct acl_text_of of = {.owner = MAIN, .bucket_owner = MAIN};
    struct acl a;

    assert_int_equal(canned_of(VIEW("bucket-owner-full-control"), &of, &a), S3_None);
    assert_int_equal(a.count, 1);
    assert_int_equal(canned_of(VIEW("bucket-owner-read"), &of, &a), S3_None);
    assert_int_equal(a.count, 1);
}

static void canned_and_grants_together_are_refused(void **state)
{
    (void)state;
    struct acl_text t = {.canned = VIEW("private"), .grants = {[4] = VIEW("id=x")}};
    const struct acl_text_of of = {.owner = MAIN, .bucket_owner = MAIN};
    struct acl a;

    assert_false(acl_text_is_empty(&t));
    assert_int_equal(acl_text_read(&t, &of, &region, &a, &detail), S3_InvalidRequest);
    assert_non_null(detail);
}

/* --- grants --------------------------------------------------------------------------------- */

static void grants_are_read_quoted_or_not(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "id=a,id=b",         "id=\"a\",id=\"b\"", " id = \"a\" , ID = b ",
        "id=\"a\" ,\tid=b ", "id=a, id=\"b\",",
    };

    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct acl a = header(forms[i]);

        assert_int_equal(a.count, 2);
        assert_true(view_is(a.grants[0].id, "a") && view_is(a.grants[1].id, "b"));
        assert_int_equal(a.grants[0].grantee, ACL_ACCOUNT);
        assert_int_equal(a.grants[0].permission, ACL_READ);
    }
}

static void grants_name_accounts_groups_and_addresses(void **state)
{
    (void)state;
    struct acl a = header("id=\"m\", uri=\"http://acs.amazonaws.com/groups/global/AllUsers\", "
                          "emailAddress=\"x,y@example.com\", "
                          "uri=http://acs.amazonaws.com/groups/s3/LogDelivery");

    assert_int_equal(a.count, 4);
    assert_int_equal(a.grants[1].grantee, ACL_ALL_USERS);
    assert_int_equal(a.grants[1].id.len, 0);
    assert_int_equal(a.grants[2].grantee, ACL_EMAIL);
    assert_true(view_is(a.grants[2].id, "x,y@example.com"));
    assert_int_equal(a.grants[3].grantee, ACL_LOG_DELIVERY);
}

static void malformed_grants_are_invalid(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "",          " ",  "id",    "id=",     "id=\"\"",      "id=\"a",   "name=a",
        "id=\"a\"b", "=a", ",id=a", "id=a,,b", "uri=http://x", "uri=\"\"", "id=\"a\" id=\"b\"",
    };
    struct acl a;

    for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
        if (read_header(forms[i], &a) != S3_InvalidArgument)
            fail_msg("taken: %s", forms[i]);
}

static void every_header_gives_its_permission_in_order(void **state)
{
    (void)state;
    struct acl_text t = {0};
    const struct acl_text_of of = {.owner = MAIN, .bucket_owner = MAIN};
    struct acl a;

    assert_true(acl_text_is_empty(&t));
    for (unsigned i = 0; i < ACL_TEXT_GRANTS; i++)
        t.grants[i] = VIEW("id=x");
    assert_int_equal(acl_text_read(&t, &of, &region, &a, &detail), S3_None);
    assert_int_equal(a.count, ACL_TEXT_GRANTS);
    for (unsigned i = 0; i < ACL_TEXT_GRANTS; i++)
        assert_int_equal(a.grants[i].permission, acl_text_grants[i].permission);
    assert_false(acl_allows(&a, ACL_READ, MAIN)); /* the owner is not added */
}

static void a_list_has_a_hundred_grants_at_most(void **state)
{
    (void)state;
    static char text[8 * (ACL_GRANTS_MAX + 1)];
    struct buf b = buf_over(text, sizeof text - 1);
    struct acl a;

    for (unsigned i = 0; i < ACL_GRANTS_MAX; i++)
        buf_put_str(&b, "id=x,");
    assert_int_equal(header(text).count, ACL_GRANTS_MAX);
    buf_put_str(&b, "id=x");
    assert_int_equal(read_header(text, &a), S3_InvalidRequest);
}

static void names_go_both_ways(void **state)
{
    (void)state;
    static const unsigned all[] = {
        ACL_READ, ACL_WRITE, ACL_READ_ACP, ACL_WRITE_ACP, ACL_FULL_CONTROL};

    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        assert_int_equal(acl_text_permission(view_str(acl_text_permission_name(all[i]))), all[i]);
    for (enum acl_grantee g = ACL_ALL_USERS; g <= ACL_LOG_DELIVERY; g++)
        assert_int_equal(acl_text_group(view_str(acl_text_group_uri(g))), g);
    assert_null(acl_text_group_uri(ACL_ACCOUNT));
    assert_int_equal(acl_text_permission(VIEW("read")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_read_back),
        cmocka_unit_test(the_default_and_the_empty_list_differ),
        cmocka_unit_test(a_damaged_blob_is_corrupt),
        cmocka_unit_test(more_grants_than_a_list_may_have_are_corrupt),
        cmocka_unit_test(without_memory_it_is_busy),
        cmocka_unit_test(canned_lists_allow_what_their_names_say),
        cmocka_unit_test(the_default_allows_nobody_but_the_owner_who_is_not_asked_about),
        cmocka_unit_test(ignored_public_grants_leave_what_accounts_got),
        cmocka_unit_test(log_delivery_is_nobody_who_asks),
        cmocka_unit_test(names_nobody_knows_are_invalid),
        cmocka_unit_test(an_owner_of_both_is_granted_once),
        cmocka_unit_test(canned_and_grants_together_are_refused),
        cmocka_unit_test(grants_are_read_quoted_or_not),
        cmocka_unit_test(grants_name_accounts_groups_and_addresses),
        cmocka_unit_test(malformed_grants_are_invalid),
        cmocka_unit_test(every_header_gives_its_permission_in_order),
        cmocka_unit_test(a_list_has_a_hundred_grants_at_most),
        cmocka_unit_test(names_go_both_ways),
    };

    return cmocka_run_group_tests(tests, open_region, close_region);
}
