/*
 * Wildcards and variables.
 *
 * A pattern is read token by token by a cursor that can be copied; on a mismatch matching goes on
 * one character behind the last '*'. That needs no memory and never more than (length of the
 * pattern) x (length of the text) steps, whatever the pattern: an earlier '*' need not be tried
 * again, as what stood between the two has been found at its first place. An evaluation has a limit
 * of steps besides. '?' is one character of UTF-8. What a variable stands for is taken as it is: a
 * '*' in a user's name is a '*'.
 */
#include <assert.h>

#include "policy/policy_impl.h"

enum { TOKEN_END = -1, TOKEN_ONE = -2, TOKEN_MANY = -3 };

struct pattern {
    struct view text;
    unsigned how;
    bool has_variables;
    struct view values[POLICY_VARIABLES_MAX];
};

struct cursor {
    struct view rest;
    struct view inserted; /* what is left of a variable's value */
    unsigned index;       /* of the next variable */
};

static uint8_t low(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* "${...}" at the front of v: what is inside, and its length with the braces. */
static bool braces(struct view v, struct view *inside_out, size_t *len_out)
{
    if (!view_starts(v, VIEW("${")))
        return false;
    size_t end = view_index(v, '}');
    if (end == SIZE_MAX)
        return false;
    *inside_out = view_of(v.at + 2, end - 2);
    *len_out = end + 1;
    return true;
}

/* ${*}, ${?}, ${$}: the character itself. */
static bool is_escape(struct view inside)
{
    return inside.len == 1 && (inside.at[0] == '*' || inside.at[0] == '?' || inside.at[0] == '$');
}

static int take_byte(struct view *v)
{
    int c = v->at[0];

    *v = view_from(*v, 1);
    return c;
}

static int next_token(const struct pattern *p, struct cursor *c)
{
    struct view inside;
    size_t len;

    for (;;) {
        if (c->inserted.len)
            return take_byte(&c->inserted);
        if (c->rest.len == 0)
            return TOKEN_END;
        if (!p->has_variables || !braces(c->rest, &inside, &len))
            break;
        c->rest = view_from(c->rest, len);
        c->inserted = is_escape(inside) ? inside : p->values[c->index++];
    }
    int token = take_byte(&c->rest);
    if (p->how & POLICY_WILD && (token == '*' || token == '?'))
        return token == '*' ? TOKEN_MANY : TOKEN_ONE;
    return token;
}

static size_t next_character(struct view text, size_t at)
{
    do
        at++;
    while (at < text.len && (text.at[at] & 0xc0) == 0x80);
    return at;
}

/* Where a '*' that has taken text up to `at` may end next: what follows it begins with `token`. */
static size_t next_end(const struct pattern *p, int token, struct view text, size_t at)
{
    at = next_character(text, at);
    if (token < 0 || (token & 0xc0) == 0x80 || p->how & POLICY_NOCASE)
        return at;
    size_t skip = view_index(view_from(text, at), (uint8_t)token);
    return skip == SIZE_MAX ? text.len : at + skip;
}

/* Does a token that is neither MANY nor END take text[at]? */
static bool takes(const struct pattern *p, int token, uint8_t c)
{
    if (token == TOKEN_ONE || token == c)
        return true;
    return p->how & POLICY_NOCASE && low((uint8_t)token) == low(c);
}

static bool match(const struct pattern *p, struct view text, unsigned *steps_io)
{
    struct cursor here = {.rest = p->text}, star = {.rest = p->text};
    size_t at = 0, star_at = SIZE_MAX; /* SIZE_MAX: no '*' yet */
    int behind_star = TOKEN_END;

    while (*steps_io) {
        int token = next_token(p, &here);

        --*steps_io;
        if (token == TOKEN_MANY) {
            struct cursor peek = star = here;

            behind_star = next_token(p, &peek);
            star_at = at;
        } else if (token == TOKEN_END && at == text.len) {
            return true;
        } else if (token != TOKEN_END && at == text.len) {
            return false; /* a longer '*' only leaves less */
        } else if (token != TOKEN_END && takes(p, token, text.at[at])) {
            at = token == TOKEN_ONE ? next_character(text, at) : at + 1;
        } else if (star_at == SIZE_MAX) {
            return false;
        } else if (behind_star == TOKEN_END) {
            return true;
        } else {
            here = star;
            at = star_at = next_end(p, behind_star, text, star_at);
        }
    }
    return false; /* spent */
}

bool policy_match_plain(struct view pattern, struct view text, unsigned how)
{
    const struct pattern p = {.text = pattern, .how = how};

    unsigned steps = UINT32_MAX;

    return match(&p, text, &steps);
}

static struct view unquote(struct view v)
{
    v = view_trim(v);
    if (v.len >= 2 && v.at[0] == '\'' && v.at[v.len - 1] == '\'')
        return view_of(v.at + 1, v.len - 2);
    return v;
}

bool policy_match_variable(struct view *rest, struct view *key_out, struct view *default_out)
{
    while (rest->len) {
        struct view inside;
        size_t len;

        if (!braces(*rest, &inside, &len)) {
            *rest = view_from(*rest, 1);
            continue;
        }
        *rest = view_from(*rest, len);
        if (is_escape(inside))
            continue;
        size_t comma = view_index(inside, ',');
        *key_out = view_trim(view_upto(inside, comma));
        *default_out = comma == SIZE_MAX ? VIEW_EMPTY : unquote(view_from(inside, comma + 1));
        return true;
    }
    return false;
}

enum policy_fit
policy_match(const struct policy_text *t, struct view text, unsigned how, struct policy_run *run)
{
    struct pattern p = {.text = t->text, .how = how, .has_variables = t->has_variables};
    struct view rest = t->text, key, fallback;

    for (unsigned i = 0; t->has_variables && policy_match_variable(&rest, &key, &fallback); i++) {
        assert(i < POLICY_VARIABLES_MAX); /* policy_parse saw to it */
        if (run->q->value(run->q, key, 0, &p.values[i]))
            continue;
        if (!fallback.at)
            return POLICY_FITS_UNKNOWN;
        p.values[i] = fallback;
    }
    return match(&p, text, &run->steps) ? POLICY_FITS : POLICY_FITS_NOT;
}

/* Up to the next ':' that does not stand in a variable; the colon is taken, too. */
static bool split_arn(struct view *rest, bool has_variables, struct view *part_out)
{
    size_t at = 0, len;
    struct view inside;

    while (at < rest->len && rest->at[at] != ':')
        at += has_variables && braces(view_from(*rest, at), &inside, &len) ? len : 1;
    if (at >= rest->len)
        return false;
    *part_out = view_upto(*rest, at);
    *rest = view_from(*rest, at + 1);
    return true;
}

/* A pattern of fewer parts ("*") is matched against the whole. */
enum policy_fit
policy_match_arn(const struct policy_text *t, struct view arn, struct policy_run *run)
{
    struct policy_text part[6], last = *t;
    struct view got = VIEW_EMPTY;

    for (unsigned i = 0; i < 5; i++) {
        part[i].has_variables = t->has_variables;
        if (!split_arn(&last.text, t->has_variables, &part[i].text))
            return policy_match(t, arn, POLICY_WILD, run);
    }
    part[5] = last;
    for (unsigned i = 0; i < 6; i++) {
        if (i == 5)
            got = arn;
        else if (!split_arn(&arn, false, &got))
            return POLICY_FITS_NOT;
        enum policy_fit fit = policy_match(&part[i], got, POLICY_WILD, run);
        if (fit != POLICY_FITS)
            return fit;
    }
    return POLICY_FITS;
}
