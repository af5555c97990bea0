//! Every rule of a subscription, with a made-up clock.

use super::*;
use crate::backoff::Backoff;

const HALF_JITTER: f64 = 1.0;

fn at(seconds: u64) -> Time {
    Duration::from_secs(seconds)
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn endpoint() -> Url {
    url("http://a:5050/api/v1/scheduler")
}

fn start() -> Input {
    Input::Master(vec![endpoint()])
}

fn config() -> Config {
    Config {
        needs_stream_id: true,
        backoff: Backoff::SCHEDULER,
        give_up_first: None,
        give_up_after: None,
        subscribe_timeout: at(10),
    }
}

fn ok(stream_id: Option<&str>) -> Input {
    Input::Answered {
        status: 200,
        location: None,
        stream_id: stream_id.map(str::to_owned),
        body: String::new(),
    }
}

fn answer(status: u16, location: Option<&str>) -> Input {
    let location = location.map(str::to_owned);
    Input::Answered { status, location, stream_id: None, body: "why".into() }
}

fn subscribed() -> Input {
    Input::Subscribed { heartbeat: Some(at(15)) }
}

struct Told(Session);

impl Told {
    fn new(config: Config) -> Self {
        Self(Session::new(config))
    }

    fn tell(&mut self, now: u64, input: Input) -> Vec<Output> {
        self.0.handle(at(now), HALF_JITTER, input)
    }

    fn live() -> Self {
        let mut session = Self::new(config());
        session.tell(0, start());
        session.tell(0, ok(Some("s1")));
        session.tell(0, subscribed());
        session
    }
}

#[test]
fn start_connects_and_subscribed_brings_it_up() {
    let mut session = Told::new(config());
    assert_eq!(session.tell(0, start()), [Output::Connect(endpoint())]);
    assert_eq!(session.tell(0, ok(Some("s1"))), []);
    let up = Output::Up { endpoint: endpoint(), stream_id: Some("s1".into()), first: true };
    assert_eq!(session.tell(0, subscribed()), [up]);
}

#[test]
fn an_answer_without_stream_id_is_no_subscription() {
    let mut session = Told::new(config());
    session.tell(0, start());
    let outputs = session.tell(0, ok(None));
    assert!(matches!(outputs.last(), Some(Output::Report(Problem::NoStreamId { .. }))));
    let executor = Config { needs_stream_id: false, ..config() };
    let mut session = Told::new(executor);
    session.tell(0, start());
    assert_eq!(session.tell(0, ok(None)), []);
}

#[test]
fn a_redirect_is_followed_also_without_a_scheme() {
    for (location, target) in [
        ("//b:5051/master/api/v1/scheduler", "http://b:5051/master/api/v1/scheduler"),
        ("http://b:5051/api/v1/scheduler", "http://b:5051/api/v1/scheduler"),
        ("//b:5051", "http://b:5051/api/v1/scheduler"),
    ] {
        let mut session = Told::new(config());
        session.tell(0, start());
        let outputs = session.tell(0, answer(307, Some(location)));
        assert_eq!(outputs, [Output::Connect(url(target))], "{location}");
    }
}

#[test]
fn a_long_way_of_redirects_waits_and_starts_over() {
    let mut session = Told::new(config());
    session.tell(0, start());
    for port in 1..=MAX_REDIRECTS {
        let outputs = session.tell(0, answer(307, Some(&format!("//b:{port}/x"))));
        assert!(matches!(outputs[..], [Output::Connect(_)]));
    }
    let outputs = session.tell(0, answer(307, Some("//b:99/x")));
    assert!(matches!(outputs.last(), Some(Output::Report(Problem::Redirect { .. }))));
    assert_eq!(session.tell(1, Input::Tick), [Output::Connect(endpoint())]);
}

#[test]
fn a_circle_of_redirects_is_noticed_at_its_first_round() {
    let mut session = Told::new(config());
    session.tell(0, start());
    assert!(matches!(session.tell(0, answer(307, Some("//b:1/x")))[..], [Output::Connect(_)]));
    let outputs = session.tell(0, answer(307, Some("//a:5050/api/v1/scheduler")));
    let [Output::Hangup, Output::Report(Problem::Redirect { endpoint: from })] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(from, "http://b:1");
    assert_eq!(session.tell(1, Input::Tick), [Output::Connect(endpoint())]);
}

#[test]
fn credentials_are_not_led_from_https_to_http() {
    for (location, followed) in
        [("http://b:1/x", false), ("//b:1/x", true), ("https://b:1/x", true), ("ftp://b/x", false)]
    {
        let mut session = Told::new(config());
        session.tell(0, Input::Master(vec![url("https://a:5050/api/v1/scheduler")]));
        let outputs = session.tell(0, answer(307, Some(location)));
        let is_followed = matches!(outputs[..], [Output::Connect(_)]);
        assert_eq!(is_followed, followed, "{location}: {outputs:?}");
    }
}

#[test]
fn a_redirect_to_nowhere_waits() {
    for location in [None, Some("ftp://b/x"), Some("http://")] {
        let mut session = Told::new(config());
        session.tell(0, start());
        let outputs = session.tell(0, answer(307, location));
        assert!(matches!(outputs.last(), Some(Output::Report(Problem::Redirect { .. }))));
    }
}

#[test]
fn wrong_credentials_and_wrong_requests_are_final() {
    for status in [400, 401, 403, 405, 406, 409, 415, 501] {
        let mut session = Told::new(config());
        session.tell(0, start());
        let outputs = session.tell(0, answer(status, None));
        assert!(matches!(outputs.last(), Some(Output::GiveUp(_))), "{status}: {outputs:?}");
        assert_eq!(session.0.wake_at(), None);
        assert_eq!(session.tell(99, Input::Tick), []);
    }
}

#[test]
fn what_passes_is_tried_again_with_growing_waits() {
    let mut session = Told::new(config());
    session.tell(0, start());
    let mut now = at(0);
    let mut waits = Vec::new();
    for status in [404, 429, 503, 500, 503, 503] {
        let outputs = session.0.handle(now, HALF_JITTER, answer(status, None));
        assert!(matches!(outputs.last(), Some(Output::Report(Problem::NotNow { .. }))));
        let wake = session.0.wake_at().unwrap();
        waits.push((wake - now).as_millis());
        now = wake;
        assert_eq!(session.0.handle(now, 0.0, Input::Tick), [Output::Connect(endpoint())]);
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 15000]);
}

#[test]
fn three_refused_connections_are_three_items_and_then_it_works() {
    let mut session = Told::new(config());
    session.tell(0, start());
    let mut now = 0;
    for _ in 0..3 {
        let outputs = session.tell(now, Input::ConnectFailed("refused".into()));
        assert!(matches!(outputs.last(), Some(Output::Report(Problem::Connect { .. }))));
        now += 20;
        session.tell(now, Input::Tick);
    }
    session.tell(now, ok(Some("s")));
    assert!(matches!(session.tell(now, subscribed())[..], [Output::Up { first: true, .. }]));
}

#[test]
fn silence_for_five_heartbeats_reconnects() {
    let mut session = Told::live();
    assert_eq!(session.0.wake_at(), Some(at(75)));
    session.tell(60, Input::Heard);
    assert_eq!(session.tell(75, Input::Tick), []);
    let outputs = session.tell(135, Input::Tick);
    assert!(matches!(outputs[..], [Output::Hangup, Output::Down(_)]), "{outputs:?}");
    assert_eq!(session.tell(140, Input::Tick), [Output::Connect(endpoint())]);
}

#[test]
fn later_subscriptions_are_not_the_first_and_have_their_own_stream_id() {
    let mut session = Told::live();
    session.tell(1, Input::StreamEnded("closed".into()));
    session.tell(5, Input::Tick);
    session.tell(5, ok(Some("s2")));
    let outputs = session.tell(5, subscribed());
    assert!(
        matches!(&outputs[..], [Output::Up { first: false, stream_id: Some(id), .. }] if id == "s2")
    );
}

#[test]
fn success_resets_the_backoff() {
    let mut session = Told::new(config());
    session.tell(0, start());
    for now in [0, 100, 200] {
        session.tell(now, answer(503, None));
        session.tell(now + 50, Input::Tick);
    }
    session.tell(250, ok(Some("s")));
    session.tell(250, subscribed());
    session.tell(300, Input::StreamEnded("closed".into()));
    assert_eq!(session.0.wake_at(), Some(at(300) + Duration::from_millis(500)));
}

#[test]
fn a_lost_subscription_told_by_a_call_resubscribes() {
    let mut session = Told::live();
    let outputs = session.tell(1, Input::SubscriptionLost("403".into()));
    assert!(matches!(outputs[..], [Output::Hangup, Output::Down(_)]));
    assert_eq!(session.tell(1, Input::SubscriptionLost("403".into())), []);
}

#[test]
fn error_events_resubscribe_unless_they_are_final() {
    let error = |fatal| Input::ErrorEvent { message: "m".into(), fatal };
    let mut session = Told::live();
    let outputs = session.tell(1, error(false));
    assert!(matches!(outputs[..], [Output::Hangup, Output::Down(_), Output::Report(_)]));
    let mut session = Told::live();
    let outputs = session.tell(1, error(true));
    assert!(matches!(outputs[..], [Output::Hangup, Output::Down(_), Output::GiveUp(_)]));
}

#[test]
fn an_answer_that_never_comes_is_a_failed_try() {
    let mut session = Told::new(config());
    session.tell(0, start());
    assert_eq!(session.tell(9, Input::Tick), []);
    let outputs = session.tell(10, Input::Tick);
    assert!(matches!(outputs.last(), Some(Output::Report(Problem::Connect { .. }))));
}

#[test]
fn an_executor_gives_up_when_its_time_is_over() {
    let limit = Some(at(2));
    let mut session = Told::new(Config { give_up_after: limit, ..config() });
    session.tell(0, start());
    session.tell(0, ok(Some("s")));
    session.tell(0, subscribed());
    session.tell(100, Input::StreamEnded("closed".into()));
    session.tell(101, Input::Tick);
    let outputs = session.tell(101, Input::ConnectFailed("refused".into()));
    assert!(matches!(outputs.last(), Some(Output::Report(_))));
    session.tell(102, Input::Tick);
    let outputs = session.tell(102, Input::ConnectFailed("refused".into()));
    assert!(matches!(outputs.last(), Some(Output::GiveUp(Problem::GaveUp { .. }))));
}

#[test]
fn without_checkpointing_the_first_loss_is_the_end() {
    let mut session = Told::new(Config { give_up_after: Some(Duration::ZERO), ..config() });
    session.tell(0, start());
    session.tell(0, ok(Some("s")));
    session.tell(0, subscribed());
    let outputs = session.tell(9, Input::StreamEnded("closed".into()));
    assert!(matches!(outputs[..], [Output::Hangup, Output::Down(_), Output::GiveUp(_)]));
}

#[test]
fn news_of_a_stream_that_is_gone_changes_nothing() {
    let mut session = Told::live();
    session.tell(1, Input::StreamEnded("closed".into()));
    for input in [Input::Heard, subscribed(), Input::StreamEnded("x".into()), ok(Some("s"))] {
        assert_eq!(session.tell(1, input), []);
    }
}

fn other() -> Url {
    url("http://b:5050/api/v1/scheduler")
}

#[test]
fn a_new_master_cancels_the_old_subscription_and_is_connected_to() {
    let mut session = Told::live();
    let outputs = session.0.handle(at(10), 0.5, Input::Master(vec![other()]));
    assert!(matches!(outputs[..], [Output::Hangup, Output::Down(_)]), "{outputs:?}");
    assert_eq!(session.0.wake_at(), Some(at(10) + Duration::from_millis(250)));
    assert_eq!(session.tell(11, Input::Tick), [Output::Connect(other())]);
    session.tell(11, ok(Some("s2")));
    assert!(matches!(session.tell(11, subscribed())[..], [Output::Up { first: false, .. }]));
}

#[test]
fn a_new_master_replaces_one_that_is_being_tried() {
    let before: [&[Input]; 3] = [&[], &[ok(Some("s"))], &[answer(503, None)]];
    for inputs in before {
        let mut session = Told::new(config());
        session.tell(0, start());
        for input in inputs {
            session.tell(0, input.clone());
        }
        let outputs = session.tell(0, Input::Master(vec![other()]));
        assert_eq!(outputs, [Output::Hangup, Output::Connect(other())]);
    }
}

#[test]
fn no_master_waits_until_there_is_one() {
    let mut session = Told::new(config());
    let nobody = || Input::Master(Vec::new());
    assert_eq!(session.tell(0, nobody()), [Output::Report(Problem::NoMaster)]);
    assert_eq!(session.tell(1, nobody()), []);
    assert_eq!(session.0.wake_at(), None);
    assert_eq!(session.tell(999, start()), [Output::Connect(endpoint())]);
    session.tell(999, ok(Some("s")));
    assert!(matches!(session.tell(999, subscribed())[..], [Output::Up { first: true, .. }]));
}

#[test]
fn a_master_that_is_gone_takes_the_subscription_along() {
    let mut session = Told::live();
    let outputs = session.tell(5, Input::Master(Vec::new()));
    assert!(
        matches!(outputs[..], [Output::Hangup, Output::Down(_), Output::Report(Problem::NoMaster)]),
        "{outputs:?}"
    );
    for input in [Input::Heard, Input::Tick, subscribed(), Input::StreamEnded("x".into())] {
        assert_eq!(session.tell(500, input), []);
    }
    session.tell(600, start());
    assert_eq!(session.tell(601, Input::Tick), [Output::Connect(endpoint())]);
}

#[test]
fn a_new_master_begins_with_short_waits() {
    let mut session = Told::new(config());
    session.tell(0, start());
    for now in [0, 100, 200, 300] {
        session.tell(now, answer(503, None));
        session.tell(now + 50, Input::Tick);
    }
    session.tell(350, Input::Master(vec![other()]));
    session.tell(350, answer(503, None));
    assert_eq!(session.0.wake_at(), Some(at(350) + Duration::from_millis(500)));
}

#[test]
fn the_masters_of_a_list_are_tried_one_after_the_other_before_a_wait() {
    let mut session = Told::new(config());
    let connect = [Output::Connect(endpoint())];
    assert_eq!(session.tell(0, Input::Master(vec![endpoint(), other()])), connect);
    let outputs = session.tell(0, Input::ConnectFailed("refused".into()));
    assert_eq!(outputs.last(), Some(&Output::Connect(other())));
    let outputs = session.tell(0, answer(503, None));
    assert!(matches!(outputs[..], [Output::Hangup, Output::Report(Problem::NotNow { .. })]));
    assert_eq!(session.0.wake_at(), Some(Duration::from_millis(500)));
    assert_eq!(session.tell(1, Input::Tick), connect);
}

#[test]
fn detection_that_fails_is_told_and_ends_nothing_unless_it_is_final() {
    let failed = |fatal| Input::DetectionFailed { message: "why".into(), fatal };
    let mut session = Told::live();
    let problem = Problem::Detection { message: "why".into() };
    assert_eq!(session.tell(1, failed(false)), [Output::Report(problem)]);
    assert_eq!(session.0.wake_at(), Some(at(75)));
    let outputs = session.tell(1, failed(true));
    let refused = Problem::DetectionRefused { message: "why".into() };
    assert!(matches!(&outputs[..], [Output::Hangup, Output::Down(_), Output::GiveUp(problem)]
        if *problem == refused));
}

#[test]
fn the_interval_of_heartbeats_is_the_one_that_subscribed_tells() {
    for (heartbeat, deadline) in
        [(Some(at(15)), Some(at(75))), (Some(at(1)), Some(at(5))), (None, None)]
    {
        let mut session = Told::new(config());
        session.tell(0, start());
        session.tell(0, ok(Some("s")));
        session.tell(0, Input::Subscribed { heartbeat });
        assert_eq!(session.0.wake_at(), deadline);
    }
}

#[test]
fn a_stream_id_is_gone_with_its_subscription() {
    let mut session = Told::live();
    session.tell(1, Input::StreamEnded("closed".into()));
    session.tell(5, Input::Tick);
    let outputs = session.tell(5, ok(None));
    assert!(matches!(outputs.last(), Some(Output::Report(Problem::NoStreamId { .. }))));
}

#[test]
fn an_error_instead_of_subscribed_waits_longer_each_time() {
    let mut session = Told::new(config());
    session.tell(0, start());
    let mut waits = Vec::new();
    for now in [100, 200, 300] {
        session.tell(now, ok(Some("s")));
        let message = "Failed to authorize: timed out".into();
        session.tell(now, Input::ErrorEvent { message, fatal: false });
        waits.push((session.0.wake_at().unwrap() - at(now)).as_millis());
        session.tell(now + 50, Input::Tick);
    }
    assert_eq!(waits, [500, 1000, 2000]);
}

#[test]
fn after_its_end_a_session_says_nothing_more() {
    let mut session = Told::live();
    session
        .tell(1, Input::ErrorEvent { message: "Framework has been removed".into(), fatal: true });
    let failed = Input::DetectionFailed { message: "why".into(), fatal: false };
    for input in [start(), Input::Master(Vec::new()), failed, Input::Tick, ok(Some("s"))] {
        assert_eq!(session.tell(2, input), []);
    }
    assert_eq!(session.0.wake_at(), None);
}
