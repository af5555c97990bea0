//! A web server of files, as origin of images.

use std::fs;
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::family::Running;
use crate::sandbox::free_port;
use crate::tools;

const READY_WITHIN: Duration = Duration::from_secs(10);

/// Bytes a second and connection, as nginx writes them.
const SLOW: &str = "512k";

/// A PNG of one pixel.
const TINY: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
    \0\0\0\x0aIDAT\x78\x9c\x63\x70\0\0\0\x42\0\x41\x29\x37\xf4\xef\0\0\0\0IEND\xae\x42\x60\x82";

/// An nginx of our own. It ends with this value.
pub(crate) struct Nginx {
    _running: Running,
    address: SocketAddrV4,
}

impl Nginx {
    /// Serves the files of `content`, slowly those in its folder `slow`, and one tiny picture under
    /// every name below `/tiny/`.
    ///
    /// # Errors
    ///
    /// When nginx is missing and cannot be installed, or does not start.
    pub(crate) fn serve(content: &Path, folder: &Path) -> Result<Self> {
        tools::require("nginx", "nginx-light")?;
        let address = free_port()?;
        fs::create_dir_all(folder.join("temp")).context("cannot make a folder for nginx")?;
        fs::write(folder.join("tiny.png"), TINY).context("cannot write the tiny picture")?;
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration(address, content, folder))
            .with_context(|| format!("no '{}'", file.display()))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"));
        let mut running = Running::start("nginx", &mut command, folder)?;
        running.until("its port", READY_WITHIN, |_| TcpStream::connect(address).ok())?;
        Ok(Self { _running: running, address })
    }

    /// The URL of a path, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn configuration(address: SocketAddrV4, content: &Path, folder: &Path) -> String {
    // Workers of root's nginx would be nobody, who cannot look into everybody's folders.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path temp/{kind};\n"))
        .concat();
    format!(
        "daemon off;\n{user}\nworker_processes auto;\npid nginx.pid;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  keepalive_requests 1000000;\n\
         \x20 open_file_cache max=2000 inactive=1h;\n{temporary}\
         \x20 types {{ image/jpeg jpg; image/png png; }}\n\
         \x20 server {{\n    listen {address} backlog=1024;\n    root '{}';\n\
         \x20   location /tiny/ {{ root '{}'; rewrite ^ /tiny.png break; }}\n\
         \x20   location /slow/ {{ limit_rate {SLOW}; }}\n  }}\n}}\n",
        content.display(),
        folder.display(),
    )
}
