//! What operators see, in the names of the old JSON: an agent is a slave there.

use mesos::resources::{CPUS, DISK, MEM, Resources};
use mesos::v1::scheduler::call;
use mesos::v1::{FrameworkId, OfferId, TaskState};
use serde_json::{Map, Value, json};

use super::agent::Agent;
use super::framework::Framework;
use super::task::Task;
use super::view_parts::{attributes_view, labels_view, resources_view, sum, task_view};
use super::views::TasksWanted;
use super::{Master, VERSION};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum View {
    /// Everything.
    State,
    /// The agents, or the one with this id.
    Agents(Option<String>),
    /// The frameworks, or the one with this id.
    Frameworks(Option<String>),
    /// Tasks, the newest first unless asked otherwise.
    Tasks(TasksWanted),
    /// The roles that frameworks have.
    Roles,
    /// Agents and frameworks with counts of their tasks.
    Summary,
    /// What was chosen about the master.
    Flags,
    /// The counters and gauges.
    Metrics,
}

impl Master {
    pub(crate) fn view(&self, view: &View) -> Value {
        match view {
            View::State => self.state_view(),
            View::Agents(id) => json!({
                "slaves": self.agents_view(id.as_deref()),
                "recovered_slaves": self.recovered_view(),
            }),
            View::Frameworks(id) => json!({
                "frameworks": self.frameworks_view(id.as_deref()),
                "completed_frameworks": self.completed_view(id.as_deref()),
                "unregistered_frameworks": [],
            }),
            View::Tasks(wanted) => self.tasks_view(wanted),
            View::Roles => self.roles_view(),
            View::Summary => self.summary_view(),
            View::Flags => json!({ "flags": self.flags_view() }),
            View::Metrics => self.metrics_view(),
        }
    }

    fn state_view(&self) -> Value {
        let started = self.identity.started_unix_seconds;
        json!({
            "version": VERSION,
            "cluster": "mesos-local",
            "id": self.identity.id,
            "pid": self.pid(),
            "leader": self.pid(),
            "hostname": self.identity.ip.to_string(),
            "leader_info": {
                "id": self.identity.id,
                "pid": self.pid(),
                "hostname": self.identity.ip.to_string(),
                "port": self.identity.port,
            },
            "start_time": started,
            "elected_time": started,
            "flags": self.flags_view(),
            "activated_slaves": self.agents.len(),
            "deactivated_slaves": 0,
            "unreachable_slaves": self.unreachable.len(),
            "slaves": self.agents_view(None),
            "recovered_slaves": self.recovered_view(),
            "frameworks": self.frameworks_view(None),
            "completed_frameworks": self.completed_view(None),
            "orphan_tasks": [],
            "unregistered_frameworks": [],
        })
    }

    pub(super) fn agents_view(&self, id: Option<&str>) -> Vec<Value> {
        let wanted = |agent: &&Agent| id.is_none_or(|id| agent.id.value == id);
        self.agents.values().filter(wanted).map(|agent| self.agent_view(agent)).collect()
    }

    fn recovered_view(&self) -> Vec<Value> {
        let id_and_name = |(id, info): (&String, &mesos::v1::AgentInfo)| json!({ "id": id, "hostname": info.hostname });
        self.recovered.iter().map(id_and_name).collect()
    }

    pub(super) fn agent_view(&self, agent: &Agent) -> Value {
        let total = resources_view(&agent.total);
        let of = |role: String| {
            let reserved = resources_view(&agent.total.reserved_for(&role));
            (role, reserved)
        };
        let reserved: Map<String, Value> =
            agent.total.reserved_roles().into_iter().map(of).collect();
        json!({
            "id": agent.id.value,
            "hostname": agent.info.hostname,
            "port": agent.info.port(),
            "pid": format!("slave(1)@{}:{}", self.identity.ip, agent.info.port()),
            "attributes": attributes_view(&agent.info.attributes),
            "registered_time": agent.registered_unix_seconds,
            "resources": total,
            "unreserved_resources": resources_view(&agent.total.unreserved()),
            "reserved_resources": reserved,
            "used_resources": resources_view(&self.used_on(agent)),
            "offered_resources": resources_view(&self.offered(agent.offers.iter())),
            "active": agent.is_connected,
            "deactivated": false,
            "version": VERSION,
            "capabilities": ["MULTI_ROLE", "RESERVATION_REFINEMENT"],
        })
    }

    pub(super) fn used_on(&self, agent: &Agent) -> Resources {
        let task = |(framework, task): &(FrameworkId, mesos::v1::TaskId)| {
            let task = self.frameworks.get(framework)?.tasks.get(task)?;
            task.holds_resources.then_some(&task.resources)
        };
        let executors = agent.executors.values().map(|executor| &executor.resources);
        sum(agent.tasks.iter().filter_map(task).chain(executors))
    }

    pub(super) fn offered<'a>(&'a self, offers: impl Iterator<Item = &'a OfferId>) -> Resources {
        sum(offers.filter_map(|id| self.offers.get(id)).map(|offer| &offer.allocation.resources))
    }

    pub(super) fn frameworks_view(&self, id: Option<&str>) -> Vec<Value> {
        let wanted = |framework: &&Framework| id.is_none_or(|id| framework.id.value == id);
        self.frameworks.values().filter(wanted).map(|f| self.framework_view(f)).collect()
    }

    fn completed_view(&self, id: Option<&str>) -> Vec<Value> {
        let wanted = |framework: &&Framework| id.is_none_or(|id| framework.id.value == id);
        self.completed.iter().filter(wanted).map(|f| self.framework_view(f)).collect()
    }

    pub(super) fn framework_view(&self, framework: &Framework) -> Value {
        let Framework { id, info, .. } = framework;
        let tasks = |tasks: &mut dyn Iterator<Item = &Task>| {
            tasks.map(|task| task_view(id, task)).collect::<Vec<_>>()
        };
        let mut view = json!({
            "id": id.value,
            "name": info.name,
            "user": info.user,
            "hostname": info.hostname(),
            "webui_url": info.webui_url(),
            "principal": info.principal,
            "checkpoint": info.checkpoint(),
            "failover_timeout": info.failover_timeout(),
            "capabilities": capabilities_view(framework),
            "active": framework.is_connected(),
            "connected": framework.is_connected(),
            "recovered": framework.is_recovered,
            "registered_time": framework.registered_unix_seconds,
            "unregistered_time": framework.unregistered_unix_seconds,
            "tasks": tasks(&mut framework.tasks.values()),
            "unreachable_tasks": tasks(&mut framework.unreachable_tasks.values()),
            "completed_tasks": tasks(&mut framework.completed_tasks.iter()),
            "executors": self.executors_view(id),
            "offers": self.offers_view(framework),
            "labels": info.labels.as_ref().map(labels_view),
            "used_resources": resources_view(&self.used_by(framework)),
            "offered_resources": resources_view(&self.offered(framework.offers.iter())),
        });
        if let Some(fields) = view.as_object_mut() {
            let roles = json!(framework.roles);
            if framework.capabilities.multi_role {
                fields.insert("roles".to_owned(), roles);
            } else {
                fields.insert("role".to_owned(), json!(framework.roles.first()));
            }
            if let Some(labels) = &info.labels {
                fields.insert("labels".to_owned(), labels_view(labels));
            }
            if let Some(time) = framework.reregistered_unix_seconds {
                fields.insert("reregistered_time".to_owned(), json!(time));
            }
        }
        view
    }

    pub(super) fn used_by(&self, framework: &Framework) -> Resources {
        let tasks = framework.tasks.values().filter(|task| task.holds_resources);
        let executors = self.agents.values().flat_map(|agent| agent.executors.iter());
        let own = executors.filter(|((owner, _), _)| *owner == framework.id);
        sum(tasks.map(|task| &task.resources).chain(own.map(|(_, e)| &e.resources)))
    }

    fn executors_view(&self, id: &FrameworkId) -> Vec<Value> {
        let mut list = Vec::new();
        for agent in self.agents.values() {
            for ((owner, executor_id), executor) in &agent.executors {
                if owner == id {
                    list.push(json!({
                        "executor_id": executor_id.value,
                        "framework_id": id.value,
                        "slave_id": agent.id.value,
                        "name": executor.info.name(),
                        "resources": resources_view(&executor.resources),
                        "labels": executor.info.labels.as_ref().map(labels_view),
                    }));
                }
            }
        }
        list
    }

    fn offers_view(&self, framework: &Framework) -> Vec<Value> {
        let offers = framework.offers.iter().filter_map(|id| Some((id, self.offers.get(id)?)));
        offers
            .map(|(id, offer)| {
                json!({
                    "id": id.value,
                    "framework_id": framework.id.value,
                    "slave_id": offer.allocation.agent_id.value,
                    "allocation_info": { "role": offer.allocation.role },
                    "resources": resources_view(&offer.allocation.resources),
                })
            })
            .collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
    fn metrics_view(&self) -> Value {
        let connected = self.frameworks.values().filter(|f| f.is_connected()).count();
        let disconnected = self.frameworks.len() - connected;
        let mut metrics = Map::new();
        let mut put = |name: &str, value: f64| {
            metrics.insert(name.to_owned(), json!(value));
        };
        put("master/elected", 1.0);
        put("master/uptime_secs", self.now.as_secs_f64());
        for (name, count) in [("active", connected), ("connected", connected)] {
            put(&format!("master/frameworks_{name}"), count as f64);
        }
        for name in ["inactive", "disconnected"] {
            put(&format!("master/frameworks_{name}"), disconnected as f64);
        }
        for name in ["active", "connected"] {
            put(&format!("master/slaves_{name}"), self.agents.len() as f64);
        }
        put("master/slaves_unreachable", self.unreachable.len() as f64);
        put("master/outstanding_offers", self.offers.len() as f64);
        put("master/valid_status_updates", self.metrics.updates as f64);
        put("master/offers_sent", self.metrics.offers_sent as f64);
        put("master/offers_accepted", self.metrics.offers_accepted as f64);
        put("master/offers_declined", self.metrics.offers_declined as f64);
        put("master/tasks_launched", self.metrics.tasks_launched as f64);
        put("allocator/mesos/allocation_runs", self.allocator.runs() as f64);
        for (name, kind) in MESSAGES {
            put(&format!("master/messages_{name}"), self.metrics.calls(kind) as f64);
        }
        for (name, state) in ENDS {
            put(&format!("master/tasks_{name}"), self.metrics.ended(state) as f64);
        }
        self.put_resources(&mut put);
        self.put_live_tasks(&mut put);
        Value::Object(metrics)
    }

    fn put_resources(&self, put: &mut dyn FnMut(&str, f64)) {
        let total = sum(self.agents.values().map(|agent| &agent.total));
        let used: Vec<Resources> = self.agents.values().map(|agent| self.used_on(agent)).collect();
        let used = sum(used.iter());
        for name in [CPUS, MEM, DISK, "gpus"] {
            let (used, total) = (used.scalar(name).to_f64(), total.scalar(name).to_f64());
            put(&format!("master/{name}_total"), total);
            put(&format!("master/{name}_used"), used);
            put(&format!("master/{name}_percent"), if total > 0.0 { used / total } else { 0.0 });
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
    fn put_live_tasks(&self, put: &mut dyn FnMut(&str, f64)) {
        let states = [
            ("staging", TaskState::TaskStaging),
            ("starting", TaskState::TaskStarting),
            ("running", TaskState::TaskRunning),
            ("killing", TaskState::TaskKilling),
        ];
        for (name, state) in states {
            let tasks = self.frameworks.values().flat_map(|framework| framework.tasks.values());
            let count = tasks.filter(|task| task.state == state).count();
            put(&format!("master/tasks_{name}"), count as f64);
        }
    }
}

const MESSAGES: [(&str, call::Type); 10] = [
    ("register_framework", call::Type::Subscribe),
    ("unregister_framework", call::Type::Teardown),
    ("launch_tasks", call::Type::Accept),
    ("decline_offers", call::Type::Decline),
    ("revive_offers", call::Type::Revive),
    ("suppress_offers", call::Type::Suppress),
    ("kill_task", call::Type::Kill),
    ("status_update_acknowledgement", call::Type::Acknowledge),
    ("reconcile_tasks", call::Type::Reconcile),
    ("framework_to_executor", call::Type::Message),
];

const ENDS: [(&str, TaskState); 5] = [
    ("finished", TaskState::TaskFinished),
    ("failed", TaskState::TaskFailed),
    ("killed", TaskState::TaskKilled),
    ("lost", TaskState::TaskLost),
    ("error", TaskState::TaskError),
];

fn capabilities_view(framework: &Framework) -> Vec<&'static str> {
    framework.info.capabilities.iter().map(|c| c.r#type().as_str_name()).collect()
}
