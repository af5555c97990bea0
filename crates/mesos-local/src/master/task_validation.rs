//! Whether a task may be launched: the rules in the order of a real master.

use mesos::resources::Resources;
use mesos::v1::{CommandInfo, ExecutorInfo, Resource, TaskInfo, command_info, executor_info};

use super::agent::Agent;
use super::framework::Framework;
use super::resource_validation::{bundle, check};

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 255;

/// What a task is held against.
pub(super) struct Context<'a> {
    pub(super) framework: &'a Framework,
    pub(super) agent: &'a Agent,
    pub(super) role: &'a str,
    /// What is left of the offers.
    pub(super) available: &'a Resources,
}

/// What a valid task takes out of the offers.
#[derive(Debug, PartialEq)]
pub(super) struct Need {
    pub(super) task: Resources,
    /// The resources of its executor, if that is not on the agent already.
    pub(super) executor: Option<Resources>,
}

/// What the task needs, or why it is an error.
pub(super) fn validate(task: &TaskInfo, context: &Context<'_>) -> Result<Need, String> {
    check_task(task, context)?;
    if task.command.is_some() == task.executor.is_some() {
        return Err("Task should have at least one (but not both) of CommandInfo or ExecutorInfo \
                    present"
            .to_owned());
    }
    let executor = match &task.executor {
        Some(executor) => check_executor(executor, context)?,
        None => None,
    };
    fit(Need { task: bundle(&task.resources), executor }, context.available)
}

/// What holds for every task, in a group or not.
pub(super) fn check_task(task: &TaskInfo, context: &Context<'_>) -> Result<(), String> {
    check_id(&task.task_id.value)?;
    check_unused(task, context.framework)?;
    if task.agent_id != context.agent.id {
        return Err(format!(
            "Task uses invalid agent {} while agent {} is expected",
            task.agent_id, context.agent.id
        ));
    }
    check_durations(task)?;
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    check(&task.resources)?;
    check_role(&task.resources, context.role)
}

/// Whether any resource of these tasks is malformed, which makes all of them errors.
pub(super) fn check_structure(tasks: &[TaskInfo]) -> Result<(), String> {
    tasks.iter().try_for_each(|task| {
        check(&task.resources)?;
        task.executor.as_ref().map_or(Ok(()), |executor| check(&executor.resources))
    })
}

fn check_id(id: &str) -> Result<(), String> {
    if id.is_empty() {
        Err("ID must not be empty".to_owned())
    } else if id.len() > MAX_ID_BYTES {
        Err(format!("ID must not be greater than {MAX_ID_BYTES} characters"))
    } else if matches!(id, "." | "..") {
        Err(format!("'{id}' is disallowed"))
    } else if id.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
        Err(format!("'{}' contains invalid characters", id.escape_debug()))
    } else {
        Ok(())
    }
}

fn check_unused(task: &TaskInfo, framework: &Framework) -> Result<(), String> {
    let id = &task.task_id;
    if framework.tasks.contains_key(id) {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if framework.unreachable_tasks.contains_key(id) {
        return Err(format!("Task reuses the ID of an unreachable task: {id}"));
    }
    Ok(())
}

fn check_durations(task: &TaskInfo) -> Result<(), String> {
    let grace = task.kill_policy.as_ref().and_then(|policy| policy.grace_period);
    let negative = |duration: Option<mesos::v1::DurationInfo>| {
        duration.is_some_and(|duration| duration.nanoseconds < 0)
    };
    if negative(grace) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".to_owned());
    }
    if negative(task.max_completion_time) {
        return Err("Task's 'max_completion_time' must be non-negative".to_owned());
    }
    Ok(())
}

/// Everything comes from the offers, which are allocated to one role.
fn check_role(resources: &[Resource], role: &str) -> Result<(), String> {
    let foreign = resources.iter().find_map(|resource| {
        let allocated = resource.allocation_info.as_ref()?.role.as_deref()?;
        (allocated != role).then_some(allocated)
    });
    match foreign {
        Some(foreign) => Err(format!(
            "Task uses resources allocated to role '{foreign}', but was offered role '{role}'"
        )),
        None => Ok(()),
    }
}

/// What the executor adds: its resources, or nothing if the agent has it already.
pub(super) fn check_executor(
    executor: &ExecutorInfo,
    context: &Context<'_>,
) -> Result<Option<Resources>, String> {
    check_id(&executor.executor_id.value)?;
    if executor.framework_id.as_ref() != Some(&context.framework.id) {
        return Err("ExecutorInfo has an invalid FrameworkID".to_owned());
    }
    if executor.r#type.is_some() && executor.r#type() != executor_info::Type::Custom {
        return Err("Only CUSTOM executors can be launched with LAUNCH".to_owned());
    }
    if executor.command.is_none() {
        return Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned());
    }
    if executor.shutdown_grace_period.is_some_and(|period| period.nanoseconds < 0) {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".to_owned());
    }
    check(&executor.resources)?;
    check_role(&executor.resources, context.role)?;
    match context.agent.executor(&context.framework.id, &executor.executor_id) {
        Some(known) if !compatible(&known.info, executor) => Err(format!(
            "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID '{}'",
            executor.executor_id
        )),
        Some(_) => Ok(None),
        None => Ok(Some(bundle(&executor.resources))),
    }
}

/// Whether both describe the same executor; labels and grace period may differ.
#[expect(deprecated, reason = "the old source field is compared too")]
fn compatible(a: &ExecutorInfo, b: &ExecutorInfo) -> bool {
    a.r#type() == b.r#type()
        && a.executor_id == b.executor_id
        && a.framework_id == b.framework_id
        && a.data == b.data
        && a.name == b.name
        && a.source == b.source
        && a.container == b.container
        && a.discovery == b.discovery
        && bundle(&a.resources) == bundle(&b.resources)
        && comparable(a.command.as_ref()) == comparable(b.command.as_ref())
}

/// The command with its URIs as a set, without their cache flags.
fn comparable(command: Option<&CommandInfo>) -> Option<CommandInfo> {
    let mut command = command?.clone();
    for uri in &mut command.uris {
        *uri = command_info::Uri { cache: None, ..uri.clone() };
    }
    command.uris.sort_by(|a, b| (&a.value, &a.output_file).cmp(&(&b.value, &b.output_file)));
    Some(command)
}

fn fit(need: Need, available: &Resources) -> Result<Need, String> {
    let total = match &need.executor {
        Some(executor) => need.task.plus(executor),
        None => need.task.clone(),
    };
    if available.contains(&total) {
        return Ok(need);
    }
    Err(format!(
        "Total resources {} required by task and its executor is more than available {}",
        text_of(&total),
        text_of(available)
    ))
}

/// The bundle as agents write theirs: `cpus:1;mem:128`.
pub(super) fn text_of(bundle: &Resources) -> String {
    let parts: Vec<String> = bundle.to_wire().iter().map(part_of).collect();
    parts.join(";")
}

fn part_of(resource: &Resource) -> String {
    let name = &resource.name;
    if let Some(scalar) = &resource.scalar {
        format!("{name}:{}", scalar.value)
    } else if let Some(ranges) = &resource.ranges {
        format!("{name}:{}", ranges_text(ranges))
    } else {
        let items = resource.set.as_ref().map(|set| set.item.join(",")).unwrap_or_default();
        format!("{name}:{{{items}}}")
    }
}

/// Ranges as agents write theirs: `[31000-32000]`.
pub(super) fn ranges_text(ranges: &mesos::v1::value::Ranges) -> String {
    let ranges: Vec<String> =
        ranges.range.iter().map(|range| format!("{}-{}", range.begin, range.end)).collect();
    format!("[{}]", ranges.join(", "))
}
