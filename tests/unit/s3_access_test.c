/*
 * The decision as a truth table: who asks, whose it is, what the bucket's policy, the lists, the
 * public access block, the ownership and the attached policies say.
 */
/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

#include "s3/access.h"
#include "s3/s3.h"
#include "s3/tags.h"

#define ROOT "r000"
#define MAIN "m111"
#define ALT "a222"

enum { POLICIES = 3 };

/* One question. Texts of policies with ' for ". NULL: none. */
struct row {
    const char *claim;
    const char *who;          /* "root", "main", "alt", "people" (of root), NULL: anonymous */
    const char *attached;     /* to who asks */
    const char *bucket_owner; /* canonical id */
    const char *object_owner; /* canonical id; NULL: the object is not known yet */
    const char *policy;       /* Statement of the bucket's policy */
    const char *tags;         /* of the object: "k=v" */
    const char *action;
    enum acl_right right;
    bool is_bucket_level, is_enforced, names_version, is_missing;
    unsigned block;
    struct acl_grant bucket_grant, object_grant; /* permission 0: none */
    enum access_verdict verdict;
};

static struct {
    struct region_pool pool;
    struct region region;
    struct s3_service service;
    struct http_request http;
    struct s3_op op;
    struct s3_request request;
    struct iam_user user;
    const struct policy *attached[1];
    struct policy *attached_policy, *bucket_policy;
    struct bucket bucket;
    struct meta object;
} t;

static void json_of(const char *text, struct buf *b)
{
    buf_put_str(b, "{\"Version\":\"2012-10-17\",\"Statement\":[");
    for (; *text; text++)
        buf_put_byte(b, *text == '\'' ? '"' : (uint8_t)*text);
    buf_put_str(b, "]}");
}

static struct policy *parsed(const char *text, enum policy_kind kind)
{
    char json[4096], why_text[300] = {0};
    struct buf b = buf_over(json, sizeof json), why = buf_over(why_text, sizeof why_text - 1);
    struct policy *p = NULL;

    json_of(text, &b);
    if (policy_parse(buf_view(&b), kind, VIEW("b"), &p, &why))
        fail_msg("%s: %s", text, why_text);
    return p;
}

static struct view list_of(const struct acl_grant *g)
{
    struct acl a = {.grants = g, .count = 1, .is_explicit = true};
    struct view blob = VIEW_EMPTY;

    if (g->permission)
        assert_int_equal(acl_encode(&a, &t.region, &blob), ERR_OK);
    return blob;
}

static void set_user(const struct row *x)
{
    static const struct {
        const char *name, *id, *arn;
        bool is_root, owns_account;
    } users[] = {
        {"root", ROOT, "arn:aws:iam::r000:root", true, true},
        {"main", MAIN, "arn:aws:iam::m111:root", false, true},
        {"alt", ALT, "arn:aws:iam::a222:root", false, true},
        {"people", ROOT, "arn:aws:iam::r000:user/people", false, false},
    };

    t.request.user = NULL;
    for (size_t i = 0; x->who && i < ARRAY_COUNT(users); i++) {
        if (strcmp(x->who, users[i].name) != 0)
            continue;
        t.user = (struct iam_user){
            .id = view_str(users[i].id),
            .name = view_str(users[i].name),
            .arn = view_str(users[i].arn),
            .is_root = users[i].is_root,
            .owns_account = users[i].owns_account,
            .is_enabled = true,
        };
        t.request.user = &t.user;
    }
    assert_true(!x->who == !t.request.user);
    if (!x->attached)
        return;
    t.attached_policy = parsed(x->attached, POLICY_IDENTITY);
    t.attached[0] = t.attached_policy;
    t.user.policies = t.attached;
    t.user.policy_count = 1;
}

static void set_bucket(const struct row *x)
{
    t.bucket = (struct bucket){.name = VIEW("b")};
    t.bucket.meta.owner_id = view_str(x->bucket_owner);
    t.bucket.meta.ownership = x->is_enforced ? OWNERSHIP_ENFORCED : OWNERSHIP_WRITER;
    t.bucket.meta.block = x->block;
    t.bucket.meta.has_block = x->block != 0;
    t.bucket.meta.acl = list_of(&x->bucket_grant);
    if (x->policy)
        t.bucket.policy = t.bucket_policy = parsed(x->policy, POLICY_BUCKET);
}

static void set_object(const struct row *x)
{
    const char *detail;
    struct tags tags;

    memset(&t.object, 0, sizeof t.object);
    if (x->object_owner)
        t.object.owner_id = view_str(x->object_owner);
    t.object.acl = list_of(&x->object_grant);
    if (!x->tags)
        return;
    assert_int_equal(tags_from_header(view_str(x->tags), &t.region, &tags, &detail), S3_None);
    assert_int_equal(tags_encode(&tags, &t.region, &t.object.tags), ERR_OK);
}

static void open_table(void)
{
    memset(&t, 0, sizeof t);
    region_pool_init(&t.pool, 64);
    region_init(&t.region, &t.pool);
    t.service.owner_id = VIEW(ROOT);
    t.service.region = VIEW("eu-west-7");
    t.op.name = "GetObject";
    t.op.level = S3_OBJECT;
    t.http.region = &t.region;
    t.request = (struct s3_request){
        .http = &t.http,
        .service = &t.service,
        .op = &t.op,
        .region = &t.region,
        .bucket = VIEW("b"),
        .key = VIEW("k"),
        .conf = &t.bucket,
        .source_ip = VIEW("192.0.2.7"),
        .now_ms = 1700000000000,
    };
}

static void close_table(void)
{
    policy_free(t.attached_policy);
    policy_free(t.bucket_policy);
    region_done(&t.region);
    region_pool_done(&t.pool);
}

static enum access_verdict verdict_of(const struct row *x)
{
    struct access_ask ask = {
        .action = x->action ? x->action : "s3:GetObject",
        .right = x->action || x->right ? x->right : ACL_OBJECT_READ,
        .bucket = &t.bucket,
        .key = x->is_bucket_level ? VIEW_EMPTY : VIEW("k"),
        .version_id = x->names_version ? VIEW("null") : VIEW_EMPTY,
        .object_is_known = x->object_owner || x->is_missing,
        .object = x->object_owner ? &t.object : NULL,
    };

    set_user(x);
    set_bucket(x);
    set_object(x);
    return access_decide(&t.request, &ask);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        open_table();
        enum access_verdict v = verdict_of(&rows[i]);
        if (v != rows[i].verdict)
            fail_msg("row %zu, %s: %d and not %d", i, rows[i].claim, (int)v, (int)rows[i].verdict);
        close_table();
    }
}

#define ALLOW_ALL                                                                                  \
    "{'Effect':'Allow','Principal':'*','Action':'s3:GetObject','Resource':'arn:aws:s3:::b/*'}"
#define DENY_ALL                                                                                   \
    "{'Effect':'Deny','Principal':'*','Action':'s3:*','Resource':['arn:aws:s3:::b','arn:aws:s3:::" \
    "b/*']}"
#define ALLOW_ALT                                                                                  \
    "{'Effect':'Allow','Principal':{'AWS':'a222'},'Action':'s3:GetObject','Resource':'arn:aws:s3:" \
    "::b/*'}"
#define MAY_GET "{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::b/*'}"
#define MAY_PUT "{'Effect':'Allow','Action':'s3:PutObject','Resource':'arn:aws:s3:::b/*'}"
#define MAY_NOT "{'Effect':'Deny','Action':'s3:*','Resource':'*'}"
#define ALL_READ                                                                                   \
    {                                                                                              \
        ACL_ALL_USERS, {NULL, 0}, ACL_READ                                                         \
    }
#define KNOWN_READ                                                                                 \
    {                                                                                              \
        ACL_AUTHENTICATED, {NULL, 0}, ACL_READ                                                     \
    }
#define ALT_READ                                                                                   \
    {                                                                                              \
        ACL_ACCOUNT, {(const uint8_t *)ALT, 4}, ACL_READ                                           \
    }
#define MAIN_ALL                                                                                   \
    {                                                                                              \
        ACL_ACCOUNT, {(const uint8_t *)MAIN, 4}, ACL_FULL_CONTROL                                  \
    }
#define ROOT_ALL                                                                                   \
    {                                                                                              \
        ACL_ACCOUNT, {(const uint8_t *)ROOT, 4}, ACL_FULL_CONTROL                                  \
    }
#define YES ACCESS_YES
#define NO ACCESS_NO
#define LATER ACCESS_AFTER_LOOKUP

static void owners_and_strangers(void **state)
{
    static const struct row rows[] = {
        {.claim = "root owns everything", .who = "root", .bucket_owner = MAIN, .verdict = YES},
        {.claim = "an owner reads",
         .who = "main",
         .bucket_owner = MAIN,
         .is_enforced = true,
         .verdict = YES},
        {.claim = "lists may say more: later",
         .who = "main",
         .bucket_owner = MAIN,
         .verdict = LATER},
        {.claim = "an owner reads what is its",
         .who = "main",
         .bucket_owner = MAIN,
         .object_owner = MAIN,
         .verdict = YES},
        {.claim = "other accounts do not",
         .who = "alt",
         .bucket_owner = MAIN,
         .is_enforced = true,
         .verdict = NO},
        {.claim = "strangers do not", .bucket_owner = MAIN, .is_enforced = true, .verdict = NO},
        {.claim = "people of root own nothing",
         .who = "people",
         .bucket_owner = ROOT,
         .is_enforced = true,
         .verdict = NO},
        {.claim = "an empty owner is root",
         .who = "main",
         .bucket_owner = "",
         .is_enforced = true,
         .verdict = NO},
        {.claim = "an object of another is not the bucket owner's",
         .who = "main",
         .bucket_owner = MAIN,
         .object_owner = ALT,
         .verdict = NO},
        {.claim = "but where lists are off",
         .who = "main",
         .bucket_owner = MAIN,
         .object_owner = ALT,
         .is_enforced = true,
         .verdict = YES},
        {.claim = "who wrote it reads it",
         .who = "alt",
         .bucket_owner = MAIN,
         .object_owner = ALT,
         .verdict = YES},
        {.claim = "but not where lists are off",
         .who = "alt",
         .bucket_owner = MAIN,
         .object_owner = ALT,
         .is_enforced = true,
         .verdict = NO},
        {.claim = "the bucket's owner deletes what another wrote",
         .who = "main",
         .bucket_owner = MAIN,
         .object_owner = ALT,
         .action = "s3:DeleteObject",
         .right = ACL_BUCKET_WRITE,
         .verdict = YES},
    };

    check_rows(rows, ARRAY_COUNT(rows));
}

static const struct row policy_rows[] = {
    {.claim = "everybody may",
     .bucket_owner = MAIN,
     .policy = ALLOW_ALL,
     .is_enforced = true,
     .verdict = YES},
    {.claim = "one account may",
     .who = "alt",
     .bucket_owner = MAIN,
     .policy = ALLOW_ALT,
     .is_enforced = true,
     .verdict = YES},
    {.claim = "the others not",
     .bucket_owner = MAIN,
     .policy = ALLOW_ALT,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "another action not",
     .who = "alt",
     .bucket_owner = MAIN,
     .policy = ALLOW_ALT,
     .action = "s3:PutObject",
     .right = ACL_BUCKET_WRITE,
     .verdict = NO},
    {.claim = "people of root may",
     .who = "people",
     .bucket_owner = ROOT,
     .policy = ALLOW_ALL,
     .is_enforced = true,
     .verdict = YES},
    {.claim = "a deny binds the owner",
     .who = "main",
     .bucket_owner = MAIN,
     .policy = DENY_ALL,
     .verdict = NO},
    {.claim = "a deny binds root",
     .who = "root",
     .bucket_owner = MAIN,
     .policy = DENY_ALL,
     .verdict = NO},
    {.claim = "a deny beats an allow",
     .who = "alt",
     .bucket_owner = MAIN,
     .policy = ALLOW_ALL "," DENY_ALL,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "root takes a policy back",
     .who = "root",
     .bucket_owner = MAIN,
     .policy = DENY_ALL,
     .action = "s3:DeleteBucketPolicy",
     .is_bucket_level = true,
     .verdict = YES},
    {.claim = "the owner, too",
     .who = "main",
     .bucket_owner = MAIN,
     .policy = DENY_ALL,
     .action = "s3:PutBucketPolicy",
     .is_bucket_level = true,
     .verdict = YES},
    {.claim = "people do not",
     .who = "people",
     .attached = "{'Effect':'Allow','Action':'s3:*','Resource':'*'}",
     .bucket_owner = ROOT,
     .policy = DENY_ALL,
     .action = "s3:PutBucketPolicy",
     .is_bucket_level = true,
     .verdict = NO},
    {.claim = "another account does not",
     .who = "alt",
     .bucket_owner = MAIN,
     .policy = DENY_ALL,
     .action = "s3:PutBucketPolicy",
     .is_bucket_level = true,
     .verdict = NO},
    {.claim = "only what the owner owns is the policy's to give",
     .who = "root",
     .bucket_owner = MAIN,
     .object_owner = ALT,
     .policy = ALLOW_ALL,
     .verdict = YES},
    {.claim = "an allow does not reach what another wrote",
     .bucket_owner = MAIN,
     .object_owner = ALT,
     .policy = ALLOW_ALL,
     .verdict = NO},
    {.claim = "a deny does",
     .who = "alt",
     .bucket_owner = MAIN,
     .object_owner = ALT,
     .policy = DENY_ALL,
     .verdict = NO},
};

static void bucket_policies(void **state)
{
    check_rows(policy_rows, ARRAY_COUNT(policy_rows));
}

static const struct row attached_rows[] = {
    {.claim = "people may what theirs say",
     .who = "people",
     .attached = MAY_GET,
     .bucket_owner = ROOT,
     .is_enforced = true,
     .verdict = YES},
    {.claim = "and no more",
     .who = "people",
     .attached = MAY_PUT,
     .bucket_owner = ROOT,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "not in another account",
     .who = "people",
     .attached = MAY_GET,
     .bucket_owner = MAIN,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "where the bucket agrees, yes",
     .who = "people",
     .attached = MAY_GET,
     .bucket_owner = MAIN,
     .policy = ALLOW_ALL,
     .is_enforced = true,
     .verdict = YES},
    {.claim = "the bucket alone is not enough",
     .who = "people",
     .attached = MAY_PUT,
     .bucket_owner = MAIN,
     .policy = ALLOW_ALL,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "inside the account it is",
     .who = "people",
     .attached = MAY_PUT,
     .bucket_owner = ROOT,
     .policy = ALLOW_ALL,
     .is_enforced = true,
     .verdict = YES},
    {.claim = "an owner with policies is bound by them",
     .who = "main",
     .attached = MAY_PUT,
     .bucket_owner = MAIN,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "an attached deny ends it",
     .who = "main",
     .attached = MAY_NOT,
     .bucket_owner = MAIN,
     .policy = ALLOW_ALL,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "a list is not enough either",
     .who = "alt",
     .attached = MAY_PUT,
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALT_READ,
     .verdict = NO},
    {.claim = "both are",
     .who = "alt",
     .attached = MAY_GET,
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALT_READ,
     .verdict = YES},
};

static void attached_policies(void **state)
{
    check_rows(attached_rows, ARRAY_COUNT(attached_rows));
}

static const struct row list_rows[] = {
    {.claim = "everybody reads",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALL_READ,
     .verdict = YES},
    {.claim = "not where lists are off",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALL_READ,
     .is_enforced = true,
     .verdict = NO},
    {.claim = "it is asked later", .bucket_owner = MAIN, .verdict = LATER},
    {.claim = "a deny is told at once", .bucket_owner = MAIN, .policy = DENY_ALL, .verdict = NO},
    {.claim = "known users are not everybody",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = KNOWN_READ,
     .verdict = NO},
    {.claim = "known users read",
     .who = "alt",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = KNOWN_READ,
     .verdict = YES},
    {.claim = "people are known users",
     .who = "people",
     .bucket_owner = ROOT,
     .object_owner = ROOT,
     .object_grant = KNOWN_READ,
     .verdict = YES},
    {.claim = "the owner's grant is not its people's",
     .who = "people",
     .bucket_owner = ROOT,
     .object_owner = ROOT,
     .object_grant = ROOT_ALL,
     .verdict = NO},
    {.claim = "an account reads",
     .who = "alt",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALT_READ,
     .verdict = YES},
    {.claim = "and does not write lists",
     .who = "alt",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALT_READ,
     .action = "s3:PutObjectAcl",
     .right = ACL_OBJECT_WRITE_ACP,
     .verdict = NO},
    {.claim = "given to the bucket's owner",
     .who = "main",
     .bucket_owner = MAIN,
     .object_owner = ALT,
     .object_grant = MAIN_ALL,
     .action = "s3:PutObjectAcl",
     .right = ACL_OBJECT_WRITE_ACP,
     .verdict = YES},
    {.claim = "blocked lists give nothing to all",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALL_READ,
     .block = IGNORE_PUBLIC_ACLS,
     .verdict = NO},
    {.claim = "but to the account",
     .who = "alt",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALT_READ,
     .block = IGNORE_PUBLIC_ACLS,
     .verdict = YES},
    {.claim = "other blocks are about other things",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .object_grant = ALL_READ,
     .block = RESTRICT_PUBLIC_BUCKETS | BLOCK_PUBLIC_ACLS,
     .verdict = YES},
    {.claim = "a public bucket is listed",
     .bucket_owner = MAIN,
     .bucket_grant = ALL_READ,
     .is_bucket_level = true,
     .action = "s3:ListBucket",
     .right = ACL_BUCKET_READ,
     .verdict = YES},
    {.claim = "its objects are not read",
     .bucket_owner = MAIN,
     .object_owner = MAIN,
     .bucket_grant = ALL_READ,
     .verdict = NO},
    {.claim = "nor written",
     .who = "alt",
     .bucket_owner = MAIN,
     .bucket_grant = ALT_READ,
     .action = "s3:PutObject",
     .right = ACL_BUCKET_WRITE,
     .verdict = NO},
    {.claim = "who may write puts",
     .who = "alt",
     .bucket_owner = MAIN,
     .bucket_grant = {ACL_ACCOUNT, {(const uint8_t *)ALT, 4}, ACL_WRITE},
     .action = "s3:PutObject",
     .right = ACL_BUCKET_WRITE,
     .verdict = YES},
    {.claim = "and deletes",
     .who = "alt",
     .bucket_owner = MAIN,
     .bucket_grant = {ACL_ACCOUNT, {(const uint8_t *)ALT, 4}, ACL_WRITE},
     .action = "s3:DeleteObject",
     .right = ACL_BUCKET_WRITE,
     .verdict = YES},
    {.claim = "but no version",
     .who = "alt",
     .bucket_owner = MAIN,
     .names_version = true,
     .bucket_grant = {ACL_ACCOUNT, {(const uint8_t *)ALT, 4}, ACL_WRITE},
     .action = "s3:DeleteObjectVersion",
     .right = ACL_BUCKET_WRITE,
     .verdict = NO},
    {.claim = "no list gives what has no right",
     .who = "alt",
     .bucket_owner = MAIN,
     .is_bucket_level = true,
     .bucket_grant = {ACL_ACCOUNT, {(const uint8_t *)ALT, 4}, ACL_FULL_CONTROL},
     .action = "s3:PutBucketPolicy",
     .verdict = NO},
    {.claim = "what is not there has no list",
     .bucket_owner = MAIN,
     .is_missing = true,
     .verdict = NO},
};

static void lists(void **state)
{
    check_rows(list_rows, ARRAY_COUNT(list_rows));
}

static void a_list_that_cannot_be_read_gives_nothing(void **state)
{
    static const uint8_t broken[] = {9, 2, 1};
    static const struct row row = {
        .bucket_owner = MAIN, .object_owner = MAIN, .object_grant = ALL_READ, .verdict = YES};
    struct access_ask ask = {
        .action = "s3:GetObject",
        .right = ACL_OBJECT_READ,
        .bucket = &t.bucket,
        .key = VIEW("k"),
        .object_is_known = true,
        .object = &t.object};

    open_table();
    assert_int_equal(verdict_of(&row), ACCESS_YES);
    t.object.acl = view_of(broken, sizeof broken);
    assert_int_equal(access_decide(&t.request, &ask), ACCESS_NO);
    close_table();
}

static void public_buckets_can_be_restricted(void **state)
{
    static const struct row rows[] = {
        {.claim = "strangers are out",
         .bucket_owner = MAIN,
         .policy = ALLOW_ALL,
         .is_enforced = true,
         .block = RESTRICT_PUBLIC_BUCKETS,
         .verdict = NO},
        {.claim = "other accounts are out",
         .who = "alt",
         .bucket_owner = MAIN,
         .policy = ALLOW_ALL "," ALLOW_ALT,
         .is_enforced = true,
         .block = RESTRICT_PUBLIC_BUCKETS,
         .verdict = NO},
        {.claim = "people of the account are in",
         .who = "people",
         .bucket_owner = ROOT,
         .policy = ALLOW_ALL,
         .is_enforced = true,
         .block = RESTRICT_PUBLIC_BUCKETS,
         .verdict = YES},
        {.claim = "a policy for few is not public",
         .who = "alt",
         .bucket_owner = MAIN,
         .policy = ALLOW_ALT,
         .is_enforced = true,
         .block = RESTRICT_PUBLIC_BUCKETS,
         .verdict = YES},
        {.claim = "the block of new policies is not of old ones",
         .bucket_owner = MAIN,
         .policy = ALLOW_ALL,
         .is_enforced = true,
         .block = BLOCK_PUBLIC_POLICY,
         .verdict = YES},
    };

    check_rows(rows, ARRAY_COUNT(rows));
}

#define IF_TAG(effect)                                                                             \
    "{'Effect':'" effect                                                                           \
    "','Principal':'*','Action':'s3:GetObject','Resource':'arn:aws:s3:::b/*',"                     \
    "'Condition':{'StringEquals':{'s3:ExistingObjectTag/colour':'red'}}}"

static void tags_of_the_object_decide_later(void **state)
{
    static const struct row rows[] = {
        {.claim = "not known yet",
         .bucket_owner = MAIN,
         .policy = IF_TAG("Allow"),
         .is_enforced = true,
         .verdict = LATER},
        {.claim = "for root neither",
         .who = "root",
         .bucket_owner = MAIN,
         .policy = IF_TAG("Deny"),
         .is_enforced = true,
         .verdict = LATER},
        {.claim = "the tag allows",
         .bucket_owner = MAIN,
         .object_owner = MAIN,
         .tags = "colour=red",
         .policy = IF_TAG("Allow"),
         .is_enforced = true,
         .verdict = YES},
        {.claim = "another value does not",
         .bucket_owner = MAIN,
         .object_owner = MAIN,
         .tags = "colour=blue",
         .policy = IF_TAG("Allow"),
         .is_enforced = true,
         .verdict = NO},
        {.claim = "no tag does not",
         .bucket_owner = MAIN,
         .object_owner = MAIN,
         .policy = IF_TAG("Allow"),
         .is_enforced = true,
         .verdict = NO},
        {.claim = "the tag forbids, root too",
         .who = "root",
         .bucket_owner = MAIN,
         .object_owner = MAIN,
         .tags = "colour=red",
         .policy = IF_TAG("Deny"),
         .is_enforced = true,
         .verdict = NO},
        {.claim = "no object, no tags",
         .who = "root",
         .bucket_owner = MAIN,
         .is_missing = true,
         .policy = IF_TAG("Deny"),
         .is_enforced = true,
         .verdict = YES},
        {.claim = "a put is not about tags there are",
         .who = "main",
         .bucket_owner = MAIN,
         .policy = IF_TAG("Deny"),
         .action = "s3:PutObject",
         .right = ACL_BUCKET_WRITE,
         .is_enforced = true,
         .verdict = YES},
    };

    check_rows(rows, ARRAY_COUNT(rows));
}

static void damaged_tags_allow_nothing(void **state)
{
    static const uint8_t broken[] = {9, 0, 0, 0, 1};
    static const struct row row = {
        .who = "root",
        .bucket_owner = MAIN,
        .object_owner = MAIN,
        .policy = IF_TAG("Deny"),
        .is_enforced = true};
    struct access_ask ask = {
        .action = "s3:GetObject",
        .right = ACL_OBJECT_READ,
        .bucket = &t.bucket,
        .key = VIEW("k"),
        .object_is_known = true,
        .object = &t.object};

    open_table();
    assert_int_equal(verdict_of(&row), ACCESS_YES);
    t.object.tags = view_of(broken, sizeof broken);
    assert_int_equal(access_decide(&t.request, &ask), ACCESS_NO);
    close_table();
}

/* One condition on a request that is otherwise allowed: does it hold? */
static bool holds(const char *operator, const char * key, const char *value)
{
    char text[1024];
    struct access_ask ask = {.action = "s3:GetObject", .bucket = &t.bucket, .key = VIEW("k")};

    (void)snprintf(
        text, sizeof text,
        "{'Effect':'Allow','Principal':'*','Action':'s3:*','Resource':['arn:aws:s3:::b','arn:aws:"
        "s3:::b/*'],"
        "'Condition':{'%s':{'%s':'%s'}}}",
        operator, key, value);
    t.bucket = (struct bucket){.name = VIEW("b")};
    t.bucket.meta.owner_id = VIEW(ROOT);
    policy_free(t.bucket_policy);
    t.bucket.policy = t.bucket_policy = parsed(text, POLICY_BUCKET);
    if (t.op.level == S3_BUCKET) {
        ask.action = "s3:ListBucket";
        ask.key = VIEW_EMPTY;
    }
    return access_decide(&t.request, &ask) == ACCESS_YES;
}

static void conditions_see_the_request(void **state)
{
    static const struct http_header headers[] = {
        {VIEW("User-Agent"), VIEW("curl/8")},
        {VIEW("Referer"), VIEW("https://example.org/a")},
        {VIEW("x-amz-acl"), VIEW("public-read")},
        {VIEW("x-amz-storage-class"), VIEW("STANDARD")},
        {VIEW("x-amz-copy-source"), VIEW("/src/a%20b")},
        {VIEW("x-amz-tagging"), VIEW("colour=red&size=2")},
        {VIEW("If-None-Match"), VIEW("*")},
        {VIEW("x-amz-object-lock-mode"), VIEW("GOVERNANCE")},
        {VIEW("x-amz-object-lock-retain-until-date"), VIEW("2023-11-16T22:13:20.000Z")},
    };
    static const struct {
        const char *operator, * key, *value;
        bool holds;
    } rows[] = {
        {"IpAddress", "aws:SourceIp", "192.0.2.0/24", true},
        {"IpAddress", "aws:SourceIp", "198.51.100.0/24", false},
        {"Bool", "aws:SecureTransport", "false", true},
        {"Bool", "aws:SecureTransport", "true", false},
        {"StringLike", "aws:UserAgent", "curl/*", true},
        {"StringLike", "aws:Referer", "https://example.org/*", true},
        {"DateGreaterThan", "aws:CurrentTime", "2023-11-14T22:13:19Z", true},
        {"DateGreaterThan", "aws:CurrentTime", "2023-11-14T22:13:21Z", false},
        {"NumericEquals", "aws:EpochTime", "1700000000", true},
        {"StringEquals", "aws:PrincipalType", "Anonymous", true},
        {"Null", "aws:username", "true", true},
        {"Null", "s3:authType", "true", true},
        {"StringEquals", "aws:RequestedRegion", "eu-west-7", true},
        {"StringEquals", "s3:ResourceAccount", ROOT, true},
        {"StringEquals", "s3:x-amz-acl", "public-read", true},
        {"StringEquals", "s3:x-amz-storage-class", "STANDARD", true},
        {"Null", "s3:x-amz-grant-read", "true", true},
        {"StringEquals", "s3:x-amz-copy-source", "src/a b", true},
        {"StringEquals", "s3:RequestObjectTag/colour", "red", true},
        {"StringEquals", "s3:RequestObjectTag/Colour", "red", false},
        {"ForAllValues:StringEquals", "s3:RequestObjectTagKeys", "colour", false},
        {"ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", "size", true},
        {"StringEquals", "s3:if-none-match", "*", true},
        {"Null", "s3:if-match", "true", true},
        {"Null", "s3:VersionId", "true", true},
        {"Null", "s3:prefix", "true", true},
        {"StringEquals", "s3:object-lock-mode", "GOVERNANCE", true},
        {"NumericEquals", "s3:object-lock-remaining-retention-days", "2", true},
        {"DateEquals", "s3:object-lock-retain-until-date", "2023-11-16T22:13:20Z", true},
    };

    open_table();
    t.http.headers = headers;
    t.http.header_count = ARRAY_COUNT(headers);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (holds(rows[i].operator, rows[i].key, rows[i].value) != rows[i].holds)
            fail_msg("%s %s %s", rows[i].operator, rows[i].key, rows[i].value);
    close_table();
}

static void conditions_see_who_asks(void **state)
{
    static const struct row main_asks = {.who = "people", .bucket_owner = MAIN};

    open_table();
    set_user(&main_asks);
    t.request.auth.form = SIGV4_PRESIGNED;
    t.request.auth.date_ms = t.request.now_ms - 90000;
    assert_true(holds("StringEquals", "aws:username", "people"));
    assert_true(holds("StringEquals", "aws:userid", "people"));
    assert_true(holds("StringEquals", "aws:PrincipalType", "User"));
    assert_true(holds("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::r000:user/people"));
    assert_true(holds("StringEquals", "aws:PrincipalAccount", ROOT));
    assert_true(holds("StringEquals", "s3:authType", "REST-QUERY-STRING"));
    assert_true(holds("StringEquals", "s3:signatureversion", "AWS4-HMAC-SHA256"));
    assert_true(holds("NumericEquals", "s3:signatureAge", "90000"));
    assert_false(holds("NumericLessThan", "s3:signatureAge", "90000"));
    close_table();
}

static void conditions_see_what_is_listed(void **state)
{
    open_table();
    t.op.level = S3_BUCKET;
    t.op.name = "ListObjectsV2";
    t.request.params[0] = (struct s3_param){VIEW("prefix"), VIEW("home/")};
    t.request.params[1] = (struct s3_param){VIEW("delimiter"), VIEW("/")};
    t.request.params[2] = (struct s3_param){VIEW("max-keys"), VIEW("7")};
    t.request.param_count = 3;
    assert_true(holds("StringEquals", "s3:prefix", "home/"));
    assert_false(holds("StringEquals", "s3:prefix", "home"));
    assert_true(holds("StringEquals", "s3:delimiter", "/"));
    assert_true(holds("NumericLessThanEquals", "s3:max-keys", "7"));
    close_table();
}

static void making_and_listing_buckets_is_the_account_s(void **state)
{
    static const struct {
        const char *who, *attached;
        enum access_verdict verdict;
    } rows[] = {
        {"root", NULL, ACCESS_YES},
        {"main", NULL, ACCESS_YES},
        {"people", NULL, ACCESS_NO},
        {NULL, NULL, ACCESS_NO},
        {"people", "{'Effect':'Allow','Action':'s3:CreateBucket','Resource':'arn:aws:s3:::b'}",
         ACCESS_YES},
        {"people", "{'Effect':'Allow','Action':'s3:CreateBucket','Resource':'arn:aws:s3:::c'}",
         ACCESS_NO},
        {"main", MAY_GET, ACCESS_NO},
        {"people",
         "{'Effect':'Allow','Action':'s3:CreateBucket','Resource':'*','Condition':{'StringEquals':"
         "{'s3:LocationConstraint':'eu-west-7'}}}",
         ACCESS_YES},
    };

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct access_ask ask = {.action = "s3:CreateBucket", .location = VIEW("eu-west-7")};
        open_table();
        set_user(&(struct row){.who = rows[i].who, .attached = rows[i].attached});
        assert_int_equal(access_decide(&t.request, &ask), rows[i].verdict);
        close_table();
    }
}

static void what_is_missing_is_told_to_who_may_list(void **state)
{
    static const struct row main_asks = {.who = "main", .bucket_owner = MAIN};
    static const struct row alt_asks = {.who = "alt", .bucket_owner = MAIN};
    static const struct row all_list = {.bucket_owner = MAIN, .bucket_grant = ALL_READ};

    open_table();
    set_user(&main_asks);
    set_bucket(&main_asks);
    assert_int_equal(access_missing(&t.request, &t.bucket, VIEW("k")), S3_NoSuchKey);
    set_user(&alt_asks);
    assert_int_equal(access_missing(&t.request, &t.bucket, VIEW("k")), S3_AccessDenied);
    assert_int_equal(access_also(&t.request, "s3:PutObjectTagging"), S3_AccessDenied);
    set_user(&all_list);
    set_bucket(&all_list);
    assert_int_equal(access_missing(&t.request, &t.bucket, VIEW("k")), S3_NoSuchKey);
    assert_int_equal(access_also(&t.request, "s3:ListBucket"), S3_AccessDenied);
    close_table();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_and_strangers),
        cmocka_unit_test(bucket_policies),
        cmocka_unit_test(attached_policies),
        cmocka_unit_test(lists),
        cmocka_unit_test(a_list_that_cannot_be_read_gives_nothing),
        cmocka_unit_test(public_buckets_can_be_restricted),
        cmocka_unit_test(tags_of_the_object_decide_later),
        cmocka_unit_test(damaged_tags_allow_nothing),
        cmocka_unit_test(conditions_see_the_request),
        cmocka_unit_test(conditions_see_who_asks),
        cmocka_unit_test(conditions_see_what_is_listed),
        cmocka_unit_test(making_and_listing_buckets_is_the_account_s),
        cmocka_unit_test(what_is_missing_is_told_to_who_may_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
