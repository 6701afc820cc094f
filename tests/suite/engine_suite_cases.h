/* The cases, in the order they run; each in the file named above it. */
#ifndef PENSTOCK_TESTS_ENGINE_SUITE_CASES_H
#define PENSTOCK_TESTS_ENGINE_SUITE_CASES_H

/* clang-format off */
#define ENGINE_SUITE_CASES(X)                                                                      \
    /* engine_suite_put.c */                                                                       \
    X(what_is_not_there_is_not_found)                                                              \
    X(a_missing_bucket_is_said)                                                                    \
    X(an_entry_is_found_as_committed)                                                              \
    X(nothing_is_visible_before_commit)                                                            \
    X(abort_leaves_nothing)                                                                        \
    X(an_overwrite_leaves_pinned_readers_alone)                                                    \
    X(a_removal_leaves_pinned_readers_alone)                                                       \
    X(seq_grows_with_every_commit)                                                                 \
    X(spaces_are_apart)                                                                            \
    X(names_may_hold_any_bytes)                                                                    \
    X(etag_and_meta_may_be_empty_or_largest)                                                       \
    X(the_stores_own_config_needs_no_bucket)                                                       \
    X(a_wrong_crc64_is_refused)                                                                    \
    X(facts_are_given)                                                                             \
    /* engine_suite_condition.c */                                                                 \
    X(if_absent_holds_only_without_an_entry)                                                       \
    X(if_exists_holds_only_with_an_entry)                                                          \
    X(if_etag_holds_only_with_that_etag)                                                           \
    X(of_racing_if_absent_commits_one_wins)                                                        \
    X(of_racing_if_absent_commits_of_two_threads_one_wins)                                         \
    X(of_racing_if_etag_commits_one_wins)                                                          \
    X(removal_obeys_conditions)                                                                    \
    X(a_bucket_is_made_once)                                                                       \
    X(a_bucket_with_objects_stays)                                                                 \
    X(a_bucket_with_uploads_stays)                                                                 \
    X(a_bucket_takes_its_config_along)                                                             \
    X(a_bucket_made_again_is_empty)                                                                \
    /* engine_suite_read.c */                                                                      \
    X(payloads_of_all_sizes_come_back)                                                             \
    X(a_size_hint_may_be_wrong)                                                                    \
    X(ranges_come_back)                                                                            \
    X(reads_in_flight_together_come_back)                                                          \
    X(writes_in_flight_together_keep_their_order)                                                  \
    X(what_is_lent_does_not_change)                                                                \
    X(commits_in_flight_together_all_hold)                                                         \
    X(of_overwrites_in_flight_together_the_highest_seq_stays)                                      \
    /* engine_suite_parts.c */                                                                     \
    X(require_wants_its_entry)                                                                     \
    X(also_remove_goes_with_the_commit)                                                            \
    X(purge_takes_the_parts_of_the_prefix_only)                                                    \
    X(a_failed_commit_removes_nothing)                                                             \
    X(removal_purges_parts)                                                                        \
    X(compose_joins_parts_in_order)                                                                \
    X(compose_without_purge_keeps_the_parts)                                                       \
    X(compose_takes_the_pinned_version)                                                            \
    X(compose_checks_the_crc64)                                                                    \
    X(an_entry_may_be_composed_of_itself)                                                          \
    X(composed_entries_can_be_composed)                                                            \
    /* engine_suite_list.c */                                                                      \
    X(a_listing_of_a_missing_bucket_says_so)                                                       \
    X(an_empty_bucket_lists_nothing)                                                               \
    X(listing_is_in_byte_order)                                                                    \
    X(listing_tells_what_lookup_tells)                                                             \
    X(listing_stays_in_its_space_and_bucket)                                                       \
    X(pages_visit_everything_once)                                                                 \
    X(a_full_page_that_is_the_last_is_not_truncated)                                               \
    X(a_group_is_one_item)                                                                         \
    X(after_leaves_out_groups_as_entries)                                                          \
    X(a_delimiter_may_have_several_bytes)                                                          \
    X(a_listing_without_memory_is_busy)                                                            \
    X(buckets_are_listed_over_all_owners)                                                          \
    /* engine_suite_model.c */                                                                     \
    X(random_operations_agree_with_a_simple_model)                                                 \
    /* engine_suite_threads.c */                                                                   \
    X(two_threads_work_on_one_bucket)                                                              \
    X(rivals_never_see_a_torn_entry)                                                               \
    X(a_pin_may_be_released_by_another_thread)                                                     \
    X(a_closed_engine_opens_with_what_it_had)
/* clang-format on */

#define CASE_DECLARE(name) void name(void **state);
ENGINE_SUITE_CASES(CASE_DECLARE)
#undef CASE_DECLARE

#endif
