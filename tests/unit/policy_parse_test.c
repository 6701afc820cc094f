/* What is a policy and what is not, with the sentence that says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy_help.h"

#define ALLOW_ALL "\"Effect\":\"Allow\",\"Principal\":\"*\""
#define GET "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photos/*\""
#define DOCUMENT(statement) "{\"Version\":\"2012-10-17\",\"Statement\":[{" statement "}]}"
#define GOOD DOCUMENT(ALLOW_ALL "," GET)

static const struct {
    const char *json, *why;
} malformed[] = {
    {"", "Policies must be valid JSON and the first byte must be '{'"},
    {" {}", "Policies must be valid JSON and the first byte must be '{'"},
    {"[]", "Policies must be valid JSON and the first byte must be '{'"},
    {"{", "This policy contains invalid Json"},
    {GOOD "x", "This policy contains invalid Json"},
    {"{\"Version\":\"2012-10-17\",\"Version\":\"2012-10-17\"}",
     "This policy contains invalid Json"},
    {DOCUMENT(ALLOW_ALL ",\"Effect\":\"Deny\"," GET), "This policy contains invalid Json"},
    {"{\"Version\":\"2012-10-17\xff\"}", "This policy contains invalid Json"},
    {"{}", "Missing required field Statement"},
    {"{\"Statement\":[]}", "Could not parse the policy: Statement is empty!"},
    {"{\"Statement\":\"*\"}", "Statement must be an object"},
    {"{\"Statement\":[1]}", "Statement must be an object"},
    {"{\"Version\":\"2012-10-18\",\"Statement\":[]}",
     "The policy must contain a valid version string"},
    {"{\"Version\":2012,\"Statement\":[]}", "The policy must contain a valid version string"},
    {"{\"Id\":7,\"Statement\":[]}", "Invalid Id"},
    {"{\"statement\":[]}", "Unknown field statement"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Conditions\":{}"), "Unknown field Conditions"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"effect\":\"Deny\""), "Unknown field effect"},
    {DOCUMENT("\"Sid\":7," ALLOW_ALL "," GET), "Invalid Sid"},
    {DOCUMENT("\"Principal\":\"*\"," GET), "Missing required field Effect"},
    {DOCUMENT("\"Effect\":\"allow\",\"Principal\":\"*\"," GET), "Invalid effect: allow"},
    {DOCUMENT("\"Effect\":true,\"Principal\":\"*\"," GET), "Invalid effect: "},
    {DOCUMENT("\"Effect\":\"Allow\"," GET), "Missing required field Principal"},
    {DOCUMENT(ALLOW_ALL ",\"NotPrincipal\":\"*\"," GET),
     "Statement has both Principal and NotPrincipal"},
    {DOCUMENT("\"Effect\":\"Allow\",\"NotPrincipal\":{\"AWS\":\"arn:aws:iam::a:root\"}," GET),
     "Allow with NotPrincipal is not allowed."},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":\"bob\"," GET), "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{}," GET), "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":[\"*\"]," GET), "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[]}," GET),
     "Principal must not be empty"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"aws\":\"*\"}," GET),
     "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"\"}," GET),
     "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::a:user/*\"}," GET),
     "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:s3:::photos\"}," GET),
     "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::a:group/g\"}," GET),
     "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"CanonicalUser\":\"*\"}," GET),
     "Invalid principal in policy"},
    {DOCUMENT("\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"*\",7]}," GET),
     "Invalid type of a value of Principal"},
    {DOCUMENT(ALLOW_ALL ",\"Resource\":\"arn:aws:s3:::photos\""), "Missing required field Action"},
    {DOCUMENT(ALLOW_ALL ",\"NotAction\":\"s3:*\"," GET), "Statement has both Action and NotAction"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":[],\"Resource\":\"arn:aws:s3:::photos\""),
     "Action must not be empty"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":{\"a\":1},\"Resource\":\"arn:aws:s3:::photos\""),
     "Invalid type of a value of Action"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:GetObjekt\",\"Resource\":\"arn:aws:s3:::photos/*\""),
     "Policy has invalid action"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"ec2:*\",\"Resource\":\"arn:aws:s3:::photos/*\""),
     "Policy has invalid action"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:GetObjekt*\",\"Resource\":\"arn:aws:s3:::photos/*\""),
     "Policy has invalid action"},
    {DOCUMENT(ALLOW_ALL ",\"NotAction\":\"s3:GetObjekt\",\"Resource\":\"arn:aws:s3:::photos/*\""),
     "Policy has invalid action"},
    {DOCUMENT("\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:PutObject\","
              "\"Resource\":\"arn:aws:s3:::photos\""),
     "Action does not apply to any resource(s) in statement"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:ListBucket\",\"Resource\":\"arn:aws:s3:::photos/*\""),
     "Action does not apply to any resource(s) in statement"},
    {DOCUMENT(
         ALLOW_ALL
         ",\"Action\":[\"s3:GetObject\",\"s3:ListBucket\"],\"Resource\":\"arn:aws:s3:::photos/*\""),
     "Action does not apply to any resource(s) in statement"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:ListAllMyBuckets\",\"Resource\":\"arn:aws:s3:::photos\""),
     "Action does not apply to any resource(s) in statement"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:GetObject\""), "Missing required field Resource"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::other/*\""),
     "Policy has invalid resource"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photosx/*\""),
     "Policy has invalid resource"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:GetObject\",\"Resource\":\"photos/*\""),
     "Policy has invalid resource"},
    {DOCUMENT(ALLOW_ALL
              ",\"Action\":\"s3:GetObject\",\"Resource\":[\"arn:aws:s3:::photos/*\",\"\"]"),
     "Policy has invalid resource"},
    {DOCUMENT(ALLOW_ALL
              ",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photos/}${aws:username\""),
     "Invalid policy variable"},
    {DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photos/${}\""),
     "Invalid policy variable"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":[]"), "Condition must be an object"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"StringEquals\":\"x\"}"),
     "Invalid Condition: StringEquals must hold an object"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"StringIs\":{\"aws:Referer\":\"x\"}}"),
     "Invalid Condition type : StringIs"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"stringequals\":{\"aws:Referer\":\"x\"}}"),
     "Invalid Condition type : stringequals"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"NullIfExists\":{\"aws:Referer\":\"true\"}}"),
     "Invalid Condition type : NullIfExists"},
    {DOCUMENT(ALLOW_ALL "," GET
                        ",\"Condition\":{\"ForSomeValues:StringEquals\":{\"aws:Referer\":\"x\"}}"),
     "Invalid Condition type : ForSomeValues:StringEquals"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"StringEquals\":{\"s3:prefixx\":\"x\"}}"),
     "Policy has an invalid condition key"},
    {DOCUMENT(ALLOW_ALL "," GET
                        ",\"Condition\":{\"StringEquals\":{\"s3:ExistingObjectTag/\":\"x\"}}"),
     "Policy has an invalid condition key"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"StringEquals\":{\"aws:Referer\":{}}}"),
     "Invalid type of a value of Condition"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"StringEquals\":{\"aws:Referer\":null}}"),
     "Invalid type of a value of Condition"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"StringEquals\":{\"aws:Referer\":[]}}"),
     "Condition must not be empty"},
    {DOCUMENT(ALLOW_ALL "," GET
                        ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/33\"}}"),
     "Invalid value in the condition IpAddress: 10.0.0.0/33"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0\"}}"),
     "Invalid value in the condition IpAddress: 10.0.0"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"yes\"}}"),
     "Invalid value in the condition Bool: yes"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"Null\":{\"aws:Referer\":\"maybe\"}}"),
     "Invalid value in the condition Null: maybe"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"NumericEquals\":{\"s3:signatureAge\":\"1e3\"}}"),
     "Invalid value in the condition NumericEquals: 1e3"},
    {DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"DateLessThan\":{\"aws:CurrentTime\":\"soon\"}}"),
     "Invalid value in the condition DateLessThan: soon"},
};

static void what_is_not_in_the_grammar_is_refused_with_its_reason(void **state)
{
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        struct policy *p = policy_help_parse(malformed[i].json, POLICY_BUCKET);

        if (p)
            fail_msg("taken: %s", malformed[i].json);
        assert_string_equal(policy_help_why, malformed[i].why);
    }
}

static const char *const good[] = {
    GOOD,
    /* one statement without a list, no version, an id, a sentence for a name */
    "{\"Id\":\"x\",\"Statement\":{\"Sid\":\"Allow public access, please.\"," ALLOW_ALL "," GET "}}",
    "{\"Version\":\"2008-10-17\",\"Statement\":{" ALLOW_ALL "," GET "}}",
    DOCUMENT(
        "\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":[\"a\",\"arn:aws:iam::a:user/b\"]}," GET),
    DOCUMENT(
        "\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"123456789012\",\"arn:aws:iam::a:root\"],"
        "\"CanonicalUser\":\"c\",\"Service\":\"logging.s3.amazonaws.com\","
        "\"Federated\":\"accounts.example.com\"}," GET),
    DOCUMENT(ALLOW_ALL ",\"Action\":\"*\",\"Resource\":\"*\""),
    DOCUMENT(ALLOW_ALL ",\"Action\":\"S3:getobject\",\"Resource\":\"arn:aws:s3:::photos/*\""),
    DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::photos/x\""),
    DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:List*\",\"Resource\":\"arn:aws:s3:::*\""),
    DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:ListBucket\","
                       "\"Resource\":[\"arn:aws:s3:::*\",\"arn:aws:s3:::*/*\"]"),
    DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:ListBucket\","
                       "\"Resource\":[\"arn:aws:s3:::photos\",\"arn:aws:s3:::photos/*\"]"),
    DOCUMENT(ALLOW_ALL ",\"NotAction\":\"s3:PutObject\",\"NotResource\":\"arn:aws:s3:::photos/a\""),
    DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{}"),
    /* gives nothing */
    DOCUMENT(ALLOW_ALL ",\"Action\":\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::photos\""),
    DOCUMENT(ALLOW_ALL "," GET ",\"Condition\":{\"Bool\":{\"aws:securetransport\":true},"
                       "\"NumericLessThan\":{\"s3:signatureAge\":[600,0.5]},"
                       "\"StringEquals\":{\"s3:ExistingObjectTag/Key\":[\"a\",\"b\"]}}"),
};

static void what_the_grammar_allows_is_taken(void **state)
{
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct policy *p = policy_help_parse(good[i], POLICY_BUCKET);

        if (!p)
            fail_msg("%s: %s", policy_help_why, good[i]);
        policy_free(p);
    }
}

static void identity_policies_name_anything_but_principals(void **state)
{
    static const char *const fine[] = {
        DOCUMENT("\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\""),
        DOCUMENT("\"Effect\":\"Allow\",\"Action\":[\"ec2:Run*\",\"*\",\"s3-x:A\"],"
                 "\"Resource\":\"arn:aws:ec2:*:*:instance/*\""),
        DOCUMENT(
            "\"Effect\":\"Allow\",\"Action\":\"s3:PutObject\",\"Resource\":\"arn:aws:s3:::any\","
            "\"Condition\":{\"StringEquals\":{\"any:key\":\"x\"}}"),
    };
    static const char *const bad[] = {
        DOCUMENT(ALLOW_ALL "," GET),
        DOCUMENT("\"Effect\":\"Allow\",\"Action\":\"PutObject\",\"Resource\":\"*\""),
        DOCUMENT("\"Effect\":\"Allow\",\"Action\":\"s3:\",\"Resource\":\"*\""),
        DOCUMENT("\"Effect\":\"Allow\",\"Action\":\"s3:Put Object\",\"Resource\":\"*\""),
        DOCUMENT("\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"photos/*\""),
        DOCUMENT("\"Sid\":\"a b\",\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\""),
        "{\"Statement\":["
        "{\"Sid\":\"a\",\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"},"
        "{\"Sid\":\"a\",\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}",
    };

    for (size_t i = 0; i < ARRAY_COUNT(fine); i++) {
        struct policy *p = policy_help_parse(fine[i], POLICY_IDENTITY);

        if (!p)
            fail_msg("%s: %s", policy_help_why, fine[i]);
        policy_free(p);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        if (policy_help_parse(bad[i], POLICY_IDENTITY))
            fail_msg("taken: %s", bad[i]);
}

/* --- hostile --------------------------------------------------------------------------------- */

static char room[POLICY_BYTES_MAX + 64];

static void a_document_has_a_size_limit(void **state)
{
    struct policy *p = NULL;
    size_t len = (size_t)snprintf(room, sizeof room, "%s", GOOD);

    memset(room + len, ' ', sizeof room - len);
    assert_int_equal(
        policy_parse(view_of(room, POLICY_BYTES_MAX), POLICY_BUCKET, VIEW("photos"), &p, NULL),
        ERR_OK);
    policy_free(p);
    assert_int_equal(
        policy_parse(view_of(room, POLICY_BYTES_MAX + 1), POLICY_BUCKET, VIEW("photos"), &p, NULL),
        ERR_TOO_LARGE);
}

/* head, `unit` as often as fits, tail */
static const char *fill(const char *head, const char *unit, const char *tail)
{
    size_t len = strlen(head), step = strlen(unit), end = POLICY_BYTES_MAX - strlen(tail);

    memcpy(room, head, len);
    for (; len + step <= end; len += step)
        memcpy(room + len, unit, step);
    snprintf(room + len, sizeof room - len, "%s", tail);
    return room;
}

static void deep_nesting_is_refused(void **state)
{
    assert_null(policy_help_parse(fill("{\"Statement\":", "[", ""), POLICY_BUCKET));
    assert_null(policy_help_parse(fill("", "{\"Statement\":", ""), POLICY_BUCKET));
    assert_null(
        policy_help_parse(fill("{\"Statement\":{\"Condition\":", "{\"a\":", ""), POLICY_BUCKET));
}

static void a_document_full_of_wildcards_is_evaluated_in_the_end(void **state)
{
    static char key[1100];
    const struct policy_ask ask = {.resource = key};
    static const char *const units[] = {"*", "?", "*a", "*a?", "a*a?aaaaaaaaaaa"};

    snprintf(key, sizeof key, "photos/");
    memset(key + 7, 'a', 1024);
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        const char *json = fill(
            "{\"Statement\":{" ALLOW_ALL
            ",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photos/",
            units[i], "b*\"}}");

        assert_int_equal(policy_help_decide(json, POLICY_BUCKET, &ask), POLICY_NONE);
    }
}

/* Half a second and more, if it were let. */
static void a_policy_that_takes_too_long_denies(void **state)
{
    static char key[1100];
    const struct policy_ask ask = {.resource = key};

    snprintf(key, sizeof key, "photos/");
    memset(key + 7, 'a', 1024);
    fill(
        "{\"Statement\":{" ALLOW_ALL ",\"Action\":\"s3:GetObject\",\"Resource\":[",
        "\"arn:aws:s3:::photos/*a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?b\",",
        "\"arn:aws:s3:::photos/*\"]}}");
    assert_int_equal(policy_help_decide(room, POLICY_BUCKET, &ask), POLICY_DENY);
    key[200] = 0; /* a shorter name is no trouble */
    assert_int_equal(policy_help_decide(room, POLICY_BUCKET, &ask), POLICY_DENY);
    key[12] = 0;
    assert_int_equal(policy_help_decide(room, POLICY_BUCKET, &ask), POLICY_ALLOW);
}

static void thousands_of_resources_and_values_are_fine(void **state)
{
    const struct policy_ask ask = {.values = (const char *const[]){"aws:referer=me", NULL}};

    fill("{\"Statement\":{" ALLOW_ALL ",\"Action\":\"*\",\"Resource\":[", "\"*\",", "\"*\"]}}");
    assert_int_equal(policy_help_decide(room, POLICY_BUCKET, &ask), POLICY_ALLOW);
    fill(
        "{\"Statement\":{" ALLOW_ALL "," GET ",\"Condition\":{\"StringEquals\":{\"aws:Referer\":[",
        "1,", "\"me\"]}}}}");
    assert_int_equal(policy_help_decide(room, POLICY_BUCKET, &ask), POLICY_ALLOW);
    assert_null(policy_help_parse(fill("{\"Statement\":[", "0,", "0]}"), POLICY_BUCKET));
}

static void variables_have_a_limit(void **state)
{
    char resource[512] = "";

    for (unsigned i = 0; i <= 17; i++) {
        char json[1024];

        snprintf(
            json, sizeof json,
            "{\"Version\":\"2012-10-17\",\"Statement\":{" ALLOW_ALL
            ",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::photos/%s\"}}",
            resource);
        struct policy *p = policy_help_parse(json, POLICY_BUCKET);
        assert_int_equal(p != NULL, i <= 16);
        policy_free(p);
        strcat(resource, "${aws:username}");
    }
}

static void every_cut_of_a_good_document_is_refused(void **state)
{
    for (size_t len = 0; len < strlen(GOOD); len++) {
        struct policy *p = NULL;

        assert_int_equal(
            policy_parse(view_of(GOOD, len), POLICY_BUCKET, VIEW("photos"), &p, NULL),
            ERR_MALFORMED);
        assert_null(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_in_the_grammar_is_refused_with_its_reason),
        cmocka_unit_test(what_the_grammar_allows_is_taken),
        cmocka_unit_test(identity_policies_name_anything_but_principals),
        cmocka_unit_test(a_document_has_a_size_limit),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_document_full_of_wildcards_is_evaluated_in_the_end),
        cmocka_unit_test(a_policy_that_takes_too_long_denies),
        cmocka_unit_test(thousands_of_resources_and_values_are_fine),
        cmocka_unit_test(variables_have_a_limit),
        cmocka_unit_test(every_cut_of_a_good_document_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
