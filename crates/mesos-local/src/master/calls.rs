//! Which calls are let in, and where each goes.

use mesos::state::TaskStateExt as _;
use mesos::v1::scheduler::{Call, call};
use mesos::v1::{FrameworkId, FrameworkInfo};

use super::{Master, Output, Reply, StreamId, offer_filters, other_principal, roles};
use crate::messages::ToAgent;

impl Master {
    pub(super) fn on_call(
        &mut self,
        stream: Option<&StreamId>,
        principal: Option<&str>,
        call: Call,
    ) {
        let kind = call.r#type();
        let reply = match self.admit(stream, principal, &call) {
            Err(refusal) => refusal,
            Ok(_) if kind == call::Type::Unknown => Reply::new(501, ""),
            Ok(id) if kind == call::Type::UpdateFramework => {
                self.metrics.count_call(kind);
                self.update_framework(&id, call.update_framework.unwrap_or_default())
            }
            Ok(id) => {
                self.metrics.count_call(kind);
                self.perform(&id, call);
                Reply::new(202, "")
            }
        };
        self.outputs.push(Output::Reply(reply));
    }

    /// The framework that calls, or the refusal, checked in the order of a real master.
    fn admit(
        &self,
        stream: Option<&StreamId>,
        principal: Option<&str>,
        call: &Call,
    ) -> Result<FrameworkId, Reply> {
        let known = call.framework_id.as_ref().and_then(|id| self.frameworks.get(id));
        let framework = known.ok_or_else(|| Reply::bad_request("Framework cannot be found"))?;
        if let Some(principal) = principal.filter(|one| *one != framework.info.principal()) {
            let named = framework.info.principal();
            return Err(Reply::bad_request(other_principal(principal, named)));
        }
        let current = framework.stream.as_ref();
        let current = current.ok_or_else(|| Reply::new(403, "Framework is not subscribed"))?;
        match stream {
            None => Err(Reply::bad_request(
                "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
            )),
            Some(given) if given != current => Err(Reply::bad_request(format!(
                "The stream ID '{given}' included in this request didn't match the stream ID \
                 currently associated with framework ID {}",
                framework.id
            ))),
            Some(_) => Ok(framework.id.clone()),
        }
    }

    fn perform(&mut self, id: &FrameworkId, call: Call) {
        let Call { decline, kill, shutdown, acknowledge, reconcile, message, .. } = &call;
        match call.r#type() {
            call::Type::Teardown => self.remove_framework(id),
            call::Type::Accept => {
                if let Some(accept) = call.accept {
                    self.accept(id, accept);
                }
            }
            call::Type::Decline => {
                if let Some(decline) = decline {
                    self.decline(decline);
                }
            }
            call::Type::Revive => self.revive(id, call.revive.as_ref()),
            call::Type::Suppress => self.suppress(id, call.suppress.as_ref()),
            call::Type::Kill => {
                if let Some(kill) = kill {
                    self.kill(id, kill);
                }
            }
            call::Type::Shutdown => {
                if let Some(shutdown) = shutdown {
                    self.shutdown_executor(id, shutdown);
                }
            }
            call::Type::Acknowledge => {
                if let Some(acknowledge) = acknowledge {
                    self.acknowledge(id, acknowledge);
                }
            }
            call::Type::Reconcile => {
                if let Some(reconcile) = reconcile {
                    self.reconcile(id, &reconcile.tasks);
                }
            }
            call::Type::Message => {
                if let Some(message) = message {
                    self.message_to_executor(id, message);
                }
            }
            call::Type::AcknowledgeOperationStatus => {
                if let Some(acknowledge) = &call.acknowledge_operation_status {
                    self.acknowledge_operation(id, acknowledge);
                }
            }
            call::Type::ReconcileOperations => {
                if let Some(reconcile) = &call.reconcile_operations {
                    self.reconcile_operations(id, &reconcile.operations);
                }
            }
            // An allocator without requests, a cluster without maintenance.
            call::Type::Request
            | call::Type::AcceptInverseOffers
            | call::Type::DeclineInverseOffers => {}
            // Answered before.
            call::Type::Unknown | call::Type::Subscribe | call::Type::UpdateFramework => {}
        }
    }

    fn revive(&mut self, id: &FrameworkId, revive: Option<&call::Revive>) {
        let named = revive.map(|revive| revive.roles.as_slice()).unwrap_or_default();
        if self.all_subscribed(id, named) {
            self.allocator.revive(id, named);
            self.must_allocate = true;
        }
    }

    fn suppress(&mut self, id: &FrameworkId, suppress: Option<&call::Suppress>) {
        let named = suppress.map(|suppress| suppress.roles.as_slice()).unwrap_or_default();
        if self.all_subscribed(id, named) {
            self.allocator.suppress(id, named);
        }
    }

    /// One bad role makes the whole call count for nothing.
    fn all_subscribed(&self, id: &FrameworkId, named: &[String]) -> bool {
        let framework = self.frameworks.get(id);
        framework.is_some_and(|framework| named.iter().all(|role| framework.roles.contains(role)))
    }

    fn shutdown_executor(&mut self, id: &FrameworkId, call: &call::Shutdown) {
        if self.agents.contains_key(&call.agent_id.value) {
            let executor_id = call.executor_id.clone();
            let message = ToAgent::ShutdownExecutor { framework_id: id.clone(), executor_id };
            self.tell_agent(&call.agent_id, message);
        }
    }

    fn message_to_executor(&mut self, id: &FrameworkId, call: &call::Message) {
        if self.agents.contains_key(&call.agent_id.value) {
            let message = ToAgent::Message {
                framework_id: id.clone(),
                executor_id: call.executor_id.clone(),
                data: call.data.clone(),
            };
            self.tell_agent(&call.agent_id, message);
        }
    }

    /// Passes the acknowledgement on; that of a terminal update also frees the task's id.
    fn acknowledge(&mut self, id: &FrameworkId, call: &call::Acknowledge) {
        let call::Acknowledge { agent_id, task_id, uuid } = call;
        if !self.agents.contains_key(&agent_id.value) {
            return;
        }
        let message = ToAgent::Acknowledge {
            framework_id: id.clone(),
            task_id: task_id.clone(),
            uuid: uuid.clone(),
        };
        self.tell_agent(agent_id, message);
        let task = self.frameworks.get(id).and_then(|framework| framework.tasks.get(task_id));
        if task.is_some_and(|task| task.agent_id == *agent_id && task.ends_with(uuid)) {
            self.complete_task(id, task_id);
        }
    }

    fn update_framework(&mut self, id: &FrameworkId, call: call::UpdateFramework) -> Reply {
        let suppressed = call.suppressed_roles.into_iter().collect();
        let new = call.framework_info;
        let Some(framework) = self.frameworks.get_mut(id) else {
            return Reply::bad_request("Framework cannot be found");
        };
        let checked = roles::roles_of(&new).and_then(|roles| {
            roles::check_suppressed(&suppressed, &roles)?;
            offer_filters::check(&new)?;
            Ok(roles)
        });
        let roles = match checked {
            Ok(roles) => roles,
            Err(message) => return Reply::bad_request(message),
        };
        if let Some(field) = changed_forbidden_field(&framework.info, &new) {
            return Reply::bad_request(format!("Updating 'FrameworkInfo.{field}' is unsupported"));
        }
        let removed: Vec<String> = framework.roles.difference(&roles).cloned().collect();
        framework.update(new, roles.clone());
        self.rescind_offers_of_roles(id, &removed);
        if let Some(framework) = self.frameworks.get(id) {
            self.allocator.set_framework(id, &roles, &suppressed, framework.wishes());
        }
        self.allocator.set_active(id, true);
        self.announce_framework(id);
        Reply::new(200, "")
    }

    /// Removes an ended and acknowledged task from those whose ids are taken.
    fn complete_task(&mut self, id: &FrameworkId, task_id: &mesos::v1::TaskId) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let Some(task) = framework.tasks.remove(task_id) else { return };
        debug_assert!(task.state.is_terminal());
        if let Some(agent) = self.agents.get_mut(&task.agent_id.value) {
            agent.tasks.remove(&(id.clone(), task_id.clone()));
        }
        framework.remember_completed(task);
    }
}

fn changed_forbidden_field(old: &FrameworkInfo, new: &FrameworkInfo) -> Option<&'static str> {
    if old.principal != new.principal {
        Some("principal")
    } else if old.user != new.user {
        Some("user")
    } else if old.checkpoint() != new.checkpoint() {
        Some("checkpoint")
    } else {
        None
    }
}
