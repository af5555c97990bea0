//! What a task runs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::Fault;
use crate::command::Command;
use crate::uri::{self, UriError};
use crate::v1::CommandInfo;
use crate::v1::command_info::Uri;

/// A command with its files and environment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandDefinition {
    /// A line for the shell, or with `arguments` a program.
    pub cmd: String,
    /// Arguments for `cmd` as a program, without a shell. Default: `cmd` is for the shell.
    #[serde(default)]
    pub arguments: Option<Vec<String>>,
    /// What is fetched into the sandbox first.
    #[serde(default)]
    pub uris: Vec<UriDefinition>,
    /// Variables of its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The user it runs as. Default: the framework's.
    #[serde(default)]
    pub user: Option<String>,
}

/// Something to fetch; see [`crate::uri`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UriDefinition {
    /// Where it is.
    pub uri: String,
    /// Whether to unpack it. Default: if its name is one of an archive, and it is not run.
    #[serde(default)]
    pub extract: Option<bool>,
    /// Whether it can be run. Default: no.
    #[serde(default, alias = "executable")]
    pub execute: bool,
    /// Whether the agent keeps it for other tasks. Default: no.
    #[serde(default)]
    pub cache: bool,
    /// What it is called in the sandbox. Default: what follows the last slash.
    #[serde(default)]
    pub output_file: Option<String>,
}

impl CommandDefinition {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.cmd.trim().is_empty() {
            return Err(Fault::at("cmd", "there is nothing to run"));
        }
        for name in self.environment.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                let text = format!("{name:?} cannot be the name of a variable");
                return Err(Fault::at("environment", text));
            }
        }
        for (index, uri) in self.uris.iter().enumerate() {
            uri.check().map_err(|fault| fault.within(&format!("uris[{index}]")))?;
        }
        Ok(())
    }

    /// The message, with these variables beside its own. What it sets itself goes before.
    pub(super) fn info(&self, variables: &[(String, String)]) -> CommandInfo {
        let mut command = match &self.arguments {
            None => Command::shell(&self.cmd),
            Some(arguments) => arguments.iter().fold(Command::program(&self.cmd), Command::arg),
        };
        for (name, value) in variables {
            command = command.env(name, value);
        }
        for (name, value) in &self.environment {
            command = command.env(name, value);
        }
        for uri in &self.uris {
            command = command.fetch(uri.message());
        }
        match &self.user {
            Some(user) => command.user(user).info(),
            None => command.info(),
        }
    }
}

impl UriDefinition {
    fn check(&self) -> Result<(), Fault> {
        uri::check(&self.message()).map_err(|error| {
            let field = match &error {
                UriError::ExecutableArchive(_) | UriError::NotAnArchive(_) => "extract",
                UriError::OutsideSandbox(_) => "output_file",
                UriError::Empty
                | UriError::Character(_)
                | UriError::NoPath(_)
                | UriError::RelativeFile(_)
                | UriError::NoName(_) => "uri",
            };
            Fault::at(field, error.to_string())
        })
    }

    fn message(&self) -> Uri {
        let explicit = Uri {
            value: self.uri.clone(),
            executable: Some(self.execute),
            extract: self.extract,
            cache: Some(self.cache),
            output_file: self.output_file.clone(),
        };
        // Left out, Mesos would unpack what it can: say so, as it is what people expect.
        let extract = self.extract.unwrap_or(!self.execute && uri::is_archive(&explicit));
        Uri { extract: Some(extract), ..explicit }
    }
}
