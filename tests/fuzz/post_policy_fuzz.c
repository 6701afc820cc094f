/*
 * Input: fields as `name=value` lines up to an empty one, then a policy.
 *
 * Invariants. The same verdict twice, one of three, and a sentence with each refusal. A form that
 * is let in has every field covered, and is not let in a second after the policy's end in time.
 */
#include "s3/post_policy.h"

#include "fuzz.h"

enum { FIELDS_MAX = 32 };

static enum s3_code
check(struct post_policy *p, struct view json, int64_t now_ms, bool *has_sentence_out)
{
    char why[600];
    struct buf b = buf_over(why, sizeof why);

    p->json = json;
    p->now_ms = now_ms;
    for (unsigned i = 0; i < p->field_count; i++)
        p->fields[i].is_covered = false;
    enum s3_code code = post_policy_check(p, &b);
    MUST(!b.overflow);
    *has_sentence_out = b.len > 0;
    return code;
}

static bool is_exempt(struct view name)
{
    return view_starts_nocase(name, VIEW("x-ignore-")) || view_eq_nocase(name, VIEW("policy")) ||
           view_eq_nocase(name, VIEW("signature")) || view_eq_nocase(name, VIEW("file")) ||
           view_eq_nocase(name, VIEW("x-amz-signature")) ||
           view_eq_nocase(name, VIEW("AWSAccessKeyId")) ||
           view_starts_nocase(name, VIEW("x-amz-checksum-"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct post_policy_field fields[FIELDS_MAX];
    struct post_policy p = {.fields = fields};
    struct view rest = view_of(data, size), line;
    bool has_sentence, again;

    while (view_split(&rest, '\n', &line) && line.len > 0 && p.field_count < FIELDS_MAX) {
        size_t equals = MIN(view_index(line, '='), line.len);
        fields[p.field_count++] =
            (struct post_policy_field){view_upto(line, equals), view_from(line, equals + 1), false};
    }
    enum s3_code code = check(&p, rest, 0, &has_sentence);
    MUST(code == check(&p, rest, 0, &again) && has_sentence == again);
    MUST(code == S3_None || code == S3_AccessDenied || code == S3_InvalidPolicyDocument);
    MUST((code == S3_None) != has_sentence);
    if (code)
        return 0;
    for (unsigned i = 0; i < p.field_count; i++)
        MUST(fields[i].is_covered || is_exempt(fields[i].name));
    MUST(p.bytes_min <= UINT64_MAX && check(&p, rest, INT64_MAX, &again) == S3_AccessDenied);
    return 0;
}
