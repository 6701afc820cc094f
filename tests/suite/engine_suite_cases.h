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
    X(if_not_etag_holds_for_any_other)                                                             \
    X(of_racing_if_absent_commits_one_wins)                                                        \
    X(of_racing_if_absent_commits_of_two_threads_one_wins)                                         \
    X(of_racing_if_etag_commits_one_wins)                                                          \
    X(removal_obeys_conditions)                                                                    \
    X(what_is_meant_for_a_bucket_is_not_done_to_the_next_of_its_name)                              \
    X(a_bucket_is_made_once)                                                                       \
    X(a_bucket_with_objects_stays)                                                                 \
    X(a_bucket_takes_its_uploads_along)                                                            \
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
    /* engine_suite_versions.c */                                                                  \
    X(without_flags_a_put_replaces)                                                                \
    X(a_versioned_bucket_keeps_what_was_there)                                                     \
    X(a_bucket_may_be_made_versioned)                                                              \
    X(a_suspended_bucket_replaces_the_null_version)                                                \
    X(removing_in_a_versioned_bucket_makes_a_marker)                                               \
    X(a_marker_is_made_of_nothing)                                                                 \
    X(removing_in_a_suspended_bucket_replaces_the_null_version)                                    \
    X(removing_a_named_version_removes_it_for_good)                                                \
    X(removing_a_marker_brings_back_what_was_before)                                               \
    X(the_null_version_is_removed_wherever_it_is)                                                  \
    X(a_null_version_may_become_the_latest_again)                                                  \
    X(a_version_stays_what_it_is_when_it_moves)                                                    \
    X(a_bucket_with_versions_stays)                                                                \
    X(a_bucket_once_versioned_stays_versioned_or_suspended)                                        \
    X(a_versioned_name_holds_no_zero_byte)                                                         \
    X(versions_of_different_keys_do_not_mix)                                                       \
    X(compose_into_a_versioned_bucket_keeps_what_was_there)                                        \
    X(racing_puts_all_become_versions)                                                             \
    X(a_closed_engine_opens_with_its_versions)                                                     \
    /* engine_suite_amend.c */                                                                     \
    X(an_amendment_changes_meta_and_rev_only)                                                      \
    X(an_inline_payload_survives_its_amendments)                                                   \
    X(what_is_not_there_cannot_be_amended)                                                         \
    X(any_version_can_be_amended)                                                                  \
    X(other_spaces_can_be_amended)                                                                 \
    X(a_bucket_is_amended_with_its_flags_or_without)                                               \
    X(a_revision_holds_until_the_next_change)                                                      \
    X(conditions_are_of_the_version_that_is_named)                                                 \
    X(behind_a_marker_there_is_no_entry)                                                           \
    X(of_racing_amendments_of_one_revision_one_wins)                                               \
    /* engine_suite_versions_list.c */                                                             \
    X(with_versions_all_are_listed_whatever_the_page)                                              \
    X(with_versions_delimiter_and_prefix_are_of_the_key)                                           \
    X(without_versions_the_latest_are_listed)                                                      \
    X(after_a_seq_the_older_ones_come_first)                                                       \
    X(a_version_that_moves_between_pages_is_listed_once)                                           \
    X(long_histories_are_listed_whole)                                                             \
    /* engine_suite_versions_model.c */                                                            \
    X(random_operations_on_versions_agree_with_a_simple_model)                                     \
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
