//! Which images that failed are to be tried again: `--retry-failed`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use batch::Record;
use protocol::Class;

/// The classes of failure whose images are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Classes {
    /// All that are no matter of the list itself.
    All,
    /// These.
    Some(BTreeSet<Class>),
}

impl Classes {
    fn contain(&self, class: Class) -> bool {
        match self {
            Self::All => class != Class::Ok,
            Self::Some(classes) => classes.contains(&class),
        }
    }
}

impl FromStr for Classes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.split(',').map(failure).collect::<Result<_, _>>().map(Self::Some)
    }
}

impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Some(classes) => {
                let words: Vec<_> = classes.iter().map(|class| class.as_str()).collect();
                f.write_str(&words.join(","))
            }
        }
    }
}

fn failure(word: &str) -> Result<Class, String> {
    let class: Class = word.trim().parse().map_err(|error| {
        let words = Class::ALL.iter().filter(|class| is_failure(**class));
        let words: Vec<_> = words.map(|class| class.as_str()).collect();
        format!("{error}; give all, or some of {}", words.join(", "))
    })?;
    if is_failure(class) {
        return Ok(class);
    }
    Err(if class == Class::BadUrl {
        "lines that are no URL stay bad: correct the list instead".to_owned()
    } else {
        format!("{class} is no failure")
    })
}

/// Failures of images that were tried; a bad line is none.
fn is_failure(class: Class) -> bool {
    !matches!(class, Class::Ok | Class::Duplicate | Class::BadUrl)
}

/// Goes through the records and remembers the images that failed in such a way, to the last.
#[derive(Debug)]
pub struct Failed {
    classes: Classes,
    images: BTreeSet<u64>,
}

impl Failed {
    /// Nothing was gone through yet.
    #[must_use]
    pub fn new(classes: Classes) -> Self {
        Self { classes, images: BTreeSet::new() }
    }

    /// Takes a record into account; give all of them, in their order.
    pub fn note(&mut self, record: &Record) {
        match record {
            Record::ImageEnded { index, end } if self.classes.contain(end.class) => {
                self.images.insert(*index);
            }
            Record::ImageReopened { index } => {
                self.images.remove(index);
            }
            Record::FrameworkSubscribed { .. }
            | Record::ExecutorPlaced { .. }
            | Record::Launched { .. }
            | Record::ImageEnded { .. }
            | Record::ImageFailedOnce { .. }
            | Record::ImagePutOff { .. }
            | Record::TaskEnded { .. } => {}
        }
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::try_from(self.images.len()).unwrap_or(u64::MAX)
    }

    /// The records by which these images are tried again.
    #[must_use]
    pub fn reopened(&self) -> Vec<Record> {
        self.images.iter().map(|index| Record::ImageReopened { index: *index }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::ImageEnd;

    fn ended(index: u64, class: Class) -> Record {
        Record::ImageEnded { index, end: Box::new(ImageEnd::failed(class, "", "")) }
    }

    fn reopened(classes: &str, records: &[Record]) -> Vec<u64> {
        let mut failed = Failed::new(classes.parse().unwrap());
        records.iter().for_each(|record| failed.note(record));
        let index = |record: &Record| {
            let Record::ImageReopened { index } = record else { panic!("{record:?}") };
            *index
        };
        failed.reopened().iter().map(index).collect()
    }

    #[test]
    fn failures_are_chosen_by_their_class() {
        let records = [
            ended(1, Class::Ok),
            ended(2, Class::Dns),
            ended(3, Class::Http4xx),
            ended(4, Class::Timeout),
        ];
        assert_eq!(reopened("all", &records), [2, 3, 4]);
        assert_eq!(reopened("dns, timeout", &records), [2, 4]);
        assert!(reopened("tls", &records).is_empty());
    }

    #[test]
    fn an_image_that_is_tried_already_is_not_reopened_twice() {
        let mut records = vec![ended(2, Class::Dns), Record::ImageReopened { index: 2 }];
        assert!(reopened("all", &records).is_empty());
        records.push(ended(2, Class::Timeout));
        assert_eq!(reopened("all", &records), [2]);
    }

    #[test]
    fn words_that_are_no_failures_are_refused() {
        for (text, says) in [
            ("fine", "http-4xx"),
            ("ok", "no failure"),
            ("bad-url", "correct the list"),
            ("dns,", "not a class"),
        ] {
            let error = text.parse::<Classes>().unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!("timeout,dns".parse::<Classes>().unwrap().to_string(), "dns,timeout");
    }
}
