//! How an image ended, in one word.

use std::fmt;
use std::str::FromStr;

macro_rules! classes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal, $transient:literal, $hint:literal;)*) => {
        /// How an image ended: one word for people, scripts and retries.
        ///
        /// Transient classes may go better next time and are tried again; permanent
        /// ones are final at once.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
        #[repr(i32)]
        pub enum Class {
            $($(#[doc = $doc])* $name = $number,)*
        }

        impl Class {
            /// Every class, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in manifests and summaries.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether trying again may help.
            #[must_use]
            pub fn is_transient(self) -> bool {
                match self { $(Self::$name => $transient,)* }
            }

            /// What it means, as documented.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)*).trim_ascii(),)* }
            }

            /// What people can do about it, in one sentence; empty where there is nothing to do.
            #[must_use]
            pub fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

classes! {
    /// Done: the result is durable on the file server.
    Ok = 0, "ok", false,
        "";
    /// A line of the list that is no URL.
    BadUrl = 1, "bad-url", false,
        "Correct these lines of the list.";
    /// The same URL stands earlier in the list; it was processed once.
    Duplicate = 2, "duplicate", false,
        "It shares the outcome of the first line of its URL.";
    /// The host name does not resolve.
    Dns = 10, "dns", true,
        "Check the spelling of the host, and that the agents can ask a name server (/etc/resolv.conf).";
    /// No connection: refused, reset or unreachable.
    Connect = 11, "connect", true,
        "Check that the host is up and that a firewall lets the agents through.";
    /// The TLS handshake or certificate failed.
    Tls = 12, "tls", false,
        "Check the host's certificate and the clock and root certificates of the agents.";
    /// A deadline passed: connecting, between two pieces, or in total.
    Timeout = 13, "timeout", true,
        "Try again later, or give slow hosts more time with --connect-timeout, --idle-timeout or --download-timeout.";
    /// The server says that the request is wrong: status 4xx, except 408 and 429.
    Http4xx = 14, "http-4xx", false,
        "The pictures are gone, or need a permission that the list does not carry.";
    /// The server failed: status 5xx.
    Http5xx = 15, "http-5xx", true,
        "The host is in trouble: try again later.";
    /// The server asks for patience: status 429.
    TooManyRequests = 16, "too-many-requests", true,
        "Ask less at once: --per-host 2, or --per-host-rate 1/s.";
    /// Too many redirects, or one that leads nowhere.
    Redirect = 17, "redirect", false,
        "Put the address that the picture has now into the list.";
    /// The transfer broke off or is not HTTP.
    Transfer = 18, "transfer", true,
        "The connection broke in the middle: try again later.";
    /// The address may not be reached: one of a private network that a redirect leads to, or any such with `--deny-private`.
    ForbiddenAddress = 19, "forbidden-address", false,
        "The address, or one that a redirect led to, is in a private network: if that is meant, permit it with --allow-net.";
    /// The origin does not want its pictures fetched or used by programs.
    Robots = 28, "robots", false,
        "Respect it, or if you have the owner's permission: --robots ignore, --x-robots-tag ignore.";
    /// More bytes, pixels, frames or memory than the limits allow.
    TooLarge = 20, "too-large", false,
        "If such pictures are wanted, raise --max-download-size for bytes, --max-pixels for pixels, or --mem for memory, whichever the message tells of.";
    /// Nothing at all came.
    Empty = 21, "empty", false,
        "The host has a file of no bytes there.";
    /// Something came, but no picture: a web page, say.
    NotAnImage = 22, "not-an-image", false,
        "The URL leads to something else, often a web page that should be opened in a browser.";
    /// A picture in a format or a flavour that is not covered.
    Unsupported = 23, "unsupported", false,
        "Convert these pictures to another format first.";
    /// The picture ends before its end.
    Truncated = 24, "truncated", false,
        "The file at the host ends too early: ask its owner for a whole one.";
    /// The picture contradicts itself.
    Corrupt = 25, "corrupt", false,
        "The file at the host is damaged: ask its owner for a good one.";
    /// The program failed on this picture, which is a bug.
    Internal = 26, "internal", false,
        "This is a bug: please report it with the picture.";
    /// The picture would take longer than the limits allow.
    TooSlow = 27, "too-slow", false,
        "Leave out expensive operations for these pictures, or make them smaller first.";
    /// The file server did not take the result.
    Upload = 30, "upload", true,
        "Check that the agents can reach the file server (--address) and see what it logs.";
    /// The file server has no room for the result: status 507.
    DiskFull = 31, "disk-full", true,
        "Make room on the disk of the file server, then start the same command again with --retry-failed.";
    /// The machinery failed too often: agents, executors, launches.
    Machinery = 40, "machinery", true,
        "See the agents' logs: the executor could not be started or kept running.";
    /// The task was killed before the image was done.
    Killed = 41, "killed", true,
        "Start the same command again with --retry-failed.";
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a class of outcome"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_as_it_is_written() {
        for class in Class::ALL {
            assert_eq!(class.as_str().parse(), Ok(*class));
            assert_eq!(Class::try_from(*class as i32), Ok(*class));
        }
        assert!("fine".parse::<Class>().is_err());
    }

    #[test]
    fn every_failure_has_a_hint_of_one_sentence() {
        for class in Class::ALL.iter().filter(|class| **class != Class::Ok) {
            let hint = class.hint();
            assert!(hint.ends_with('.') && hint.len() > 20, "{class}: {hint:?}");
            assert!(!hint.contains(['\n', '|']), "{class}: {hint:?}");
        }
    }

    #[test]
    fn the_documentation_has_the_table_of_this_code() {
        let rows: String = Class::ALL
            .iter()
            .map(|class| {
                let again = if class.is_transient() { "yes" } else { "no" };
                format!("| `{class}` | {} | {again} | {} |\n", class.meaning(), class.hint())
            })
            .collect();
        let page = include_str!("../../../docs/outcomes.md");
        assert!(page.contains(&rows), "docs/outcomes.md should have these rows:\n{rows}");
    }
}
