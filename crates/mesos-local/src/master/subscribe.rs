//! How frameworks come, stay and go.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::scheduler::{Event, call, event};
use mesos::v1::{FrameworkId, FrameworkInfo, TaskState};

use super::framework::Framework;
use super::timers::Timer;
use super::{
    HEARTBEAT_INTERVAL, MAX_COMPLETED_FRAMEWORKS, Master, Output, Reply, StreamId, offer_filters,
    roles,
};
use crate::messages::ToAgent;

impl Master {
    pub(super) fn subscribe(&mut self, stream: StreamId, call: call::Subscribe) {
        let call::Subscribe { mut framework_info, suppressed_roles, .. } = call;
        self.metrics.count_call(call::Type::Subscribe);
        framework_info.id = framework_info.id.filter(|id| !id.value.is_empty());
        let suppressed: BTreeSet<String> = suppressed_roles.into_iter().collect();
        let roles = match self.may_subscribe(&framework_info, &suppressed) {
            Ok(roles) => roles,
            Err(message) => return self.refuse_stream(&stream, message),
        };
        let id = framework_info.id.clone().unwrap_or_else(|| self.new_framework_id());
        let was_connected = self.admit_framework(&id, framework_info, roles.clone());
        self.connect(&id, stream);
        if let Some(framework) = self.frameworks.get(&id) {
            self.allocator.set_framework(&id, &roles, &suppressed, framework.wishes());
        }
        self.allocator.set_active(&id, true);
        self.must_allocate |= !was_connected;
        self.resend_operations(&id);
        self.announce_framework(&id);
    }

    fn may_subscribe(
        &self,
        info: &FrameworkInfo,
        suppressed: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, String> {
        let roles = roles::roles_of(info)?;
        roles::check_suppressed(suppressed, &roles)?;
        offer_filters::check(info)?;
        if failover_timeout(info).is_none() {
            let timeout = info.failover_timeout();
            return Err(format!("The framework failover_timeout ({timeout:e}) is invalid"));
        }
        let Some(id) = &info.id else { return Ok(roles) };
        if self.completed.iter().any(|framework| framework.id == *id) {
            return Err("Framework has been removed".to_owned());
        }
        let known = self.frameworks.get(id);
        if known.is_some_and(|framework| framework.info.principal != info.principal) {
            return Err("Changing framework's principal is not allowed.".to_owned());
        }
        Ok(roles)
    }

    fn refuse_stream(&mut self, stream: &StreamId, message: String) {
        self.outputs.push(Output::Event(stream.clone(), Box::new(error_event(message))));
        self.outputs.push(Output::Close(stream.clone()));
    }

    fn new_framework_id(&mut self) -> FrameworkId {
        let id = format!("{}-{:04}", self.identity.id, self.next_framework);
        self.next_framework += 1;
        id.into()
    }

    /// Makes the framework known. Returns whether it was connected until now; then its
    /// old stream has been ended and its offers were taken back without a word.
    ///
    /// An id that this master never gave out is welcome: it may be another master's.
    fn admit_framework(
        &mut self,
        id: &FrameworkId,
        info: FrameworkInfo,
        roles: BTreeSet<String>,
    ) -> bool {
        let unix_seconds = self.unix_seconds();
        let Some(framework) = self.frameworks.get_mut(id) else {
            let info = FrameworkInfo { id: Some(id.clone()), ..info };
            let framework = Framework::new(id.clone(), info, roles, unix_seconds);
            self.frameworks.insert(id.clone(), framework);
            return false;
        };
        framework.update(info, roles);
        framework.reregistered_unix_seconds = Some(unix_seconds);
        let Some(old) = framework.stream.take() else { return false };
        self.withdraw_offers(id);
        self.streams.remove(&old);
        self.refuse_stream(&old, "Framework failed over".to_owned());
        true
    }

    fn connect(&mut self, id: &FrameworkId, stream: StreamId) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        framework.stream = Some(stream.clone());
        framework.is_recovered = false;
        framework.subscription += 1;
        self.streams.insert(stream.clone(), id.clone());
        let subscribed = event::Subscribed {
            framework_id: id.clone(),
            heartbeat_interval_seconds: Some(HEARTBEAT_INTERVAL.as_secs_f64()),
            master_info: Some(self.info()),
        };
        let event = Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(subscribed),
            ..Event::default()
        };
        self.send(id, event);
        self.heartbeat(stream);
    }

    pub(super) fn heartbeat(&mut self, stream: StreamId) {
        let Some(id) = self.streams.get(&stream).cloned() else { return };
        let event = Event { r#type: Some(event::Type::Heartbeat.into()), ..Event::default() };
        self.send(&id, event);
        self.timers.set(self.now + HEARTBEAT_INTERVAL, Timer::Heartbeat(stream));
    }

    /// Tells the agents, which then send again what the framework has not acknowledged.
    pub(super) fn announce_framework(&mut self, id: &FrameworkId) {
        if let Some(framework) = self.frameworks.get(id) {
            let message = ToAgent::FrameworkSubscribed(Box::new(framework.info.clone()));
            self.tell_all_agents(&message);
        }
    }

    pub(super) fn on_stream_closed(&mut self, stream: &StreamId) {
        let Some(id) = self.streams.remove(stream) else { return };
        self.withdraw_offers(&id);
        self.allocator.set_active(&id, false);
        let unix_seconds = self.unix_seconds();
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        framework.stream = None;
        framework.unregistered_unix_seconds = unix_seconds;
        let subscription = framework.subscription;
        let timeout = failover_timeout(&framework.info).unwrap_or_default();
        let at = self.now.saturating_add(timeout);
        self.timers.set(at, Timer::Failover { framework_id: id, subscription });
    }

    pub(super) fn on_failover_timeout(&mut self, id: &FrameworkId, subscription: u64) {
        let framework = self.frameworks.get(id);
        if framework.is_some_and(|f| !f.is_connected() && f.subscription == subscription) {
            self.remove_framework(id);
        }
    }

    pub(super) fn drop_streams(&mut self) {
        let streams: Vec<StreamId> = self.streams.keys().cloned().collect();
        for stream in streams {
            self.outputs.push(Output::Close(stream.clone()));
            self.on_stream_closed(&stream);
        }
    }

    pub(super) fn on_operator_teardown(&mut self, id: &FrameworkId, operator: Option<&str>) {
        let reply = match self.frameworks.get(id) {
            None => Reply::bad_request("No framework found with specified ID"),
            Some(Framework { info, .. })
                if !self.settings.acls.may_tear_down(operator, info.principal.as_deref()) =>
            {
                Reply::new(403, "403 Forbidden.")
            }
            Some(_) => {
                self.remove_framework(id);
                Reply::new(200, "")
            }
        };
        self.outputs.push(Output::Reply(reply));
    }

    /// Ends everything the framework has and bars its id from returning.
    pub(super) fn remove_framework(&mut self, id: &FrameworkId) {
        self.tell_all_agents(&ToAgent::ShutdownFramework(id.clone()));
        self.withdraw_offers(id);
        self.release_executors(id);
        let Some(mut framework) = self.frameworks.remove(id) else { return };
        for (_, mut task) in framework.tasks.drain().collect::<Vec<_>>() {
            self.stop_holding(id, &mut task);
            if let Some(agent) = self.agents.get_mut(&task.agent_id.value) {
                agent.tasks.remove(&(id.clone(), task.id.clone()));
            }
            task.state = TaskState::TaskKilled;
            framework.remember_completed(task);
        }
        if let Some(stream) = framework.stream.take() {
            self.streams.remove(&stream);
            self.outputs.push(Output::Close(stream));
        }
        framework.unregistered_unix_seconds = self.unix_seconds();
        self.allocator.remove_framework(id);
        if self.completed.len() >= MAX_COMPLETED_FRAMEWORKS {
            self.completed.pop_front();
        }
        self.completed.push_back(framework);
    }

    /// Frees what the task holds, once.
    pub(super) fn stop_holding(&mut self, id: &FrameworkId, task: &mut super::task::Task) {
        if std::mem::take(&mut task.holds_resources) {
            let resources: &Resources = &task.resources;
            self.allocator.release(id, &task.role, &task.agent_id, resources);
        }
    }
}

/// How long a disconnected framework is kept, or nothing if that is not a duration.
fn failover_timeout(info: &FrameworkInfo) -> Option<Duration> {
    let timeout = Duration::try_from_secs_f64(info.failover_timeout()).ok()?;
    i64::try_from(timeout.as_nanos()).is_ok().then_some(timeout)
}

fn error_event(message: String) -> Event {
    Event {
        r#type: Some(event::Type::Error.into()),
        error: Some(event::Error { message }),
        ..Event::default()
    }
}
