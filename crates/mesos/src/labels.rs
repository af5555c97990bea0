//! Keys and values on frameworks, executors, tasks and what they offer, for people and tools.
//!
//! Mesos does nothing with them but show them, in `/state` as `labels: [{key, value}]`. They
//! are kept in the memory of the master and the agents: keep them few and short, and nothing
//! secret.

use crate::v1::{Label, Labels};

/// Labels from pairs, each pair once.
///
/// ```
/// use mesos::v1::Labels;
/// let labels: Labels = [("job", "holiday"), ("batch", "7")].into_iter().collect();
/// assert_eq!(labels.value("job"), Some("holiday"));
/// ```
impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut labels = Self::default();
        for (key, value) in pairs {
            let label = Label { key: key.into(), value: Some(value.into()) };
            if !labels.labels.contains(&label) {
                labels.labels.push(label);
            }
        }
        labels
    }
}

impl Labels {
    /// The value of the first label with this key, or `None` if there is none or it has none.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.key == key)?.value.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_there_once_and_a_key_may_have_several_values() {
        let labels: Labels = [("a", "1"), ("a", "1"), ("a", "2")].into_iter().collect();
        assert_eq!(labels.labels.len(), 2);
        assert_eq!((labels.value("a"), labels.value("b")), (Some("1"), None));
    }
}
