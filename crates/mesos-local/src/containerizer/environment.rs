//! Which environment does an executor get?
//!
//! Nothing of our own: what the documentation lists, then what the command asks for.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use mesos::v1::environment::{Variable, variable};
use mesos::v1::{CommandInfo, ExecutorInfo, FrameworkInfo};

use crate::agent::outbox::Identity;
use crate::settings::AgentSettings;

/// What a process needs to find programs, when its framework names nothing else.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The whole environment of an executor's command, later sources winning.
pub(crate) fn of(
    agent: (&Identity, &AgentSettings),
    framework: &FrameworkInfo,
    executor: &ExecutorInfo,
    sandbox: &Path,
    grace: Duration,
    command: &CommandInfo,
) -> Vec<(String, String)> {
    let (agent, settings) = agent;
    let address = agent.address;
    let sandbox = sandbox.display().to_string();
    let mut set = BTreeMap::new();
    let mut put = |name: &str, value: String| set.insert(name.to_owned(), value);
    put("PATH", PATH.to_owned());
    put("LIBPROCESS_PORT", "0".to_owned());
    put("LIBPROCESS_IP", address.ip().to_string());
    put("MESOS_FRAMEWORK_ID", framework.id.clone().unwrap_or_default().value);
    put("MESOS_EXECUTOR_ID", executor.executor_id.value.clone());
    put("MESOS_SLAVE_ID", agent.id().to_owned());
    put("MESOS_SLAVE_PID", format!("slave(1)@{address}"));
    put("MESOS_AGENT_ENDPOINT", address.to_string());
    put("MESOS_DIRECTORY", sandbox.clone());
    put("MESOS_SANDBOX", sandbox);
    put("MESOS_HTTP_COMMAND_EXECUTOR", "0".to_owned());
    put("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", duration(grace));
    put("MESOS_CHECKPOINT", if framework.checkpoint() { "1" } else { "0" }.to_owned());
    if framework.checkpoint() {
        put("MESOS_RECOVERY_TIMEOUT", duration(RECOVERY_TIMEOUT));
        put("MESOS_SUBSCRIPTION_BACKOFF_MAX", duration(settings.executor_reregistration_timeout));
    }
    let wanted = command.environment.iter().flat_map(|environment| &environment.variables);
    set.extend(wanted.map(|variable| (variable.name.clone(), value(variable))));
    set.into_iter().collect()
}

fn value(variable: &Variable) -> String {
    match variable.r#type() {
        variable::Type::Secret => {
            let secret = variable.secret.as_ref().and_then(|secret| secret.value.as_ref());
            secret.map_or_else(String::new, |v| String::from_utf8_lossy(&v.data).into_owned())
        }
        variable::Type::Value | variable::Type::Unknown => variable.value().to_owned(),
    }
}

/// A duration as Mesos prints it: in the largest unit in which it is whole.
pub(crate) fn duration(duration: Duration) -> String {
    const UNITS: [(u128, &str); 7] = [
        (7 * 86_400_000_000_000, "weeks"),
        (86_400_000_000_000, "days"),
        (3_600_000_000_000, "hrs"),
        (60_000_000_000, "mins"),
        (1_000_000_000, "secs"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    let nanoseconds = duration.as_nanos();
    let whole = UNITS.iter().find(|(unit, _)| nanoseconds > 0 && nanoseconds.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{}{name}", nanoseconds / unit),
        None => format!("{nanoseconds}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos::v1::{AgentInfo, Environment};

    fn environment(framework: &FrameworkInfo, command: &CommandInfo) -> BTreeMap<String, String> {
        let agent = Identity {
            info: AgentInfo { id: Some("agent-1".into()), ..AgentInfo::default() },
            address: "127.0.0.1:5051".parse().unwrap(),
            work_dir: "/w".into(),
        };
        let executor = ExecutorInfo { executor_id: "e".into(), ..ExecutorInfo::default() };
        let agent = (&agent, &AgentSettings::default());
        of(agent, framework, &executor, Path::new("/w/s"), Duration::from_secs(5), command)
            .into_iter()
            .collect()
    }

    #[test]
    fn an_executor_learns_who_and_where_it_is() {
        let framework = FrameworkInfo { id: Some("f".into()), ..FrameworkInfo::default() };
        let set = environment(&framework, &CommandInfo::default());
        assert_eq!(set["MESOS_FRAMEWORK_ID"], "f");
        assert_eq!(set["MESOS_EXECUTOR_ID"], "e");
        assert_eq!(set["MESOS_SLAVE_PID"], "slave(1)@127.0.0.1:5051");
        assert_eq!(set["MESOS_AGENT_ENDPOINT"], "127.0.0.1:5051");
        assert_eq!(set["MESOS_SANDBOX"], "/w/s");
        assert_eq!(set["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"], "5secs");
        assert_eq!(set["MESOS_CHECKPOINT"], "0");
        assert!(!set.contains_key("MESOS_RECOVERY_TIMEOUT"));
        assert!(!set.contains_key("HOME"), "nothing is inherited");
    }

    #[test]
    fn checkpointing_executors_learn_how_long_to_wait_for_the_agent() {
        let framework = FrameworkInfo { checkpoint: Some(true), ..FrameworkInfo::default() };
        let set = environment(&framework, &CommandInfo::default());
        assert_eq!(set["MESOS_CHECKPOINT"], "1");
        assert_eq!(set["MESOS_RECOVERY_TIMEOUT"], "15mins");
        assert_eq!(set["MESOS_SUBSCRIPTION_BACKOFF_MAX"], "2secs");
    }

    #[test]
    fn the_command_has_the_last_word() {
        let variable =
            Variable { name: "PATH".into(), value: Some("/mine".into()), ..Variable::default() };
        let command = CommandInfo {
            environment: Some(Environment { variables: vec![variable] }),
            ..CommandInfo::default()
        };
        assert_eq!(environment(&FrameworkInfo::default(), &command)["PATH"], "/mine");
    }

    #[test]
    fn durations_are_printed_in_the_largest_whole_unit() {
        let printed = [90, 60, 3600, 604_800, 5].map(|s| duration(Duration::from_secs(s)));
        assert_eq!(printed, ["90secs", "1mins", "1hrs", "1weeks", "5secs"]);
        assert_eq!(duration(Duration::from_millis(1500)), "1500ms");
        assert_eq!(duration(Duration::ZERO), "0ns");
    }
}
