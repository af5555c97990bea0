//! Parts of what operators see.

use mesos::resources::{CPUS, DISK, MEM, Resources};
use mesos::state::TaskStateExt as _;
use mesos::v1::{Attribute, FrameworkId, Labels, TaskStatus};
use serde_json::{Map, Value, json};

use super::task::Task;
use super::task_validation::ranges_text;

pub(super) fn sum<'a>(bundles: impl Iterator<Item = &'a Resources>) -> Resources {
    bundles.fold(Resources::default(), |sum, bundle| sum.plus(bundle))
}

/// Scalars as numbers, the four usual ones even when there is nothing of them.
pub(super) fn resources_view(bundle: &Resources) -> Value {
    let mut view = Map::new();
    for name in [CPUS, "gpus", MEM, DISK] {
        view.insert(name.to_owned(), json!(bundle.scalar(name).to_f64()));
    }
    for resource in bundle.to_wire() {
        let value = match (&resource.scalar, &resource.ranges, &resource.set) {
            (Some(_), _, _) => json!(bundle.scalar(&resource.name).to_f64()),
            (_, Some(ranges), _) => json!(ranges_text(ranges)),
            (_, _, Some(set)) => json!(format!("{{{}}}", set.item.join(", "))),
            (None, None, None) => Value::Null,
        };
        view.insert(resource.name, value);
    }
    Value::Object(view)
}

/// Texts and ranges as texts, scalars as numbers.
pub(super) fn attributes_view(attributes: &[Attribute]) -> Value {
    let pair = |attribute: &Attribute| {
        let value = match (&attribute.scalar, &attribute.ranges, &attribute.text) {
            (Some(scalar), _, _) => json!(scalar.value),
            (_, Some(ranges), _) => json!(ranges_text(ranges)),
            (_, _, Some(text)) => json!(text.value),
            (None, None, None) => Value::Null,
        };
        (attribute.name.clone(), value)
    };
    Value::Object(attributes.iter().map(pair).collect())
}

/// A task; what it does not have is left out.
pub(super) fn task_view(framework: &FrameworkId, task: &Task) -> Value {
    let mut view = json!({
        "id": task.id.value,
        "name": task.name,
        "framework_id": framework.value,
        "executor_id": task.executor_id.as_ref().map(|id| id.value.as_str()).unwrap_or_default(),
        "slave_id": task.agent_id.value,
        "state": task.state.name(),
        "resources": resources_view(&task.resources),
        "role": task.role,
        "statuses": task.statuses.iter().map(status_view).collect::<Vec<_>>(),
    });
    add(&mut view, "labels", task.labels.as_ref().map(labels_view));
    add(&mut view, "discovery", task.discovery.as_ref().map(as_it_is));
    view
}

fn status_view(status: &TaskStatus) -> Value {
    let mut view = json!({ "state": status.state().name(), "timestamp": status.timestamp() });
    add(&mut view, "healthy", status.healthy.map(Value::Bool));
    add(&mut view, "labels", status.labels.as_ref().map(labels_view));
    add(&mut view, "container_status", status.container_status.as_ref().map(as_it_is));
    view
}

fn add(view: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(fields), Some(value)) = (view.as_object_mut(), value) {
        fields.insert(name.to_owned(), value);
    }
}

/// The message in the names of the protocol, unlike labels: ports are in `ports.ports`.
fn as_it_is<M: mesos::wire::Wire>(message: &M) -> Value {
    serde_json::from_str(&mesos::json::to_string(message)).unwrap_or_default()
}

pub(super) fn labels_view(labels: &Labels) -> Value {
    let pairs = labels.labels.iter().map(|label| json!({ "key": label.key, "value": label.value }));
    pairs.collect()
}
