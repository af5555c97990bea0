//! Command lines in a form that a shell takes.

use mesos::master::without_password;

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
fn without_userinfo(word: &str) -> String {
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

/// The same command to go on with: without what would forget or open again what was done.
#[must_use]
pub fn again(words: impl Iterator<Item = String>) -> String {
    let once = |word: &String| {
        word == "--restart" || word == "--retry-failed" || word.starts_with("--retry-failed=")
    };
    shown(words.filter(|word| !once(word)))
}

/// The same command, but trying failed images again.
#[must_use]
pub fn retry(words: impl Iterator<Item = String>) -> String {
    again(words) + " --retry-failed"
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
    }
}
