//! Resources written as text, as in an agent's `--resources` flag.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::entry::{Entry, Identity};
use super::{Quantity, Ranges, Resources};
use crate::v1::Resource;
use crate::v1::resource::ReservationInfo;
use crate::v1::resource::reservation_info::Type;

/// Why a text is not a bundle of resources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?} is not a resource: write NAME:AMOUNT or NAME(ROLE):AMOUNT, for example 'cpus:2;mem:2048;ports:[31000-32000]'"
)]
pub struct ParseError {
    /// The part between two semicolons that could not be read.
    pub part: String,
}

impl FromStr for Resources {
    type Err = ParseError;

    /// Reads `name:scalar`, `name:[begin-end,...]` and `name:{item,...}`, separated by semicolons.
    /// `name(role):…` is reserved for that role, statically.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut bundle = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let entry = parse_part(part).ok_or_else(|| ParseError { part: part.to_owned() })?;
            bundle.add(entry);
        }
        Ok(bundle)
    }
}

fn parse_part(part: &str) -> Option<Entry> {
    let (name, amount) = part.split_once(':')?;
    let resource = parse_name(name.trim())?;
    let quantity = parse_amount(amount.trim())?;
    Some(Entry::new(Identity::of(&resource, &quantity), quantity))
}

fn parse_name(text: &str) -> Option<Resource> {
    let (name, role) = match text.strip_suffix(')') {
        Some(open) => open.split_once('(').map(|(name, role)| (name.trim(), role.trim()))?,
        None => (text, "*"),
    };
    if name.is_empty() || role.is_empty() || name.contains(BRACKETS) || role.contains(BRACKETS) {
        return None;
    }
    let reserved = ReservationInfo {
        r#type: Some(Type::Static.into()),
        role: Some(role.to_owned()),
        ..ReservationInfo::default()
    };
    let reservations = if role == "*" { Vec::new() } else { vec![reserved] };
    Some(Resource { name: name.to_owned(), reservations, ..Resource::default() })
}

fn parse_amount(amount: &str) -> Option<Quantity> {
    let quantity = if let Some(list) = between(amount, '[', ']') {
        Quantity::Ranges(parse_ranges(list)?)
    } else if let Some(list) = between(amount, '{', '}') {
        Quantity::Set(parse_set(list))
    } else {
        Quantity::Scalar(amount.parse().ok()?)
    };
    Some(quantity)
}

/// What has a meaning of its own in the text.
const BRACKETS: [char; 6] = ['(', ')', '[', ']', '{', '}'];

fn between(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

fn parse_ranges(list: &str) -> Option<Ranges> {
    list.split(',').map(parse_range).collect()
}

fn parse_range(range: &str) -> Option<(u64, u64)> {
    let (begin, end) = range.split_once('-')?;
    let (begin, end) = (begin.trim().parse().ok()?, end.trim().parse().ok()?);
    (begin <= end).then_some((begin, end))
}

fn parse_set(list: &str) -> BTreeSet<String> {
    list.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// As it is read. What the text form has no words for is written as Mesos does, and cannot be
/// read: other reservations than a single static one, volumes, `{REV}` and `<SHARED>`.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for entry in self.entries() {
            for _ in 0..entry.copies() {
                write!(f, "{separator}")?;
                write_identity(f, entry.identity.resource())?;
                write!(f, ":{}", entry.quantity)?;
                separator = ";";
            }
        }
        Ok(())
    }
}

fn write_identity(f: &mut fmt::Formatter<'_>, resource: &Resource) -> fmt::Result {
    write!(f, "{}", resource.name)?;
    if let Some(info) = &resource.allocation_info {
        write!(f, "(allocated: {})", info.role())?;
    }
    match resource.reservations.as_slice() {
        [] => {}
        [only] if only.r#type() == Type::Static => write!(f, "({})", only.role())?,
        all => {
            let one = |info: &ReservationInfo| match &info.principal {
                Some(by) => format!("({},{},{by})", info.r#type().as_str_name(), info.role()),
                None => format!("({},{})", info.r#type().as_str_name(), info.role()),
            };
            let all = all.iter().map(one).collect::<Vec<_>>().join(",");
            write!(f, "(reservations: [{all}])")?;
        }
    }
    write_use(f, resource)
}

fn write_use(f: &mut fmt::Formatter<'_>, resource: &Resource) -> fmt::Result {
    if let Some(disk) = &resource.disk {
        let source = disk.source.as_ref().map(|source| source.r#type().as_str_name());
        let id = disk.persistence.as_ref().map(|persistence| persistence.id.as_str());
        let parts: Vec<&str> = source.into_iter().chain(id).collect();
        write!(f, "[{}]", parts.join(","))?;
    }
    if resource.revocable.is_some() {
        write!(f, "{{REV}}")?;
    }
    if resource.shared.is_some() {
        write!(f, "<SHARED>")?;
    }
    Ok(())
}

/// As in the text of a bundle: `1.5`, `[31000-32000]`, `{a,b}`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(amount) => write!(f, "{amount}"),
            Self::Ranges(ranges) => {
                let all: Vec<_> = ranges.iter().map(|(a, b)| format!("{a}-{b}")).collect();
                write!(f, "[{}]", all.join(","))
            }
            Self::Set(items) => {
                let all: Vec<_> = items.iter().map(String::as_str).collect();
                write!(f, "{{{}}}", all.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Scalar;

    #[test]
    fn reads_the_three_kinds() {
        let bundle: Resources =
            " cpus:2 ; mem:2048.5;ports:[31000-32000, 5-6];zones:{a, b};".parse().unwrap();
        assert_eq!(bundle.cpus(), Scalar::from_f64(2.0));
        assert_eq!(bundle.mem_mib(), Scalar::from_f64(2048.5));
        assert_eq!(bundle.to_wire().len(), 4);
    }

    #[test]
    fn names_the_part_it_cannot_read() {
        for bad in [
            "cpus",
            "cpus:",
            ":2",
            "cpus:-1",
            "ports:[2-1]",
            "ports:[a-b]",
            "cpus:1;mem=3",
            "cpus():1",
            "(a):1",
            "cpus(a:1",
            "cpus(a)b:1",
        ] {
            let error = bad.parse::<Resources>().unwrap_err();
            assert!(error.to_string().contains(&error.part), "{error}");
        }
    }

    #[test]
    fn what_it_has_no_words_for_is_told_as_mesos_tells_it() {
        use crate::v1::resource::{DiskInfo, RevocableInfo, SharedInfo, disk_info::Persistence};
        let by = ReservationInfo {
            r#type: Some(Type::Dynamic.into()),
            role: Some("web".into()),
            principal: Some("p".into()),
            ..ReservationInfo::default()
        };
        let disk: Resources = "disk:1.5".parse().unwrap();
        let disk = disk.reserve(&by).unwrap().allocated_to("web").map(|disk| {
            let persistence = Some(Persistence { id: "v".into(), principal: None });
            disk.disk = Some(DiskInfo { persistence, ..DiskInfo::default() });
            disk.shared = Some(SharedInfo {});
            disk.revocable = Some(RevocableInfo {});
        });
        let text = "disk(allocated: web)(reservations: [(DYNAMIC,web,p)])[v]{REV}<SHARED>:1.5";
        assert_eq!(disk.to_string(), text);
        assert_eq!(disk.plus(&disk).to_string(), format!("{text};{text}"));
    }

    #[test]
    fn nothing_is_an_empty_bundle() {
        assert!("".parse::<Resources>().unwrap().is_empty());
    }
}
