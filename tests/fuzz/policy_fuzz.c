/*
 * Input: a byte that chooses the kind and who asks, a line each of action, resource, key and value,
 * then the document.
 *
 * Invariants. A document without its last byte is none. The same request gets the same answer. What
 * no statement asks for makes no difference. A policy that is not public allows nothing to
 * strangers who say nothing of themselves. Wildcards match as themselves.
 */
#include "policy/policy.h"

#include "fuzz.h"

struct known {
    struct view key, value; /* key.at == NULL: nothing is known */
};

static bool value(const struct policy_request *q, struct view key, unsigned index, struct view *out)
{
    const struct known *k = q->ctx;

    if (!k->key.at || !view_eq(k->key, key) || index > 1)
        return false;
    *out = index ? VIEW("*") : k->value;
    return true;
}

static enum policy_effect evaluate(
    const struct policy *p, struct view action, struct view resource,
    const struct policy_principal *who, struct known known)
{
    const struct policy_request q = {action, resource, who, value, &known};

    return policy_evaluate(p, &q);
}

static void check(const struct policy *p, bool is_bucket, uint8_t choice, const struct view line[4])
{
    static const struct policy_principal stranger = {.is_anonymous = true},
                                         user = {
                                             .account = VIEW("111122223333"),
                                             .user_arn = VIEW("arn:aws:iam::111122223333:user/bob"),
                                             .canonical_id = VIEW("111122223333")};
    const struct policy_principal *who = choice & 2 ? &user : &stranger;
    const struct known nothing = {0}, known = {line[2], line[3]};
    enum policy_effect with = evaluate(p, line[0], line[1], who, known);

    MUST(with == evaluate(p, line[0], line[1], who, known));
    if (known.key.len && !policy_asks(p, line[0], known.key))
        MUST(with == evaluate(p, line[0], line[1], who, nothing));
    if (is_bucket && !policy_is_public(p))
        MUST(evaluate(p, line[0], line[1], &stranger, nothing) != POLICY_ALLOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char space[] = " \t\r\n";
    static uint8_t room[256];
    struct view v = view_of(data, size), line[4] = {{0}};
    uint8_t choice = fuzz_byte(&v);
    struct buf why = buf_over(room, sizeof room);
    struct policy *p = NULL, *cut = NULL;

    for (unsigned i = 0; i < 4; i++)
        if (!view_split(&v, '\n', &line[i]) || !line[i].at)
            line[i] = view_of(data, 0);
    enum policy_kind kind = choice & 1 ? POLICY_IDENTITY : POLICY_BUCKET;
    while (v.len && memchr(space, v.at[v.len - 1], 4))
        v.len--;
    if (policy_parse(v, kind, VIEW("photos"), &p, &why)) {
        MUST(!p && why.len > 0);
        return 0;
    }
    MUST(policy_parse(view_upto(v, v.len - 1), kind, VIEW("photos"), &cut, NULL) == ERR_MALFORMED);
    check(p, kind == POLICY_BUCKET, choice, line);
    policy_free(p);
    return 0;
}
