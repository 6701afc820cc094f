/* "The meaning of public". */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy_help.h"

#define EVERYBODY "\"Principal\":\"*\","
#define GET "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photos/*\""

static const struct {
    const char *statements;
    bool is_public;
} cases[] = {
    {"{\"Effect\":\"Allow\"," EVERYBODY GET "}", true},
    {"{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"1\",\"*\"]}," GET "}", true},
    {"{\"Effect\":\"Deny\"," EVERYBODY GET "}", false},
    {"{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"1\"}," GET "}", false},
    {"{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"111122223333\"}," GET "}", false},
    {"{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::s3tenant1:root\"}," GET "}",
     false},
    {"{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"logging.s3.amazonaws.com\"}," GET "}",
     false},
    {"{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"1\"}," GET "},"
     "{\"Effect\":\"Allow\"," EVERYBODY GET "}",
     true},
};

static const struct {
    const char *condition;
    bool is_public;
} conditions[] = {
    {"", true},
    {"\"StringEquals\":{\"aws:SourceVpc\":\"vpc-91237329\"}", false},
    {"\"StringLike\":{\"aws:SourceVpc\":\"vpc-*\"}", true},
    {"\"StringLike\":{\"aws:SourceVpc\":\"vpc-91237329\"}", false},
    {"\"StringEquals\":{\"aws:SourceVpc\":[\"vpc-91237329\",\"vpc-?\"]}", true},
    {"\"StringEquals\":{\"aws:SourceVpce\":\"vpce-1\"}", false},
    {"\"StringEquals\":{\"aws:SourceVpce\":\"${aws:username}\"}", true},
    {"\"StringNotEquals\":{\"aws:SourceVpc\":\"vpc-91237329\"}", true},
    {"\"StringEqualsIfExists\":{\"aws:SourceVpc\":\"vpc-91237329\"}", true},
    {"\"ForAllValues:StringEquals\":{\"aws:SourceVpc\":\"vpc-91237329\"}", true},
    {"\"ForAnyValue:StringEquals\":{\"aws:PrincipalOrgPaths\":\"o-1/r-1/\"}", false},
    {"\"StringEquals\":{\"aws:PrincipalOrgID\":\"o-1\"}", false},
    {"\"StringEquals\":{\"aws:SourceAccount\":\"111122223333\"}", false},
    {"\"StringEquals\":{\"aws:SourceOwner\":\"111122223333\"}", false},
    {"\"StringEquals\":{\"aws:userid\":\"AIDA1\"}", false},
    {"\"StringLike\":{\"aws:userid\":\"AROA1:*\"}", true},
    {"\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:s3:::src\"}", false},
    {"\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:::src*\"}", true},
    {"\"StringEquals\":{\"s3:x-amz-server-side-encryption-aws-kms-key-id\":\"k\"}", false},
    {"\"StringEquals\":{\"s3:x-amz-acl\":\"private\"}", true},
    {"\"StringEquals\":{\"aws:Referer\":\"http://example.com/\"}", true},
    {"\"Null\":{\"aws:SourceVpc\":\"false\"}", true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/32\"}", false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.9\"}", false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"54.0.0.0/8\"}", false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"54.0.0.0/7\"}", true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/1\"}", true},
    {"\"IpAddress\":{\"aws:SourceIp\":[\"203.0.113.0/24\",\"0.0.0.0/0\"]}", true},
    {"\"IpAddress\":{\"aws:SourceIp\":\"2001:db8::/32\"}", false},
    {"\"IpAddress\":{\"aws:SourceIp\":\"2001:db8::/31\"}", true},
    {"\"IpAddressIfExists\":{\"aws:SourceIp\":\"203.0.113.0/24\"}", true},
    {"\"NotIpAddress\":{\"aws:SourceIp\":\"203.0.113.0/24\"}", true},
    {"\"StringEquals\":{\"aws:SourceIp\":\"203.0.113.9\"}", true},
    {"\"IpAddress\":{\"aws:VpcSourceIp\":\"203.0.113.9\"}", true},
    {"\"StringEquals\":{\"aws:Referer\":\"x\",\"aws:SourceVpc\":\"vpc-1\"}", false},
};

static void check(const char *json, bool is_public)
{
    struct policy *p = policy_help_parse(json, POLICY_BUCKET);

    if (!p)
        fail_msg("%s: %s", policy_help_why, json);
    if (policy_is_public(p) != is_public)
        fail_msg("%s: %s", is_public ? "public" : "not public", json);
    policy_free(p);
}

static void only_fixed_owners_and_narrow_networks_are_not_public(void **state)
{
    char json[1024];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(json, sizeof json, "{\"Statement\":[%s]}", cases[i].statements);
        check(json, cases[i].is_public);
    }
    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++) {
        snprintf(
            json, sizeof json,
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\"," EVERYBODY GET
            ",\"Condition\":{%s}}]}",
            conditions[i].condition);
        check(json, conditions[i].is_public);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_fixed_owners_and_narrow_networks_are_not_public),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
