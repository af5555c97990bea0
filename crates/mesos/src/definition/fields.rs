//! How single fields are read, and how a fault finds its path.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::resources::Scalar;

/// Something wrong in a part of a definition, with the path from that part on.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn at(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: field.into(), message: message.into() }
    }

    pub(super) fn within(self, outer: &str) -> Self {
        Self { path: format!("{outer}.{}", self.path), ..self }
    }
}

/// The longest name that leaves room for the instance and attempt in a task's id.
const NAME_BYTES: usize = 200;

/// What can begin a task's id.
pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    if name.is_empty() || name.len() > NAME_BYTES {
        return Err(D::Error::custom(format!("a name has 1 to {NAME_BYTES} bytes")));
    }
    if name.contains(['/', '\\']) || name.chars().any(char::is_control) {
        let text =
            format!("{name:?} is part of a task's id: leave out slashes and control characters");
        return Err(D::Error::custom(text));
    }
    Ok(name)
}

/// More than nothing of a scalar resource.
pub(super) fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<Scalar, D::Error> {
    let value = f64::deserialize(from)?;
    let amount = Scalar::from_f64(value);
    if value.is_finite() && amount > Scalar::ZERO {
        Ok(amount)
    } else {
        Err(D::Error::custom(format!("{value} is not an amount: it must be at least 0.001")))
    }
}

/// A time: a number of seconds, or a text such as `15secs` or `2mins`.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Time {
        Seconds(f64),
        Text(String),
    }
    let (shown, time) = match Time::deserialize(from) {
        Ok(Time::Seconds(seconds)) => {
            (seconds.to_string(), Duration::try_from_secs_f64(seconds).ok())
        }
        Ok(Time::Text(text)) => {
            let seconds = text.trim().parse().ok().map(Duration::try_from_secs_f64);
            (text.clone(), seconds.map_or_else(|| crate::duration::parse(&text), Result::ok))
        }
        Err(_) => (String::new(), None),
    };
    time.ok_or_else(|| {
        let text =
            format!("{shown:?} is not a time: write seconds, as 1.5, or a text as \"2mins\"");
        D::Error::custom(text)
    })
}

/// As [`time`], for a field that may be absent.
pub(super) fn some_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    time(from).map(Some)
}

/// A port that can be connected to.
pub(super) fn port<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let number = i64::deserialize(from)?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(D::Error::custom(format!("{number} is not a port: 1 to 65535"))),
    }
}

/// A choice by its name, in whatever case.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident: $first:literal $(| $more:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                match text.to_ascii_lowercase().as_str() {
                    $($first $(| $more)* => Ok(Self::$variant),)+
                    _ => {
                        let known = [$($first),+].join(", ");
                        let text = format!("{text:?} is not known: write one of {known}");
                        Err(serde::de::Error::custom(text))
                    }
                }
            }
        }
    };
}
pub(super) use choice;
