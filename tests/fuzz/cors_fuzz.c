/*
 * Input: a CORSConfiguration.
 *
 * Invariants. What is accepted keeps the limits, has a method and an origin in every rule, and is
 * the same after being written and read again. Whoever matches a rule is one of its own patterns.
 */
#include "s3/cors.h"

#include "fuzz.h"

static bool is_same_list(const struct cors_list *a, const struct cors_list *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++)
        if (!view_eq(a->at[i], b->at[i]))
            return false;
    return true;
}

static void check_rule(const struct cors_rule *a, const struct cors_rule *b)
{
    MUST(a->methods.count > 0 && a->origins.count > 0);
    MUST(is_same_list(&a->methods, &b->methods) && is_same_list(&a->origins, &b->origins));
    MUST(is_same_list(&a->headers, &b->headers) && is_same_list(&a->exposes, &b->exposes));
    MUST(a->has_max_age == b->has_max_age && a->max_age_s == b->max_age_s);
    MUST(view_eq(a->id, b->id));
}

static void check_match(const struct cors *c)
{
    for (unsigned i = 0; i < c->rule_count; i++) {
        const struct cors_rule *rule = &c->rules[i];
        const struct cors_ask ask = {
            rule->origins.at[0], rule->methods.at[0],
            rule->headers.count ? rule->headers.at[0] : VIEW_EMPTY};
        const struct cors_rule *found = cors_match(c, &ask);

        /* itself, or one before it; a name may hold commas */
        MUST(found || view_index(ask.headers, ',') != SIZE_MAX);
        MUST(!found || found <= rule || view_index(ask.headers, ',') != SIZE_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view xml = view_of(data, MIN(size, 1 << 15));
    struct cors *c = NULL, *again = NULL;
    char text[300];
    struct buf why = buf_over(text, sizeof text);

    if (cors_parse(xml, &c, &why)) {
        MUST(!c && !why.overflow);
        return 0;
    }
    MUST(c->rule_count > 0 && c->rule_count <= CORS_RULES_MAX);
    size_t cap = cors_xml_bytes(c);
    struct buf x = buf_over(malloc(cap), cap);
    cors_put_xml(&x, c);
    MUST(!x.overflow);
    if (x.len <= CORS_BYTES_MAX) {
        MUST(cors_parse(buf_view(&x), &again, NULL) == S3_None);
        MUST(again->rule_count == c->rule_count);
        for (unsigned i = 0; i < c->rule_count; i++)
            check_rule(&c->rules[i], &again->rules[i]);
    }
    check_match(c);
    cors_free(again);
    cors_free(c);
    free(x.at);
    return 0;
}
