//! The store's suite: written once, run on every engine. The checker runs after every commit of every test.

mod asking;
mod bed;
mod checker;
mod concurrent;
mod configuring;
mod durability;
mod ending;
mod groups;
mod health;
mod history;
mod holding;
mod leaks;
mod lifetimes;
mod lists;
mod nesting;
mod nodes;
mod observing;
mod planning;
#[path = "../fixture/postgres.rs"]
mod postgres;
mod random;
mod sets;
mod stepping;

/// Makes a test of each function for each engine.
macro_rules! on_every_engine {
    ($($area:ident { $($name:ident,)* })*) => {
        on_every_engine!(@engine file_of_sqlite, file; $($area { $($name,)* })*);
        on_every_engine!(@engine sqlite_in_memory, memory; $($area { $($name,)* })*);
        on_every_engine!(@engine on_postgres, postgres; $($area { $($name,)* })*);
    };
    (@engine $engine:ident, $open:ident; $($area:ident { $($name:ident,)* })*) => {
        mod $engine {
            $(mod $area {
                $(#[tokio::test]
                async fn $name() {
                    crate::$area::$name(&mut crate::bed::Bed::$open().await).await;
                })*
            })*
        }
    };
}

on_every_engine! {
    asking {
        a_lease_waits_with_its_class_and_its_limits,
        a_key_finds_the_first_lease_and_refuses_another_request,
        what_nobody_can_serve_breaks_at_once,
        newer_answers_replace_older_ones,
        a_priority_is_a_head_start,
        an_owner_has_no_more_than_its_quota,
        who_has_all_that_it_may_holds_up_nobody,
        an_owner_has_its_turns_one_after_the_other,
        a_look_brings_what_is_taken_otherwise,
    }
    health {
        what_does_not_answer_takes_nothing_new_until_it_does,
        what_was_left_is_cleared_before_it_is_lent_again,
        what_is_gone_breaks,
    }
    observing {
        what_is_seen_is_kept_and_news_only_if_it_is_other,
        what_was_left_behind_is_listed_once,
        findings_follow_from_two_whole_looks,
        what_is_withdrawn_comes_back_unless_an_operator_drained_it,
    }
    planning {
        a_ready_place_makes_the_lease_active_at_once,
        a_place_that_is_set_up_waits_for_activate,
        the_first_event_of_a_plan_says_what_it_was_made_from,
        an_old_version_loses_the_whole_plan,
        a_lease_that_moved_loses_its_item_alone,
        a_resource_that_moved_loses_its_item,
        shares_are_not_exceeded,
        a_named_slot_has_one_owner,
        a_counted_slot_stays_within_its_limit,
        the_maximum_is_that_of_the_commit,
        takers_that_are_gone_are_left_out,
        who_comes_behind_a_lost_place_waits,
        a_resource_without_open_is_active_in_its_commit,
        beyond_its_shares_only_at_the_maximum_and_as_it_was_counted,
        what_is_reclaimed_is_what_nobody_was_on,
    }
    stepping {
        open_goes_on_and_is_done,
        open_makes_ready_places_active,
        open_that_fails_puts_its_leases_back,
        open_that_fails_for_the_request_breaks_the_lease,
        activate_goes_on_and_is_done,
        activate_fails_for_the_request,
        activate_fails_here,
        activate_finds_the_resource_gone,
        release_goes_on_and_is_done,
        release_finds_the_resource_gone,
        release_is_given_up_with_a_leftover,
        close_goes_on_fails_and_clears_leftovers,
        close_finds_it_gone,
        an_answer_of_an_earlier_stay_counts_for_nothing,
        an_answer_under_an_older_epoch_counts_for_nothing,
        epochs_never_fall,
    }
    ending {
        a_pending_lease_ends_at_once,
        an_acquired_lease_ends_before_its_resource_is_open,
        an_acquired_lease_that_is_set_up_is_released,
        an_active_lease_is_released_and_then_gone,
        a_ready_lease_is_gone_at_once,
        an_idle_resource_is_news_to_those_who_share_its_slots,
        a_lease_that_another_node_sets_up_is_only_wanted_away,
        an_ended_lease_stays_as_it_ended,
        an_empty_resource_is_released_at_once,
        a_resource_without_close_is_destroyed_at_once,
        a_resource_in_use_ends_when_it_is_empty,
        a_broken_resource_takes_its_leases_with_it,
        unknown_rows_are_missing,
    }
    lifetimes {
        a_resource_that_nobody_uses_is_closed_in_time,
        an_old_resource_takes_nothing_new_and_ends_when_it_is_empty,
        a_resource_of_one_use_is_neither_shared_nor_used_again,
        no_more_are_opened_at_once_than_may_be,
        of_what_has_failed_one_is_tried_at_a_time,
        what_broke_is_held_until_it_is_let_go,
        a_blueprint_keeps_as_many_as_it_is_to_keep_and_no_more,
        what_is_to_be_kept_outlives_its_idleness,
        what_is_reclaimed_by_hand_is_what_nobody_was_on,
    }
    sets {
        a_set_is_found_by_its_keys_as_a_whole,
        a_look_says_how_many_of_a_set_wait,
        a_set_has_places_together_or_none,
        a_set_is_built_as_a_whole,
        a_set_that_waits_ends_as_a_whole,
        those_of_a_set_with_places_end_one_by_one,
    }
    nesting {
        a_resource_asks_for_all_it_needs_or_for_nothing,
        asking_again_finds_the_first,
        only_the_step_that_opens_may_ask,
        owner_and_order_come_from_the_first_on_it,
        open_goes_on_when_what_it_waits_for_is_active,
        what_is_nested_ends_with_its_resource,
        a_resource_ends_without_its_plugin_when_what_it_stands_on_is_lost,
        what_it_stands_on_is_told_when_nobody_is_on_it,
        a_look_brings_what_idle_resources_stand_on,
        what_was_built_for_nobody_is_for_the_first_that_is_placed_on_it,
    }
    leaks {
        a_resource_that_cant_be_closed_is_given_up,
        what_was_left_under_no_slot_goes_on_the_list,
        what_a_stale_node_made_is_noted,
    }
    holding {
        a_tied_lease_ends_with_its_client,
        a_lease_that_is_kept_outlives_its_client,
        a_lease_that_is_being_ended_is_not_kept,
        the_node_with_the_connection_watches,
        a_tied_lease_stays_with_the_node_that_watches,
        a_lease_ends_with_its_beats,
        a_lease_that_nobody_uses_expires,
        a_connection_is_sign_enough,
        the_node_that_had_the_last_beat_watches,
        the_end_of_a_lease_is_moved,
        whoever_comes_later_has_a_higher_fence,
    }
    nodes {
        a_dead_node_changes_nothing,
        a_node_that_counts_up_is_not_buried,
        claims_of_the_dead_are_taken_over,
        claims_of_the_living_are_not_taken_over,
        the_dead_do_not_keep_a_lease_from_ending,
        blueprints_that_fail_are_set_aside,
        a_configuration_raises_version_and_news,
        a_plan_of_an_older_configuration_is_refused,
    }
    configuring {
        a_blueprint_that_is_not_configured_any_more_is_known_while_it_has_resources,
        a_blueprint_that_is_back_goes_on,
        a_drained_blueprint_takes_nothing_new_until_it_is_drained_no_more,
        a_drained_resource_ends_when_nobody_is_on_it,
        a_drained_resource_is_taken_back,
        an_empty_resource_that_is_drained_ends_at_once,
        who_was_accepted_outlives_an_edit_for_a_while,
        an_edit_that_helps_ends_the_grace,
        a_grace_begins_when_somebody_waits,
        slots_are_listed_with_who_holds_them,
        a_blueprint_that_is_renamed_keeps_what_it_has_made,
        a_name_that_is_taken_is_given_to_nobody_else,
    }
    groups {
        the_same_proposal_again_is_known,
        clashes_are_settled_in_order,
        frees_come_before_takes,
        each_proposal_is_whole_or_not_at_all,
        a_chain_of_changes_fits_in_one_group,
        what_is_lost_writes_nothing,
    }
    lists {
        leases_are_found_by_what_they_are,
        a_long_list_comes_in_pages,
        resources_are_found_by_what_they_are,
        the_log_is_of_what_is_asked_for,
    }
    history {
        what_has_ended_goes_with_everything_of_it,
        what_is_alive_keeps_its_history,
        what_was_left_behind_keeps_those_who_left_it,
        a_key_finds_its_lease_until_its_own_time,
        what_a_resource_has_leased_keeps_its_key_as_long_as_that_is_there,
        no_commit_takes_more_than_a_few,
        a_class_goes_when_nobody_can_come_back_to_it,
        what_a_resource_was_made_with_stays,
    }
}
