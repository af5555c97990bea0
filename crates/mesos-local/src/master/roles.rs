//! Which roles a framework may have.

use std::collections::BTreeSet;

use mesos::v1::FrameworkInfo;

use super::framework::Capabilities;

/// The roles that `info` subscribes to, or why it may not.
#[expect(deprecated, reason = "frameworks without MULTI_ROLE name their role in the old field")]
pub(super) fn roles_of(info: &FrameworkInfo) -> Result<BTreeSet<String>, String> {
    let multi_role = Capabilities::of(info).multi_role;
    if multi_role && info.role.is_some() {
        return Err(
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
                .to_owned(),
        );
    }
    if !multi_role && !info.roles.is_empty() {
        return Err(
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
                .to_owned(),
        );
    }
    let named: Vec<&str> = if multi_role {
        info.roles.iter().map(String::as_str).collect()
    } else {
        vec![info.role.as_deref().unwrap_or("*")]
    };
    let field = if multi_role { "FrameworkInfo.roles" } else { "FrameworkInfo.role" };
    let mut roles = BTreeSet::new();
    for role in named {
        check(role).map_err(|fault| format!("'{field}' is not a valid role: {fault}"))?;
        if !roles.insert(role.to_owned()) {
            return Err(format!("'FrameworkInfo.roles' contains duplicate items: {{ {role} }}"));
        }
    }
    Ok(roles)
}

/// Whether a framework with `roles` may suppress these.
pub(super) fn check_suppressed(
    suppressed: &BTreeSet<String>,
    roles: &BTreeSet<String>,
) -> Result<(), String> {
    match suppressed.difference(roles).next() {
        Some(role) => {
            Err(format!("Suppressed role '{role}' is not contained in the framework's roles"))
        }
        None => Ok(()),
    }
}

/// No role at all.
pub(super) const fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

/// Whether `role` is well formed: a path of components without leading or trailing slash.
pub(super) fn check(role: &str) -> Result<(), String> {
    if role == "*" {
        return Ok(());
    }
    let fault = if role.is_empty() {
        "Empty role name is invalid".to_owned()
    } else if role.starts_with('/') {
        format!("Role '{role}' cannot start with a slash")
    } else if role.ends_with('/') {
        format!("Role '{role}' cannot end with a slash")
    } else if role.contains("//") {
        format!("Role '{role}' cannot contain two adjacent slashes")
    } else if let Some(component) = role.split('/').find(|component| !is_component(component)) {
        format!("Role '{role}' contains the invalid component '{component}'")
    } else {
        return Ok(());
    };
    Err(fault)
}

fn is_component(component: &str) -> bool {
    const FORBIDDEN: &[char] = &['\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{7f}'];
    !matches!(component, "." | ".." | "*")
        && !component.starts_with('-')
        && !component.contains(FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_paths() {
        for good in ["*", "a", "a/b", "a.b", "images-1"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", ".", "a/..", "a/*", "-a", "a b", "a\tb"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
