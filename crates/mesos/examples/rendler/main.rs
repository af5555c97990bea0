//! Draws a map of a web site: crawls its pages from a start page, renders each with Chromium,
//! and writes what links where as a graph. Two executors in one framework; after RENDLER, the
//! classic example of a Mesos framework.
//!
//!     cargo run -p mesos --example rendler -- http://127.0.0.1:8000/ 127.0.0.1:5050 rendered 20
//!     dot -Tpdf rendered/result.dot -o rendered/result.pdf
//!
//! Only pages of the start page's host are visited, at most so many (default 20). The agents are on this
//! machine, or share the folder of results and this program under the same paths.
//! [`graph`] knows what is to be done, [`app`] makes tasks of it, [`crawl`] and [`render`] do it.

mod app;
mod crawl;
mod dot;
mod executor;
mod graph;
mod render;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use app::App;
use graph::Graph;
use mesos::scheduler::{Driver, Event, Stop};
use mesos::v1::FrameworkInfo;

/// Whatever went wrong.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rendler: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().ok_or("usage: rendler URL [MASTER [FOLDER [PAGES]]]")?;
    match first.as_str() {
        "crawl" => return executor::run(crawl::crawl).await,
        "render" => return executor::run(render::render).await,
        _ => render::check_chromium()?,
    }
    let master = arguments.next().unwrap_or_else(|| "127.0.0.1:5050".into()).parse()?;
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "rendered".into()));
    let pages = arguments.next().map_or(Ok(20), |pages| pages.parse())?;
    std::fs::create_dir_all(&folder)?;
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = FrameworkInfo { user, name: "RENDLER".into(), ..FrameworkInfo::default() };
    let (mut events, calls) = Driver::builder(framework).master(master).connect()?;
    let graph = Graph::new(first.parse()?, pages);
    let mut app = App { graph, calls, folder: folder.canonicalize()? };
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    while !app.graph.is_done() {
        let item = tokio::select! {
            item = events.next() => item.ok_or("the master ended the subscription")?,
            _ = &mut interrupted => break,
        };
        match item {
            Ok(Event::Subscribed { framework_id, .. }) => {
                println!("registered as {framework_id}");
                app.calls.reconcile(app.graph.out()).await?;
            }
            Ok(Event::Offers(offers)) => app.offers(offers).await?,
            Ok(Event::Message { data, .. }) => app.result(&data),
            Ok(Event::Update { status, ack }) => {
                app.status(&status);
                if let Some(ack) = ack {
                    app.calls.acknowledge(ack).await?;
                }
            }
            Ok(other) => println!("{other:?}"),
            Err(error) => eprintln!("{error}"),
        }
    }
    std::fs::write(app.folder.join("result.dot"), app.graph.dot())?;
    println!("wrote {}: {}", app.folder.join("result.dot").display(), app.graph.summary());
    Ok(app.calls.stop(Stop::Teardown).await?)
}
