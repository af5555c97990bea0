//! What an ACCEPT does with an offer: every kind of operation as one function.
//!
//! ```
//! use mesos::operation;
//! use mesos::v1::{Resource, TaskInfo};
//! # let (task, reserved, volume) = (TaskInfo::default(), Resource::default(), Resource::default());
//! // Carried out in this order, each on what the ones before left.
//! let operations = vec![
//!     operation::reserve(vec![reserved]),
//!     operation::with_id(operation::create(vec![volume]), "volume-1"),
//!     operation::launch(vec![task]),
//! ];
//! # assert_eq!(operations.len(), 3);
//! ```
//!
//! Source: MESOS "Scheduler HTTP API", ACCEPT, and "Reservation" and "Persistent Volumes".

use crate::resources::{Resources, Scalar};
use crate::v1::offer::Operation;
use crate::v1::offer::operation::{self, Type};
use crate::v1::resource::disk_info::source;
use crate::v1::{ExecutorInfo, OperationId, Resource, TaskGroupInfo, TaskInfo, value};

/// Starts tasks, each by itself. One that is not valid gets TASK_ERROR; the others start.
#[doc(alias = "LAUNCH")]
#[must_use]
pub fn launch(tasks: Vec<TaskInfo>) -> Operation {
    Operation { launch: Some(operation::Launch { task_infos: tasks }), ..of_type(Type::Launch) }
}

/// Starts tasks together on one executor: all or none.
///
/// The executor needs its type and framework id set, and [enough](can_have_group) resources of
/// its own; tasks have no executor set, or the same one. The master and the agent handle a group
/// as one, and the executor gets all of it in one event, so this costs a cluster less than as many
/// [`launch`]es. If one task is invalid, all get `TASK_ERROR`, and a KILL of one that its executor
/// does not have yet kills all.
///
/// Never give two tasks of a group one id: the master of Mesos 1.11.0 aborts at that (a failed
/// check in `Master::addTask`).
#[doc(alias = "LAUNCH_GROUP")]
#[doc(alias = "pod")]
#[must_use]
pub fn launch_group(executor: ExecutorInfo, tasks: Vec<TaskInfo>) -> Operation {
    let task_group = TaskGroupInfo { tasks };
    Operation {
        launch_group: Some(operation::LaunchGroup { executor, task_group }),
        ..of_type(Type::LaunchGroup)
    }
}

/// The least processors of an executor that Mesos launches groups for: 0.01
/// (`MIN_CPUS` in `src/master/constants.hpp`, asked for in `src/master/validation.cpp`).
pub const MIN_GROUP_CPUS: Scalar = Scalar::from_thousandths(10);

/// The least memory of such an executor, in MiB: 32 (`MIN_MEM` there).
pub const MIN_GROUP_MEM_MIB: Scalar = Scalar::from_thousandths(32_000);

/// Whether Mesos launches groups for an executor with these resources: with at least
/// [`MIN_GROUP_CPUS`], [`MIN_GROUP_MEM_MIB`] and some disk.
#[must_use]
pub fn can_have_group(executor: &Resources) -> bool {
    executor.cpus() >= MIN_GROUP_CPUS
        && executor.mem_mib() >= MIN_GROUP_MEM_MIB
        && !executor.disk_mib().is_zero()
}

/// Reserves resources of the offer for a role: `resources` as they are to become.
#[doc(alias = "RESERVE")]
#[must_use]
pub fn reserve(resources: Vec<Resource>) -> Operation {
    reserve_from(Vec::new(), resources)
}

/// Changes the reservation of `source` into that of `resources`, in one step.
#[must_use]
pub fn reserve_from(source: Vec<Resource>, resources: Vec<Resource>) -> Operation {
    let reserve = operation::Reserve { source, resources };
    Operation { reserve: Some(reserve), ..of_type(Type::Reserve) }
}

/// Takes the last reservation from resources.
#[doc(alias = "UNRESERVE")]
#[must_use]
pub fn unreserve(resources: Vec<Resource>) -> Operation {
    let unreserve = operation::Unreserve { resources };
    Operation { unreserve: Some(unreserve), ..of_type(Type::Unreserve) }
}

/// Makes persistent volumes of reserved disk.
#[doc(alias = "CREATE")]
#[must_use]
pub fn create(volumes: Vec<Resource>) -> Operation {
    Operation { create: Some(operation::Create { volumes }), ..of_type(Type::Create) }
}

/// Ends persistent volumes, with what is in them.
#[doc(alias = "DESTROY")]
#[must_use]
pub fn destroy(volumes: Vec<Resource>) -> Operation {
    Operation { destroy: Some(operation::Destroy { volumes }), ..of_type(Type::Destroy) }
}

/// Makes a persistent volume larger by `addition`. Experimental in Mesos.
#[doc(alias = "GROW_VOLUME")]
#[must_use]
pub fn grow_volume(volume: Resource, addition: Resource) -> Operation {
    let grow_volume = operation::GrowVolume { volume, addition };
    Operation { grow_volume: Some(grow_volume), ..of_type(Type::GrowVolume) }
}

/// Makes a persistent volume smaller by `subtract_mib` MiB. Experimental in Mesos.
#[doc(alias = "SHRINK_VOLUME")]
#[must_use]
pub fn shrink_volume(volume: Resource, subtract_mib: f64) -> Operation {
    let subtract = value::Scalar { value: subtract_mib };
    let shrink_volume = operation::ShrinkVolume { volume, subtract };
    Operation { shrink_volume: Some(shrink_volume), ..of_type(Type::ShrinkVolume) }
}

/// Makes a disk of raw storage, of a kind and perhaps a profile. Experimental in Mesos.
#[doc(alias = "CREATE_DISK")]
#[must_use]
pub fn create_disk(source: Resource, kind: source::Type, profile: Option<String>) -> Operation {
    let create_disk =
        operation::CreateDisk { source, target_type: kind.into(), target_profile: profile };
    Operation { create_disk: Some(create_disk), ..of_type(Type::CreateDisk) }
}

/// Makes raw storage of a disk. Experimental in Mesos.
#[doc(alias = "DESTROY_DISK")]
#[must_use]
pub fn destroy_disk(source: Resource) -> Operation {
    Operation {
        destroy_disk: Some(operation::DestroyDisk { source }),
        ..of_type(Type::DestroyDisk)
    }
}

/// Gives an operation a name, so that its outcome comes as
/// `scheduler::Event::OperationUpdate`.
///
/// Not for launches: Mesos answers a named LAUNCH with TASK_ERROR.
#[must_use]
pub fn with_id(operation: Operation, id: impl Into<OperationId>) -> Operation {
    Operation { id: Some(id.into()), ..operation }
}

fn of_type(kind: Type) -> Operation {
    Operation { r#type: Some(kind.into()), ..Operation::default() }
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;
    use crate::v1::scheduler::{Call, call};

    fn every() -> Vec<Operation> {
        let resource = || Resource { name: "disk".into(), ..Resource::default() };
        vec![
            launch(vec![TaskInfo::default()]),
            launch_group(ExecutorInfo::default(), vec![TaskInfo::default()]),
            reserve(vec![resource()]),
            unreserve(vec![resource()]),
            create(vec![resource()]),
            destroy(vec![resource()]),
            grow_volume(resource(), resource()),
            shrink_volume(resource(), 1.0),
            create_disk(resource(), source::Type::Mount, Some("fast".into())),
            destroy_disk(resource()),
        ]
    }

    #[test]
    fn every_kind_has_a_function_that_fills_its_own_field_only() {
        let kinds: Vec<_> = (1..64).filter_map(|number| Type::try_from(number).ok()).collect();
        let mut made: Vec<_> = every().iter().map(Operation::r#type).collect();
        made.sort_unstable();
        assert_eq!(made, kinds);
        for operation in every() {
            let name = operation.r#type().as_str_name();
            let accept =
                call::Accept { operations: vec![operation.clone()], ..call::Accept::default() };
            let call = Call { accept: Some(accept), ..Call::default() };
            let json: serde_json::Value =
                serde_json::from_str(&crate::json::to_string(&call)).unwrap();
            let keys: Vec<_> =
                json["accept"]["operations"][0].as_object().unwrap().keys().cloned().collect();
            let mut wanted = vec![name.to_lowercase(), "type".to_owned()];
            wanted.sort();
            assert_eq!(keys, wanted);
        }
    }

    #[test]
    fn an_operation_can_be_named() {
        assert_eq!(with_id(create(vec![]), "o").id, Some("o".into()));
    }

    #[test]
    fn a_group_asks_something_of_its_executor() {
        let can = |resources: &str| can_have_group(&resources.parse().unwrap());
        assert!(can("cpus:0.01;mem:32;disk:1"));
        for poor in
            ["mem:32;disk:1", "cpus:0.009;mem:32;disk:1", "cpus:1;mem:31;disk:1", "cpus:1;mem:32"]
        {
            assert!(!can(poor), "{poor}");
        }
    }
}
