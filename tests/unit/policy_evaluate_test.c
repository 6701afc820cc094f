/* What policies decide: principals, actions, resources, conditions, variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy_help.h"

#define STATEMENT(effect, rest) "{\"Effect\":\"" effect "\"," rest "}"
#define EVERYBODY "\"Principal\":\"*\","
#define GET "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photos/*\""
#define POLICY(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"

static void expect(const char *json, const struct policy_ask *ask, enum policy_effect effect)
{
    enum policy_effect got = policy_help_decide(json, POLICY_BUCKET, ask);

    if (got != effect)
        fail_msg("%u, not %u: %s", (unsigned)got, (unsigned)effect, json);
}

static const struct policy_ask anonymous = {0};
static const struct policy_ask alice = {.account = "111122223333"};
static const struct policy_ask bob = {.account = "111122223333", .user = "user/bob"};
static const struct policy_ask carol = {.account = "444455556666", .user = "user/carol"};

/* --- who ----------------------------------------------------------------------------------- */

static void principals_name_everybody_accounts_and_users(void **state)
{
    static const struct {
        const char *principal;
        bool anonymous, alice, bob, carol;
    } cases[] = {
        {"\"*\"", true, true, true, true},
        {"{\"AWS\":\"*\"}", true, true, true, true},
        {"{\"AWS\":[\"x\",\"*\"]}", true, true, true, true},
        {"{\"AWS\":\"111122223333\"}", false, true, true, false},
        {"{\"AWS\":\"arn:aws:iam::111122223333:root\"}", false, true, true, false},
        {"{\"CanonicalUser\":\"111122223333\"}", false, true, true, false},
        {"{\"AWS\":\"arn:aws:iam::111122223333:user/bob\"}", false, false, true, false},
        {"{\"AWS\":\"arn:aws:iam::111122223333:user/Bob\"}", false, false, false, false},
        {"{\"AWS\":\"arn:aws:iam::111122223333:user/bo\"}", false, false, false, false},
        {"{\"AWS\":[\"arn:aws:iam::444455556666:user/carol\",\"arn:aws:iam::111122223333:user/"
         "bob\"]}",
         false, false, true, true},
        {"{\"AWS\":\"arn:aws:iam::111122223333:user/carol\"}", false, false, false, false},
        {"{\"Service\":\"logging.s3.amazonaws.com\"}", false, false, false, false},
        {"{\"Federated\":\"accounts.example.com\"}", false, false, false, false},
        {"{\"Service\":\"x\",\"CanonicalUser\":\"444455556666\"}", false, false, false, true},
        {"{\"CanonicalUser\":\"444455556666\"}", false, false, false, true},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char json[512];

        snprintf(
            json, sizeof json, POLICY(STATEMENT("Allow", "\"Principal\":%s," GET)),
            cases[i].principal);
        expect(json, &anonymous, cases[i].anonymous ? POLICY_ALLOW : POLICY_NONE);
        expect(json, &alice, cases[i].alice ? POLICY_ALLOW : POLICY_NONE);
        expect(json, &bob, cases[i].bob ? POLICY_ALLOW : POLICY_NONE);
        expect(json, &carol, cases[i].carol ? POLICY_ALLOW : POLICY_NONE);
    }
}

/* IAM user guide, "NotPrincipal with Deny": the account has to be listed, too. */
static void not_principal_leaves_out_who_is_listed_with_the_account(void **state)
{
    static const struct {
        const char *principal;
        bool alice, bob; /* denied */
    } cases[] = {
        {"{\"AWS\":[\"arn:aws:iam::111122223333:user/bob\",\"arn:aws:iam::111122223333:root\"]}",
         false, false},
        {"{\"AWS\":\"arn:aws:iam::111122223333:user/bob\"}", true, true},
        {"{\"AWS\":\"111122223333\"}", false, true},
        {"{\"CanonicalUser\":\"111122223333\"}", false, true},
        {"{\"AWS\":\"777788889999\"}", true, true},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char json[512];

        snprintf(
            json, sizeof json, POLICY(STATEMENT("Deny", "\"NotPrincipal\":%s," GET)),
            cases[i].principal);
        expect(json, &anonymous, POLICY_DENY);
        expect(json, &carol, POLICY_DENY);
        expect(json, &alice, cases[i].alice ? POLICY_DENY : POLICY_NONE);
        expect(json, &bob, cases[i].bob ? POLICY_DENY : POLICY_NONE);
    }
    expect(POLICY(STATEMENT("Deny", "\"NotPrincipal\":\"*\"," GET)), &anonymous, POLICY_NONE);
}

/* --- what ---------------------------------------------------------------------------------- */

static void actions_and_resources_match_as_patterns(void **state)
{
    static const struct {
        const char *body; /* Action and Resource */
        const char *action, *resource;
        bool fits;
    } cases[] = {
        {GET, "s3:GetObject", "photos/a", true},
        {GET, "s3:GetObject", "photos/a/b", true},
        {GET, "s3:GetObject", "photos", false},
        {GET, "s3:GetObjectAcl", "photos/a", false},
        {"\"Action\":\"S3:GETOBJECT\",\"Resource\":\"arn:aws:s3:::photos/*\"", "s3:GetObject",
         "photos/a", true},
        {"\"Action\":\"s3:Get*\",\"Resource\":\"arn:aws:s3:::photos/*\"", "s3:GetObjectAcl",
         "photos/a", true},
        {"\"Action\":\"s3:?etObject\",\"Resource\":\"arn:aws:s3:::photos/*\"", "s3:GetObject",
         "photos/a", true},
        {"\"Action\":\"s3:Get*\",\"Resource\":\"arn:aws:s3:::photos/*\"", "s3:PutObject",
         "photos/a", false},
        {"\"Action\":\"*\",\"Resource\":\"*\"", "s3:PutObject", "photos/a", true},
        {"\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::photos*\"", "s3:ListBucket", "photos",
         true},
        {"\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::photos/A\"", "s3:GetObject", "photos/a",
         false},
        {"\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::photos/?\"", "s3:GetObject",
         "photos/\xc3\xa4", true},
        {"\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::photos/??\"", "s3:GetObject",
         "photos/\xc3\xa4", false},
        {"\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::photos/*/x/*.jpg\"", "s3:GetObject",
         "photos/a/b/x/x/y.jpg", true},
        {"\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::photos/*/x/*.jpg\"", "s3:GetObject",
         "photos/x/y.jpg", false},
        {"\"Action\":[\"s3:PutObject\",\"s3:GetObject\"],"
         "\"Resource\":[\"arn:aws:s3:::photos/a\",\"arn:aws:s3:::photos/b\"]",
         "s3:GetObject", "photos/b", true},
        {"\"NotAction\":\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::photos/*\"", "s3:GetObject",
         "photos/a", true},
        {"\"NotAction\":[\"s3:Put*\",\"s3:Get*\"],\"Resource\":\"arn:aws:s3:::photos/*\"",
         "s3:GetObject", "photos/a", false},
        {"\"Action\":\"s3:*\",\"NotResource\":\"arn:aws:s3:::photos/private/*\"", "s3:GetObject",
         "photos/a", true},
        {"\"Action\":\"s3:*\",\"NotResource\":[\"arn:aws:s3:::photos/private/*\","
         "\"arn:aws:s3:::photos/a\"]",
         "s3:GetObject", "photos/a", false},
        {"\"NotAction\":\"s3:PutObject\",\"NotResource\":\"arn:aws:s3:::photos/private/*\"",
         "s3:GetObject", "photos/private/a", false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct policy_ask ask = {.action = cases[i].action, .resource = cases[i].resource};
        char json[512];

        snprintf(json, sizeof json, POLICY(STATEMENT("Allow", EVERYBODY "%s")), cases[i].body);
        expect(json, &ask, cases[i].fits ? POLICY_ALLOW : POLICY_NONE);
        snprintf(json, sizeof json, POLICY(STATEMENT("Deny", EVERYBODY "%s")), cases[i].body);
        expect(json, &ask, cases[i].fits ? POLICY_DENY : POLICY_NONE);
    }
}

static void a_denial_wins_wherever_it_stands(void **state)
{
    expect(
        POLICY(STATEMENT("Allow", EVERYBODY GET) "," STATEMENT("Deny", EVERYBODY GET)), &bob,
        POLICY_DENY);
    expect(
        POLICY(STATEMENT("Deny", EVERYBODY GET) "," STATEMENT("Allow", EVERYBODY GET)), &bob,
        POLICY_DENY);
    expect(
        POLICY(STATEMENT("Allow", EVERYBODY GET) "," STATEMENT(
            "Deny", "\"Principal\":{\"AWS\":\"444455556666\"}," GET)),
        &bob, POLICY_ALLOW);
}

static void no_policy_decides_nothing(void **state)
{
    assert_int_equal(policy_help_evaluate(NULL, &bob), POLICY_NONE);
    assert_false(policy_asks(NULL, VIEW("s3:GetObject"), VIEW("aws:referer")));
    assert_false(policy_is_public(NULL));
    policy_free(NULL);
}

/* --- conditions ------------------------------------------------------------------------------ */

static const struct {
    const char *condition; /* inside the braces */
    const char *values[4];
    bool holds;
} conditions[] = {
    {"\"StringEquals\":{\"aws:Referer\":\"me\"}", {"aws:referer=me"}, true},
    {"\"StringEquals\":{\"aws:Referer\":\"me\"}", {"aws:referer=Me"}, false},
    {"\"StringEquals\":{\"aws:Referer\":\"m*\"}", {"aws:referer=me"}, false},
    {"\"StringEquals\":{\"aws:Referer\":\"m*\"}", {"aws:referer=m*"}, true},
    {"\"StringEquals\":{\"aws:Referer\":[\"you\",\"me\"]}", {"aws:referer=me"}, true},
    {"\"StringEquals\":{\"aws:Referer\":\"me\"}", {NULL}, false},
    {"\"StringEquals\":{\"aws:Referer\":\"\"}", {"aws:referer="}, true},
    {"\"StringEquals\":{\"AWS:REFERER\":\"me\"}", {"aws:referer=me"}, true},
    {"\"StringEquals\":{\"s3:ExistingObjectTag/Key\":\"v\"}", {"s3:existingobjecttag/Key=v"}, true},
    {"\"StringEquals\":{\"s3:ExistingObjectTag/Key\":\"v\"}",
     {"s3:existingobjecttag/key=v"},
     false},
    {"\"StringEquals\":{\"aws:Referer\":\"me\",\"aws:UserAgent\":\"x\"}",
     {"aws:referer=me", "aws:useragent=x"},
     true},
    {"\"StringEquals\":{\"aws:Referer\":\"me\",\"aws:UserAgent\":\"x\"}",
     {"aws:referer=me", "aws:useragent=y"},
     false},
    {"\"StringEquals\":{\"aws:Referer\":\"me\"},\"StringLike\":{\"aws:UserAgent\":\"x*\"}",
     {"aws:referer=me", "aws:useragent=xy"},
     true},
    {"\"StringNotEquals\":{\"aws:Referer\":\"me\"}", {"aws:referer=you"}, true},
    {"\"StringNotEquals\":{\"aws:Referer\":\"me\"}", {"aws:referer=me"}, false},
    {"\"StringNotEquals\":{\"aws:Referer\":[\"me\",\"you\"]}", {"aws:referer=you"}, false},
    {"\"StringNotEquals\":{\"aws:Referer\":\"me\"}", {NULL}, true},
    {"\"StringEqualsIgnoreCase\":{\"aws:Referer\":\"mE\"}", {"aws:referer=Me"}, true},
    {"\"StringEqualsIgnoreCase\":{\"aws:Referer\":\"me\"}", {"aws:referer=mee"}, false},
    {"\"StringNotEqualsIgnoreCase\":{\"aws:Referer\":\"mE\"}", {"aws:referer=Me"}, false},
    {"\"StringNotEqualsIgnoreCase\":{\"aws:Referer\":\"mE\"}", {"aws:referer=you"}, true},
    {"\"StringLike\":{\"aws:Referer\":\"http://*.example.com/*\"}",
     {"aws:referer=http://www.example.com/x"},
     true},
    {"\"StringLike\":{\"aws:Referer\":\"http://*.example.com/*\"}",
     {"aws:referer=http://example.com/x"},
     false},
    {"\"StringLike\":{\"aws:Referer\":\"HTTP*\"}", {"aws:referer=http"}, false},
    {"\"StringLike\":{\"aws:Referer\":\"a?c\"}", {"aws:referer=abc"}, true},
    {"\"StringLike\":{\"aws:Referer\":\"a?c\"}", {"aws:referer=ac"}, false},
    {"\"StringNotLike\":{\"aws:Referer\":\"a*\"}", {"aws:referer=abc"}, false},
    {"\"StringNotLike\":{\"aws:Referer\":\"a*\"}", {"aws:referer=bc"}, true},
    /* IfExists */
    {"\"StringEqualsIfExists\":{\"aws:Referer\":\"me\"}", {NULL}, true},
    {"\"StringEqualsIfExists\":{\"aws:Referer\":\"me\"}", {"aws:referer=me"}, true},
    {"\"StringEqualsIfExists\":{\"aws:Referer\":\"me\"}", {"aws:referer=you"}, false},
    {"\"StringLikeIfExists\":{\"aws:Referer\":\"http://www.example.com/*\"}",
     {"aws:referer=http://example.com"},
     false},
    {"\"StringNotEqualsIfExists\":{\"aws:Referer\":\"me\"}", {"aws:referer=me"}, false},
    {"\"IpAddressIfExists\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", {NULL}, true},
    {"\"NumericLessThanIfExists\":{\"s3:max-keys\":10}", {"s3:max-keys=11"}, false},
    /* Null */
    {"\"Null\":{\"aws:Referer\":\"true\"}", {NULL}, true},
    {"\"Null\":{\"aws:Referer\":\"true\"}", {"aws:referer="}, false},
    {"\"Null\":{\"aws:Referer\":\"false\"}", {"aws:referer=x"}, true},
    {"\"Null\":{\"aws:Referer\":false}", {NULL}, false},
    /* numbers */
    {"\"NumericEquals\":{\"s3:max-keys\":\"10\"}", {"s3:max-keys=10"}, true},
    {"\"NumericEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=010.0"}, true},
    {"\"NumericEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=ten"}, false},
    {"\"NumericEquals\":{\"s3:max-keys\":-0.5}", {"s3:max-keys=-.5"}, false},
    {"\"NumericEquals\":{\"s3:max-keys\":-0.5}", {"s3:max-keys=-0.50"}, true},
    {"\"NumericNotEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=10"}, false},
    {"\"NumericNotEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=9"}, true},
    {"\"NumericLessThan\":{\"s3:max-keys\":10}", {"s3:max-keys=9"}, true},
    {"\"NumericLessThan\":{\"s3:max-keys\":10}", {"s3:max-keys=10"}, false},
    {"\"NumericLessThan\":{\"s3:max-keys\":10}", {"s3:max-keys=100"}, false},
    {"\"NumericLessThanEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=10"}, true},
    {"\"NumericLessThanEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=11"}, false},
    {"\"NumericGreaterThan\":{\"s3:max-keys\":10}", {"s3:max-keys=11"}, true},
    {"\"NumericGreaterThan\":{\"s3:max-keys\":10}", {"s3:max-keys=10"}, false},
    {"\"NumericGreaterThanEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=10"}, true},
    {"\"NumericGreaterThanEquals\":{\"s3:max-keys\":10}", {"s3:max-keys=9.999"}, false},
    {"\"NumericGreaterThan\":{\"s3:max-keys\":10}", {NULL}, false},
    /* dates */
    {"\"DateEquals\":{\"aws:CurrentTime\":\"2026-01-02T03:04:05Z\"}",
     {"aws:currenttime=2026-01-02T03:04:05Z"},
     true},
    {"\"DateEquals\":{\"aws:CurrentTime\":\"2026-01-02T04:04:05+01:00\"}",
     {"aws:currenttime=2026-01-02T03:04:05.000Z"},
     true},
    {"\"DateEquals\":{\"aws:CurrentTime\":\"2026-01-02\"}",
     {"aws:currenttime=2026-01-02T00:00:00Z"},
     true},
    {"\"DateEquals\":{\"aws:EpochTime\":\"1767323045\"}",
     {"aws:epochtime=2026-01-02T03:04:05Z"},
     true},
    {"\"DateNotEquals\":{\"aws:CurrentTime\":\"2026-01-02\"}",
     {"aws:currenttime=2026-01-02T00:00:00Z"},
     false},
    {"\"DateNotEquals\":{\"aws:CurrentTime\":\"2026-01-02\"}",
     {"aws:currenttime=2026-01-02T00:00:01Z"},
     true},
    {"\"DateLessThan\":{\"aws:CurrentTime\":\"2026-01-02T00:00Z\"}",
     {"aws:currenttime=2026-01-01T23:59:59Z"},
     true},
    {"\"DateLessThan\":{\"aws:CurrentTime\":\"2026-01-02\"}",
     {"aws:currenttime=2026-01-02T00:00:00Z"},
     false},
    {"\"DateLessThanEquals\":{\"aws:CurrentTime\":\"2026-01-02\"}",
     {"aws:currenttime=2026-01-02T00:00:00Z"},
     true},
    {"\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-01-02\"}",
     {"aws:currenttime=2026-01-02T00:00:00Z"},
     false},
    {"\"DateGreaterThan\":{\"aws:EpochTime\":1767323045}", {"aws:epochtime=1767323046"}, true},
    {"\"DateGreaterThanEquals\":{\"aws:CurrentTime\":\"2026-01-02T00:00:00-02:00\"}",
     {"aws:currenttime=2026-01-02T01:59:59Z"},
     false},
    {"\"DateGreaterThanEquals\":{\"aws:CurrentTime\":\"2026-01-02T00:00:00-0200\"}",
     {"aws:currenttime=2026-01-02T02:00:00Z"},
     true},
    /* truth, bytes */
    {"\"Bool\":{\"aws:SecureTransport\":\"true\"}", {"aws:securetransport=true"}, true},
    {"\"Bool\":{\"aws:SecureTransport\":true}", {"aws:securetransport=false"}, false},
    {"\"Bool\":{\"aws:SecureTransport\":\"False\"}", {"aws:securetransport=false"}, true},
    {"\"Bool\":{\"aws:SecureTransport\":\"false\"}", {NULL}, false},
    {"\"BoolIfExists\":{\"aws:MultiFactorAuthPresent\":\"false\"}", {NULL}, true},
    {"\"BinaryEquals\":{\"s3:prefix\":\"QmluYXJ5\"}", {"s3:prefix=QmluYXJ5"}, true},
    {"\"BinaryEquals\":{\"s3:prefix\":\"QmluYXJ5\"}", {"s3:prefix=qmluYXJ5"}, false},
    /* addresses */
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.0/24\"}", {"aws:sourceip=203.0.113.255"}, true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.0/24\"}", {"aws:sourceip=203.0.114.0"}, false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.77/25\"}", {"aws:sourceip=203.0.113.1"}, true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.77/25\"}", {"aws:sourceip=203.0.113.128"}, false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.7\"}", {"aws:sourceip=203.0.113.7"}, true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.7\"}", {"aws:sourceip=203.0.113.8"}, false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/0\"}", {"aws:sourceip=1.2.3.4"}, true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/0\"}", {"aws:sourceip=2001:db8::1"}, false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"2001:DB8:1234:5678::/64\"}",
     {"aws:sourceip=2001:db8:1234:5678:ffff::1"},
     true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"2001:DB8:1234:5678::/64\"}",
     {"aws:sourceip=2001:db8:1234:5679::1"},
     false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.0/24\"}",
     {"aws:sourceip=::ffff:203.0.113.9"},
     true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"::ffff:203.0.113.0/120\"}",
     {"aws:sourceip=203.0.113.9"},
     true},
    {"\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"192.168.0.0/16\"]}",
     {"aws:sourceip=192.168.3.4"},
     true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", {"aws:sourceip=ten"}, false},
    {"\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", {"aws:sourceip=10.1.2.3"}, false},
    {"\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", {"aws:sourceip=11.1.2.3"}, true},
    {"\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", {NULL}, true},
    /* ARNs: part by part */
    {"\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:::src*\"}",
     {"aws:sourcearn=arn:aws:s3:::src-1"},
     true},
    {"\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:s3:*:*:src\"}",
     {"aws:sourcearn=arn:aws:s3:eu:1:src"},
     true},
    {"\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:*:src\"}",
     {"aws:sourcearn=arn:aws:s3:eu:1:src"},
     true},
    {"\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s*:::src\"}",
     {"aws:sourcearn=arn:aws:s3:eu:1:src"},
     false},
    {"\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:iam::1:user/*\"}",
     {"aws:sourcearn=arn:aws:iam::1:user/a:b/c"},
     true},
    {"\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:iam::1:user/*\"}", {"aws:sourcearn=user/x"}, false},
    {"\"ArnNotEquals\":{\"aws:SourceArn\":\"arn:aws:s3:::src\"}",
     {"aws:sourcearn=arn:aws:s3:::src"},
     false},
    {"\"ArnNotLike\":{\"aws:SourceArn\":\"arn:aws:s3:::src*\"}",
     {"aws:sourcearn=arn:aws:s3:::other"},
     true},
    /* keys of several values */
    {"\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"a\",\"b\"]}",
     {"aws:tagkeys=a", "aws:tagkeys=b"},
     true},
    {"\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"a\",\"b\"]}",
     {"aws:tagkeys=a", "aws:tagkeys=c"},
     false},
    {"\"ForAllValues:StringEquals\":{\"aws:TagKeys\":\"a\"}", {NULL}, true},
    {"\"ForAnyValue:StringEquals\":{\"aws:TagKeys\":[\"a\",\"b\"]}",
     {"aws:tagkeys=x", "aws:tagkeys=b"},
     true},
    {"\"ForAnyValue:StringEquals\":{\"aws:TagKeys\":\"a\"}", {"aws:tagkeys=x"}, false},
    {"\"ForAnyValue:StringEquals\":{\"aws:TagKeys\":\"a\"}", {NULL}, false},
    {"\"ForAnyValue:StringNotEquals\":{\"aws:TagKeys\":\"a\"}",
     {"aws:tagkeys=a", "aws:tagkeys=b"},
     true},
    {"\"ForAnyValue:StringNotEquals\":{\"aws:TagKeys\":\"a\"}", {"aws:tagkeys=a"}, false},
    {"\"ForAnyValue:StringNotEquals\":{\"aws:TagKeys\":\"a\"}", {NULL}, false},
    {"\"ForAllValues:StringNotLike\":{\"aws:TagKeys\":\"a*\"}",
     {"aws:tagkeys=b", "aws:tagkeys=ab"},
     false},
    {"\"ForAllValues:StringNotLike\":{\"aws:TagKeys\":\"a*\"}",
     {"aws:tagkeys=b", "aws:tagkeys=c"},
     true},
    {"\"ForAnyValue:StringLikeIfExists\":{\"aws:TagKeys\":\"a*\"}", {NULL}, true},
    {"\"StringEquals\":{\"aws:TagKeys\":\"b\"}", {"aws:tagkeys=a", "aws:tagkeys=b"}, true},
    {"\"StringNotEquals\":{\"aws:TagKeys\":\"b\"}", {"aws:tagkeys=a", "aws:tagkeys=b"}, false},
    {"", {NULL}, true},
};

static void conditions_hold_as_the_reference_says(void **state)
{
    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++) {
        const struct policy_ask ask = {.values = conditions[i].values};
        char json[768];

        snprintf(
            json, sizeof json, POLICY(STATEMENT("Allow", EVERYBODY GET ",\"Condition\":{%s}")),
            conditions[i].condition);
        expect(json, &ask, conditions[i].holds ? POLICY_ALLOW : POLICY_NONE);
    }
}

/* --- variables -------------------------------------------------------------------------------- */

#define HOME(version, effect, element, resource)                                                   \
    "{\"Version\":\"" version "\",\"Statement\":{\"Effect\":\"" effect                             \
    "\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\"" element                                \
    "\":\"arn:aws:s3:::photos/" resource "\"}}"

static void variables_stand_for_what_the_request_says(void **state)
{
    static const struct {
        const char *json, *resource, *name;
        enum policy_effect effect;
    } cases[] = {
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username}/*"), "photos/bob/x", "bob",
         POLICY_ALLOW},
        {HOME("2012-10-17", "Allow", "Resource", "${AWS:UserName}/*"), "photos/bob/x", "bob",
         POLICY_ALLOW},
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username}/*"), "photos/alice/x", "bob",
         POLICY_NONE},
        {HOME("2012-10-17", "Allow", "Resource", "*/${aws:username}/*/${aws:username}"),
         "photos/a/bob/b/bob", "bob", POLICY_ALLOW},
        /* what it stands for is no pattern */
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username}/*"), "photos/bob/x", "*",
         POLICY_NONE},
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username}/*"), "photos/*/x", "*",
         POLICY_ALLOW},
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username}/*"), "photos//x", "",
         POLICY_ALLOW},
        /* characters */
        {HOME("2012-10-17", "Allow", "Resource", "${*}/${?}${$}"), "photos/*/?$", NULL,
         POLICY_ALLOW},
        {HOME("2012-10-17", "Allow", "Resource", "${*}/${?}${$}"), "photos/a/?$", NULL,
         POLICY_NONE},
        /* without a value */
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username}/*"), "photos/bob/x", NULL,
         POLICY_NONE},
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username}/*"), "photos//x", NULL,
         POLICY_NONE},
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username, 'guest'}/*"), "photos/guest/x",
         NULL, POLICY_ALLOW},
        {HOME("2012-10-17", "Allow", "Resource", "${aws:username, 'guest'}/*"), "photos/guest/x",
         "bob", POLICY_NONE},
        {HOME("2012-10-17", "Allow", "NotResource", "${aws:username}/*"), "photos/a", NULL,
         POLICY_NONE},
        {HOME("2012-10-17", "Deny", "NotResource", "${aws:username}/*"), "photos/a", NULL,
         POLICY_DENY},
        {HOME("2012-10-17", "Deny", "Resource", "${aws:username}/*"), "photos/a", NULL,
         POLICY_NONE},
        /* in the first version they are text */
        {HOME("2008-10-17", "Allow", "Resource", "${aws:username}/*"), "photos/bob/x", "bob",
         POLICY_NONE},
        {HOME("2008-10-17", "Allow", "Resource", "${aws:username}/*"), "photos/${aws:username}/x",
         "bob", POLICY_ALLOW},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char value[64];
        const char *values[] = {cases[i].name ? value : NULL, NULL};
        const struct policy_ask ask = {.resource = cases[i].resource, .values = values};

        snprintf(value, sizeof value, "aws:username=%s", cases[i].name ? cases[i].name : "");
        expect(cases[i].json, &ask, cases[i].effect);
    }
}

static void variables_stand_in_conditions_of_texts_and_arns(void **state)
{
    static const char like[] = POLICY(STATEMENT(
        "Allow",
        EVERYBODY "\"Action\":\"s3:ListBucket\",\"Resource\":\"arn:aws:s3:::photos\",\"Condition\":"
                  "{\"StringLike\":{\"s3:prefix\":[\"\",\"home/${aws:username}/*\"]}}"));
    static const char arn[] = POLICY(STATEMENT(
        "Allow", EVERYBODY GET ",\"Condition\":{\"ArnLike\":{\"aws:PrincipalArn\":"
                               "\"arn:aws:iam::*:user/${aws:username}\"}}"));
    static const char deny[] = POLICY(STATEMENT(
        "Deny",
        EVERYBODY GET ",\"Condition\":{\"StringNotEquals\":{\"aws:userid\":\"${aws:username}\"}}"));
    static const char allow[] = POLICY(STATEMENT(
        "Allow",
        EVERYBODY GET ",\"Condition\":{\"StringNotEquals\":{\"aws:userid\":\"${aws:username}\"}}"));
    struct policy_ask list = {.action = "s3:ListBucket", .resource = "photos"}, get = {0};

    list.values = (const char *const[]){"aws:username=bob", "s3:prefix=home/bob/x", NULL};
    expect(like, &list, POLICY_ALLOW);
    list.values = (const char *const[]){"aws:username=bob", "s3:prefix=home/alice/x", NULL};
    expect(like, &list, POLICY_NONE);
    list.values = (const char *const[]){"s3:prefix=", NULL};
    expect(like, &list, POLICY_ALLOW);
    get.values =
        (const char *const[]){"aws:username=bob", "aws:principalarn=arn:aws:iam::7:user/bob", NULL};
    expect(arn, &get, POLICY_ALLOW);
    get.values =
        (const char *const[]){"aws:username=eve", "aws:principalarn=arn:aws:iam::7:user/bob", NULL};
    expect(arn, &get, POLICY_NONE);
    /* what cannot be known neither allows nor takes a denial away */
    get.values = (const char *const[]){"aws:userid=x", NULL};
    expect(deny, &get, POLICY_DENY);
    expect(allow, &get, POLICY_NONE);
    get.values = (const char *const[]){"aws:userid=x", "aws:username=x", NULL};
    expect(deny, &get, POLICY_NONE);
}

/* --- examples of the Amazon S3 user guide ---------------------------------------------------- */

static void grants_that_ask_for_an_acl(void **state)
{
    static const char json[] = POLICY(STATEMENT(
        "Allow", "\"Sid\":\"PolicyForAllowUploadWithACL\",\"Principal\":{\"AWS\":"
                 "\"111122223333\"},\"Action\":\"s3:PutObject\",\"Resource\":"
                 "\"arn:aws:s3:::photos/*\",\"Condition\":{\"StringEquals\":"
                 "{\"s3:x-amz-acl\":\"bucket-owner-full-control\"}}"));
    struct policy_ask ask = {.action = "s3:PutObject", .account = "111122223333"};

    expect(json, &ask, POLICY_NONE);
    ask.values = (const char *const[]){"s3:x-amz-acl=bucket-owner-full-control", NULL};
    expect(json, &ask, POLICY_ALLOW);
    ask.account = "444455556666";
    expect(json, &ask, POLICY_NONE);
}

static void only_encrypted_requests(void **state)
{
    static const char json[] = POLICY(STATEMENT(
        "Deny", "\"Sid\":\"RestrictToTLSRequestsOnly\",\"Action\":\"s3:*\",\"Resource\":"
                "[\"arn:aws:s3:::photos\",\"arn:aws:s3:::photos/*\"],\"Condition\":{\"Bool\":"
                "{\"aws:SecureTransport\":\"false\"}},\"Principal\":\"*\""));
    struct policy_ask ask = {.account = "111122223333"};

    ask.values = (const char *const[]){"aws:securetransport=false", NULL};
    expect(json, &ask, POLICY_DENY);
    ask.values = (const char *const[]){"aws:securetransport=true", NULL};
    expect(json, &ask, POLICY_NONE);
}

static void only_some_tag_keys(void **state)
{
    static const char json[] = POLICY(STATEMENT(
        "Allow", "\"Principal\":{\"AWS\":[\"arn:aws:iam::111122223333:user/bob\"]},\"Action\":"
                 "[\"s3:PutObjectTagging\"],\"Resource\":[\"arn:aws:s3:::photos/*\"],\"Condition\":"
                 "{\"ForAllValues:StringLike\":{\"s3:RequestObjectTagKeys\":[\"Owner\","
                 "\"CreationDate\"]}}"));
    struct policy_ask ask = bob;

    ask.action = "s3:PutObjectTagging";
    ask.values = (const char *const[]){
        "s3:requestobjecttagkeys=Owner", "s3:requestobjecttagkeys=CreationDate", NULL};
    expect(json, &ask, POLICY_ALLOW);
    ask.values =
        (const char *const[]){"s3:requestobjecttagkeys=Owner", "s3:requestobjecttagkeys=X", NULL};
    expect(json, &ask, POLICY_NONE);
}

/* --- what a policy asks for ------------------------------------------------------------------- */

static void a_policy_says_what_it_has_to_know(void **state)
{
    static const char json[] =
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\"," EVERYBODY GET
        ",\"Condition\":{\"StringEquals\":{\"s3:ExistingObjectTag/A\":\"b\"}}},{"
        "\"Effect\":\"Deny\"," EVERYBODY "\"NotAction\":\"s3:Get*\",\"Resource\":"
        "\"arn:aws:s3:::photos/${aws:username}/${s3:ExistingObjectTag/C}\"}]}";
    struct policy *p = policy_help_parse(json, POLICY_BUCKET);

    assert_non_null(p);
    assert_true(policy_asks(p, VIEW("s3:GetObject"), VIEW("s3:existingobjecttag/")));
    assert_true(policy_asks(p, VIEW("s3:GetObject"), VIEW("s3:existingobjecttag/A")));
    assert_false(policy_asks(p, VIEW("s3:GetObject"), VIEW("s3:existingobjecttag/B")));
    assert_false(policy_asks(p, VIEW("s3:GetObject"), VIEW("aws:username")));
    assert_false(policy_asks(p, VIEW("s3:GetObjectAcl"), VIEW("s3:existingobjecttag/")));
    assert_true(policy_asks(p, VIEW("s3:PutObject"), VIEW("aws:username")));
    assert_true(policy_asks(p, VIEW("s3:PutObject"), VIEW("s3:existingobjecttag/")));
    policy_free(p);
}

static void identity_policies_have_no_principal(void **state)
{
    static const char json[] =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\","
        "\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::*/${aws:username}/*\"}}";
    struct policy_ask ask = bob;

    ask.resource = "any/bob/x";
    ask.values = (const char *const[]){"aws:username=bob", NULL};
    assert_int_equal(policy_help_decide(json, POLICY_IDENTITY, &ask), POLICY_ALLOW);
    ask.resource = "any/eve/x";
    assert_int_equal(policy_help_decide(json, POLICY_IDENTITY, &ask), POLICY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(principals_name_everybody_accounts_and_users),
        cmocka_unit_test(not_principal_leaves_out_who_is_listed_with_the_account),
        cmocka_unit_test(actions_and_resources_match_as_patterns),
        cmocka_unit_test(a_denial_wins_wherever_it_stands),
        cmocka_unit_test(no_policy_decides_nothing),
        cmocka_unit_test(conditions_hold_as_the_reference_says),
        cmocka_unit_test(variables_stand_for_what_the_request_says),
        cmocka_unit_test(variables_stand_in_conditions_of_texts_and_arns),
        cmocka_unit_test(grants_that_ask_for_an_acl),
        cmocka_unit_test(only_encrypted_requests),
        cmocka_unit_test(only_some_tag_keys),
        cmocka_unit_test(a_policy_says_what_it_has_to_know),
        cmocka_unit_test(identity_policies_have_no_principal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
