//! The suite that every store passes: a file a topic, a function a promise.
//!
//! A store's own test is one line, [`conformance!`](crate::conformance).

mod samples;
mod subject;

pub mod append;
pub mod browse;
pub mod bulk;
pub mod cancellation;
pub mod checkpoints;
pub mod commands;
pub mod concurrency;
pub mod fences;
pub mod history;
pub mod hooks;
pub mod idempotent_append;
pub mod limits;
pub mod multi_stream;
pub mod odd_input;
pub mod own_tables;
pub mod read_log;
pub mod read_stream;
pub mod restore;
pub mod schemas;
pub mod shared;
pub mod snapshots;
pub mod tables;
pub mod transaction_append;
pub mod transactions;
pub mod wakeups;

pub use subject::{Operated, Subject};

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::Fixture;

/// How long one case may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// A case whose types are erased: a store's own test has hundreds of them, and each would bring a
/// runtime's code along.
pub type Case = fn(Subject) -> Pin<Box<dyn Future<Output = ()>>>;

/// Runs one case on a runtime of its own. Called by [`conformance!`](crate::conformance).
pub fn run(fixture: &dyn Fn() -> Box<dyn Fixture>, case: Case) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be started");
    runtime.block_on(async {
        // Made inside the runtime, because a fixture may need one.
        let story = async { case(Subject::open(fixture()).await).await };
        let ended = tokio::time::timeout(PATIENCE, story).await;
        ended.expect("the case ends: something waits for what never comes");
    });
}

/// Tests a store against the whole suite: `conformance!(memory, MemoryFixture)` makes a module
/// `memory` with one test a promise, listed by topic and name.
///
/// The second argument is an expression that makes a [`Fixture`](crate::Fixture); it is evaluated
/// once a test. What a store's capabilities exclude prints `skipped: …` with the reason.
#[macro_export]
macro_rules! conformance {
    ($store:ident, $fixture:expr $(,)?) => {
        mod $store {
            #[allow(unused_imports)]
            use super::*;

            $crate::__topic!($fixture, append: [
                an_append_is_readable_at_once
                each_expectation_is_kept
                a_conflict_writes_nothing
                a_dropped_append_is_whole_or_absent
                a_time_of_recording_never_goes_back
                what_was_acknowledged_survives_reopening
            ]);
            $crate::__topic!($fixture, idempotent_append: [
                the_same_append_returns_its_first_result
                a_repetition_is_recognised_behind_later_events
                known_and_new_ids_together_are_refused
                known_ids_in_another_stream_are_refused
                known_ids_in_another_order_are_refused
                known_ids_with_other_content_are_refused
                a_repetition_over_several_streams_is_recognised
                a_repetition_tells_where_checked_streams_stood
                eight_at_once_have_one_effect
                a_repetition_is_recognised_after_reopening
            ]);
            $crate::__topic!($fixture, concurrency: [
                of_eight_equal_expectations_one_wins
                eight_writers_share_one_stream
                disjoint_streams_never_conflict
                losers_do_not_hurt_the_others_in_their_batch
            ]);
            $crate::__topic!($fixture, multi_stream: [
                several_streams_are_appended_in_their_order
                one_conflict_undoes_all_streams
                a_stream_without_events_is_only_checked
                crossing_appends_stay_whole
            ]);
            $crate::__topic!($fixture, read_stream: [
                both_directions
                ranges
                pages
                pages_end_at_their_bytes
                what_is_not_there_is_empty
            ]);
            $crate::__topic!($fixture, read_log: [
                positions_are_dense_from_one
                filters_by_category
                filters_by_event_type
                slices_part_the_log
                filters_hold_together
                next_passes_over_what_is_not_wanted
                pages_follow_each_other
                pages_end_at_their_bytes
                up_to_is_the_end
                a_page_of_nothing_looks_at_nothing
                a_live_reader_misses_nothing
                no_reader_sees_a_gap_that_is_filled_later
            ]);
            $crate::__topic!($fixture, hooks: [
                a_hook_sees_the_events_with_their_positions
                rows_and_events_commit_together
                an_error_of_a_hook_undoes_the_append
                an_append_dropped_in_its_hook_is_whole_or_absent
                hooks_do_not_run_for_conflicts_and_repetitions
                a_refused_append_does_not_hurt_its_neighbours
                a_hook_that_ignores_a_failure_undoes_the_append
                a_hook_cannot_append_to_its_store
                before_comes_before_the_append
                before_is_undone_when_nothing_is_appended
                an_error_before_undoes_the_append
                an_append_of_hooks_only
            ]);
            $crate::__topic!($fixture, history: [
                sql_cannot_change_history
            ]);
            $crate::__topic!($fixture, checkpoints: [
                a_checkpoint_begins_as_none
                the_last_write_counts
                a_removed_checkpoint_is_none
                a_rolled_back_checkpoint_stays
                a_checkpoint_survives_reopening
            ]);
            $crate::__topic!($fixture, fences: [
                a_token_grows_with_every_takeover
                an_old_token_is_refused
                a_step_begins_where_the_checkpoint_stands
                a_missing_checkpoint_is_not_moved
                a_plain_write_keeps_the_token
                a_step_that_stays_proves_the_fence
                a_step_goes_with_its_transaction
                a_removed_checkpoint_forgets_its_tokens
                tokens_grow_across_reopening
                of_two_handles_one_makes_the_step
                of_two_handles_each_takes_another_token
                a_checkpoint_that_was_read_is_locked
            ]);
            $crate::__topic!($fixture, snapshots: [
                a_snapshot_comes_back
                an_older_snapshot_does_not_replace_a_newer
                another_shape_replaces
                snapshots_are_apart_by_stream
                snapshots_are_apart_by_state
            ]);
            $crate::__topic!($fixture, commands: [
                a_command_is_recorded_with_its_append
                the_same_command_has_one_effect
                a_command_without_events_is_recorded
                a_key_belongs_to_one_stream
                a_key_belongs_to_one_command
                a_refusal_is_recorded
                what_fails_is_not_recorded
                eight_at_once_have_one_effect
                old_records_are_forgotten
                thousands_of_records_are_forgotten
                a_record_survives_reopening
            ]);
            $crate::__topic!($fixture, schemas: [
                schemas_come_back_by_type_and_version
                a_registered_schema_is_never_overwritten
                a_schema_is_widened_from_the_text_that_was_read
                of_programs_that_widen_at_once_one_does
                schemas_survive_reopening
            ]);
            $crate::__topic!($fixture, tables::rows: [
                rows_come_back_by_key
                a_key_of_several_columns
                rows_are_raised
                of_two_who_raise_a_row_one_writes_it
                an_upsert_replaces
                rows_are_deleted_by_key
                thousands_of_rows_at_once
                creating_a_table_again_keeps_its_rows
                a_dropped_table_is_gone
                a_missing_table_is_named
                a_unique_index_refuses_the_second
                indexes_follow_the_table
                a_table_with_other_columns_says_so
                bad_tables_are_refused
            ]);
            $crate::__topic!($fixture, tables::values: [
                text
                integers
                floats
                decimals
                decimals_of_different_scale_are_equal
                decimals_keep_their_scale
                zero_has_no_sign
                times_are_cut_to_the_microsecond
                what_no_column_holds_is_refused
                the_longest_key
                indexed_text_of_any_length
                booleans
                timestamps
                dates
                uuids
                json
                extremes_survive
            ]);
            $crate::__topic!($fixture, tables::queries: [
                conditions_must_all_hold
                the_first_order_decides_and_the_key_breaks_ties
                pages_by_limit_and_offset
                counting_ignores_limit_and_offset
                an_unknown_column_is_refused
                an_unknown_column_in_the_order_is_refused
            ]);
            $crate::__topic!($fixture, tables::views: [
                a_view_shows_its_table
                a_view_is_switched
                a_view_is_dropped_before_its_table
                a_switch_that_is_rolled_back_did_not_happen
                readers_never_see_half_a_switch
            ]);
            $crate::__topic!($fixture, tables::sql: [
                statements_take_numbered_parameters
                queries_take_numbered_parameters
                a_bad_statement_undoes_the_transaction
                a_failed_insert_ends_the_transaction
                queued_statements_keep_their_order
                a_queued_statement_that_fails_undoes_the_transaction
                a_store_without_sql_says_so
            ]);
            $crate::__topic!($fixture, transactions: [
                a_transaction_sees_its_own_writes
                nothing_is_visible_before_the_commit
                an_error_leaves_nothing
                the_error_of_the_work_comes_back
                work_that_ignores_a_failure_is_refused
                the_first_failure_is_the_one_reported
                a_dropped_transaction_is_whole_or_absent
                transactions_do_not_lose_updates
                calls_from_inside_are_refused
                the_time_is_that_of_the_store
                a_transaction_apart_is_one
                work_can_use_tokio
                state_survives_reopening
            ]);
            $crate::__topic!($fixture, transaction_append: [
                rows_and_events_commit_together
                a_rolled_back_append_leaves_nothing
                a_conflict_ends_the_transaction
                nothing_comes_after_an_append
                its_hooks_run_inside
                a_hook_cannot_append
                a_repetition_returns_the_first_result
                a_repetition_takes_back_what_came_before
                a_command_has_one_effect
                an_append_and_a_step_are_one
                eight_transactions_beside_eight_writers
                it_wakes
            ]);
            $crate::__topic!($fixture, own_tables: [
                every_column_comes_back
                they_are_there_from_the_start
                rows_are_replaced_and_removed
            ]);
            $crate::__topic!($fixture, wakeups: [
                an_append_wakes
                what_is_known_does_not_wait
                without_news_time_passes
            ]);
            $crate::__topic!($fixture, bulk: [
                results_come_in_order
                each_batch_is_judged_on_its_own
                a_batch_sees_the_ones_before_it
                a_second_import_changes_nothing
                a_refused_hook_hurts_only_its_batch
                no_batches_are_no_work
            ]);
            $crate::__topic!($fixture, browse: [
                streams_are_listed_by_name
                streams_of_a_category
                pages_of_streams_follow_each_other
                streams_of_every_script_are_listed
                an_event_is_found_by_its_id
                an_examination_changes_nothing
            ]);
            $crate::__topic!($fixture, restore: [
                a_copy_is_the_same_log
                the_same_events_again_do_nothing
                a_copy_goes_on_where_it_was_interrupted
                all_or_none_are_written
                what_is_missing_before_is_a_conflict
                an_id_that_stands_elsewhere_is_refused
                times_never_go_back
                what_no_store_keeps_is_refused
                a_copy_can_be_appended_to
            ]);
            $crate::__topic!($fixture, cancellation: [
                an_append
                an_append_among_others
                an_append_with_a_key_and_a_hook
                an_append_of_several_streams
                an_import_that_shares_streams
                a_large_import
                a_transaction
                what_is_kept_beside_the_log
                reads
                a_call_that_is_not_polled_holds_nobody_up
                a_time_limit_around_a_call
            ]);
            $crate::__topic!($fixture, limits: [
                the_largest_append_fits
                one_event_more_is_refused
                an_append_of_nothing_is_refused
                an_id_twice_is_refused
                a_stream_twice_is_refused
                a_command_over_two_streams_is_refused
                a_refusal_with_events_is_refused
                the_longest_names_fit
            ]);
            $crate::__topic!($fixture, odd_input: [
                streams_in_every_script
                names_that_look_like_sql
                names_differ_by_case
                a_payload_of_a_megabyte
                payloads_come_back_letter_by_letter
                every_field_of_the_metadata
                what_no_store_keeps_is_refused
                the_bytes_of_an_append_are_bounded
                times_are_cut_to_the_microsecond
                times_before_1970
            ]);
            $crate::__topic!($fixture, shared: [
                two_handles_see_the_same
                two_handles_conflict_like_one
            ]);
        }
    };
}

/// The tests of one topic.
#[doc(hidden)]
#[macro_export]
macro_rules! __topic {
    ($fixture:expr, $parent:ident :: $topic:ident : [$($case:ident)*]) => {
        mod $topic {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::conformance::run(
                        &|| ::std::boxed::Box::new($fixture),
                        |subject| ::std::boxed::Box::pin($crate::conformance::$parent::$topic::$case(subject)),
                    );
                }
            )*
        }
    };
    ($fixture:expr, $topic:ident : [$($case:ident)*]) => {
        mod $topic {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::conformance::run(
                        &|| ::std::boxed::Box::new($fixture),
                        |subject| ::std::boxed::Box::pin($crate::conformance::$topic::$case(subject)),
                    );
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests;
