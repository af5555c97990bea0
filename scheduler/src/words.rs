//! What the words of the command line ask for: a job, a report, a look at what is there, or what to
//! type at all.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory, FromArgMatches};
use clap_complete::Shell;

use crate::cli::{Arguments, ReportArguments};
use crate::version;

/// What is shown where nothing was asked for.
pub const QUICK_START: &str = "\
scheduler processes the pictures of a list on an Apache Mesos cluster, or on one inside this program.

  scheduler images              inverts the samples of this project, in its folder
  scheduler doctor LIST         looks whether everything is there for a list of your own:
                                a URL or path a line, or a column of CSV, JSON lines and others
  scheduler LIST                does it; the results and manifest.jsonl are in output/

Beside these: --dry-run says what would happen, --op 'resize=800x600|convert=png' does something else,
--master HOST:5050 --address THIS_MACHINE uses a real cluster, `scheduler report LIST` tells how it went.
Everything: scheduler --help";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  Is everything there for this list, on a cluster inside the program:
    scheduler doctor birds.csv
  And on a real one:
    scheduler doctor --master 10.141.141.10:5050 --address 10.141.141.1 birds.csv
";

const DOCTOR_ENDS: &str = "\
Exit status:
  0    nothing stands in the way
  2    wrong usage
  4    something is wrong; each line says what, and what to do about it
";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
    scheduler completions bash > ~/.local/share/bash-completion/completions/scheduler
    scheduler completions zsh > ~/.zfunc/_scheduler
    scheduler completions fish > ~/.config/fish/completions/scheduler.fish
";

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// Nothing: what can be asked for.
    QuickStart,
    /// To do the job, or to say what would happen.
    Job(Box<Arguments>),
    /// To tell how a job stands.
    Report(Box<ReportArguments>),
    /// To look at what a job needs.
    Doctor(Box<Arguments>),
    /// To write what a shell completes words by.
    Completions(Shell),
}

/// Reads the words behind the program's name, or ends the program with a message about them.
#[must_use]
pub fn wanted(words: impl Iterator<Item = OsString>) -> Wanted {
    try_wanted(words).unwrap_or_else(|error| error.exit())
}

fn try_wanted(words: impl Iterator<Item = OsString>) -> Result<Wanted, clap::Error> {
    let mut words = words.peekable();
    let first = words.peek().map(|word| word.to_string_lossy().into_owned());
    let (mut command, is_own_word) = match first.as_deref() {
        None => return Ok(Wanted::QuickStart),
        Some("report") => (ReportArguments::shown(), true),
        Some("doctor") => (doctor(), true),
        Some("completions") => (completions(), true),
        Some(_) => (Arguments::command(), false),
    };
    let name = command.get_name().to_owned();
    let words = std::iter::once(name.into()).chain(words.skip(usize::from(is_own_word)));
    let matches = command.try_get_matches_from_mut(words)?;
    Ok(match first.as_deref() {
        Some("report") => Wanted::Report(Box::new(ReportArguments::from_arg_matches(&matches)?)),
        Some("doctor") => Wanted::Doctor(Box::new(Arguments::from_arg_matches(&matches)?)),
        Some("completions") => match matches.get_one::<Shell>("SHELL") {
            Some(shell) => Wanted::Completions(*shell),
            None => Wanted::QuickStart,
        },
        Some(_) | None => Wanted::Job(Box::new(Arguments::from_arg_matches(&matches)?)),
    })
}

/// What a shell completes the program's words by.
#[must_use]
pub fn completion(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut whole(), "scheduler", &mut text);
    text
}

/// The program with all that its first word may be.
fn whole() -> Command {
    let subcommands = [
        ReportArguments::shown().name("report"),
        doctor().name("doctor"),
        completions().name("completions"),
    ];
    Arguments::command().subcommands(subcommands)
}

fn doctor() -> Command {
    let about = "Looks whether everything is there that the job of these flags needs: list, hosts, \
                 folders, disk, executor, file server, master, agents, clock. Starts no job and leaves \
                 nothing behind";
    let command = Arguments::command().name("scheduler doctor").about(about).long_about(about);
    command.before_help(DOCTOR_EXAMPLES).after_help(DOCTOR_ENDS)
}

fn completions() -> Command {
    let shell = Arg::new("SHELL").required(true).help("Which shell");
    Command::new("scheduler completions")
        .version(version::SHORT)
        .about("Writes what a shell completes the words of this program by")
        .before_help(COMPLETIONS_EXAMPLES)
        .arg(shell.value_parser(clap::value_parser!(Shell)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn wanted(line: &str) -> Result<Wanted, String> {
        try_wanted(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_word_says_what_is_wanted() {
        assert!(matches!(wanted(""), Ok(Wanted::QuickStart)));
        assert!(matches!(wanted("completions zsh"), Ok(Wanted::Completions(Shell::Zsh))));
        let Ok(Wanted::Doctor(arguments)) = wanted("doctor --agents 3 l.csv") else { panic!() };
        assert_eq!((arguments.cluster.agents, arguments.list.as_path()), (3, Path::new("l.csv")));
        let Ok(Wanted::Report(report)) = wanted("report --html r.html l.csv") else { panic!() };
        assert_eq!(report.html.as_deref(), Some(Path::new("r.html")));
        let Ok(Wanted::Job(arguments)) = wanted("--dry-run l.csv") else { panic!() };
        assert!(arguments.work.dry_run);
        let Ok(Wanted::Job(arguments)) = wanted("./doctor") else { panic!() };
        assert_eq!(arguments.list, Path::new("./doctor"), "a list of that name");
    }

    #[test]
    fn mistakes_are_told_with_what_can_be_given() {
        assert!(wanted("completions").unwrap_err().contains("<SHELL>"));
        assert!(wanted("completions csh").unwrap_err().contains("fish"));
        assert!(wanted("doctor --mastre x").unwrap_err().contains("--master"));
        assert!(wanted("doctor --help").unwrap_err().contains("nothing stands in the way"));
        assert!(wanted("--version").unwrap_err().contains("\nfeatures: "));
        assert!(!wanted("-V").unwrap_err().contains("features"));
    }

    #[test]
    fn every_shell_gets_all_commands_and_flags() {
        whole().debug_assert();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let text = String::from_utf8(completion(shell)).unwrap();
            for word in ["report", "doctor", "completions", "retry-failed", "html"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn the_quick_start_takes_ten_lines_and_shows_only_commands_that_are_there() {
        assert!(QUICK_START.lines().count() <= 10);
        for line in ["--dry-run l", "--op resize=800x600|convert=png l", "report l", "doctor l"] {
            assert!(wanted(line).is_ok(), "{line}");
        }
    }
}
