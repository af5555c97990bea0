//! In which order everything happens, from the flags to the summary.

use std::path::Path;
use std::time::Instant;
use std::{env, io};

use batch::{Engine, ImageOutcome, Notice};
use mesos::client::tls::Tls;
use mesos::master::{Credential, MasterSpec};
use mesos::scheduler::Driver;
use mesos::v1::FrameworkInfo;
use tracing::{info, warn};
use url::Url;
use uuid::Uuid;

use crate::cli::Arguments;
use crate::drive::{Drive, Finish};
use crate::failure::{End, Failure};
use crate::launch::{self, Launcher};
use crate::list::Survey;
use crate::local::LocalCluster;
use crate::memory::{self, Beginning};
use crate::observe::progress::Meter;
use crate::observe::report::Report;
use crate::observe::tally::Tally;
use crate::observe::{self, log, manifest, table};
use crate::preflight::{self, FileServer, Master};
use crate::serving::{Place, Serving};
use crate::signals::Signals;
use crate::source::Source;
use crate::store::JobStore;
use crate::{commands, doctor, framework, job};

/// Everything that was looked at before anything was started.
struct Plan {
    source: Source,
    survey: Survey,
    job: String,
    master: Master,
    credential: Option<Credential>,
    tls: Option<Tls>,
    file_server: FileServer,
}

/// Does the job that the flags describe and says how it ended, with the text for standard
/// output. `meter` shows how far it is.
///
/// # Errors
///
/// When it cannot be done; the sentence says why.
pub async fn run(arguments: &Arguments, meter: Meter) -> Result<(End, String), Failure> {
    let started = Instant::now();
    let plan = plan(arguments).await?;
    let mut signals = Signals::listen()?;
    let files = &arguments.files;
    let place = Place::take(&plan.file_server, &files.address, files.artifact_port).await?;
    if let Place::Elsewhere(base) = &place
        && let Err(why) = doctor::answers(base).await
    {
        warn!("{why}; the job begins, as it may be otherwise for the agents");
    }
    memory::check_folder(&files.output, "output", "--output")?;
    arguments.show.report.as_deref().map_or(Ok(()), observe::report::check)?;
    let mut store = memory::open(&arguments.state_dir(), &plan.job, arguments.work.restart)?;
    match &arguments.work.retry_failed {
        Some(classes) => memory::reopen(&mut store, &plan.job, classes)?,
        None => memory::begin(&mut store, &plan.job, arguments.work.restart)?,
    }
    let token = store.upload_token(new_token)?;
    let limits = arguments.task_limits();
    let base = place.base().clone();
    let mut drive = drive(arguments, &plan, &base, store, meter)?;
    drive.started = started;
    let serving = place.serve(&plan.file_server, &files.output, &limits, token)?;
    drive.use_token(serving.token.clone());
    let (results, state) = (preflight::results(files, &plan.job), drive.store.path().display());
    info!("job {}: results in {results}, state in {state}", plan.job);
    info!("file server at {}", commands::without_userinfo(serving.base.as_str()));
    let result = work(arguments, &plan, &base, &mut drive, &mut signals).await;
    stop(serving, &result).await;
    conclude(arguments, &plan, &mut drive, result)
}

async fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let master = preflight::master(arguments)?;
    if let Some(warning) = preflight::public_password(env::args()) {
        warn!("{warning}");
    }
    if let Some(warning) = preflight::only_here(&arguments.files, &master) {
        warn!("{warning}");
    }
    if master == Master::Local {
        preflight::fits_locally(arguments)?;
    }
    let source = Source::open(arguments).await?;
    let survey = source.survey()?;
    let file_server = preflight::file_server(&arguments.files, &arguments.list)?;
    let credential = preflight::credential(arguments)?;
    let tls = preflight::tls(arguments)?;
    let operations = arguments.work.operations();
    let job = job::name(&arguments.list, &survey, &operations, &arguments.task_limits());
    Ok(Plan { source, survey, job, master, credential, tls, file_server })
}

/// The drive of the job, with what an earlier run left.
fn drive(
    arguments: &Arguments,
    plan: &Plan,
    base: &Url,
    mut store: JobStore,
    meter: Meter,
) -> Result<Drive, Failure> {
    let executor = match &plan.file_server {
        FileServer::Own { executor, .. } => Some(executor.as_path()),
        FileServer::At { .. } => None,
    };
    let executor_id = launch::executor_id(&plan.job, base, executor);
    let settings = memory::settings(arguments, &plan.job, &executor_id);
    let total = plan.survey.entries;
    let folder = arguments.state_dir();
    let beginning =
        memory::engine(settings, &mut store, &plan.source, base, total, &folder, tell_rejected)?;
    let Beginning { engine, list, records } = beginning;
    if records > 0 {
        let progress = engine.progress();
        let failed = match progress.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let (done, total) = (progress.ended() - progress.failed, progress.total);
        info!("resuming job {}: {done} of {total} done{failed}", plan.job);
    }
    let launcher = Launcher {
        job: plan.job.clone(),
        operations: arguments.work.operations(),
        file_server: base.as_str().trim_end_matches('/').to_owned(),
        upload_token: None,
        limits: arguments.task_limits(),
        user_agent: arguments.manners.user_agent.clone(),
        manners: arguments.manners.for_tasks(),
    };
    let master = match &plan.master {
        Master::Local => "of the local cluster".to_owned(),
        Master::At(spec) => spec.to_string(),
    };
    Ok(Drive::new(engine, store, list, meter, launcher, master))
}

fn tell_rejected(notice: &Notice, engine: &Engine) {
    if !matches!(notice, Notice::JobDone) {
        log::write(notice, engine);
    }
}

/// Works on the job at the master. What is left to do may be nothing.
async fn work(
    arguments: &Arguments,
    plan: &Plan,
    base: &Url,
    drive: &mut Drive,
    signals: &mut Signals,
) -> Result<Finish, Failure> {
    let known_as = drive.engine.framework_id().filter(|id| !id.is_empty()).map(str::to_owned);
    let known_as = known_as.filter(|_| plan.master != Master::Local);
    match (drive.finish(), &known_as) {
        (Some(Finish::Complete), None) => {
            drive.store.close()?;
            return Ok(Finish::Complete);
        }
        (Some(Finish::Aborted), _) => return Ok(Finish::Aborted),
        (Some(_) | None, _) => {}
    }
    let info = framework::info(arguments, &plan.job, base, known_as.as_deref());
    match &plan.master {
        Master::At(spec) => {
            info!("subscribing with the master {spec}");
            subscribe(spec.clone(), plan, info, drive, signals).await
        }
        Master::Local => work_locally(arguments, plan, info, drive, signals).await,
    }
}

async fn subscribe(
    spec: MasterSpec,
    plan: &Plan,
    info: FrameworkInfo,
    drive: &mut Drive,
    signals: &mut Signals,
) -> Result<Finish, Failure> {
    let driver = Driver::builder(info).master(spec);
    let driver = driver.credential(plan.credential.clone()).tls(plan.tls.clone());
    let connected = driver.connect();
    let (mut events, calls) =
        connected.map_err(|error| Failure::Start(format!("{error}: start it again")))?;
    let result = drive.run(&mut events, &calls, signals).await;
    let left = drive.leave(result.as_ref().ok().copied(), events, &calls).await;
    if result == Ok(Finish::Complete) && left {
        drive.store.close()?;
    }
    result
}

/// The cluster ends with this program, so tasks of an earlier run are gone.
async fn work_locally(
    arguments: &Arguments,
    plan: &Plan,
    info: FrameworkInfo,
    drive: &mut Drive,
    signals: &mut Signals,
) -> Result<Finish, Failure> {
    let cluster = LocalCluster::start(arguments, &plan.job).await?;
    drive.forget_running()?;
    let result = subscribe(cluster.master.clone(), plan, info, drive, signals).await;
    let has_failures = drive.engine.progress().failed > 0;
    cluster.stop(has_failures || result != Ok(Finish::Complete)).await;
    result
}

/// Uploads of a run that was stopped at once are not waited for; their tasks are run again.
async fn stop(serving: Serving, result: &Result<Finish, Failure>) {
    let hurry = matches!(result, Ok(Finish::Stopped) | Err(_));
    serving.stop(hurry).await;
}

/// Writes the manifest, unless nothing was done at all, and sums up.
fn conclude(
    arguments: &Arguments,
    plan: &Plan,
    drive: &mut Drive,
    result: Result<Finish, Failure>,
) -> Result<(End, String), Failure> {
    drive.meter.end();
    let has_begun = drive.engine.progress().tasks_launched > 0;
    let mut tally = Tally::default();
    if result.is_ok() || has_begun {
        tally = write_manifest(arguments, plan, drive)?;
    } else {
        drive.store.discard_if_empty();
    }
    let finish = result?;
    let report = report(arguments, plan, drive, &tally, finish);
    if let Some(path) = &arguments.show.report {
        report.write(path)?;
    }
    let text = if arguments.show.json { report.json()? } else { report.to_string() };
    Ok((report.end, text))
}

fn report(
    arguments: &Arguments,
    plan: &Plan,
    drive: &Drive,
    tally: &Tally,
    finish: Finish,
) -> Report {
    let report = Report::of(tally, plan.survey.entries);
    let end = match finish {
        Finish::Complete => report.end,
        Finish::Aborted => End::Aborted,
        Finish::Drained | Finish::Stopped => End::Interrupted,
    };
    let elapsed_ms = u64::try_from(drive.started.elapsed().as_millis());
    Report {
        job: plan.job.clone(),
        list: plan.source.to_string(),
        operations: arguments.work.operations(),
        elapsed_ms: elapsed_ms.ok(),
        results: preflight::results(&arguments.files, &plan.job),
        manifest: arguments.files.output.join(manifest::FILE),
        state: drive.store.path().to_owned(),
        again: commands::to_go_on(end, env::args()),
        retry: tally.can_retry().then(|| commands::retry(env::args())),
        end,
        ..report
    }
}

fn write_manifest(arguments: &Arguments, plan: &Plan, drive: &Drive) -> Result<Tally, Failure> {
    let output = arguments.files.output.as_path();
    let mut tally = Tally::default();
    let each = |image: &ImageOutcome<'_>| tally.count(image);
    let written = manifest::write(output, &plan.job, &drive.list, &drive.store, each);
    written.map_err(|error| unwritable(&output.join(manifest::FILE), &error))?;
    if arguments.files.manifest_csv {
        table::write(output).map_err(|error| unwritable(&output.join(table::FILE), &error))?;
    }
    Ok(tally)
}

fn unwritable(file: &Path, error: &io::Error) -> Failure {
    let file = file.display();
    let remedy = if error.kind() == io::ErrorKind::IsADirectory {
        "move that folder away"
    } else {
        "make room"
    };
    Failure::Start(format!(
        "cannot write {file} ({error}): {remedy}, and start the same command again"
    ))
}

/// 244 random bits.
fn new_token() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_fit_into_a_header() {
        let (a, b) = (new_token(), new_token());
        assert_ne!(a, b);
        assert!(a.len() == 64 && fileserver::Token::new(a).is_ok());
    }
}
