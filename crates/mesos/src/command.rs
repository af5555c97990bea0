//! What runs: a shell command or a program with arguments, its environment and its files.

use crate::v1::command_info::Uri;
use crate::v1::environment::Variable;
use crate::v1::environment::variable::Type;
use crate::v1::{CommandInfo, Environment};

/// A `CommandInfo` in the making.
///
/// ```
/// use mesos::command::Command;
/// use mesos::uri::Fetch;
/// let hello = Command::shell("echo $GREETING").env("GREETING", "hello").info();
/// assert_eq!(hello.value.as_deref(), Some("echo $GREETING"));
///
/// let executor = Command::program("./executor")
///     .arg("--verbose")
///     .fetch(Fetch::executable("http://10.0.0.1:12345/executor").uri()?)
///     .info();
/// assert_eq!(executor.arguments, ["./executor", "--verbose"]);
/// # Ok::<(), mesos::uri::UriError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    info: CommandInfo,
}

impl Command {
    /// A line for `/bin/sh -c`: variables, pipes and quotes work.
    #[must_use]
    pub fn shell(line: impl Into<String>) -> Self {
        let value = Some(line.into());
        Self { info: CommandInfo { shell: Some(true), value, ..CommandInfo::default() } }
    }

    /// A program that is run as it is, without a shell: nothing in its arguments has a
    /// meaning. A relative path is looked up in the sandbox too. Its first argument, by which
    /// it knows itself, is filled in.
    #[must_use]
    pub fn program(path: impl Into<String>) -> Self {
        let path = path.into();
        let arguments = vec![path.clone()];
        let value = Some(path);
        let info = CommandInfo { shell: Some(false), value, arguments, ..CommandInfo::default() };
        Self { info }
    }

    /// One more argument for a program. A shell command ignores it, as Mesos does.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.info.arguments.push(argument.into());
        self
    }

    /// A variable of its environment; of two with the same name the later one counts. An agent
    /// passes none of its own on.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        let environment = self.info.environment.get_or_insert_with(Environment::default);
        environment.variables.retain(|variable| variable.name != name);
        environment.variables.push(Variable {
            name,
            r#type: Some(Type::Value.into()),
            value: Some(value.into()),
            secret: None,
        });
        self
    }

    /// Something to fetch into the sandbox first; see [`crate::uri`].
    #[must_use]
    pub fn fetch(mut self, uri: Uri) -> Self {
        self.info.uris.push(uri);
        self
    }

    /// The user it runs as, who must exist on the agent. Default: the framework's.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.info.user = Some(user.into());
        self
    }

    /// The message.
    #[must_use]
    pub fn info(self) -> CommandInfo {
        self.info
    }
}

impl From<Command> for CommandInfo {
    fn from(command: Command) -> Self {
        command.info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_set_twice_is_there_once() {
        let command = Command::shell("env").env("A", "1").env("B", "2").env("A", "3").info();
        let pairs: Vec<_> = command.environment.unwrap().variables;
        let pairs: Vec<_> = pairs.iter().map(|v| (v.name.as_str(), v.value())).collect();
        assert_eq!(pairs, [("B", "2"), ("A", "3")]);
    }

    #[test]
    fn a_shell_line_and_a_program_differ_on_the_wire() {
        let (line, program) = (Command::shell("a b").info(), Command::program("a").arg("b").info());
        assert_eq!((line.shell(), line.value(), line.arguments.len()), (true, "a b", 0));
        assert_eq!((program.shell(), program.value()), (false, "a"));
        assert_eq!(program.arguments, ["a", "b"]);
        assert_eq!(Command::shell("x").user("nobody").info().user(), "nobody");
    }
}
