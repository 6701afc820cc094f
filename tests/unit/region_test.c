#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/region.h"

static void pieces_are_aligned_and_apart(void **state)
{
    struct region_pool P;
    struct region R;
    uint8_t *last = NULL;

    region_pool_init(&P, 4);
    region_init(&R, &P);
    for (size_t bytes = 0; bytes < 100; bytes++) {
        uint8_t *piece = region_take(&R, bytes);
        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % 16, 0);
        memset(piece, (int)bytes, bytes);
        if (last) {
            assert_true(piece >= last + bytes - 1);
            for (size_t i = 0; i + 1 < bytes; i++)
                assert_int_equal(last[i], bytes - 1);
        }
        last = piece;
    }
    assert_int_equal(P.blocks_used, 1);
    region_done(&R);
    assert_int_equal(P.blocks_used, 0);
    region_pool_done(&P);
}

static void an_untouched_region_holds_nothing(void **state)
{
    struct region_pool P;
    struct region R;

    region_pool_init(&P, 1);
    region_init(&R, &P);
    assert_int_equal(P.blocks_used, 0);
    region_done(&R);
    region_done(&R);
    region_pool_done(&P);
}

static void blocks_travel_back_and_are_used_again(void **state)
{
    struct region_pool P;
    struct region R;

    region_pool_init(&P, 3);
    for (int round = 0; round < 10; round++) {
        region_init(&R, &P);
        for (int i = 0; i < 3; i++)
            assert_non_null(region_take(&R, 16000));
        assert_int_equal(P.blocks_used, 3);
        assert_null(region_take(&R, 16000));
        assert_non_null(region_take(&R, 16)); /* what is left of a block still serves */
        region_done(&R);
        assert_int_equal(P.blocks_used, 0);
        assert_int_equal(P.blocks_free, 3);
    }
    region_pool_done(&P);
    assert_int_equal(P.blocks_free, 0);
}

static void long_pieces_count_as_several_blocks(void **state)
{
    struct region_pool P;
    struct region R;

    region_pool_init(&P, 8);
    region_init(&R, &P);
    uint8_t *small = region_take(&R, 16);
    uint8_t *piece = region_take(&R, (size_t)5 * REGION_BLOCK_BYTES);
    assert_non_null(piece);
    memset(piece, 7, (size_t)5 * REGION_BLOCK_BYTES);
    assert_int_equal(P.blocks_used, 7); /* the piece, its header, and the block of `small` */
    assert_ptr_equal(region_take(&R, 16), small + 16);
    assert_null(region_take(&R, (size_t)2 * REGION_BLOCK_BYTES));
    region_done(&R);
    assert_int_equal(P.blocks_used, 0);

    region_init(&R, &P);
    assert_non_null(region_take(&R, (size_t)3 * REGION_BLOCK_BYTES)); /* as the first piece */
    assert_non_null(region_take(&R, 16));
    region_done(&R);
    region_pool_done(&P);
}

static void free_blocks_make_room_for_a_long_piece(void **state)
{
    struct region_pool P;
    struct region R;

    region_pool_init(&P, 4);
    region_init(&R, &P);
    for (int i = 0; i < 4; i++)
        assert_non_null(region_take(&R, 16000));
    region_done(&R);
    assert_int_equal(P.blocks_free, 4);
    region_init(&R, &P);
    assert_non_null(region_take(&R, (size_t)2 * REGION_BLOCK_BYTES));
    assert_int_equal(P.blocks_used, 3);
    assert_true(P.blocks_used + P.blocks_free <= P.blocks_max);
    region_done(&R);
    region_pool_done(&P);
}

static void absurd_sizes_fail(void **state)
{
    struct region_pool P;
    struct region R;

    region_pool_init(&P, 4);
    region_init(&R, &P);
    /* volatile: the compiler warns about such sizes when it sees them */
    volatile size_t absurd = SIZE_MAX;
    assert_null(region_take(&R, absurd));
    assert_null(region_take(&R, absurd - 15));
    assert_null(region_take(&R, absurd / 2));
    assert_null(region_copy(&R, view_of("", absurd)).at);
    assert_int_equal(P.blocks_used, 0);
    region_done(&R);
    region_pool_done(&P);
}

static void the_pool_is_shared_by_its_regions(void **state)
{
    struct region_pool P;
    struct region one, two;

    region_pool_init(&P, 1);
    region_init(&one, &P);
    region_init(&two, &P);
    assert_non_null(region_take(&one, 1));
    assert_null(region_take(&two, 1));
    region_done(&one);
    assert_non_null(region_take(&two, 1));
    region_done(&two);
    region_pool_done(&P);
}

static void zeroed_memory_is_zero_even_when_used_before(void **state)
{
    struct region_pool P;
    struct region R;

    region_pool_init(&P, 1);
    region_init(&R, &P);
    memset(region_take(&R, 4096), 0xff, 4096);
    region_done(&R);
    region_init(&R, &P);
    const uint8_t *piece = region_take_zero(&R, 4096);
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(piece[i], 0);
    region_done(&R);
    region_pool_done(&P);
}

static void copies_end_with_a_nul_that_is_not_counted(void **state)
{
    struct region_pool P;
    struct region R;

    region_pool_init(&P, 1);
    region_init(&R, &P);
    struct view copy = region_copy(&R, VIEW("key"));
    assert_true(view_is(copy, "key"));
    assert_int_equal(copy.at[3], 0);
    copy = region_copy(&R, VIEW_EMPTY);
    assert_non_null(copy.at);
    assert_int_equal(copy.len, 0);
    assert_int_equal(copy.at[0], 0);
    region_done(&R);
    region_pool_done(&P);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(an_untouched_region_holds_nothing),
        cmocka_unit_test(blocks_travel_back_and_are_used_again),
        cmocka_unit_test(long_pieces_count_as_several_blocks),
        cmocka_unit_test(free_blocks_make_room_for_a_long_piece),
        cmocka_unit_test(absurd_sizes_fail),
        cmocka_unit_test(the_pool_is_shared_by_its_regions),
        cmocka_unit_test(zeroed_memory_is_zero_even_when_used_before),
        cmocka_unit_test(copies_end_with_a_nul_that_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
