//! ACCEPT: offers are used up, tasks launched, leftovers recovered.

use std::collections::HashSet;

use mesos::resources::Resources;
use mesos::v1::offer::{Operation, operation};
use mesos::v1::scheduler::call;
use mesos::v1::task_status::Reason;
use mesos::v1::{FrameworkId, OfferId, TaskInfo, TaskState};

use super::Master;
use super::agent::Executor;
use super::offers::Outstanding;
use super::resource_validation::allocate_to;
use super::task::Task;
use super::task_validation::{self, Context, Need};
use super::updates::Verdict;
use crate::allocator::Allocation;
use crate::messages::ToAgent;

impl Master {
    pub(super) fn accept(&mut self, id: &FrameworkId, call: call::Accept) {
        let call::Accept { offer_ids, operations, filters } = call;
        let mut pool = match self.pool(id, &offer_ids) {
            Ok(pool) => pool,
            Err(fault) => return self.refuse_accept(id, &offer_ids, operations, &fault),
        };
        self.metrics.offers_accepted += offer_ids.len() as u64;
        for operation in operations {
            self.operate(&mut pool, operation);
        }
        let refuse_seconds = filters.and_then(|filters| filters.refuse_seconds);
        self.recover(&pool, &pool.resources, Some(refuse_seconds));
    }

    /// All of the offers as one bundle, taken out of the books, or why they cannot be.
    fn pool(&mut self, id: &FrameworkId, offer_ids: &[OfferId]) -> Result<Allocation, String> {
        self.check_offers(id, offer_ids)?;
        let taken = offer_ids.iter().filter_map(|offer| self.take_offer(offer));
        let taken: Vec<Outstanding> = taken.collect();
        let resources = taken
            .iter()
            .fold(Resources::default(), |sum, offer| sum.plus(&offer.allocation.resources));
        let first = taken.into_iter().next().ok_or("No offers specified")?;
        Ok(Allocation { resources, ..first.allocation })
    }

    fn check_offers(&self, id: &FrameworkId, offer_ids: &[OfferId]) -> Result<(), String> {
        let mut seen = HashSet::new();
        if let Some(twice) = offer_ids.iter().find(|offer| !seen.insert(*offer)) {
            return Err(format!("Duplicate offer {twice} in offer list"));
        }
        let mut offers = Vec::with_capacity(offer_ids.len());
        for offer_id in offer_ids {
            let offer = self.offers.get(offer_id);
            offers.push(offer.ok_or_else(|| format!("Offer {offer_id} is no longer valid"))?);
        }
        let allocations = || offers.iter().map(|offer| &offer.allocation);
        if let Some(foreign) = allocations().find(|a| a.framework_id != *id) {
            return Err(format!("An offer belongs to framework {}", foreign.framework_id));
        }
        let Some(first) = allocations().next() else {
            return Err("No offers specified".to_owned());
        };
        if allocations().any(|allocation| allocation.role != first.role) {
            return Err("Aggregated offers must be allocated to the same role".to_owned());
        }
        if allocations().any(|allocation| allocation.agent_id != first.agent_id) {
            return Err("Aggregated offers must belong to one single agent".to_owned());
        }
        Ok(())
    }

    /// The offers are spent without a filter, and every task of the call is lost.
    fn refuse_accept(
        &mut self,
        id: &FrameworkId,
        offer_ids: &[OfferId],
        operations: Vec<Operation>,
        fault: &str,
    ) {
        for offer in offer_ids {
            let own = self.offers.get(offer).is_some_and(|o| o.allocation.framework_id == *id);
            if own {
                self.withdraw_offer(offer);
            }
        }
        let message = format!("Task launched with invalid offers: {fault}");
        let verdict =
            Verdict { state: TaskState::TaskDropped, reason: Reason::InvalidOffers, message };
        for operation in operations {
            let operation_id = operation.id.clone();
            let tasks = tasks_of(operation);
            if tasks.is_empty() {
                let fault = format!("Operation attempted with invalid offers: {fault}");
                self.refuse_operation(id, operation_id, &fault);
            }
            for task in tasks {
                self.send_verdict(id, &task.task_id, Some(&task.agent_id), &verdict);
            }
        }
    }

    fn operate(&mut self, pool: &mut Allocation, operation: Operation) {
        let id = pool.framework_id.clone();
        match operation.r#type() {
            operation::Type::Launch if operation.id.is_none() => {
                self.launch(pool, tasks_of(operation));
            }
            operation::Type::Launch => {
                self.refuse_tasks(&id, &tasks_of(operation), Reason::TaskInvalid, NO_OPERATION_ID);
            }
            operation::Type::LaunchGroup => {
                let has_id = operation.id.is_some();
                if let Some(group) = operation.launch_group {
                    self.launch_group(pool, group, has_id);
                }
            }
            operation::Type::Unknown
            | operation::Type::Reserve
            | operation::Type::Unreserve
            | operation::Type::Create
            | operation::Type::Destroy
            | operation::Type::GrowVolume
            | operation::Type::ShrinkVolume
            | operation::Type::CreateDisk
            | operation::Type::DestroyDisk => {
                self.convert(pool, &operation);
            }
        }
    }

    fn launch(&mut self, pool: &mut Allocation, tasks: Vec<TaskInfo>) {
        let id = pool.framework_id.clone();
        if let Err(fault) = task_validation::check_structure(&tasks) {
            return self.refuse_tasks(&id, &tasks, Reason::TaskInvalid, &fault);
        }
        for mut task in tasks {
            if let Some(executor) = &mut task.executor {
                executor.framework_id.get_or_insert_with(|| id.clone());
                allocate_to(&pool.role, &mut executor.resources);
            }
            allocate_to(&pool.role, &mut task.resources);
            match self.validate(pool, &task) {
                Ok(need) => self.start(pool, task, need),
                Err(fault) => self.refuse_tasks(&id, &[task], Reason::TaskInvalid, &fault),
            }
        }
    }

    fn validate(&self, pool: &Allocation, task: &TaskInfo) -> Result<Need, String> {
        task_validation::validate(task, &self.context(pool)?)
    }

    /// What tasks out of the pool are held against.
    pub(super) fn context<'a>(&'a self, pool: &'a Allocation) -> Result<Context<'a>, String> {
        let framework = self.frameworks.get(&pool.framework_id);
        let agent = self.agents.get(&pool.agent_id.value);
        match (framework, agent) {
            (Some(framework), Some(agent)) => {
                Ok(Context { framework, agent, role: &pool.role, available: &pool.resources })
            }
            _ => Err(format!("Agent {} is not registered", pool.agent_id)),
        }
    }

    fn start(&mut self, pool: &mut Allocation, task: TaskInfo, need: Need) {
        self.book(pool, &task, need);
        let Some(framework) = self.frameworks.get(&pool.framework_id) else { return };
        let framework = Box::new(framework.info.clone());
        self.tell_agent(&pool.agent_id, ToAgent::Run { framework, task: Box::new(task) });
    }

    /// Moves what the task and a new executor need from the pool to them.
    pub(super) fn book(&mut self, pool: &mut Allocation, task: &TaskInfo, need: Need) {
        let Allocation { framework_id: id, role, agent_id, resources } = pool;
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let Some(agent) = self.agents.get_mut(&agent_id.value) else { return };
        let taken = match &need.executor {
            Some(executor) => need.task.plus(executor),
            None => need.task.clone(),
        };
        if let Some(left) = resources.checked_sub(&taken) {
            *resources = left;
        }
        if let (Some(info), Some(resources)) = (task.executor.clone(), need.executor) {
            let key = (id.clone(), info.executor_id.clone());
            let executor = Executor { info, role: role.clone(), resources, is_started: false };
            agent.executors.insert(key, executor);
        }
        agent.tasks.insert((id.clone(), task.task_id.clone()));
        framework.tasks.insert(task.task_id.clone(), Task::new(task, role.clone(), need.task));
        self.metrics.tasks_launched += 1;
    }

    pub(super) fn refuse_tasks(
        &mut self,
        id: &FrameworkId,
        tasks: &[TaskInfo],
        reason: Reason,
        fault: &str,
    ) {
        let message = fault.to_owned();
        let verdict = Verdict { state: TaskState::TaskError, reason, message };
        for task in tasks {
            self.send_verdict(id, &task.task_id, Some(&task.agent_id), &verdict);
        }
    }
}

const NO_OPERATION_ID: &str = "The `id` field cannot be set on LAUNCH operations";

fn tasks_of(operation: Operation) -> Vec<TaskInfo> {
    let launch = operation.launch.map(|launch| launch.task_infos);
    let group = operation.launch_group.map(|group| group.task_group.tasks);
    match operation::Type::try_from(operation.r#type.unwrap_or_default()) {
        Ok(operation::Type::Launch) => launch.unwrap_or_default(),
        Ok(operation::Type::LaunchGroup) => group.unwrap_or_default(),
        Ok(
            operation::Type::Unknown
            | operation::Type::Reserve
            | operation::Type::Unreserve
            | operation::Type::Create
            | operation::Type::Destroy
            | operation::Type::GrowVolume
            | operation::Type::ShrinkVolume
            | operation::Type::CreateDisk
            | operation::Type::DestroyDisk,
        )
        | Err(_) => Vec::new(),
    }
}
