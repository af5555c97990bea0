//! What does a page look like?

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::Failure;
use crate::executor::Asked;

/// How long Chromium may take for a page.
const TIMEOUT: Duration = Duration::from_secs(60);
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1024,768",
];

/// The browser: the environment's CHROMIUM, or the one on the PATH.
fn chromium() -> String {
    std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".into())
}

/// One sentence if there is no Chromium.
pub(crate) fn check_chromium() -> Result<(), Failure> {
    let found = std::process::Command::new(chromium())
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        Ok(status) if status.success() => Ok(()),
        Ok(_) | Err(_) => Err(missing()),
    }
}

fn missing() -> Failure {
    let program = chromium();
    format!("Pages cannot be rendered without Chromium ('{program}'): install it, on Debian with 'apt-get install --no-install-recommends chromium', or set CHROMIUM.").into()
}

/// Draws the page into the file, and gives its name back.
pub(crate) async fn render(asked: Asked) -> Result<Value, Failure> {
    let Asked { url, image } = asked;
    let profile = format!("{image}.profile");
    let mut command = Command::new(chromium());
    command.args(FLAGS).arg(format!("--user-data-dir={profile}"));
    command.arg(format!("--screenshot={image}")).arg(url.as_str()).env("HOME", &profile);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(TIMEOUT, async { command.spawn()?.wait().await }).await;
    let _ = tokio::fs::remove_dir_all(&profile).await;
    match ended {
        Err(_) => return Err(format!("Chromium took longer than {TIMEOUT:?}").into()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
        Ok(Err(error)) => return Err(error.into()),
        Ok(Ok(status)) if !status.success() => {
            return Err(format!("Chromium ended with {status}").into());
        }
        Ok(Ok(_)) => {}
    }
    tokio::fs::metadata(&image).await.map_err(|_| "Chromium drew nothing")?;
    Ok(json!(image))
}
