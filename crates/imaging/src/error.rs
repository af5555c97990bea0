//! Why a picture was refused.

use std::fmt;

use crate::Format;

/// A refusal: its class for counting, its message for reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of refusal this is.
    pub class: Class,
    /// One sentence for a person.
    pub message: String,
}

impl Error {
    pub(crate) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    pub(crate) fn truncated(format: Format) -> Self {
        Self::new(
            Class::Truncated,
            format!("the {format} file ends before its picture does; fetch it again"),
        )
    }

    pub(crate) fn corrupt(format: Format, what: impl fmt::Display) -> Self {
        Self::new(Class::Corrupt, format!("the {format} file is damaged: {what}"))
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Class::Unsupported, message)
    }

    pub(crate) fn unwritable(format: Format, what: impl fmt::Display) -> Self {
        Self::new(Class::Internal, format!("the result could not be written as {format}: {what}"))
    }
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// There are no bytes at all.
    Empty,
    /// The bytes are something else, such as an HTML page.
    NotAnImage,
    /// A picture, but of a format or kind that cannot be processed here.
    Unsupported,
    /// The file ends too early.
    Truncated,
    /// The file breaks the rules of its own format.
    Corrupt,
    /// More bytes, pixels, frames or memory than the [`Limits`](crate::Limits) allow.
    TooLarge,
    /// It would take longer than the [`Limits`](crate::Limits) allow.
    TooSlow,
    /// A codec failed in a way it never should; the file is worth a bug report.
    Internal,
}

impl Class {
    /// The name used in reports and in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAnImage => "not-an-image",
            Self::Unsupported => "unsupported",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
