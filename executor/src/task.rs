//! One task: all its images, side by side, until each has an outcome or it is killed.

use std::collections::HashMap;
use std::sync::Arc;

use imaging::Pipeline;
use protocol::{Image, ImageReport, Limits, Report, Task};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::budget::{Budget, Given};
use crate::client::Clients;
use crate::image::{self, Job, SharedJob};
use crate::origins::Courtesy;
use crate::progress::Unreported;
use crate::queue::Queue;
use crate::tasks::Ending;

/// Images of one task under way at once, wherever on their way they are.
const MAX_IMAGES: usize = 64;

/// What tasks work with.
#[derive(Debug)]
pub struct Workshop {
    /// For downloads and uploads.
    pub clients: Clients,
    /// How origins are treated.
    pub courtesy: Courtesy,
    /// What the running tasks were given.
    pub budget: Budget,
}

/// Runs the task in `payload` to its end, or until `stop`. What images end in is given to
/// `tell` on the way; the ending holds the rest.
pub async fn run(
    workshop: Arc<Workshop>,
    payload: Vec<u8>,
    given: Given,
    stop: CancellationToken,
    tell: impl Fn(Report),
) -> Ending {
    let job = match prepare(&workshop, &payload, given) {
        Ok(job) => Arc::new(job),
        Err(sentence) => return Ending::Unreadable(sentence),
    };
    let mut images = Images::of(&job);
    tokio::select! {
        biased;
        () = images.finish(tell) => Ending::Finished(images.ended.take()),
        () = stop.cancelled() => Ending::Stopped(images.stop().await),
    }
}

fn prepare(workshop: &Workshop, payload: &[u8], given: Given) -> Result<Job, String> {
    let task = Task::from_payload(payload).map_err(|error| error.to_string())?;
    let pipeline: Pipeline = task
        .operations
        .parse()
        .map_err(|error| format!("the task asks for unknown operations: {error}"))?;
    let file_server = Url::parse(&task.file_server)
        .map_err(|error| format!("the task's file server {:?}: {error}", task.file_server))?;
    let connect_timeout = Limits::duration(task.limits.connect_timeout_ms);
    let client = workshop.clients.uploads(connect_timeout).map_err(|error| error.to_string())?;
    let origins = workshop.courtesy.origins(&workshop.clients, &task)?;
    let share = workshop.budget.share(given);
    Ok(Job { task, pipeline, file_server, client, origins, share })
}

/// The images in the order of their turns. What is no URL fails at once, and waits for nobody.
fn queue(job: &Job) -> Queue<Image> {
    let mut queue = Queue::default();
    for image in &job.task.images {
        let url = Url::parse(&image.url).ok();
        let share = url.as_ref().map_or(usize::MAX, |url| job.origins.share(url));
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        queue.push(host, share, image.clone());
    }
    queue
}

/// The images of a task: waiting, under way, ended.
struct Images {
    job: SharedJob,
    waiting: Queue<Image>,
    running: JoinSet<ImageReport>,
    /// Which image of which host a piece of work is for.
    who: HashMap<Id, (String, Image)>,
    ended: Unreported,
}

impl Images {
    fn of(job: &SharedJob) -> Self {
        Self {
            job: Arc::clone(job),
            waiting: queue(job),
            running: JoinSet::new(),
            who: HashMap::new(),
            ended: Unreported::default(),
        }
    }

    /// Returns when every image has an outcome. Dropping the wait loses nothing.
    async fn finish(&mut self, tell: impl Fn(Report)) {
        loop {
            self.refill();
            tokio::select! {
                biased;
                ended = self.running.join_next_with_id() => match ended {
                    Some(ended) => self.take(ended),
                    None => return,
                },
                () = self.ended.due() => tell(self.ended.take()),
            }
        }
    }

    /// Ends what is under way and gives the outcomes that are there.
    async fn stop(&mut self) -> Report {
        self.running.abort_all();
        while let Some(ended) = self.running.join_next_with_id().await {
            self.take(ended);
        }
        self.ended.take()
    }

    fn refill(&mut self) {
        while self.running.len() < MAX_IMAGES {
            let Some((host, image)) = self.waiting.next() else { return };
            let (job, own) = (Arc::clone(&self.job), image.clone());
            let work = self.running.spawn(async move { image::run(&job, &own).await });
            self.who.insert(work.id(), (host, image));
        }
    }

    fn let_go(&mut self, id: Id) -> Option<Image> {
        let (host, image) = self.who.remove(&id)?;
        self.waiting.ended(&host);
        Some(image)
    }

    fn take(&mut self, ended: Result<(Id, ImageReport), JoinError>) {
        let outcome = match ended {
            Ok((id, report)) => {
                self.let_go(id);
                Some(report)
            }
            Err(error) => {
                let image = self.let_go(error.id());
                // An image that was stopped has no outcome; one that broke down has.
                image.filter(|_| error.is_panic()).map(|image| image::broken(&image))
            }
        };
        outcome.into_iter().for_each(|report| self.ended.push(Instant::now(), report));
    }
}
