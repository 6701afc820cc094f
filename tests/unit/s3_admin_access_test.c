/* Who may call the admin API, and on which wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "s3/admin_access.h"
#include "s3/proxy.h"

enum { POLICIES_MAX = 4 };

struct asker {
    struct s3_service service;
    struct http_request http;
    struct s3_request request;
    struct iam_user user;
    const struct policy *policies[POLICIES_MAX];
};

static void asker_open(struct asker *a, const char *peer, bool is_tls)
{
    memset(a, 0, sizeof *a);
    a->http.is_tls = is_tls;
    (void)snprintf(a->http.peer, sizeof a->http.peer, "%s", peer);
    a->user = (struct iam_user){.name = VIEW("bob"), .id = VIEW("rootid"), .is_enabled = true};
    a->user.policies = a->policies;
    a->request.http = &a->http;
    a->request.service = &a->service;
    a->request.op = &admin_access_op;
    a->request.user = &a->user;
    a->request.now_ms = 1700000000000;
    proxy_read(&a->request);
}

static void asker_close(struct asker *a)
{
    for (unsigned i = 0; i < a->user.policy_count; i++)
        policy_free((struct policy *)(uintptr_t)a->policies[i]);
}

static void attach(struct asker *a, const char *statement)
{
    char json[500], why[200];
    struct buf b = buf_over(why, sizeof why);
    struct policy *p;

    (void)snprintf(
        json, sizeof json, "{\"Version\":\"2012-10-17\",\"Statement\":[{%s}]}", statement);
    assert_int_equal(policy_parse(view_str(json), POLICY_IDENTITY, VIEW_EMPTY, &p, &b), ERR_OK);
    a->policies[a->user.policy_count++] = p;
}

static bool is_private(const char *peer, bool is_tls)
{
    struct asker a;

    asker_open(&a, peer, is_tls);
    return admin_access_is_private(&a.request);
}

static void only_tls_and_the_same_host_are_private(void **state)
{
    (void)state;
    assert_true(is_private("127.0.0.1:4711", false));
    assert_true(is_private("127.3.2.1:1", false));
    assert_true(is_private("[::1]:4711", false));
    assert_true(is_private("[::ffff:127.0.0.1]:4711", false));
    assert_true(is_private("192.0.2.1:4711", true));
    assert_false(is_private("192.0.2.1:4711", false));
    assert_false(is_private("[2001:db8::1]:4711", false));
    assert_false(is_private("[::ffff:192.0.2.1]:4711", false));
    assert_false(is_private("[::12]:4711", false));
    assert_false(is_private("12.7.0.1:4711", false));
}

static void root_may_nobody_may_not(void **state)
{
    struct asker a;

    (void)state;
    asker_open(&a, "127.0.0.1:1", false);
    assert_false(admin_access_allows(&a.request, "admin:GetUser"));
    a.user.is_root = true;
    assert_true(admin_access_allows(&a.request, "admin:GetUser"));
    a.request.user = NULL;
    assert_false(admin_access_allows(&a.request, "admin:GetUser"));
}

static void an_account_owns_nothing_of_the_admin_api(void **state)
{
    struct asker a;

    (void)state;
    asker_open(&a, "127.0.0.1:1", false);
    a.user.owns_account = true;
    assert_false(admin_access_allows(&a.request, "admin:GetUser"));
}

static void a_policy_allows_what_it_names_and_a_deny_wins(void **state)
{
    struct asker a;

    (void)state;
    asker_open(&a, "127.0.0.1:1", false);
    attach(&a, "\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"");
    assert_false(admin_access_allows(&a.request, "admin:GetUser"));
    attach(&a, "\"Effect\":\"Allow\",\"Action\":\"admin:Get*\",\"Resource\":\"arn:aws:s3:::*\"");
    assert_true(admin_access_allows(&a.request, "admin:GetUser"));
    assert_false(admin_access_allows(&a.request, "admin:CreateUser"));
    attach(&a, "\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"");
    assert_true(admin_access_allows(&a.request, "admin:CreateUser"));
    attach(&a, "\"Effect\":\"Deny\",\"Action\":\"admin:CreateUser\",\"Resource\":\"*\"");
    assert_false(admin_access_allows(&a.request, "admin:CreateUser"));
    assert_true(admin_access_allows(&a.request, "admin:GetUser"));
    asker_close(&a);
}

static void conditions_see_the_request(void **state)
{
    static const char *const deny =
        "\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
        "\"Condition\":{\"NotIpAddress\":{\"aws:SourceIp\":\"127.0.0.0/8\"}}";
    struct asker a;

    (void)state;
    for (int i = 0; i < 2; i++) {
        asker_open(&a, i ? "192.0.2.1:4711" : "127.0.0.1:4711", true);
        attach(&a, "\"Effect\":\"Allow\",\"Action\":\"admin:*\",\"Resource\":\"*\"");
        attach(&a, deny);
        assert_int_equal(admin_access_allows(&a.request, "admin:GetUser"), i == 0);
        asker_close(&a);
    }
    asker_open(&a, "127.0.0.1:4711", false);
    attach(
        &a, "\"Effect\":\"Allow\",\"Action\":\"admin:*\",\"Resource\":\"*\","
            "\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}}");
    assert_false(admin_access_allows(&a.request, "admin:GetUser"));
    asker_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_tls_and_the_same_host_are_private),
        cmocka_unit_test(root_may_nobody_may_not),
        cmocka_unit_test(an_account_owns_nothing_of_the_admin_api),
        cmocka_unit_test(a_policy_allows_what_it_names_and_a_deny_wins),
        cmocka_unit_test(conditions_see_the_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
