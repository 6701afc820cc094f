#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop_help.h"
#include "iam/iam.h"

static struct iam_config config(void)
{
    return (struct iam_config){
        .root_id = VIEW("rootid"),
        .root_name = VIEW("root"),
        .root_access = VIEW("AKROOT"),
        .root_secret = VIEW("secret of root"),
    };
}

static void root_alone_is_found_by_key_and_id(void **state)
{
    const struct iam_config c = config();
    struct iam *I;
    struct iam_key k;

    (void)state;
    assert_int_equal(iam_new_root_only(&c, &I), ERR_OK);
    const struct iam_snapshot *s = iam_hold(I);
    assert_true(iam_find_key(s, VIEW("AKROOT"), &k));
    assert_true(view_is(k.secret, "secret of root"));
    assert_true(k.user->is_root && k.user->owns_account && k.user->is_enabled);
    assert_true(view_is(k.user->arn, "arn:aws:iam::rootid:root"));
    assert_ptr_equal(iam_find_account(s, VIEW("rootid")), k.user);
    assert_false(iam_find_key(s, VIEW("AKROO"), &k));
    assert_null(iam_find_account(s, VIEW("other")));
    assert_null(iam_find_email(s, VIEW("")));
    iam_release(s);
    iam_release(NULL);
    iam_close(I);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_alone_is_found_by_key_and_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
