//! Which crate may use which: the arrows of the architecture, and what must stay pure.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::tools;

/// Every crate of the workspace with the ones it may use, dev-dependencies included.
const ARROWS: &[(&str, &[&str])] = &[
    ("mesos", &[]),
    ("protocol", &[]),
    ("imaging", &[]),
    ("batch", &["mesos", "protocol"]),
    ("mesos-local", &["mesos"]),
    ("fileserver", &["protocol"]),
    ("scheduler", &["batch", "protocol", "imaging", "mesos", "mesos-local", "fileserver"]),
    ("executor", &["mesos", "protocol", "imaging"]),
    (
        "e2e",
        &[
            "mesos",
            "protocol",
            "imaging",
            "batch",
            "mesos-local",
            "fileserver",
            "scheduler",
            "executor",
        ],
    ),
    ("xtask", &[]),
];

/// Crates that decide or compute, and so never do input or output.
const PURE: &[&str] = &["batch", "imaging", "protocol"];

/// What no pure crate may see, not even through another crate.
const IMPURE: &[&str] = &["axum", "h2", "hyper", "hyper-util", "mio", "reqwest", "tokio"];

/// Checks the workspace against the rules.
///
/// # Errors
///
/// When a rule is broken; the message lists each broken one.
pub(crate) fn check() -> Result<()> {
    let mut broken = broken_arrows(&metadata()?)?;
    for package in PURE {
        broken.extend(impurities(package, &tree(package)?));
    }
    if !broken.is_empty() {
        bail!("{}\nThe arrows are in xtask/src/layers.rs.", broken.join("\n"));
    }
    println!("{} crates keep to their layers; {} are pure", ARROWS.len(), PURE.join(", "));
    Ok(())
}

fn metadata() -> Result<String> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    tools::read(&mut tools::cargo(&arguments))
}

/// Everything that the package is built and tested with, one a line.
fn tree(package: &str) -> Result<String> {
    let arguments =
        ["tree", "--locked", "-p", package, "-e", "normal,dev,build", "--prefix", "none"];
    tools::read(&mut tools::cargo(&arguments))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

/// A dependency of any kind; those with a path are the workspace's own.
#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<String>,
}

/// One sentence for each use that the arrows do not allow.
fn broken_arrows(metadata: &str) -> Result<Vec<String>> {
    let metadata: Metadata =
        serde_json::from_str(metadata).context("`cargo metadata` wrote something unknown")?;
    Ok(metadata.packages.iter().flat_map(broken_arrows_of).collect())
}

fn broken_arrows_of(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
        return vec![format!("`{name}` has no layer yet; give it one.")];
    };
    let own = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
    let mut used: Vec<&str> = own.map(|dependency| dependency.name.as_str()).collect();
    used.sort_unstable();
    used.dedup();
    used.retain(|other| !allowed.contains(other));
    used.iter().map(|other| format!("`{name}` must not use `{other}`.")).collect()
}

/// One sentence for each crate in the tree that a pure one must not see.
fn impurities(package: &str, tree: &str) -> Vec<String> {
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| IMPURE.contains(name))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
        .iter()
        .map(|name| {
            format!(
                "`{package}` must stay pure but sees `{name}`; \
                 `cargo tree -p {package} -e normal,dev,build -i {name}` says how."
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata_of(name: &str, dependencies: &[(&str, bool)]) -> String {
        let dependencies: Vec<_> = dependencies
            .iter()
            .map(|(name, own)| {
                serde_json::json!({"name": name, "path": own.then_some("/x"), "kind": "dev"})
            })
            .collect();
        serde_json::json!({"packages": [{"name": name, "dependencies": dependencies}]}).to_string()
    }

    #[test]
    fn an_arrow_that_points_up_or_sideways_is_named() {
        let metadata = metadata_of("executor", &[("batch", true), ("mesos", true), ("url", false)]);
        assert_eq!(broken_arrows(&metadata).unwrap(), ["`executor` must not use `batch`."]);
    }

    #[test]
    fn a_crate_without_a_layer_is_named() {
        let broken = broken_arrows(&metadata_of("newcomer", &[])).unwrap();
        assert_eq!(broken, ["`newcomer` has no layer yet; give it one."]);
    }

    #[test]
    fn a_foreign_crate_that_has_the_name_of_ours_is_no_arrow() {
        let metadata = metadata_of("mesos", &[("protocol", false)]);
        assert_eq!(broken_arrows(&metadata).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn every_allowed_arrow_points_down_the_list() {
        for (position, (name, allowed)) in ARROWS.iter().enumerate() {
            for other in *allowed {
                let below = ARROWS.iter().position(|(known, _)| known == other);
                assert!(below.is_some_and(|below| below < position), "{name} -> {other}");
            }
        }
    }

    #[test]
    fn an_impure_crate_anywhere_in_the_tree_is_named_once() {
        let tree = "batch v0.1.0 (/w/crates/batch)\nmesos v0.1.0 (/w)\ntokio v1.54.0\n\
                    tokio v1.54.0 (*)\ntokio-stream-like v1.0.0\n";
        let broken = impurities("batch", tree);
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].starts_with("`batch` must stay pure but sees `tokio`"));
    }

    #[test]
    fn a_pure_tree_has_no_impurities() {
        let tree = "imaging v0.1.0\npng v0.18.0\ncrc32fast v1.5.0\n";
        assert!(impurities("imaging", tree).is_empty());
    }
}
