//! Command lines in a form that a shell takes.

use mesos::master::without_password;

use crate::failure::End;

/// The command line; a password has to be put in again.
#[must_use]
pub fn shown(words: impl Iterator<Item = String>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.-_=:,+@%".contains(c);
    let quoted = words.map(|word| without_userinfo(&word)).map(|word| {
        if !word.is_empty() && word.chars().all(is_plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The word, without what stands before the host of an address in it.
pub(crate) fn without_userinfo(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    if scheme.ends_with("zk") {
        return without_password(word);
    }
    let host_ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let user_ends = rest.get(..host_ends).and_then(|authority| authority.rfind('@'));
    match user_ends.and_then(|at| rest.get(at..)) {
        Some(after) => format!("{scheme}://***{after}"),
        None => word.to_owned(),
    }
}

/// The command to go on with after such an end, if anything is left.
#[must_use]
pub fn to_go_on(end: End, words: impl Iterator<Item = String>) -> Option<String> {
    match end {
        End::AllDone | End::SomeFailed => None,
        End::Interrupted => Some(again(words)),
        End::Aborted => Some(without_limit(words)),
    }
}

/// The same command, without what would forget or open again what was done.
#[must_use]
pub fn again(words: impl Iterator<Item = String>) -> String {
    let (flags, list) = divided(words);
    shown(flags.into_iter().chain(list))
}

/// The same command, but trying failed images again. What follows a `--` is no flag, so this
/// one stands before it.
#[must_use]
pub fn retry(words: impl Iterator<Item = String>) -> String {
    let (flags, list) = divided(words);
    let retry = std::iter::once("--retry-failed".to_owned());
    shown(flags.into_iter().chain(retry).chain(list))
}

/// The same command after a job was given up, with no limit in place of the one that it met, which
/// may also come from the environment.
#[must_use]
pub fn without_limit(words: impl Iterator<Item = String>) -> String {
    let (flags, list) = divided(words);
    let mut is_value = false;
    let flags = flags.into_iter().filter(|word| {
        let is_limit = std::mem::replace(&mut is_value, word == "--max-failures")
            || is_value
            || word == "--fail-fast"
            || word.starts_with("--max-failures=");
        !is_limit
    });
    let mut flags: Vec<_> = flags.collect();
    flags.insert(flags.len().min(1), "--max-failures=100%".to_owned());
    shown(flags.into_iter().chain(list))
}

/// The program with its flags, without those that hold for one run; and what a `--` divides from
/// them, which are no flags.
fn divided(words: impl Iterator<Item = String>) -> (Vec<String>, Vec<String>) {
    let mut words: Vec<_> = words.collect();
    let flags_end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let list = words.split_off(flags_end);
    words.retain(|word| !holds_once(word));
    (words, list)
}

fn holds_once(word: &str) -> bool {
    word == "--restart" || word == "--retry-failed" || word.starts_with("--retry-failed=")
}

/// The command of the run that `scheduler report` tells of.
pub fn of_report(words: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut is_value = false;
    words.enumerate().filter_map(move |(place, word)| {
        let is_own = is_value || place == 1 || word == "--json" || word.starts_with("--html");
        is_value = !is_value && word == "--html";
        (!is_own).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> impl Iterator<Item = String> {
        line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        assert_eq!(
            shown(words(&["scheduler", "--op", "invert", "my list", "it's", ""])),
            r"scheduler --op invert 'my list' 'it'\''s' ''"
        );
    }

    #[test]
    fn the_command_shows_no_password() {
        assert_eq!(
            shown(words(&["scheduler", "--master", "zk://u:s3cret@a:1/m", "--role", "r"])),
            "scheduler --master 'zk://***@a:1/m' --role r"
        );
        let line =
            ["--fileserver=http://u:s3@cret@h/x@y", "http://u:s3cret@h?a=b@c", "https://h/@"];
        assert_eq!(
            shown(words(&line)),
            "'--fileserver=http://***@h/x@y' 'http://***@h?a=b@c' https://h/@"
        );
    }

    #[test]
    fn what_only_a_report_takes_is_left_out() {
        for line in [
            &["scheduler", "report", "--html", "--html", "--op", "blur=1", "l"][..],
            &["scheduler", "report", "--html=r.html", "--op", "blur=1", "--json", "l"],
        ] {
            assert_eq!(shown(of_report(words(line))), "scheduler --op blur=1 l");
        }
    }

    #[test]
    fn what_holds_for_one_run_is_left_out() {
        let line = &["scheduler", "--restart", "l", "--retry-failed=dns", "--retry-failed"];
        assert_eq!(again(words(line)), "scheduler l");
        assert_eq!(retry(words(line)), "scheduler l --retry-failed");
        let line = &["scheduler", "--", "-dash.txt"];
        assert_eq!(retry(words(line)), "scheduler --retry-failed -- -dash.txt");
        let line = &["scheduler", "--", "--restart"];
        assert_eq!(again(words(line)), "scheduler -- --restart");
    }

    #[test]
    fn the_limit_that_was_met_is_left_out() {
        for line in [
            &["scheduler", "--fail-fast", "--op", "invert", "l"][..],
            &["scheduler", "--max-failures", "5%", "--op", "invert", "--restart", "l"],
            &["scheduler", "--max-failures=5%", "--op", "invert", "l"],
        ] {
            assert_eq!(without_limit(words(line)), "scheduler --max-failures=100% --op invert l");
        }
    }
}
