//! How an image ended, in one word.

use std::fmt;
use std::str::FromStr;

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $transient:literal;)*) => {
        /// How an image ended: one word for people, scripts and retries.
        ///
        /// Transient classes may go better next time and are tried again; permanent
        /// ones are final at once.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
        #[repr(i32)]
        pub enum Class {
            $($(#[$doc])* $name = $number,)*
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
        }
    };
}

classes! {
    /// Done: the result is durable on the file server.
    Ok = 0, "ok", false;
    /// A line of the list that is no URL.
    BadUrl = 1, "bad-url", false;
    /// The same URL stands earlier in the list; it was processed once.
    Duplicate = 2, "duplicate", false;
    /// The host name does not resolve.
    Dns = 10, "dns", true;
    /// No connection: refused, reset or unreachable.
    Connect = 11, "connect", true;
    /// The TLS handshake or certificate failed.
    Tls = 12, "tls", false;
    /// A deadline passed: connecting, between two pieces, or in total.
    Timeout = 13, "timeout", true;
    /// The server says that the request is wrong: status 4xx, except 408 and 429.
    Http4xx = 14, "http-4xx", false;
    /// The server failed: status 5xx.
    Http5xx = 15, "http-5xx", true;
    /// The server asks for patience: status 429.
    TooManyRequests = 16, "too-many-requests", true;
    /// Too many redirects, or one that leads nowhere.
    Redirect = 17, "redirect", false;
    /// The transfer broke off or is not HTTP.
    Transfer = 18, "transfer", true;
    /// More bytes, pixels, frames or memory than the limits allow.
    TooLarge = 20, "too-large", false;
    /// Nothing at all came.
    Empty = 21, "empty", false;
    /// Something came, but no picture: a web page, say.
    NotAnImage = 22, "not-an-image", false;
    /// A picture in a format or a flavour that is not covered.
    Unsupported = 23, "unsupported", false;
    /// The picture ends before its end.
    Truncated = 24, "truncated", false;
    /// The picture contradicts itself.
    Corrupt = 25, "corrupt", false;
    /// The program failed on this picture, which is a bug.
    Internal = 26, "internal", false;
    /// The picture would take longer than the limits allow.
    TooSlow = 27, "too-slow", false;
    /// The file server did not take the result.
    Upload = 30, "upload", true;
    /// The machinery failed too often: agents, executors, launches.
    Machinery = 40, "machinery", true;
    /// The task was killed before the image was done.
    Killed = 41, "killed", true;
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
}
