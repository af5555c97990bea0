//! What the engine decides, one situation at a time.

#![expect(clippy::unwrap_used, reason = "a test")]

mod groups;
mod policies;
mod reopened;

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use batch::memory::MemoryStore;
use batch::outcome::{Ended, Found};
use batch::{Call, Chunk, Engine, Entry, Given, Input, Launch, Notice, Released, Settings, Time};
use mesos::ack::AckToken;
use mesos::resources::Resources;
use mesos::v1::task_status::Reason;
use mesos::v1::{Offer, OfferId, TaskState, TaskStatus};
use proptest::prelude::*;
use protocol::{Class, ImageReport, Outcome, Report};

struct Bench {
    engine: Engine,
    listed: Vec<Entry>,
    store: MemoryStore,
    now: Time,
}

fn entry(index: u64) -> Entry {
    let (url, name) = (format!("http://h/{index}.jpg"), format!("{index}-a"));
    Entry { index, line: index, url, name, given: Given::Process }
}

fn offer(id: &str, agent: &str, resources: &str) -> Offer {
    Offer {
        id: id.into(),
        agent_id: agent.into(),
        hostname: "host".into(),
        resources: resources.parse::<Resources>().unwrap().to_wire(),
        ..Offer::default()
    }
}

fn done(index: u64) -> ImageReport {
    ImageReport { index, sha256: "ab".repeat(32), output: "o.jpg".into(), ..Default::default() }
}

fn status(launch: &Launch, state: TaskState, data: Option<Vec<u8>>) -> TaskStatus {
    TaskStatus {
        task_id: launch.task_id.clone(),
        state: state.into(),
        agent_id: Some(launch.agent_id.clone()),
        uuid: Some(vec![1; 16]),
        data,
        ..TaskStatus::default()
    }
}

/// The master's word that a task, or its group, is invalid.
fn refusal(launch: &Launch, message: &str) -> TaskStatus {
    TaskStatus {
        reason: Some(Reason::TaskInvalid.into()),
        message: Some(message.into()),
        ..status(launch, TaskState::TaskError, None)
    }
}

fn payload(images: Vec<ImageReport>) -> Option<Vec<u8>> {
    Some(Report { images, ..Report::default() }.to_payload())
}

impl Bench {
    /// A subscribed engine with that many images.
    fn new(images: u64, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new("job", "exec");
        change(&mut settings);
        let mut bench = Self {
            engine: Engine::new(settings),
            listed: Vec::new(),
            store: MemoryStore::default(),
            now: Time::ZERO,
        };
        bench.give(Input::Submit((1..=images).map(entry).collect()));
        bench.give(Input::ListEnded);
        bench.subscribe();
        bench
    }

    fn subscribe(&mut self) -> Released {
        self.give(Input::Subscribed { framework_id: "f".into(), first: true })
    }

    fn give(&mut self, input: Input) -> Released {
        if let Input::Submit(entries) = &input {
            self.listed.extend(entries.iter().cloned());
        }
        self.engine.handle(self.now, input).commit(&mut self.store).unwrap()
    }

    /// What the records say of an image.
    fn found(&self, index: u64) -> Option<Found> {
        let entry = self.listed.iter().find(|entry| entry.index == index)?;
        let found = self.store.outcome(entry);
        if found.as_ref().is_some_and(|found| found.duplicate_of.is_none()) {
            let outcome = found.as_ref().map(|found| found.of(entry).outcome);
            assert_eq!(outcome, self.engine.outcome(index), "image {index}");
        }
        found
    }

    fn class(&self, index: u64) -> Option<Class> {
        let entry = self.listed.iter().find(|entry| entry.index == index)?;
        self.found(index).map(|found| found.of(entry).class)
    }

    fn update(&mut self, status: TaskStatus) -> Released {
        let ack = AckToken::of(&status);
        self.give(Input::Update { status: Box::new(status), ack })
    }

    /// A new engine from the records, for that many images.
    fn restart(&mut self, images: u64) {
        let (settings, entries) = (self.engine.settings().clone(), (1..=images).map(entry));
        self.engine = Engine::replay(settings, entries, self.store.records());
        self.now = Time::ZERO;
        self.give(Input::ListEnded);
    }

    fn indexes(&self, launch: &Launch) -> Vec<u64> {
        launch.images.clone()
    }

    fn tick(&mut self, after: Duration) -> Released {
        self.now += after;
        self.give(Input::Tick)
    }

    fn launch(&mut self, resources: &str) -> Vec<Launch> {
        launches(self.give(Input::Offers(vec![offer("o", "a", resources)])))
    }
}

fn launches(released: Released) -> Vec<Launch> {
    accepts(released).flat_map(|(_, launches)| launches).collect()
}

/// The offers that were accepted together, with what is launched on them.
fn accepts(released: Released) -> impl Iterator<Item = (Vec<OfferId>, Vec<Launch>)> {
    released.calls.into_iter().filter_map(|call| match call {
        Call::Accept { offer_ids, launches, .. } => Some((offer_ids, launches)),
        Call::Decline { .. }
        | Call::AcceptInverse { .. }
        | Call::Suppress
        | Call::Revive
        | Call::Acknowledge(_)
        | Call::Reconcile(_)
        | Call::Kill { .. } => None,
    })
}

fn count(released: &Released, wanted: impl Fn(&Call) -> bool) -> usize {
    released.calls.iter().filter(|call| wanted(call)).count()
}

fn acks(released: &Released) -> usize {
    count(released, |call| matches!(call, Call::Acknowledge(_)))
}

fn kills(released: &Released) -> usize {
    count(released, |call| matches!(call, Call::Kill { .. }))
}

#[test]
fn an_image_goes_from_the_list_to_its_outcome() {
    let mut bench = Bench::new(1, |_| {});
    let launch = bench.launch("cpus:2;mem:1024").remove(0);
    assert_eq!(launch.task_id.value, "job.1.1");
    assert_eq!(launch.images, [1]);
    assert_eq!(launch.resources, "cpus:1;mem:128".parse().unwrap());
    bench.update(status(&launch, TaskState::TaskRunning, None));
    let last = bench.update(status(&launch, TaskState::TaskFinished, payload(vec![done(1)])));
    assert_eq!(acks(&last), 1);
    assert_eq!(last.notices.last(), Some(&Notice::JobDone));
    let found = bench.found(1).unwrap();
    let outcome = found.of(&bench.listed[0]);
    assert_eq!((outcome.outcome, outcome.attempts, outcome.agent), (Outcome::Done, 1, "a"));
    assert_eq!((outcome.line, outcome.url), (1, "http://h/1.jpg"));
    assert_eq!(outcome.task.map(|task| task.to_string()).as_deref(), Some("1.1"));
    assert!(bench.engine.is_finished());
}

#[test]
fn the_framework_id_is_durable_before_the_first_accept() {
    let mut bench = Bench::new(1, |_| {});
    bench.launch("cpus:2;mem:1024");
    let records = bench.store.records();
    let place = |name: &str| records.iter().position(|r| format!("{r:?}").starts_with(name));
    assert!(place("FrameworkSubscribed").unwrap() < place("Launched").unwrap());
    assert_eq!(bench.engine.framework_id(), Some("f"));
}

#[test]
fn a_store_that_fails_lets_no_call_out() {
    let mut bench = Bench::new(1, |_| {});
    bench.store.fail_next();
    let offers = Input::Offers(vec![offer("o", "a", "cpus:2;mem:1024")]);
    let effects = bench.engine.handle(bench.now, offers);
    assert!(!effects.records().is_empty());
    assert!(effects.commit(&mut bench.store).is_err());
    let again = Engine::replay(bench.engine.settings().clone(), [entry(1)], bench.store.records());
    assert_eq!((again.progress().pending, again.progress().running), (1, 0));
}

#[test]
fn a_duplicate_of_the_last_update_changes_nothing_but_is_acknowledged() {
    let mut bench = Bench::new(2, |_| {});
    let launch = bench.launch("cpus:1.1;mem:1024").remove(0);
    let last = status(&launch, TaskState::TaskFinished, payload(vec![done(1)]));
    bench.update(last.clone());
    let (before, records) = (bench.engine.progress(), bench.store.records().len());
    let again = bench.update(last);
    assert_eq!((acks(&again), kills(&again)), (1, 0));
    assert_eq!(bench.engine.progress(), before);
    assert_eq!(bench.store.records().len(), records);
}

#[test]
fn an_update_without_uuid_is_never_acknowledged() {
    let mut bench = Bench::new(1, |_| {});
    let launch = bench.launch("cpus:2;mem:1024").remove(0);
    let mut lost = status(&launch, TaskState::TaskLost, None);
    lost.uuid = None;
    assert_eq!(acks(&bench.update(lost)), 0);
}

#[test]
fn without_work_offers_are_declined_at_once_and_suppress_is_sent_once() {
    let mut bench = Bench::new(1, |_| {});
    bench.launch("cpus:1.1;mem:1024");
    for id in ["x", "y"] {
        let released = bench.give(Input::Offers(vec![offer(id, "b", "cpus:9;mem:9999")]));
        let wanted =
            Call::Decline { offer_ids: vec![id.into()], refuse: Duration::from_secs(3_600) };
        assert_eq!(released.calls, [wanted]);
    }
    let mut idle = Bench::new(0, |_| {});
    assert_eq!(idle.tick(Duration::ZERO).calls, []);
    idle.give(Input::Disconnected);
    assert_eq!(idle.subscribe().calls, [Call::Suppress]);
}

#[test]
fn many_tasks_go_into_one_offer_and_the_executor_counts_once() {
    let mut bench = Bench::new(9, |_| {});
    let launches = bench.launch("cpus:3;mem:4096");
    assert_eq!(launches.len(), 2);
    assert_eq!(launches.iter().map(|l| l.executor_is_new).collect::<Vec<_>>(), [true, false]);
    let mut known = offer("p", "a", "cpus:3;mem:4096");
    known.executor_ids = vec!["exec".into()];
    let more = self::launches(bench.give(Input::Offers(vec![known])));
    assert_eq!(more.len(), 3);
    assert!(more.iter().all(|launch| !launch.executor_is_new));
    assert_eq!(more[0].executor_resources, launches[0].executor_resources);
}

#[test]
fn offers_while_disconnected_are_void_and_while_draining_given_back() {
    let mut bench = Bench::new(1, |_| {});
    bench.give(Input::Disconnected);
    assert_eq!(bench.give(Input::Offers(vec![offer("o", "a", "cpus:9;mem:9999")])).calls, []);
    bench.subscribe();
    bench.give(Input::Drain);
    let released = bench.give(Input::Offers(vec![offer("o", "a", "cpus:9;mem:9999")]));
    assert_eq!(count(&released, |call| matches!(call, Call::Decline { .. })), 1);
    assert!(bench.engine.is_idle() && !bench.engine.is_finished());
}

#[test]
fn a_lost_task_is_launched_again_under_a_new_name_and_the_old_one_no_longer_counts() {
    let mut bench = Bench::new(1, |_| {});
    let first = bench.launch("cpus:2;mem:1024").remove(0);
    bench.update(status(&first, TaskState::TaskUnreachable, None));
    let revived = bench.tick(Duration::from_secs(1));
    assert_eq!(revived.calls, [Call::Revive]);
    let second = bench.launch("cpus:2;mem:1024").remove(0);
    assert_eq!(second.task_id.value, "job.1.2");
    let back = bench.update(status(&first, TaskState::TaskRunning, None));
    assert_eq!((kills(&back), acks(&back)), (1, 1));
    let late = bench.update(status(&first, TaskState::TaskFinished, payload(vec![done(1)])));
    assert_eq!((kills(&late), acks(&late)), (0, 1));
    assert_eq!(bench.engine.progress().running, 1);
    bench.update(status(&second, TaskState::TaskFinished, payload(vec![done(1)])));
    assert_eq!(bench.found(1).unwrap().ended.tried.attempts, 2);
}

#[test]
fn machinery_that_fails_for_ever_ends_the_image_and_says_why() {
    let mut bench = Bench::new(1, |_| {});
    let mut rounds = 0;
    while !bench.engine.is_finished() {
        bench.tick(Duration::from_secs(31));
        let launch = bench.launch("cpus:2;mem:1024").remove(0);
        let mut failed = status(&launch, TaskState::TaskFailed, None);
        failed.message = Some("Container exited with status 127".into());
        bench.update(failed);
        rounds += 1;
    }
    let Ended { end, tried } = bench.found(1).unwrap().ended;
    assert_eq!((rounds, end.class, tried.attempts), (10, Class::Machinery, 10));
    assert!(end.message.contains("status 127"), "{}", end.message);
}

#[test]
fn one_bad_image_of_a_batch_goes_its_own_way() {
    let fixed = Chunk::Fixed(NonZeroU64::new(3).unwrap());
    let mut bench = Bench::new(3, |settings| settings.images_per_task = fixed);
    let launch = bench.launch("cpus:2;mem:1024").remove(0);
    let reports = vec![
        done(1),
        ImageReport::failed(2, Class::Timeout, "slow"),
        ImageReport::failed(3, Class::Http4xx, "404"),
    ];
    bench.update(status(&launch, TaskState::TaskFinished, payload(reports)));
    let progress = bench.engine.progress();
    assert_eq!((progress.done, progress.failed, progress.retrying), (1, 1, 1));
    for attempt in 2..=3 {
        bench.tick(Duration::from_secs(60));
        let launch = bench.launch("cpus:2;mem:1024").remove(0);
        assert_eq!(launch.task_id.value, format!("job.{attempt}.1"));
        let report = payload(vec![ImageReport::failed(2, Class::Timeout, "slow")]);
        bench.update(status(&launch, TaskState::TaskFinished, report));
    }
    let Ended { end, tried } = bench.found(2).unwrap().ended;
    assert_eq!((end.class, tried.attempts), (Class::Timeout, 3));
    assert!(bench.engine.is_finished());
}

#[test]
fn images_that_have_failed_share_tasks_apart_from_new_ones_and_keep_budgets_of_their_own() {
    let fixed = Chunk::Fixed(NonZeroU64::new(3).unwrap());
    let mut bench = Bench::new(8, |settings| settings.images_per_task = fixed);
    let timeouts = |launch: &Launch| {
        let failed = |index: &u64| ImageReport::failed(*index, Class::Timeout, "slow");
        payload(launch.images.iter().map(failed).collect())
    };
    for launch in bench.launch("cpus:2.1;mem:1024") {
        bench.update(status(&launch, TaskState::TaskFinished, timeouts(&launch)));
    }
    bench.tick(Duration::from_secs(60));
    let tasks = bench.launch("cpus:9;mem:9999");
    let images: Vec<_> = tasks.iter().map(|launch| launch.images.as_slice()).collect();
    assert_eq!(images, [&[1, 2, 3][..], &[4, 5, 6], &[7, 8]]);
    // Losing a task costs its images nothing of their own.
    bench.update(status(&tasks[0], TaskState::TaskLost, None));
    bench.update(status(&tasks[1], TaskState::TaskFinished, timeouts(&tasks[1])));
    bench.tick(Duration::from_secs(60));
    let tasks = bench.launch("cpus:9;mem:9999");
    let images: Vec<_> = tasks.iter().map(|launch| launch.images.as_slice()).collect();
    assert_eq!(images, [&[1, 2][..], &[3], &[4, 5, 6]]);
    for launch in &tasks {
        bench.update(status(launch, TaskState::TaskFinished, timeouts(launch)));
    }
    let classes = (1..=6).map(|index| bench.class(index)).collect::<Vec<_>>();
    assert_eq!(classes[..3], [None; 3], "two failures of three");
    assert_eq!(classes[3..], [Some(Class::Timeout); 3], "three of three");
}

#[test]
fn an_image_whose_host_wants_patience_waits_for_it_and_keeps_its_attempts() {
    let mut bench = Bench::new(2, |settings| settings.retry.image_attempts = NonZeroU32::MIN);
    let told = |index| {
        let report = ImageReport::failed(index, Class::TooManyRequests, "not yet");
        ImageReport { retry_after_ms: Some(3_000_000), not_asked: index == 2, ..report }
    };
    for launch in bench.launch("cpus:2.1;mem:1024") {
        let images = launch.images.iter().map(|index| told(*index)).collect();
        bench.update(status(&launch, TaskState::TaskFinished, payload(images)));
    }
    assert_eq!((bench.class(1), bench.class(2)), (Some(Class::TooManyRequests), None));
    assert_eq!(bench.engine.progress().next_retry, Some(Duration::from_secs(3_000)));
    bench.tick(Duration::from_secs(2_999));
    assert!(bench.launch("cpus:2.1;mem:1024").is_empty());
    bench.tick(Duration::from_secs(1));
    assert_eq!(bench.engine.progress().next_retry, None, "it only waits for room");
    let launch = bench.launch("cpus:2.1;mem:1024").remove(0);
    bench.update(status(&launch, TaskState::TaskFinished, payload(vec![done(2)])));
    assert_eq!(bench.class(2), Some(Class::Ok));
}

#[test]
fn images_missing_in_a_report_and_unreadable_reports_are_the_machinerys_fault() {
    let fixed = Chunk::Fixed(NonZeroU64::new(2).unwrap());
    let mut bench = Bench::new(2, |settings| settings.images_per_task = fixed);
    let first = bench.launch("cpus:2;mem:1024").remove(0);
    bench.update(status(&first, TaskState::TaskFinished, payload(vec![done(1), done(77)])));
    for bad in [Some(vec![0xff]), None] {
        bench.tick(Duration::from_secs(31));
        let launch = bench.launch("cpus:2;mem:1024").remove(0);
        assert_eq!(launch.images, [2]);
        bench.update(status(&launch, TaskState::TaskFinished, bad));
    }
    assert_eq!((bench.engine.progress().done, bench.engine.progress().retrying), (1, 1));
    assert!(bench.engine.outcome(77).is_none() && bench.found(77).is_none());
}

#[test]
fn a_task_reports_images_while_it_runs_and_its_loss_costs_only_the_others() {
    let fixed = Chunk::Fixed(NonZeroU64::new(4).unwrap());
    let mut bench = Bench::new(4, |settings| settings.images_per_task = fixed);
    let first = bench.launch("cpus:2;mem:1024").remove(0);
    let early = vec![done(1), done(77), ImageReport::failed(2, Class::Http4xx, "404")];
    let running = status(&first, TaskState::TaskRunning, payload(early));
    let released = bench.update(running.clone());
    assert_eq!((acks(&released), kills(&released)), (1, 0));
    assert_eq!(&*bench.found(1).unwrap().ended.end.agent, "a");
    let progress = bench.engine.progress();
    assert_eq!((progress.done, progress.failed, progress.running), (1, 1, 2));

    let records = bench.store.records().len();
    bench.update(running);
    bench.update(status(&first, TaskState::TaskRunning, Some(vec![0xff])));
    assert_eq!(bench.store.records().len(), records, "news that is none");

    let retry = vec![ImageReport::failed(3, Class::Timeout, "slow")];
    bench.update(status(&first, TaskState::TaskRunning, payload(retry)));
    bench.update(status(&first, TaskState::TaskUnreachable, None));
    bench.tick(Duration::from_secs(2));
    let next = bench.launch("cpus:2;mem:1024");
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].images, [4], "the other waits by itself");
    bench.update(status(&next[0], TaskState::TaskRunning, payload(vec![done(4)])));
    bench.update(status(&next[0], TaskState::TaskFinished, payload(vec![])));
    assert_eq!(bench.engine.progress().tasks_running, 0);
}

#[test]
fn late_news_of_an_earlier_attempt_reports_nothing() {
    let mut bench = Bench::new(1, |_| {});
    let first = bench.launch("cpus:2;mem:1024").remove(0);
    bench.update(status(&first, TaskState::TaskLost, None));
    bench.tick(Duration::from_secs(1));
    bench.launch("cpus:2;mem:1024");
    bench.update(status(&first, TaskState::TaskRunning, payload(vec![done(1)])));
    assert!(bench.engine.outcome(1).is_none());
}

#[test]
fn a_reconciled_end_waits_for_the_real_report() {
    let mut bench = Bench::new(1, |_| {});
    let launch = bench.launch("cpus:2;mem:1024").remove(0);
    let mut answer = status(&launch, TaskState::TaskFinished, None);
    answer.uuid = None;
    answer.reason = Some(Reason::Reconciliation.into());
    bench.update(answer.clone());
    assert_eq!(bench.engine.progress().running, 1);
    bench.tick(Duration::from_secs(119));
    assert_eq!(bench.engine.progress().running, 1);
    bench.update(status(&launch, TaskState::TaskFinished, payload(vec![done(1)])));
    assert!(bench.engine.is_finished());

    let mut never = Bench::new(1, |_| {});
    never.launch("cpus:2;mem:1024");
    never.update(answer);
    never.tick(Duration::from_secs(120));
    assert_eq!(never.engine.progress().retrying, 1);
}

#[test]
fn the_error_about_a_taken_id_leaves_the_live_task_alone() {
    let mut bench = Bench::new(1, |_| {});
    let launch = bench.launch("cpus:2;mem:1024").remove(0);
    bench.update(refusal(&launch, "Task has duplicate ID: job.1.1"));
    assert_eq!(bench.engine.progress().running, 1);
    let to_its_group = "Task 'job.1.1' is invalid: Task has duplicate ID: job.1.1";
    bench.update(refusal(&launch, to_its_group));
    assert_eq!(bench.engine.progress().running, 1);
    bench.update(refusal(&launch, "Task uses no resources"));
    assert_eq!(bench.class(1), Some(Class::Machinery));
}

#[test]
fn a_task_whose_group_was_refused_for_a_taken_id_is_launched_again() {
    let mut bench = Bench::new(1, |_| {});
    let launch = bench.launch("cpus:2;mem:1024").remove(0);
    let of_another = "Task 'job.1.10' is invalid: Task has duplicate ID: job.1.10";
    bench.update(refusal(&launch, of_another));
    assert_eq!(bench.engine.progress().retrying, 1);
}

#[test]
fn tasks_whose_launch_was_not_delivered_go_back_at_no_cost() {
    let mut bench = Bench::new(1, |_| {});
    for number in 1..=20 {
        let launch = bench.launch("cpus:2;mem:1024").remove(0);
        assert_eq!(launch.task_id.value, format!("job.1.{number}"));
        bench.give(Input::LaunchFailed { tasks: vec![launch.task_id] });
        assert_eq!(bench.engine.progress().retrying, 1);
    }
}

#[test]
fn every_subscription_asks_about_all_tasks_that_are_out_and_names_their_agents() {
    let mut bench = Bench::new(2, |_| {});
    let launches = bench.launch("cpus:3;mem:1024");
    bench.give(Input::Disconnected);
    let named: Vec<_> =
        launches.iter().map(|l| (l.task_id.clone(), Some(l.agent_id.clone()))).collect();
    let asked = bench.subscribe();
    assert!(asked.calls.contains(&Call::Reconcile(named)));
    bench.update(status(&launches[0], TaskState::TaskRunning, None));
    let again = bench.tick(Duration::from_secs(4));
    assert_eq!(again.calls, [Call::Reconcile(vec![("job.2.1".into(), Some("a".into()))])]);
    let agent = Input::AgentLost("a".into());
    assert_eq!(count(&bench.give(agent), |call| matches!(call, Call::Reconcile(_))), 1);
}

#[test]
fn a_task_that_ends_makes_room_and_asks_for_offers_at_most_every_interval() {
    let mut bench = Bench::new(9, |_| {});
    let launches = bench.launch("cpus:3;mem:1024");
    bench.now += Duration::from_secs(1);
    let end = |l: &Launch| status(l, TaskState::TaskFinished, payload(vec![done(l.images[0])]));
    let revives = |released: &Released| count(released, |call| *call == Call::Revive);
    assert_eq!(revives(&bench.update(end(&launches[0]))), 1);
    assert_eq!(revives(&bench.update(end(&launches[1]))), 0);
    assert_eq!(revives(&bench.tick(Duration::from_millis(50))), 1);
}

#[test]
fn duplicates_end_as_their_original_and_rejected_lines_at_once() {
    let mut bench = Bench::new(1, |_| {});
    let duplicate = Entry { given: Given::Duplicate { of: 1 }, ..entry(2) };
    let message = "line 3 is no URL".to_owned();
    let rejected = Entry { given: Given::Rejected { class: Class::BadUrl, message }, ..entry(3) };
    let orphan = Entry { given: Given::Duplicate { of: 99 }, ..entry(4) };
    bench.give(Input::Submit(vec![duplicate, rejected, orphan]));
    assert!(bench.found(2).is_none());
    assert_eq!(bench.class(3), Some(Class::BadUrl));
    for launch in bench.launch("cpus:9;mem:1024") {
        let report = payload(vec![done(launch.images[0])]);
        bench.update(status(&launch, TaskState::TaskFinished, report));
    }
    let found = bench.found(2).unwrap();
    let outcome = found.of(&bench.listed[1]);
    let wanted = (Class::Duplicate, Outcome::Done, Some(1));
    assert_eq!((outcome.class, outcome.outcome, outcome.duplicate_of), wanted);
    let progress = bench.engine.progress();
    assert_eq!((progress.done, progress.failed, progress.duplicates), (2, 1, 1));
    assert!(bench.engine.is_finished());
}

#[test]
fn a_long_list_goes_out_in_large_tasks() {
    let fixed = Chunk::Fixed(NonZeroU64::new(500).unwrap());
    let mut bench = Bench::new(100_000, |settings| settings.images_per_task = fixed);
    assert_eq!(bench.launch("cpus:100.1;mem:99999").len(), 100);
    assert_eq!(bench.engine.progress().running, 50_000);
}

proptest! {
    #[test]
    fn every_offer_is_in_exactly_one_answer_and_no_accept_takes_more_than_was_offered(
        images in 0_u64..30,
        offers in prop::collection::vec((0_u32..4, 0_i64..5_000, 0_i64..900, any::<bool>()), 0..12),
    ) {
        let mut bench = Bench::new(images, |_| {});
        let offers: Vec<_> = offers.iter().enumerate().map(|(n, (agent, cpus, mem, known))| {
            let resources = format!("cpus:{};mem:{mem}", *cpus as f64 / 1_000.0);
            let mut offer = offer(&n.to_string(), &agent.to_string(), &resources);
            offer.executor_ids = if *known { vec!["exec".into()] } else { vec![] };
            offer
        }).collect();
        let released = bench.give(Input::Offers(offers.clone()));
        let mut answered = Vec::new();
        for call in released.calls {
            match call {
                Call::Accept { offer_ids, launches, .. } => {
                    prop_assert!(!launches.is_empty());
                    let of = |id: &OfferId| &offers[id.value.parse::<usize>().unwrap()];
                    prop_assert!(offer_ids.iter().all(|id| of(id).agent_id == of(&offer_ids[0]).agent_id));
                    let mut left = offer_ids.iter().fold(Resources::default(), |sum, id| {
                        sum.plus(&Resources::from(&of(id).resources))
                    });
                    for launch in launches {
                        left = left.checked_sub(&launch.resources).unwrap();
                        if launch.executor_is_new {
                            left = left.checked_sub(&launch.executor_resources).unwrap();
                        }
                    }
                    answered.extend(offer_ids);
                }
                Call::Decline { offer_ids, .. } => answered.extend(offer_ids),
                Call::Suppress | Call::Revive => {}
                Call::AcceptInverse { .. } | Call::Acknowledge(_) | Call::Reconcile(_) | Call::Kill { .. } => panic!("not asked for"),
            }
        }
        answered.sort_by_key(|id| id.value.parse::<usize>().unwrap());
        prop_assert_eq!(answered, offers.into_iter().map(|offer| offer.id).collect::<Vec<_>>());
    }
}
