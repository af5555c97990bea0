//! Which line tells of what happens: the lines of the classic tutorial, and a few more.

use std::time::Duration;

use batch::{Engine, Notice, Obstacle};
use mesos::v1::{AgentId, TaskState};
use tracing::{debug, info, warn};

/// Writes the line of a notice.
pub fn write(notice: &Notice, engine: &Engine) {
    match notice {
        Notice::Subscribed { framework_id } => info!("registered with framework id {framework_id}"),
        Notice::Offer { offer_id, agent_id, hostname, cpus, mem_mib } => {
            info!(
                "offer {offer_id} of {hostname} (agent {agent_id}): cpus {cpus}, mem {mem_mib} MiB"
            );
        }
        Notice::Declined { offer_id, reason } => debug!("declined offer {offer_id}: {reason}"),
        Notice::Prepared { task_id, images, offer_id } => {
            info!("prepared task {task_id} with {} for offer {offer_id}", count(images));
        }
        Notice::SecondRun { straggler, task_id } => {
            info!(
                "task {straggler} is slow; {task_id} does the same elsewhere, and the first result counts"
            );
        }
        Notice::Launching { tasks, offer_id } => {
            info!("launching {tasks} task{} for offer {offer_id}", plural(*tasks));
        }
        Notice::TaskState { task_id, state, message, current } => {
            state_line(task_id, *state, message, *current);
        }
        Notice::ImageDone { index, output } => {
            info!("image {index} is done: {output} ({})", finished(engine));
        }
        Notice::ImageFailed { index, class, message } => {
            warn!("image {index} failed, {class}: {message} ({})", finished(engine));
        }
        Notice::ImageRetry { index, class, message, after } => {
            let after = after.as_secs_f32();
            info!("image {index} failed, {class}: {message}; trying again in {after:.1} s");
        }
        Notice::TaskRetry { task_id, message, after } => {
            let after = after.as_secs_f32();
            warn!("task {task_id} is lost, {message}; launching it again in {after:.1} s");
        }
        Notice::AgentAvoided { agent_id, time } => avoided(agent_id, *time),
        Notice::Maintenance { agent_id, starts_in, tasks } => {
            maintenance(agent_id, *starts_in, *tasks);
        }
        Notice::NoProgress { obstacle, time } => {
            let (time, remedy) = (time.as_secs(), remedy(obstacle));
            warn!("nothing could be launched for {time} s: {obstacle}; {remedy}");
        }
        Notice::Aborted { failed, max_failures } => {
            warn!(
                "failed images: {failed}, and --max-failures is {max_failures}: the job is given up"
            );
        }
        Notice::JobDone => info!("done: {}", finished(engine)),
    }
}

fn avoided(agent_id: &AgentId, time: Duration) {
    let time = time.as_secs();
    warn!(
        "several tasks in a row were lost on agent {agent_id}; it gets no more for {time} s, unless there is no better agent"
    );
}

fn maintenance(agent_id: &AgentId, starts_in: Duration, tasks: usize) {
    let starts_in = starts_in.as_secs();
    info!(
        "agent {agent_id} will be in maintenance in {starts_in} s; tasks there: {tasks}, launched elsewhere if they do not end before"
    );
}

/// What people can do about it.
fn remedy(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NoOffers { .. } => "look at the master's pages, and check --role",
        Obstacle::TooSmall { .. } => "lower --cpus or --mem, or wait for larger agents",
        Obstacle::Constraint { .. } => "check --constraint and the agents' --attributes",
        Obstacle::Avoided { .. } => "see the tasks' sandboxes on the master's pages",
        Obstacle::Maintenance => "wait for its end, or cancel it at the master",
    }
}

fn state_line(task_id: &mesos::v1::TaskId, state: TaskState, message: &str, current: bool) {
    let state = state.as_str_name();
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    if current {
        info!("task {task_id} is {state}{message}");
    } else {
        debug!("task {task_id} is {state}, which is not news{message}");
    }
}

fn finished(engine: &Engine) -> String {
    let progress = engine.progress();
    format!("{} of {} finished", progress.ended(), progress.total)
}

fn count(images: &[u64]) -> String {
    match images {
        [only] => format!("image {only}"),
        _ => format!("{} images", images.len()),
    }
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}
