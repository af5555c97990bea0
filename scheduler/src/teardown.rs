//! The end of a framework whose work is done.

use mesos::client::{CallError, Error};
use mesos::scheduler::{Calls, Event, Events};
use mesos::v1::scheduler::{Call, call};

/// What an item of the stream says of the subscription.
enum News {
    Subscribed,
    Lost,
    /// The master has done already what we ask for: an answer was lost, or somebody was faster.
    Removed,
    Nothing,
}

fn news(item: &Result<Event, Error>) -> News {
    match item {
        Ok(Event::Subscribed { .. }) => News::Subscribed,
        Ok(Event::Disconnected { .. }) => News::Lost,
        Err(Error::FrameworkRemoved(_)) => News::Removed,
        Ok(_) | Err(_) => News::Nothing,
    }
}

/// Ends the framework. A call that finds no subscription waits for the next one.
///
/// # Errors
///
/// When the driver has ended, or the master refuses.
pub(crate) async fn tear_down(events: &mut Events, calls: &Calls) -> Result<(), CallError> {
    loop {
        let mut is_subscribed = false;
        let mut answer = calls.send(teardown());
        let result = loop {
            let item = tokio::select! {
                result = &mut answer => break result,
                item = events.next() => item.ok_or(CallError::Closed)?,
            };
            match news(&item) {
                News::Subscribed => is_subscribed = true,
                News::Lost => is_subscribed = false,
                News::Removed => return Ok(()),
                News::Nothing => {}
            }
        };
        match result {
            Err(error) if error.is_retryable() => {}
            Ok(()) | Err(_) => return result,
        }
        while !is_subscribed {
            match news(&events.next().await.ok_or(CallError::Closed)?) {
                News::Subscribed => is_subscribed = true,
                News::Removed => return Ok(()),
                News::Lost | News::Nothing => {}
            }
        }
    }
}

fn teardown() -> Call {
    Call { r#type: Some(call::Type::Teardown.into()), ..Call::default() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesos::scheduler::Driver;
    use mesos::v1::{FrameworkId, FrameworkInfo};
    use mesos_local::Cluster;
    use tokio::time::timeout;

    use super::*;

    fn connect(cluster: &Cluster, id: Option<FrameworkId>) -> (Events, Calls) {
        let failover_timeout = Some(60.0);
        let info = FrameworkInfo {
            user: "nobody".into(),
            name: "t".into(),
            id,
            failover_timeout,
            ..FrameworkInfo::default()
        };
        Driver::builder(info).master(cluster.master().parse().unwrap()).connect().unwrap()
    }

    async fn subscribed(events: &mut Events) -> FrameworkId {
        loop {
            if let Ok(Event::Subscribed { framework_id, .. }) = events.next().await.unwrap() {
                return framework_id;
            }
        }
    }

    async fn tear_down_in_time(events: &mut Events, calls: &Calls) -> Result<(), CallError> {
        timeout(Duration::from_secs(9), tear_down(events, calls)).await.unwrap()
    }

    #[tokio::test]
    async fn a_framework_is_torn_down_before_it_has_subscribed_and_after_it_is_gone() {
        let cluster = Cluster::builder().agents(0).start().await.unwrap();
        let (mut events, _calls) = connect(&cluster, None);
        let id = subscribed(&mut events).await;

        // The next run of a scheduler that died before it could note that the job is over.
        let (mut events, calls) = connect(&cluster, Some(id.clone()));
        assert_eq!(tear_down_in_time(&mut events, &calls).await, Ok(()));
        // And one whose teardown arrived, but not its answer.
        let (mut events, calls) = connect(&cluster, Some(id));
        assert_eq!(tear_down_in_time(&mut events, &calls).await, Ok(()));
        cluster.shutdown().await;
    }
}
