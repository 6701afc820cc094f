#include "engine_suite.h"

#include <stdio.h>

#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

static int open_one_owner(void **state)
{
    (void)state;
    stand_open(1, false);
    return 0;
}

static int open_own_bucket(void **state)
{
    (void)state;
    stand_open(2, false);
    return 0;
}

static int open_remote_bucket(void **state)
{
    (void)state;
    stand_open(2, true);
    return 0;
}

static int close_case(void **state)
{
    (void)state;
    stand_close();
    return 0;
}

/* Each case, and the word that it got to its end. */
#define CASE_RUN(name)                                                                             \
    static void run_##name(void **state)                                                           \
    {                                                                                              \
        name(state);                                                                               \
        stand_passed();                                                                            \
    }
ENGINE_SUITE_CASES(CASE_RUN)
#undef CASE_RUN

static int run(const char *how, CMFixtureFunction open_case)
{
#define CASE_ROW(name) {#name, run_##name, open_case, close_case, NULL},
    const struct CMUnitTest cases[] = {ENGINE_SUITE_CASES(CASE_ROW)};
#undef CASE_ROW
    char group[80];

    (void)snprintf(group, sizeof group, "engine %s, %s", stand.factory->name, how);
    return _cmocka_run_group_tests(group, cases, ARRAY_COUNT(cases), NULL, NULL);
}

int engine_suite_run(const struct engine_factory *factory)
{
    int failed;

    stand_build(factory);
    failed = run("one owner", open_one_owner);
    failed += run("two owners, own bucket", open_own_bucket);
    failed += run("two owners, bucket of the other", open_remote_bucket);
    stand_dismantle();
    return failed ? 1 : 0;
}
