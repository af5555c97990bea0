//! The messages that travel by themselves, with their names in the protocol.

use prost::Message;

/// A message with its name in the protocol, so that JSON can find its shape.
pub trait Wire: Message + Default {
    /// The full name, for example `mesos.v1.scheduler.Call`.
    const NAME: &'static str;
}

macro_rules! wire {
    ($($type:ty => $name:literal),* $(,)?) => {$(
        impl Wire for $type {
            const NAME: &'static str = $name;
        }
    )*};
}

wire! {
    crate::v1::scheduler::Call => "mesos.v1.scheduler.Call",
    crate::v1::scheduler::Event => "mesos.v1.scheduler.Event",
    crate::v1::executor::Call => "mesos.v1.executor.Call",
    crate::v1::executor::Event => "mesos.v1.executor.Event",
    crate::v1::FrameworkInfo => "mesos.v1.FrameworkInfo",
    crate::v1::ExecutorInfo => "mesos.v1.ExecutorInfo",
    crate::v1::TaskInfo => "mesos.v1.TaskInfo",
    crate::v1::TaskStatus => "mesos.v1.TaskStatus",
    crate::v1::AgentInfo => "mesos.v1.AgentInfo",
    crate::v1::MasterInfo => "mesos.v1.MasterInfo",
    crate::v1::Offer => "mesos.v1.Offer",
    crate::v1::Resource => "mesos.v1.Resource",
    crate::v1::ContainerStatus => "mesos.v1.ContainerStatus",
    crate::v1::DiscoveryInfo => "mesos.v1.DiscoveryInfo",
}
