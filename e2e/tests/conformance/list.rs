//! The list: what is checked, by which function, and where it cannot be.

use anyhow::{Result, ensure};
use e2e::Engine;

use crate::{
    executors as e, failover as f, groups as g, offers as o, operator as op, reconciling as rec,
    requests as r, subscribing as s, tasks as t, updates as u,
};

/// A check, which starts its own cluster.
pub(crate) type Run = fn(Engine) -> Result<()>;

/// One thing that a cluster has to do.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) id: &'static str,
    /// When, and what then.
    pub(crate) sentence: &'static str,
    run: Option<Run>,
    not_local: Option<&'static str>,
    not_real: Option<&'static str>,
}

impl Check {
    /// How to check it on an engine, or why that cannot be.
    pub(crate) fn on(&self, engine: Engine) -> Result<Run, &'static str> {
        let because = match engine {
            Engine::Local => self.not_local,
            Engine::Real => self.not_real,
        };
        match (because, self.run) {
            (Some(because), _) => Err(because),
            (None, Some(run)) => Ok(run),
            (None, None) => Err("nobody said how"),
        }
    }

    const fn not_local(mut self, because: &'static str) -> Self {
        self.not_local = Some(because);
        self
    }

    const fn not_real(mut self, because: &'static str) -> Self {
        self.not_real = Some(because);
        self
    }
}

const fn check(id: &'static str, sentence: &'static str, run: Run) -> Check {
    Check { id, sentence, run: Some(run), not_local: None, not_real: None }
}

/// What no cluster does, so that no client can see it.
const fn elsewhere(id: &'static str, sentence: &'static str, because: &'static str) -> Check {
    let reason = Some(because);
    Check { id, sentence, run: None, not_local: reason, not_real: reason }
}

/// All of them.
pub(crate) const CHECKS: &[Check] = &[
    check(
        "C01",
        "a call without credentials, or with wrong ones, where they are asked for: 401",
        r::c01_credentials_are_asked_for,
    ),
    check("C02", "a call without Content-Type: 400", r::c02_content_type_is_needed),
    check(
        "C03",
        "JSON that is no call, and what is neither JSON nor protobuf: 400",
        r::c03_bodies_that_are_no_calls,
    ),
    check("C04", "a Content-Type that is neither of the two: 415", r::c04_unknown_media_types),
    check("C05", "GET: 405, and Allow says POST", r::c05_get_is_not_allowed),
    check(
        "C06",
        "SUBSCRIBE that accepts neither encoding: 406",
        r::c06_unknown_answers_are_not_acceptable,
    ),
    check(
        "C07",
        "SUBSCRIBE that accepts anything: JSON",
        r::c07_json_is_what_is_answered_unless_told,
    ),
    check(
        "C08",
        "SUBSCRIBE in either encoding: chunks, a stream id, SUBSCRIBED, HEARTBEAT, and one more after 15 s",
        s::c08_a_subscription_begins_and_beats,
    ),
    check("C09", "SUBSCRIBE with a stream id: 400", r::c09_a_first_call_has_no_stream_id),
    check(
        "C10",
        "SUBSCRIBE with an impossible role: 200, ERROR, and the end of the stream",
        s::c10_a_role_that_is_none_is_an_error_event,
    ),
    check(
        "C11",
        "SUBSCRIBE again with both ids: SUBSCRIBED with the same id, then HEARTBEAT",
        s::c11_the_same_id_again,
    ),
    check(
        "C12",
        "SUBSCRIBE with an id in one of the two places only: 400",
        r::c12_both_ids_or_none,
    ),
    check("C13", "TEARDOWN without a stream id: 400", r::c13_other_calls_have_a_stream_id),
    check(
        "C14",
        "TEARDOWN with the stream id of an earlier subscription: 400",
        s::c14_stream_ids_end_with_their_stream,
    ),
    check("C15", "ACKNOWLEDGE with a uuid that is none: 400", r::c15_a_uuid_is_one),
    check(
        "C16",
        "a second instance subscribes: the first gets ERROR and its end, the second the offers",
        s::c16_a_second_instance_takes_over,
    ),
    check("C17", "SUBSCRIBE again with another principal: ERROR", s::c17_the_principal_stays),
    check(
        "C18",
        "SUBSCRIBE after the failover timeout or TEARDOWN: ERROR",
        s::c18_removed_frameworks_do_not_come_back,
    ),
    check(
        "C19",
        "a call of an unknown framework: 400; of one that is disconnected: 403",
        r::c19_calls_of_those_who_are_not_subscribed,
    ),
    check(
        "C20",
        "every other call: 202 and nothing; UPDATE_FRAMEWORK: 200",
        r::c20_calls_are_answered_with_202,
    ),
    check(
        "C21",
        "a standby: 307 with a Location without a scheme; without a leader: 503",
        r::c21_a_standby_redirects,
    )
    .not_real("a master of the sandbox leads from its start, as there is no election"),
    check(
        "C22",
        "a new framework gets offers without waiting for the next batch",
        o::c22_a_new_framework_gets_offers_at_once,
    ),
    check(
        "C23",
        "DECLINE for no time: the same resources are offered again",
        o::c23_declined_for_no_time,
    ),
    // Mesos' own test lets half an hour of a made-up clock pass; ten allocations show the same.
    check(
        "C24",
        "DECLINE for an hour: no offer during ten allocations, and one at once with REVIVE",
        o::c24_declined_for_an_hour,
    ),
    check(
        "C25",
        "SUPPRESS: no offer during ten allocations, and one with REVIVE",
        o::c25_suppressed,
    ),
    check(
        "C26",
        "SUBSCRIBE with every role suppressed: no offers",
        o::c26_suppressed_from_the_beginning,
    ),
    check(
        "C27",
        "ACCEPT without tasks declines the whole offer, and another framework gets it",
        o::c27_accepted_for_nothing,
    ),
    check(
        "C28",
        "ACCEPT with an invalid task: TASK_ERROR, and the resources are offered again",
        o::c28_accepted_for_a_task_that_is_none,
    ),
    check(
        "C29",
        "ACCEPT of an offer that is used or unknown: TASK_LOST or TASK_DROPPED",
        o::c29_offers_that_are_gone,
    ),
    check("C30", "a task without resources: TASK_ERROR", t::c30_a_task_without_resources),
    check(
        "C31",
        "two tasks of one id: TASK_ERROR for the second alone",
        t::c31_two_tasks_of_one_id,
    ),
    check(
        "C32",
        "one executor id with two ExecutorInfos: TASK_ERROR for the second",
        t::c32_one_executor_id_for_two,
    ),
    check(
        "C33",
        "an executor's update is acknowledged to it and reaches the scheduler with its uuid",
        u::c33_an_update_goes_through,
    ),
    check(
        "C34",
        "an update that is not acknowledged comes again after 10 s and 20 s, and holds back the next",
        u::c34_again_until_acknowledged,
    ),
    check(
        "C35",
        "an update that waits reaches the next instance of the scheduler at once",
        u::c35_the_next_instance_gets_what_waits,
    ),
    check("C36", "RECONCILE everything with a running task: TASK_RUNNING", rec::c36_a_running_task),
    check(
        "C37",
        "RECONCILE everything after the last update was acknowledged: nothing",
        rec::c37_a_task_that_is_over,
    ),
    check(
        "C38",
        "RECONCILE everything before the last update is acknowledged: that state",
        rec::c38_a_task_that_is_over_unacknowledged,
    ),
    check(
        "C39",
        "RECONCILE an unknown task on a known agent: TASK_LOST or TASK_GONE",
        rec::c39_an_unknown_task_on_a_known_agent,
    ),
    check(
        "C40",
        "RECONCILE a task on an unknown agent: TASK_LOST or TASK_UNKNOWN",
        rec::c40_an_unknown_agent,
    ),
    check(
        "C41",
        "RECONCILE while an agent is not back after a restart of the master: no answer",
        rec::c41_an_agent_that_is_not_back_yet,
    )
    .not_local("its agents are part of the master's process, and back in the same moment"),
    check(
        "C42",
        "KILL of an unknown task: TASK_LOST, as by RECONCILE",
        t::c42_kill_of_an_unknown_task,
    ),
    check(
        "C43",
        "KILL of a running task: the executor gets KILL, the scheduler TASK_KILLED",
        t::c43_kill_of_a_running_task,
    ),
    check(
        "C44",
        "KILL before the task is delivered: TASK_KILLED by the agent",
        t::c44_kill_of_a_task_on_its_way,
    ),
    check(
        "C45",
        "SHUTDOWN: the executor gets it, and the scheduler FAILURE at its end",
        e::c45_shutdown_of_an_executor,
    ),
    check(
        "C46",
        "TEARDOWN: 202, the end of the stream, and SHUTDOWN for executors",
        e::c46_teardown,
    ),
    check(
        "C47",
        "MESSAGE both ways, unchanged, also to the next instance of the scheduler alone",
        u::c47_messages_both_ways,
    ),
    check(
        "C48",
        "SUBSCRIBE of an executor: chunks, SUBSCRIBED with its ids and its container's, LAUNCH",
        e::c48_an_executor_subscribes,
    ),
    check(
        "C49",
        "SUBSCRIBE of an executor while the agent recovers: 503",
        e::c49_an_agent_that_recovers,
    )
    .not_local(
        "its agents listen only when they know what they recover; with a made-up clock its own \
         tests check the wait for executors",
    ),
    check("C50", "an executor's call with an unknown framework: 400", e::c50_an_unknown_framework),
    check("C51", "an executor's call without its content: 400", e::c51_calls_without_their_content),
    check(
        "C52",
        "UPDATE with a wrong executor id, uuid, state or source: 400",
        e::c52_updates_that_are_none,
    ),
    // Heartbeats of the agent come every half an hour, which no flag changes; Mesos' own test has a
    // made-up clock for them.
    check("C53", "HEARTBEAT of an executor, whatever its ids: 202", e::c53_a_heartbeat_of_anybody),
    check(
        "C54",
        "an executor that never subscribes: TASK_FAILED",
        e::c54_an_executor_that_does_not_subscribe,
    ),
    check(
        "C55",
        "an executor that ends with a live task: TASK_FAILED and FAILURE",
        e::c55_an_executor_that_dies,
    ),
    check(
        "C56",
        "an executor subscribes again: the first stream ends, updates go on, forgotten tasks are lost",
        e::c56_an_executor_subscribes_again,
    ),
    check(
        "C57",
        "a command that cannot be fetched: TASK_FAILED",
        t::c57_a_command_that_cannot_be_fetched,
    ),
    check(
        "C58",
        "an operator's teardown: 200; 400 without an id; 401 with bad credentials; 403 where not allowed",
        op::c58_teardown_by_an_operator,
    ),
    elsewhere(
        "C59",
        "a launch while disconnected: TASK_LOST by the driver",
        "no request leaves the driver, so there is nothing for a cluster to do; crates/mesos tests it with its callbacks",
    ),
    check(
        "C60",
        "the master starts again: SUBSCRIBED with the same id",
        f::c60_a_restarted_master_takes_the_id,
    ),
    check(
        "C61",
        "offer filters: no offer that has less than they ask for, until they change",
        o::c61_offer_filters,
    ),
    check(
        "C62",
        "offer filters that make no sense: ERROR",
        s::c62_offer_filters_that_make_no_sense,
    ),
    check(
        "C63",
        "a task group of a custom executor: one LAUNCH_GROUP event, and each task ends by itself",
        g::c63_a_group_comes_as_one,
    ),
    check(
        "C64",
        "a task group with an invalid task or a taken id, without disk or room: TASK_ERROR for all of it",
        g::c64_all_of_a_group_or_none,
    ),
    check(
        "C65",
        "a KILL before the executor has subscribed: TASK_KILLED for the whole group",
        g::c65_a_kill_before_delivery_is_for_the_whole_group,
    ),
];

/// There are all of them, in their order.
pub(crate) fn is_whole() -> Result<()> {
    let ids: Vec<String> = (1..=65).map(|number| format!("C{number:02}")).collect();
    ensure!(CHECKS.iter().map(|it| it.id).eq(ids.iter().map(String::as_str)), "not C01 to C65");
    Ok(())
}
