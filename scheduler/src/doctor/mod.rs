//! What stands in the way of a job, found out before it begins: `scheduler doctor`.
//!
//! | what is looked at | module |
//! |---|---|
//! | list, names of its hosts, folders, executor, file server | `here` |
//! | master, agents, clocks | `cluster` |
//! | whether a program needs the C library of its machine | `elf` |

mod cluster;
mod elf;
mod here;

use std::fmt;

use serde::Serialize;

use crate::cli::Arguments;
use crate::failure::Failure;
use crate::preflight;

pub(crate) use here::answers;

/// The exit status if something is wrong, whatever it is.
const WRONG: u8 = 4;

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The thing.
    pub check: &'static str,
    /// Whether the job can do with it.
    pub ok: bool,
    /// How it is; or what is wrong, with a remedy.
    pub message: String,
}

impl Finding {
    fn of(check: &'static str, result: Result<String, String>) -> Self {
        let (ok, message) = match result {
            Ok(message) => (true, message),
            Err(message) => (false, message),
        };
        Self { check, ok, message }
    }
}

/// Everything that was looked at, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// The exit status: 0 if nothing is wrong, else 4.
    #[must_use]
    pub fn status(&self) -> u8 {
        if self.0.iter().all(|finding| finding.ok) { 0 } else { WRONG }
    }

    /// The findings as the flags want them.
    ///
    /// # Errors
    ///
    /// Never in practice: every field can be written as JSON.
    pub fn told(&self, arguments: &Arguments) -> Result<String, Failure> {
        if !arguments.show.json {
            return Ok(self.to_string());
        }
        serde_json::to_string_pretty(self)
            .map_err(|error| Failure::Start(format!("{error}, which is a bug: report it")))
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, ok, message } in &self.0 {
            let word = if *ok { "ok" } else { "WRONG" };
            writeln!(f, "{word:<6} {check:<12} {message}")?;
        }
        let wrong = self.0.iter().filter(|finding| !finding.ok).count();
        match wrong {
            0 => write!(f, "Nothing stands in the way of the job."),
            1 => write!(f, "One thing stands in the way of the job."),
            _ => write!(f, "{wrong} things stand in the way of the job."),
        }
    }
}

/// Looks at what the job of these flags needs. Nothing stays behind: what is made for a try is
/// taken away.
pub async fn examine(arguments: &Arguments) -> Findings {
    let mut findings = here::list(arguments).await;
    findings.push(Finding::of("output", here::output(arguments)));
    let files = preflight::file_server(&arguments.files, &arguments.list);
    match files {
        Ok(server) => {
            findings.extend(here::executor(&server).await);
            findings.push(Finding::of("file server", here::file_server(arguments, &server).await));
        }
        Err(failure) => findings.extend(here::unusable(arguments, &failure)),
    }
    findings.extend(cluster::findings(arguments).await);
    Findings(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_thing_is_enough_to_say_so() {
        let good = Finding::of("list", Ok("images: 3 images".into()));
        let bad = Finding::of("master", Err("no answer: start it".into()));
        let all = Findings(vec![good.clone()]);
        assert_eq!((all.status(), all.to_string().lines().count()), (0, 2));
        let some = Findings(vec![good, bad]);
        assert_eq!(some.status(), 4);
        assert_eq!(
            some.to_string(),
            "ok     list         images: 3 images\nWRONG  master       no answer: start it\n\
             One thing stands in the way of the job."
        );
    }
}
