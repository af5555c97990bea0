//! Prints every offer and refuses it, until Ctrl-C: what a cluster has to give.
//!
//!     cargo run -p mesos --example watch_offers -- 127.0.0.1:5050

use std::time::Duration;

use mesos::resources::Resources;
use mesos::scheduler::{Driver, Event, Stop};
use mesos::v1::{FrameworkInfo, Offer};
use tokio::signal::unix::{SignalKind, signal};

fn show(offer: &Offer) {
    let resources = Resources::from(&offer.resources);
    let (cpus, mem) = (resources.cpus(), resources.mem_mib());
    println!("Received offer {} with cpus={cpus} mem={mem} on {}", offer.id, offer.hostname);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let master = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5050".into());
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = FrameworkInfo { user, name: "watch offers".into(), ..FrameworkInfo::default() };
    let (mut events, calls) = Driver::builder(framework).master(master.parse()?).connect()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            item = events.next() => match item {
                Some(Ok(Event::Subscribed { framework_id, .. })) => {
                    println!("Registered as {framework_id}");
                }
                Some(Ok(Event::Offers(offers))) => {
                    offers.iter().for_each(show);
                    let ids = offers.into_iter().map(|offer| offer.id).collect();
                    // If this call fails the offers are void already.
                    drop(calls.decline(ids, Duration::from_secs(5)));
                }
                Some(Ok(other)) => println!("{other:?}"),
                Some(Err(error)) => eprintln!("{error}"),
                None => return Err("the subscription ended".into()),
            },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    println!("Stopping");
    calls.stop(Stop::Teardown).await?;
    Ok(())
}
