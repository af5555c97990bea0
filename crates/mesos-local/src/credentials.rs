//! Who may call, by principal and secret, and what operators may do to whose frameworks.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;

/// Principals with their secrets, as the flag `--credentials` of a master names them.
///
/// ```
/// let file = r#"{"credentials": [{"principal": "images", "secret": "hush"}]}"#;
/// assert!(mesos_local::Credentials::parse(file).is_ok());
/// ```
#[derive(Clone, Default)]
pub struct Credentials {
    secrets: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct CredentialsFile {
    credentials: Vec<Credential>,
}

#[derive(Deserialize)]
struct Credential {
    principal: String,
    secret: String,
}

impl Credentials {
    /// Reads the form of Mesos 1.11: `{"credentials": [{"principal": …, "secret": …}]}`.
    ///
    /// # Errors
    ///
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: CredentialsFile = serde_json::from_str(text)
            .map_err(|source| Error::Flag { what: "the credentials", source })?;
        let pairs = file.credentials.into_iter().map(|one| (one.principal, one.secret));
        Ok(Self { secrets: pairs.collect() })
    }

    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds anything else.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::File { path: path.to_owned(), source };
        Self::parse(&std::fs::read_to_string(path).map_err(unreadable)?)
    }

    pub(crate) fn allow(&self, principal: &str, secret: &str) -> bool {
        self.secrets.get(principal).is_some_and(|known| known == secret)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.secrets.keys()).finish()
    }
}

/// Which principals may tear down whose frameworks, as the flag `--acls` of a master says.
///
/// Of all the rules that Mesos knows, `teardown_frameworks` and `permissive` are heeded.
#[derive(Debug, Clone, Deserialize)]
pub struct Acls {
    #[serde(default)]
    teardown_frameworks: Vec<Rule>,
    #[serde(default = "yes")]
    permissive: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Rule {
    principals: Entities,
    framework_principals: Entities,
}

/// Some principals, or all, or none.
#[derive(Debug, Clone, Deserialize)]
struct Entities {
    #[serde(rename = "type", default)]
    kind: Kind,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    #[default]
    Some,
    Any,
    None,
}

const fn yes() -> bool {
    true
}

impl Default for Acls {
    fn default() -> Self {
        Self { teardown_frameworks: Vec::new(), permissive: true }
    }
}

impl Acls {
    /// Reads the JSON form that Mesos documents under "Authorization".
    ///
    /// # Errors
    ///
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|source| Error::Flag { what: "the ACLs", source })
    }

    /// Whether an operator may tear down a framework; the first rule about both decides.
    pub(crate) fn may_tear_down(&self, operator: Option<&str>, framework: Option<&str>) -> bool {
        let about = |rule: &&Rule| {
            rule.principals.are_about(operator) && rule.framework_principals.are_about(framework)
        };
        match self.teardown_frameworks.iter().find(about) {
            Some(rule) => {
                rule.principals.allow(operator) && rule.framework_principals.allow(framework)
            }
            None => self.permissive,
        }
    }
}

impl Entities {
    /// A principal that is not known stands for any.
    fn are_about(&self, principal: Option<&str>) -> bool {
        self.kind != Kind::Some || principal.is_some_and(|one| self.names(one))
    }

    fn allow(&self, principal: Option<&str>) -> bool {
        match self.kind {
            Kind::Any => true,
            Kind::None => false,
            Kind::Some => principal.is_some_and(|one| self.names(one)),
        }
    }

    fn names(&self, principal: &str) -> bool {
        self.values.iter().any(|value| value == principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_must_be_that_of_the_principal() {
        let text = r#"{"credentials":[{"principal":"p","secret":"s"}]}"#;
        let credentials = Credentials::parse(text).unwrap();
        assert!(credentials.allow("p", "s"));
        assert!(!credentials.allow("p", "t"));
        assert!(!credentials.allow("q", "s"));
        assert_eq!(format!("{credentials:?}"), r#"["p"]"#, "secrets are in no log");
        assert!(Credentials::parse("p s").is_err());
    }

    #[test]
    fn the_first_rule_about_both_decides() {
        let none = r#"{"teardown_frameworks":
            [{"principals":{"type":"NONE"},"framework_principals":{"type":"ANY"}}]}"#;
        let none = Acls::parse(none).unwrap();
        assert!(!none.may_tear_down(Some("p"), Some("f")));
        assert!(!none.may_tear_down(None, None));
        let some = r#"{"permissive": false, "teardown_frameworks":
            [{"principals":{"values":["p"]},"framework_principals":{"values":["f"]}}]}"#;
        let some = Acls::parse(some).unwrap();
        assert!(some.may_tear_down(Some("p"), Some("f")));
        assert!(!some.may_tear_down(Some("p"), Some("g")));
        assert!(!some.may_tear_down(Some("q"), Some("f")));
        assert!(Acls::default().may_tear_down(None, None));
    }
}
