//! RESERVE, UNRESERVE, CREATE and DESTROY: what an agent has changes its form.

use mesos::resources::Resources;
use mesos::v1::offer::{Operation, operation};
use mesos::v1::resource::reservation_info;
use mesos::v1::scheduler::{Event, call, event};
use mesos::v1::{AgentId, FrameworkId, OperationId, OperationState, OperationStatus, Resource};

use super::Master;
use super::resource_validation::{bundle, check};
use crate::allocator::Allocation;
use crate::messages::ToAgent;

/// What there was and what there is instead.
struct Conversion {
    from: Resources,
    to: Resources,
}

impl Master {
    pub(super) fn convert(&mut self, pool: &mut Allocation, operation: &Operation) {
        let id = operation.id.clone();
        let framework = pool.framework_id.clone();
        let checked = self.conversion(pool, operation).and_then(|conversion| {
            let Conversion { from, to } = &conversion;
            let left = pool.resources.checked_sub(from);
            let left = left.ok_or_else(|| format!("{} does not contain {from}", pool.resources))?;
            pool.resources = left.plus(to);
            Ok(conversion)
        });
        match checked {
            Ok(conversion) => {
                self.apply(pool, &conversion);
                self.finish_operation(&framework, &pool.agent_id, id);
            }
            Err(fault) => self.refuse_operation(&framework, id, &fault),
        }
    }

    fn conversion(&self, pool: &Allocation, operation: &Operation) -> Result<Conversion, String> {
        let Operation { reserve, unreserve, create, destroy, .. } = operation;
        let fault = match (operation.r#type(), reserve, unreserve, create, destroy) {
            (operation::Type::Reserve, Some(reserve), ..) => {
                return self.reservation(pool, &reserve.resources).map_err(|why| at(pool, &why));
            }
            (operation::Type::Unreserve, _, Some(unreserve), ..) => {
                check_reserved(&unreserve.resources).map_err(|why| at(pool, &why))?;
                let from = bundle(&unreserve.resources);
                let to = from.unreserve();
                return Ok(Conversion { from, to });
            }
            (operation::Type::Create, _, _, Some(create), _) => {
                return self.creation(pool, &create.volumes).map_err(|why| at(pool, &why));
            }
            (operation::Type::Destroy, _, _, _, Some(destroy)) => {
                let from = bundle(&destroy.volumes);
                return Ok(Conversion { from, to: without_volume(&destroy.volumes) });
            }
            _ => "This embedded cluster knows RESERVE, UNRESERVE, CREATE and DESTROY only",
        };
        Err(fault.to_owned())
    }

    fn reservation(&self, pool: &Allocation, wanted: &[Resource]) -> Result<Conversion, String> {
        check_reserved(wanted)?;
        let framework = self.frameworks.get(&pool.framework_id);
        let principal = framework.and_then(|framework| framework.info.principal.as_deref());
        for reservation in wanted.iter().filter_map(|one| one.reservations.last()) {
            if reservation.role() != pool.role {
                return Err(format!(
                    "A reserve operation was attempted for a resource with role '{}', but the \
                     resource was allocated to role '{}'",
                    reservation.role(),
                    pool.role
                ));
            }
            if let (Some(own), Some(named)) = (principal, reservation.principal.as_deref())
                && own != named
            {
                return Err(format!(
                    "A reserve operation was attempted by authenticated principal '{own}', which \
                     does not match a reserved resource in the request with principal '{named}'"
                ));
            }
        }
        let to = bundle(wanted);
        Ok(Conversion { from: to.unreserve(), to })
    }

    fn creation(&self, pool: &Allocation, volumes: &[Resource]) -> Result<Conversion, String> {
        check(volumes)?;
        let agent = self.agents.get(&pool.agent_id.value);
        let known = agent.map(|agent| agent.total.persistent_volumes().to_wire());
        let mut ids: Vec<String> = known.unwrap_or_default().iter().filter_map(volume_id).collect();
        for volume in volumes {
            let id = volume_id(volume)
                .ok_or_else(|| format!("{} is not a persistent volume", volume.name))?;
            if volume.reservations.is_empty() {
                return Err("Persistent volumes cannot be created from unreserved resources".into());
            }
            if ids.contains(&id) {
                return Err(format!("Persistence ID '{id}' is not unique"));
            }
            ids.push(id);
        }
        Ok(Conversion { from: without_volume(volumes), to: bundle(volumes) })
    }

    /// Changes what the agent has, in the books and at the agent, which keeps it.
    fn apply(&mut self, pool: &Allocation, conversion: &Conversion) {
        let Allocation { framework_id, role, agent_id, .. } = pool;
        let Conversion { from, to } = conversion;
        self.allocator.convert(framework_id, role, agent_id, from, to);
        let Some(agent) = self.agents.get_mut(&agent_id.value) else { return };
        if let Some(left) = agent.total.checked_sub(from) {
            agent.total = left.plus(to);
        }
        let resources = agent.total.to_wire();
        agent.info.resources.clone_from(&resources);
        self.tell_agent(agent_id, ToAgent::Resources(resources));
    }

    fn finish_operation(&mut self, id: &FrameworkId, agent: &AgentId, name: Option<OperationId>) {
        let Some(name) = name else { return };
        self.next_operation += 1;
        // Well-formed, and never twice by the same master.
        let uuid = uuid::Builder::from_random_bytes(self.next_operation.to_be_bytes()).into_uuid();
        let status = OperationStatus {
            operation_id: Some(name.clone()),
            state: OperationState::OperationFinished.into(),
            agent_id: Some(agent.clone()),
            uuid: Some(mesos::v1::Uuid { value: uuid.as_bytes().to_vec() }),
            ..OperationStatus::default()
        };
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.operations.insert(name.value, status.clone());
        }
        self.send_operation(id, status);
    }

    /// An operation without an id fails silently, as nobody could tell which it was.
    pub(super) fn refuse_operation(
        &mut self,
        id: &FrameworkId,
        operation_id: Option<OperationId>,
        fault: &str,
    ) {
        if operation_id.is_some() {
            let state = OperationState::OperationError.into();
            let message = Some(fault.to_owned());
            let status =
                OperationStatus { operation_id, state, message, ..OperationStatus::default() };
            self.send_operation(id, status);
        }
    }

    /// Sends again what was not acknowledged.
    pub(super) fn resend_operations(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let statuses: Vec<OperationStatus> = framework.operations.values().cloned().collect();
        for status in statuses {
            self.send_operation(id, status);
        }
    }

    pub(super) fn acknowledge_operation(
        &mut self,
        id: &FrameworkId,
        call: &call::AcknowledgeOperationStatus,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let name = &call.operation_id.value;
        let sent = framework.operations.get(name).and_then(|status| status.uuid.as_ref());
        if sent.is_some_and(|uuid| uuid.value == call.uuid) {
            framework.operations.remove(name);
        }
    }

    pub(super) fn reconcile_operations(
        &mut self,
        id: &FrameworkId,
        asked: &[call::reconcile_operations::Operation],
    ) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let answers: Vec<OperationStatus> = if asked.is_empty() {
            framework.operations.values().cloned().collect()
        } else {
            let known = |name: &OperationId| framework.operations.get(&name.value).cloned();
            asked
                .iter()
                .map(|one| known(&one.operation_id).unwrap_or_else(|| self.unknown(one)))
                .collect()
        };
        for status in answers {
            // Answers are not acknowledged.
            self.send_operation(id, OperationStatus { uuid: None, ..status });
        }
    }

    fn unknown(&self, asked: &call::reconcile_operations::Operation) -> OperationStatus {
        let agent = asked.agent_id.as_ref();
        let is_awaited = agent.is_some_and(|agent| self.recovered.contains_key(&agent.value));
        let is_gone = agent.is_some_and(|agent| self.unreachable.contains_key(agent));
        let (state, what) = if agent.is_none() {
            (
                OperationState::OperationUnknown,
                "Operation is unknown and no 'agent_id' was provided",
            )
        } else if is_awaited {
            (OperationState::OperationRecovering, "Agent is recovering")
        } else if is_gone {
            (OperationState::OperationUnreachable, "Agent is unreachable")
        } else {
            (OperationState::OperationUnknown, "Operation is unknown")
        };
        OperationStatus {
            operation_id: Some(asked.operation_id.clone()),
            state: state.into(),
            message: Some(format!("Reconciliation: {what}")),
            agent_id: asked.agent_id.clone(),
            ..OperationStatus::default()
        }
    }

    fn send_operation(&mut self, id: &FrameworkId, status: OperationStatus) {
        let event = Event {
            r#type: Some(event::Type::UpdateOperationStatus.into()),
            update_operation_status: Some(event::UpdateOperationStatus { status }),
            ..Event::default()
        };
        self.send(id, event);
    }
}

fn at(pool: &Allocation, fault: &str) -> String {
    format!("{fault}; on agent {}", pool.agent_id)
}

fn check_reserved(resources: &[Resource]) -> Result<(), String> {
    check(resources)?;
    let is_other = |resource: &&Resource| {
        let last = resource.reservations.last();
        last.is_none_or(|last| last.r#type() != reservation_info::Type::Dynamic)
    };
    match resources.iter().find(is_other) {
        Some(one) => {
            let one = bundle(std::slice::from_ref(one));
            Err(format!("Resource {one} is not dynamically reserved"))
        }
        None => Ok(()),
    }
}

fn volume_id(resource: &Resource) -> Option<String> {
    Some(resource.disk.as_ref()?.persistence.as_ref()?.id.clone())
}

/// The disk that the volumes are made of.
fn without_volume(volumes: &[Resource]) -> Resources {
    let disk = |volume: &Resource| {
        let mut resource = volume.clone();
        if let Some(disk) = &mut resource.disk {
            (disk.persistence, disk.volume) = (None, None);
        }
        resource.disk = resource.disk.filter(|disk| disk.source.is_some());
        resource
    };
    bundle(&volumes.iter().map(disk).collect::<Vec<_>>())
}
