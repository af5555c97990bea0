//! What an error of the network means: one class and one reason for people.

use std::error::Error;
use std::io;

use protocol::Class;

use crate::client::{Broken, UnresolvedHost};
use crate::guard::Forbidden;

/// What can be known from an error alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What kind of failure.
    pub class: Class,
    /// Why, as a part of a sentence.
    pub text: String,
}

/// The meaning of a request that brought no answer, or of a body that broke off.
#[must_use]
pub fn request(error: &reqwest::Error) -> Reason {
    let otherwise = if error.is_timeout() { Class::Timeout } else { Class::Transfer };
    reason(error, error.is_connect(), otherwise)
}

/// The same of a download.
#[must_use]
pub fn download(error: &Broken) -> Reason {
    match error {
        Broken::Request(error) => request(error),
        Broken::Connection(cause) => reason(error, cause.is_connect(), Class::Transfer),
    }
}

fn reason(error: &(dyn Error + 'static), connecting: bool, otherwise: Class) -> Reason {
    known_cause(error, connecting).unwrap_or_else(|| {
        let is_unconnected = connecting && otherwise != Class::Timeout;
        let class = if is_unconnected { Class::Connect } else { otherwise };
        Reason { class, text: innermost(error) }
    })
}

/// What an HTTP status other than success means, redirects aside.
#[must_use]
pub fn status(status: u16) -> Class {
    match status {
        408 => Class::Timeout,
        429 => Class::TooManyRequests,
        300..=399 => Class::Redirect,
        400..=499 => Class::Http4xx,
        // Those beyond 599, which some hosts use against robots, are to be taken so too (RFC 9110, 15).
        500.. => Class::Http5xx,
        _ => Class::Transfer,
    }
}

/// A refusal of the picture library, one to one.
#[must_use]
pub fn picture(class: imaging::Class) -> Class {
    match class {
        imaging::Class::Empty => Class::Empty,
        imaging::Class::NotAnImage => Class::NotAnImage,
        imaging::Class::Unsupported => Class::Unsupported,
        imaging::Class::Truncated => Class::Truncated,
        imaging::Class::Corrupt => Class::Corrupt,
        imaging::Class::TooLarge => Class::TooLarge,
        imaging::Class::TooSlow => Class::TooSlow,
        imaging::Class::Internal => Class::Internal,
    }
}

/// The first cause in the chain that says by its type what happened.
fn known_cause(error: &(dyn Error + 'static), connecting: bool) -> Option<Reason> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(class) = class_of(current, connecting) {
            return Some(Reason { class, text: innermost(current) });
        }
        cause = current.source();
    }
    None
}

fn class_of(cause: &(dyn Error + 'static), connecting: bool) -> Option<Class> {
    if cause.is::<UnresolvedHost>() {
        return Some(Class::Dns);
    }
    if cause.is::<Forbidden>() {
        return Some(Class::ForbiddenAddress);
    }
    if cause.is::<rustls::Error>() {
        return Some(Class::Tls);
    }
    cause.downcast_ref::<io::Error>().map(|error| io_class(error, connecting))
}

fn io_class(error: &io::Error, connecting: bool) -> Class {
    // The source of an I/O error is that of its content, not the content.
    let content = error.get_ref().map(|content| content as &(dyn Error + 'static));
    if let Some(class) = content.and_then(|content| class_of(content, connecting)) {
        return class;
    }
    if error.kind() == io::ErrorKind::TimedOut {
        Class::Timeout
    } else if connecting {
        Class::Connect
    } else {
        Class::Transfer
    }
}

/// The last cause of a chain, which is the one that people can act on.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(inner: impl Error + Send + Sync + 'static) -> io::Error {
        io::Error::other(inner)
    }

    #[test]
    fn every_status_has_a_class() {
        for (number, class) in [
            (304, Class::Redirect),
            (400, Class::Http4xx),
            (404, Class::Http4xx),
            (408, Class::Timeout),
            (410, Class::Http4xx),
            (429, Class::TooManyRequests),
            (500, Class::Http5xx),
            (503, Class::Http5xx),
            (599, Class::Http5xx),
            (600, Class::Http5xx),
            (999, Class::Http5xx),
            (101, Class::Transfer),
        ] {
            assert_eq!(status(number), class, "{number}");
        }
    }

    #[test]
    fn errors_are_known_by_their_type_even_inside_io_errors() {
        let host = || UnresolvedHost { host: "h".into(), reason: "no records".into() };
        let tls = || rustls::Error::HandshakeNotComplete;
        assert_eq!(class_of(&host(), true), Some(Class::Dns));
        assert_eq!(class_of(&tls(), true), Some(Class::Tls));
        assert_eq!(class_of(&boxed(host()), true), Some(Class::Dns));
        assert_eq!(class_of(&boxed(boxed(tls())), false), Some(Class::Tls));
    }

    #[test]
    fn io_errors_depend_on_whether_there_was_a_connection() {
        for kind in [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::UnexpectedEof,
        ] {
            assert_eq!(io_class(&kind.into(), true), Class::Connect, "{kind}");
            assert_eq!(io_class(&kind.into(), false), Class::Transfer, "{kind}");
        }
        assert_eq!(io_class(&io::ErrorKind::TimedOut.into(), true), Class::Timeout);
        assert_eq!(io_class(&io::ErrorKind::TimedOut.into(), false), Class::Timeout);
    }

    #[test]
    fn an_error_of_another_type_says_nothing() {
        assert_eq!(class_of(&std::fmt::Error, true), None);
    }

    #[test]
    fn picture_classes_keep_their_names() {
        use imaging::Class as Picture;
        for class in [
            Picture::Empty,
            Picture::NotAnImage,
            Picture::Unsupported,
            Picture::Truncated,
            Picture::Corrupt,
            Picture::TooLarge,
            Picture::TooSlow,
            Picture::Internal,
        ] {
            assert_eq!(picture(class).as_str(), class.as_str());
        }
    }
}
