//! LAUNCH_GROUP: tasks that come to their executor together, or not at all.

use std::collections::HashSet;

use mesos::operation::{MIN_GROUP_CPUS, MIN_GROUP_MEM_MIB};
use mesos::resources::{Resources, Scalar};
use mesos::v1::offer::operation;
use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorInfo, TaskInfo, container_info, executor_info};

use super::Master;
use super::resource_validation::{allocate_to, bundle};
use super::task_validation::{self, Context, Need, check_executor, check_task, text_of};
use crate::allocator::Allocation;
use crate::messages::ToAgent;

impl Master {
    pub(super) fn launch_group(
        &mut self,
        pool: &mut Allocation,
        group: operation::LaunchGroup,
        has_id: bool,
    ) {
        let operation::LaunchGroup { mut executor, task_group } = group;
        let mut tasks = task_group.tasks;
        let checked = if has_id {
            Err("The `id` field cannot be set on LAUNCH_GROUP operations".to_owned())
        } else {
            self.check_group(pool, &executor, &tasks)
        };
        let mut new_executor = match checked {
            Ok(resources) => resources,
            Err(fault) => {
                let id = pool.framework_id.clone();
                return self.refuse_tasks(&id, &tasks, Reason::TaskGroupInvalid, &fault);
            }
        };
        allocate_to(&pool.role, &mut executor.resources);
        for task in &mut tasks {
            allocate_to(&pool.role, &mut task.resources);
            task.executor = Some(executor.clone());
            // Only the first brings the executor along.
            let need = Need { task: bundle(&task.resources), executor: new_executor.take() };
            self.book(pool, task, need);
        }
        if let Some(framework) = self.frameworks.get(&pool.framework_id)
            && !tasks.is_empty()
        {
            let framework = Box::new(framework.info.clone());
            self.tell_agent(&pool.agent_id, ToAgent::RunGroup { framework, tasks });
        }
    }

    /// What the executor adds, if it is new, or why nothing of the group may be launched.
    fn check_group(
        &self,
        pool: &Allocation,
        executor: &ExecutorInfo,
        tasks: &[TaskInfo],
    ) -> Result<Option<Resources>, String> {
        task_validation::check_structure(tasks)?;
        let context = self.context(pool)?;
        let mut seen = HashSet::new();
        for task in tasks {
            let id = &task.task_id;
            check_task(task, &context)
                .map_err(|fault| format!("Task '{id}' is invalid: {fault}"))?;
            // A master of Mesos 1.11.0 does not look for this, and aborts.
            if !seen.insert(&task.task_id) {
                return Err(format!("Task has duplicate ID: {}", task.task_id));
            }
            if task.executor.as_ref().is_some_and(|own| own != executor) {
                return Err(format!(
                    "The `ExecutorInfo` of task '{}' is different from executor '{}'",
                    task.task_id, executor.executor_id
                ));
            }
        }
        check_form(executor)?;
        let added = check_executor(executor, &context)?;
        check_minimum(executor)?;
        check_fit(tasks, added.as_ref(), &context)?;
        Ok(added)
    }
}

fn check_form(executor: &ExecutorInfo) -> Result<(), String> {
    let container = executor.container.as_ref().map(mesos::v1::ContainerInfo::r#type);
    let fault = if executor.r#type.is_none() {
        "'ExecutorInfo.type' must be set"
    } else if executor.framework_id.is_none() {
        "'ExecutorInfo.framework_id' must be set"
    } else if executor.r#type() == executor_info::Type::Default {
        if executor.command.is_some() {
            "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
        } else {
            "This embedded cluster has no default executor: use a CUSTOM one"
        }
    } else if container == Some(container_info::Type::Docker) {
        "Docker ContainerInfo is not supported on the executor"
    } else {
        return Ok(());
    };
    Err(fault.to_owned())
}

fn check_minimum(executor: &ExecutorInfo) -> Result<(), String> {
    let id = &executor.executor_id;
    let resources = bundle(&executor.resources);
    let (cpus, mem) = (resources.cpus(), resources.mem_mib());
    let said = |amount: Scalar, unit: &str| {
        if amount.is_zero() { "None".to_owned() } else { format!("{}{unit}", amount.to_f64()) }
    };
    if cpus < MIN_GROUP_CPUS {
        let cpus = said(cpus, "");
        return Err(format!(
            "Executor '{id}' uses less CPUs ({cpus}) than the minimum required (0.01)"
        ));
    }
    if mem < MIN_GROUP_MEM_MIB {
        let mem = said(mem, "MB");
        return Err(format!(
            "Executor '{id}' uses less memory ({mem}) than the minimum required (32MB)"
        ));
    }
    if resources.disk_mib().is_zero() {
        return Err(format!("Executor '{id}' uses no disk"));
    }
    Ok(())
}

fn check_fit(
    tasks: &[TaskInfo],
    executor: Option<&Resources>,
    context: &Context<'_>,
) -> Result<(), String> {
    let none = Resources::default();
    let first = executor.unwrap_or(&none).clone();
    let total = tasks.iter().fold(first, |sum, task| sum.plus(&bundle(&task.resources)));
    if context.available.contains(&total) {
        return Ok(());
    }
    Err(format!(
        "Total resources {} required by task group and its executor are more than available {}",
        text_of(&total),
        text_of(context.available)
    ))
}
