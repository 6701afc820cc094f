/*
 * CORS configurations: read, matched, written. The parsed form is one block: rules, then the views
 * of their lists, then the texts.
 */
#include "s3/cors.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "s3/finish.h"
#include "s3/xml.h"

/* REGION_BLOCKS: what the tree of the largest configuration needs, twice over. */
enum { ID_BYTES_MAX = 255, REGION_BLOCKS = 256, RULE_XML_BYTES = 128, ITEM_XML_BYTES = 48 };

void cors_free(struct cors *c)
{
    free(c);
}

/* --- reading ------------------------------------------------------------------------------ */

/* Memory of the block that is being filled. */
struct filling {
    struct view *views;
    uint8_t *texts;
    struct buf *why;
};

static struct view keep(struct filling *f, struct view text)
{
    struct view kept = view_of(f->texts, text.len);

    if (text.len)
        memcpy(f->texts, text.at, text.len);
    f->texts += text.len;
    return kept;
}

static unsigned wildcards(struct view text)
{
    unsigned count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '*';
    return count;
}

/* Headers of answers are made of it. */
static bool is_printable(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < 0x20 || text.at[i] == 0x7f)
            return false;
    return text.len > 0;
}

static enum s3_code check_method(struct view text, struct buf *why)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};

    for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
        if (view_is(text, methods[i]))
            return S3_None;
    buf_printf(
        why, "Found unsupported HTTP method in CORS config. Unsupported method is %.*s",
        VIEW_FMT(view_upto(text, 64)));
    return S3_InvalidRequest;
}

static enum s3_code check_pattern(struct view text, const char *name, struct buf *why)
{
    if (wildcards(text) < 2)
        return S3_None;
    buf_printf(
        why, "%s \"%.*s\" can not have more than one wildcard.", name,
        VIEW_FMT(view_upto(text, 128)));
    return S3_InvalidRequest;
}

static enum s3_code check_origin(struct view text, struct buf *why)
{
    return check_pattern(text, "AllowedOrigin", why);
}

static enum s3_code check_header(struct view text, struct buf *why)
{
    return check_pattern(text, "AllowedHeader", why);
}

static enum s3_code check_expose(struct view text, struct buf *why)
{
    if (wildcards(text) == 0)
        return S3_None;
    buf_printf(
        why,
        "ExposeHeader \"%.*s\" contains wildcard. We currently do not support wildcard for "
        "ExposeHeader.",
        VIEW_FMT(view_upto(text, 128)));
    return S3_InvalidRequest;
}

/* All elements of that name in a rule. */
static enum s3_code read_list(
    struct filling *f, const struct xml_node *rule, const char *name,
    enum s3_code (*check)(struct view text, struct buf *why), struct cors_list *out)
{
    *out = (struct cors_list){f->views, 0};
    for (const struct xml_node *n = rule->first; n; n = n->next) {
        struct view text = view_trim(n->text);

        if (!view_is(n->name, name))
            continue;
        if (n->first || !is_printable(text))
            return S3_MalformedXML;
        enum s3_code code = check(text, f->why);
        if (code)
            return code;
        *f->views++ = keep(f, text);
        out->count++;
    }
    return S3_None;
}

static bool is_known(const struct xml_node *rule)
{
    static const char *const names[] = {"AllowedMethod", "AllowedOrigin", "AllowedHeader",
                                        "ExposeHeader",  "MaxAgeSeconds", "ID"};
    unsigned ages = 0, ids = 0;

    for (const struct xml_node *n = rule->first; n; n = n->next) {
        bool found = false;

        for (size_t i = 0; i < ARRAY_COUNT(names); i++)
            found |= view_is(n->name, names[i]);
        if (!found)
            return false;
        ages += view_is(n->name, "MaxAgeSeconds");
        ids += view_is(n->name, "ID");
    }
    return ages < 2 && ids < 2;
}

static enum s3_code
read_scalars(struct filling *f, const struct xml_node *rule, struct cors_rule *out)
{
    struct view age = xml_child_text(rule, "MaxAgeSeconds"), id = xml_child_text(rule, "ID");
    uint64_t seconds;

    if (id.len > ID_BYTES_MAX)
        return S3_InvalidRequest;
    if (id.at)
        out->id = keep(f, id);
    if (!age.at)
        return S3_None;
    if (text_to_u64(view_trim(age), &seconds) || seconds > INT32_MAX)
        return S3_MalformedXML;
    out->has_max_age = true;
    out->max_age_s = (uint32_t)seconds;
    return S3_None;
}

static enum s3_code read_rule(struct filling *f, const struct xml_node *rule, struct cors_rule *out)
{
    enum s3_code code = S3_None;

    if (!view_is(rule->name, "CORSRule") || !is_known(rule))
        return S3_MalformedXML;
    if (!code)
        code = read_list(f, rule, "AllowedMethod", check_method, &out->methods);
    if (!code)
        code = read_list(f, rule, "AllowedOrigin", check_origin, &out->origins);
    if (!code)
        code = read_list(f, rule, "AllowedHeader", check_header, &out->headers);
    if (!code)
        code = read_list(f, rule, "ExposeHeader", check_expose, &out->exposes);
    if (!code)
        code = read_scalars(f, rule, out);
    if (!code && (out->methods.count == 0 || out->origins.count == 0))
        code = S3_MalformedXML;
    return code;
}

/* How large the block has to be. */
static size_t measure(const struct xml_node *root, unsigned *rules_out, unsigned *views_out)
{
    size_t texts = 0;

    *rules_out = *views_out = 0;
    for (const struct xml_node *rule = root->first; rule; rule = rule->next) {
        ++*rules_out;
        for (const struct xml_node *n = rule->first; n; n = n->next) {
            ++*views_out;
            texts += n->text.len;
        }
    }
    return sizeof(struct cors) + *rules_out * sizeof(struct cors_rule) +
           *views_out * sizeof(struct view) + texts;
}

static enum s3_code from_tree(const struct xml_node *root, struct cors **c_out, struct buf *why)
{
    unsigned rules, views;
    size_t bytes = measure(root, &rules, &views);
    enum s3_code code = S3_None;

    if (!view_is(root->name, "CORSConfiguration") || rules == 0)
        return S3_MalformedXML;
    if (rules > CORS_RULES_MAX) {
        buf_put_str(why, "The number of CORS rules should not exceed allowed limit of 100 rules.");
        return S3_InvalidRequest;
    }
    struct cors *c = calloc(1, bytes);
    if (!c)
        return S3_SlowDown;
    struct filling f = {.views = (struct view *)(void *)&c->rules[rules], .why = why};
    f.texts = (uint8_t *)(f.views + views);
    for (const struct xml_node *n = root->first; n && !code; n = n->next)
        code = read_rule(&f, n, &c->rules[c->rule_count++]);
    if (code) {
        free(c);
        return code;
    }
    assert(f.texts <= (uint8_t *)c + bytes);
    *c_out = c;
    return S3_None;
}

enum s3_code cors_parse(struct view xml, struct cors **c_out, struct buf *why)
{
    struct buf nobody = buf_over(NULL, 0);
    struct region_pool pool;
    struct region region;
    struct xml_node *root = NULL;
    enum s3_code code;

    if (xml.len > CORS_BYTES_MAX)
        return S3_MalformedXML;
    region_pool_init(&pool, REGION_BLOCKS);
    region_init(&region, &pool);
    enum err e = xml_parse(xml, &region, &root);
    if (e)
        code = e == ERR_NO_MEMORY ? S3_SlowDown : S3_MalformedXML;
    else
        code = from_tree(root, c_out, why ? why : &nobody);
    region_done(&region);
    region_pool_done(&pool);
    return code;
}

/* --- matching ----------------------------------------------------------------------------- */

/* Case counts in origins, not in names of headers. */
static bool fits_pattern(struct view pattern, struct view text, bool any_case)
{
    size_t star = view_index(pattern, '*');
    bool (*starts)(struct view, struct view) = any_case ? view_starts_nocase : view_starts;

    if (star == SIZE_MAX)
        return text.len == pattern.len && starts(text, pattern);
    struct view tail = view_from(pattern, star + 1);
    return text.len >= star + tail.len && starts(text, view_upto(pattern, star)) &&
           starts(view_from(text, text.len - tail.len), tail);
}

static bool fits_one(const struct cors_list *list, struct view text, bool any_case)
{
    for (unsigned i = 0; i < list->count; i++)
        if (fits_pattern(list->at[i], text, any_case))
            return true;
    return false;
}

static bool fits_method(const struct cors_list *list, struct view method)
{
    for (unsigned i = 0; i < list->count; i++)
        if (view_eq(list->at[i], method))
            return true;
    return false;
}

static bool fits_headers(const struct cors_list *list, struct view names)
{
    struct view name;
    unsigned asked = 0;

    while (view_split(&names, ',', &name)) {
        name = view_trim(name);
        if (name.len && (++asked > CORS_ASKED_MAX || !fits_one(list, name, true)))
            return false;
    }
    return true;
}

const struct cors_rule *cors_match(const struct cors *c, const struct cors_ask *ask)
{
    for (unsigned i = 0; i < c->rule_count; i++) {
        const struct cors_rule *rule = &c->rules[i];

        if (fits_one(&rule->origins, ask->origin, false) &&
            fits_method(&rule->methods, ask->method) && fits_headers(&rule->headers, ask->headers))
            return rule;
    }
    return NULL;
}

bool cors_is_open(const struct cors_rule *rule, struct view origin)
{
    for (unsigned i = 0; i < rule->origins.count; i++)
        if (fits_pattern(rule->origins.at[i], origin, false))
            return view_is(rule->origins.at[i], "*");
    return false;
}

/* --- writing ------------------------------------------------------------------------------ */

static size_t list_bytes(const struct cors_list *list)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < list->count; i++)
        bytes += ITEM_XML_BYTES + finish_text_bytes(list->at[i]);
    return bytes;
}

size_t cors_xml_bytes(const struct cors *c)
{
    size_t bytes = 256;

    for (unsigned i = 0; i < c->rule_count; i++) {
        const struct cors_rule *rule = &c->rules[i];

        bytes += RULE_XML_BYTES + finish_text_bytes(rule->id) + list_bytes(&rule->methods) +
                 list_bytes(&rule->origins) + list_bytes(&rule->headers) +
                 list_bytes(&rule->exposes);
    }
    return bytes;
}

static void put_list(struct buf *x, const char *name, const struct cors_list *list)
{
    for (unsigned i = 0; i < list->count; i++)
        xml_text(x, name, list->at[i]);
}

void cors_put_xml(struct buf *x, const struct cors *c)
{
    xml_open_root(x, "CORSConfiguration");
    for (unsigned i = 0; i < c->rule_count; i++) {
        const struct cors_rule *rule = &c->rules[i];

        xml_open(x, "CORSRule");
        if (rule->id.at)
            xml_text(x, "ID", rule->id);
        put_list(x, "AllowedMethod", &rule->methods);
        put_list(x, "AllowedOrigin", &rule->origins);
        put_list(x, "AllowedHeader", &rule->headers);
        put_list(x, "ExposeHeader", &rule->exposes);
        if (rule->has_max_age)
            xml_u64(x, "MaxAgeSeconds", rule->max_age_s);
        xml_close(x, "CORSRule");
    }
    xml_close(x, "CORSConfiguration");
    assert(!x->overflow);
}
