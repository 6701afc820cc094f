/* Wildcards against a model that tries everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/policy_impl.h"

static uint64_t state_of_dice = 0x9e3779b97f4a7c15;

static unsigned roll(unsigned n)
{
    state_of_dice ^= state_of_dice << 13;
    state_of_dice ^= state_of_dice >> 7;
    state_of_dice ^= state_of_dice << 17;
    return (unsigned)(state_of_dice >> 33) % n;
}

static bool model(struct view pattern, struct view text)
{
    if (pattern.len == 0)
        return text.len == 0;
    if (pattern.at[0] == '*')
        return model(view_from(pattern, 1), text) ||
               (text.len && model(pattern, view_from(text, 1)));
    if (text.len == 0 || (pattern.at[0] != '?' && pattern.at[0] != text.at[0]))
        return false;
    return model(view_from(pattern, 1), view_from(text, 1));
}

static struct view random_text(char *at, unsigned max, const char *alphabet)
{
    unsigned len = roll(max + 1);

    for (unsigned i = 0; i < len; i++)
        at[i] = alphabet[roll((unsigned)strlen(alphabet))];
    return view_of(at, len);
}

static void patterns_match_as_the_model_says(void **state)
{
    unsigned matched = 0;

    for (unsigned i = 0; i < 100000; i++) {
        char a[12], b[12];
        struct view pattern = random_text(a, 10, "ab*?*"), text = random_text(b, 10, "ab");
        bool want = model(pattern, text);

        matched += want;
        if (policy_match_plain(pattern, text, POLICY_WILD) != want)
            fail_msg("%.*s on %.*s", VIEW_FMT(pattern), VIEW_FMT(text));
    }
    assert_true(matched > 10000);
}

static void without_the_bit_a_wildcard_is_a_character(void **state)
{
    assert_false(policy_match_plain(VIEW("a*"), VIEW("ab"), 0));
    assert_true(policy_match_plain(VIEW("a*?"), VIEW("a*?"), 0));
    assert_true(policy_match_plain(VIEW("A?"), VIEW("ab"), POLICY_WILD | POLICY_NOCASE));
    assert_false(policy_match_plain(VIEW("A?"), VIEW("ab"), POLICY_WILD));
}

static void a_question_mark_is_one_character_of_utf8(void **state)
{
    assert_true(policy_match_plain(VIEW("?"), VIEW("\xf0\x9f\x90\x88"), POLICY_WILD));
    assert_true(policy_match_plain(
        VIEW("*?b"),
        VIEW("x\xc3\xa4"
             "b"),
        POLICY_WILD));
    assert_false(policy_match_plain(VIEW("??"), VIEW("\xc3\xa4"), POLICY_WILD));
    assert_false(policy_match_plain(VIEW("*??"), VIEW("\xc3\xa4"), POLICY_WILD));
    assert_true(policy_match_plain(VIEW("*\xc3\xa4"), VIEW("\xc3\xa4\xc3\xa4"), POLICY_WILD));
}

/* Exponential matchers do not come back from this. */
static void many_stars_do_not_blow_up(void **state)
{
    static char pattern[POLICY_BYTES_MAX], text[1024];

    memset(text, 'a', sizeof text);
    for (size_t i = 0; i + 1 < sizeof pattern; i += 2)
        memcpy(pattern + i, "*a", 2);
    assert_false(policy_match_plain(
        view_of(pattern, sizeof pattern), view_of(text, sizeof text), POLICY_WILD));
    assert_true(
        policy_match_plain(view_of(pattern, 2 * 1024), view_of(text, sizeof text), POLICY_WILD));
    memset(pattern, '*', sizeof pattern);
    assert_true(policy_match_plain(
        view_of(pattern, sizeof pattern), view_of(text, sizeof text), POLICY_WILD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_the_model_says),
        cmocka_unit_test(without_the_bit_a_wildcard_is_a_character),
        cmocka_unit_test(a_question_mark_is_one_character_of_utf8),
        cmocka_unit_test(many_stars_do_not_blow_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
