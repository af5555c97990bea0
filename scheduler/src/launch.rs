//! How the decision to launch a task looks on the wire.

use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use batch::{Entry, Launch};
use mesos::command::Command;
use mesos::discovery::Discovery;
use mesos::operation;
use mesos::v1::{
    CommandInfo, ExecutorInfo, FrameworkId, TaskInfo, command_info::Uri, executor_info,
    offer::Operation,
};
use protocol::{Image, Limits, Manners, Task, paths};
use sha2::{Digest, Sha256};
use url::Url;

use crate::job::hexadecimal;
use crate::spool::Spool;

/// The name of the executor's file in its sandbox.
const FILE: &str = "executor";
/// What the tasks and executors of this program say that they are.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything that is the same for all tasks of a run.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The job.
    pub job: String,
    /// What to do with each image.
    pub operations: String,
    /// The file server as agents reach it, without a slash at its end.
    pub file_server: String,
    /// What uploads bring.
    pub upload_token: Option<String>,
    /// What one image may cost.
    pub limits: Limits,
    /// What to call ourselves to the origins.
    pub user_agent: String,
    /// How to behave towards them.
    pub manners: Manners,
}

/// An id that differs when the executor's command differs: Mesos refuses a task whose
/// executor has the id of a running one but is not described in the same way.
#[must_use]
pub fn executor_id(job: &str, file_server: &Url, executor: Option<&Path>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(file_server.as_str());
    hasher.update(VERSION);
    if let Some(meta) = executor.and_then(|path| path.metadata().ok()) {
        let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hasher.update(meta.len().to_be_bytes());
        hasher.update(changed.unwrap_or_default().as_nanos().to_be_bytes());
    }
    format!("{job}.{}", hexadecimal(&hasher.finalize(), 4))
}

impl Launcher {
    /// The operation that launches these tasks of one agent: several at once as a group where their
    /// executor may have one, which costs a cluster less. `list` has their images.
    ///
    /// # Errors
    ///
    /// When `list` cannot be read.
    pub fn operation(
        &self,
        framework_id: &FrameworkId,
        launches: &[Launch],
        list: &Spool,
    ) -> io::Result<Operation> {
        let task = |launch| self.task(framework_id, launch, list);
        let tasks = launches.iter().map(task).collect::<io::Result<Vec<_>>>()?;
        Ok(match launches {
            [first, _, ..] if operation::can_have_group(&first.executor_resources) => {
                operation::launch_group(self.executor(framework_id, first), in_group(tasks))
            }
            _ => operation::launch(tasks),
        })
    }

    fn task(
        &self,
        framework_id: &FrameworkId,
        launch: &Launch,
        list: &Spool,
    ) -> io::Result<TaskInfo> {
        let image = |index: &u64| {
            list.entry(*index).map(|Entry { url, name, .. }| Image { index: *index, url, name })
        };
        let images = launch.images.iter().map(image).collect::<io::Result<Vec<Image>>>()?;
        Ok(TaskInfo {
            name: task_name(launch, &images),
            task_id: launch.task_id.clone(),
            agent_id: launch.agent_id.clone(),
            resources: launch.resources.to_wire(),
            executor: Some(self.executor(framework_id, launch)),
            data: Some(self.payload(images)),
            labels: Some(self.labels(launch).into_iter().collect()),
            discovery: Some(Discovery::framework(&self.job).version(VERSION).info()),
            ..TaskInfo::default()
        })
    }

    fn labels(&self, launch: &Launch) -> [(&'static str, String); 5] {
        [
            ("job", self.job.clone()),
            ("batch", launch.attempt.batch.to_string()),
            ("attempt", launch.attempt.number.to_string()),
            ("operations", self.operations.clone()),
            ("images", launch.images.len().to_string()),
        ]
    }

    #[expect(deprecated, reason = "`source` is what the master's pages show")]
    fn executor(&self, framework_id: &FrameworkId, launch: &Launch) -> ExecutorInfo {
        ExecutorInfo {
            r#type: Some(executor_info::Type::Custom.into()),
            executor_id: launch.executor_id.clone(),
            framework_id: Some(framework_id.clone()),
            name: Some("Image executor (Rust)".into()),
            source: Some(self.job.clone()),
            command: Some(self.command()),
            resources: launch.executor_resources.to_wire(),
            labels: Some([("job", &self.job)].into_iter().collect()),
            discovery: Some(Discovery::framework("image-executor").version(VERSION).info()),
            ..ExecutorInfo::default()
        }
    }

    fn command(&self) -> CommandInfo {
        // Our own file server's address needs no check by `Fetch`: `Url` has written it.
        let uri = Uri {
            value: format!("{}{}", self.file_server, paths::EXECUTOR),
            executable: Some(true),
            extract: Some(false),
            cache: Some(false),
            output_file: Some(FILE.into()),
        };
        Command::program(format!("./{FILE}")).fetch(uri).info()
    }

    fn payload(&self, images: Vec<Image>) -> Vec<u8> {
        Task {
            job: self.job.clone(),
            images,
            operations: self.operations.clone(),
            file_server: self.file_server.clone(),
            upload_token: self.upload_token.clone(),
            limits: self.limits,
            user_agent: self.user_agent.clone(),
            manners: Some(self.manners.clone()),
            ..Task::default()
        }
        .to_payload()
    }
}

/// The group names the executor once for all of them.
fn in_group(tasks: Vec<TaskInfo>) -> Vec<TaskInfo> {
    tasks.into_iter().map(|task| TaskInfo { executor: None, ..task }).collect()
}

fn task_name(launch: &Launch, images: &[Image]) -> String {
    match images {
        [only] => only.name.clone(),
        [first, .., last] => format!("{} to {}", first.name, last.name),
        [] => launch.task_id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::{Attempt, Given};
    use mesos::resources::{Resources, Scalar};
    use prost::Message;

    fn launcher() -> Launcher {
        Launcher {
            job: "holiday-1a2b3c4d".into(),
            operations: "invert".into(),
            file_server: "http://10.0.0.1:12345".into(),
            upload_token: Some("s3cret".into()),
            limits: Limits { max_pixels: 7, ..Limits::default() },
            user_agent: "test/1".into(),
            manners: Manners { deny_private: true, ..Manners::default() },
        }
    }

    fn launch(batch: u64) -> Launch {
        let attempt = Attempt { batch, number: 1 };
        let one = Scalar::from_thousandths(1_000);
        Launch {
            task_id: attempt.task_id("holiday-1a2b3c4d"),
            attempt,
            agent_id: "agent-1".into(),
            resources: Resources::scalars(one, Scalar::from_thousandths(128_000)),
            images: vec![batch],
            executor_id: "holiday-1a2b3c4d.00112233".into(),
            executor_is_new: true,
            executor_resources: Resources::scalars(Scalar::ZERO, Scalar::from_thousandths(32_000)),
        }
    }

    fn operation(launches: &[Launch]) -> Operation {
        let entry = |index| Entry {
            index,
            line: index,
            url: "http://h/a.jpg".into(),
            name: format!("{index}-a"),
            given: Given::Process,
        };
        let folder = tempfile::tempdir().unwrap();
        let list = Spool::of(folder.path(), [entry(1), entry(2)]).unwrap();
        let operation = launcher().operation(&"f".into(), launches, &list);
        operation.unwrap()
    }

    fn tasks() -> Vec<TaskInfo> {
        operation(&[launch(1), launch(2)]).launch.unwrap().task_infos
    }

    #[test]
    fn several_tasks_are_a_group_where_their_executor_may_have_one() {
        let launch = |batch| Launch {
            executor_resources: "cpus:0.01;mem:32;disk:512".parse().unwrap(),
            ..launch(batch)
        };
        let group = operation(&[launch(1), launch(2)]).launch_group.unwrap();
        let names: Vec<_> = group.task_group.tasks.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["1-a", "2-a"]);
        assert!(group.task_group.tasks.iter().all(|task| task.executor.is_none()));
        let single = operation(&[launch(1)]).launch.unwrap().task_infos.remove(0);
        assert_eq!(single.executor, Some(group.executor), "the same, however it is launched");
    }

    #[test]
    fn a_task_carries_what_the_executor_needs() {
        let tasks = tasks();
        assert_eq!(tasks[0].task_id.value, "holiday-1a2b3c4d.1.1");
        assert_eq!(tasks[0].agent_id.value, "agent-1");
        let payload = Task::from_payload(tasks[0].data.as_ref().unwrap()).unwrap();
        let image = Image { index: 1, url: "http://h/a.jpg".into(), name: "1-a".into() };
        assert_eq!((tasks[0].name.as_str(), payload.images), ("1-a", vec![image]));
        assert_eq!(payload.upload_token.as_deref(), Some("s3cret"));
        assert_eq!(payload.limits.max_pixels, 7);
        assert_eq!(payload.user_agent, "test/1");
        assert!(payload.manners.unwrap().deny_private);
        assert_eq!(Resources::from(&tasks[0].resources).cpus(), Scalar::from_thousandths(1_000));
    }

    #[test]
    fn a_task_says_what_it_belongs_to() {
        let task = tasks().remove(1);
        let labels = task.labels.unwrap();
        let of = |key| labels.value(key).unwrap().to_owned();
        assert_eq!(of("job"), "holiday-1a2b3c4d");
        assert_eq!(
            (of("batch"), of("attempt"), of("images")),
            ("2".into(), "1".into(), "1".into())
        );
        let discovery = task.discovery.unwrap();
        assert_eq!((discovery.name(), discovery.version()), ("holiday-1a2b3c4d", VERSION));
        let executor = task.executor.unwrap();
        assert_eq!(executor.labels.unwrap().value("job"), Some("holiday-1a2b3c4d"));
        assert_eq!(executor.discovery.unwrap().name(), "image-executor");
    }

    #[test]
    fn all_tasks_of_an_agent_describe_the_same_executor() {
        let tasks = tasks();
        assert_eq!(tasks[0].executor, tasks[1].executor);
        let executor = tasks[0].executor.clone().unwrap();
        let command = executor.command.unwrap();
        assert_eq!(command.uris[0].value, "http://10.0.0.1:12345/executor");
        assert_eq!((command.shell, command.value.as_deref()), (Some(false), Some("./executor")));
        let names: Vec<_> = executor.resources.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["mem"], "a resource of nothing is no resource");
    }

    #[test]
    fn the_token_is_only_where_the_master_does_not_show_it() {
        let mut task = tasks().remove(0);
        task.data = None;
        let bytes = task.encode_to_vec();
        assert!(!bytes.windows(6).any(|window| window == b"s3cret"));
    }

    #[test]
    fn another_file_server_or_executor_gives_another_executor_id() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (a, b) = ("http://h:1/".parse().unwrap(), "http://h:2/".parse().unwrap());
        let of = |url| executor_id("j", url, Some(file.path()));
        assert_eq!(of(&a), of(&a));
        assert_ne!(of(&a), of(&b));
        let before = of(&a);
        std::fs::write(file.path(), "new").unwrap();
        assert_ne!(of(&a), before);
    }
}
