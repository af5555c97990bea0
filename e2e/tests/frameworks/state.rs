//! What a master says about frameworks.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use e2e::http;
use serde_json::Value;

/// The framework of that name, if there is one; `kind` is `frameworks` or `completed_frameworks`.
pub(crate) fn framework(master: SocketAddr, kind: &str, name: &str) -> Result<Option<Value>> {
    let state = http::get(master, "/state")?.json()?;
    let frameworks = state[kind].as_array().with_context(|| format!("no {kind} in {state}"))?;
    Ok(frameworks.iter().find(|it| it["name"] == name).cloned())
}

/// The live tasks of a framework, as the master lists them.
pub(crate) fn tasks(framework: &Value) -> Vec<Value> {
    framework["tasks"].as_array().cloned().unwrap_or_default()
}
