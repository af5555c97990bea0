//! The report of a job from its state: `scheduler report`.

use std::env;

use batch::{MaxFailures, outcome};
use url::Url;

use crate::cli::{Arguments, ReportArguments};
use crate::commands;
use crate::failure::{End, Failure};
use crate::observe::report::{self, Report};
use crate::observe::tally::Tally;
use crate::observe::{manifest, page};
use crate::source::Source;
use crate::store::JobStore;
use crate::{job, preflight};

/// The report in the form that the flags want. A page is written to its file.
///
/// # Errors
///
/// When there is no such job, somebody works on it, or the page cannot be written.
pub async fn told(arguments: &ReportArguments) -> Result<String, Failure> {
    let report = of_state(&arguments.job).await?;
    if let Some(path) = &arguments.html {
        report::write_whole(path, &page::page(&report)).map_err(|error| {
            let path = path.display();
            Failure::Start(format!("cannot write {path} ({error}): name another with --html"))
        })?;
    }
    if let Some(path) = &arguments.job.show.report {
        report.write(path)?;
    }
    if arguments.job.show.json { report.json() } else { Ok(report.to_string()) }
}

async fn of_state(arguments: &Arguments) -> Result<Report, Failure> {
    let source = Source::open(arguments).await?;
    let survey = source.survey()?;
    let (operations, limits) = (arguments.work.operations(), arguments.task_limits());
    let job = job::name(&arguments.list, &survey, &operations, &limits);
    let state = JobStore::path_of(&arguments.state_dir(), &job);
    if !state.exists() {
        let state = state.display();
        return Err(Failure::Start(format!(
            "nothing is known of the job {job}, as there is no {state}: give the same list and \
             flags as the run had"
        )));
    }
    let mut store = JobStore::open(&arguments.state_dir(), &job)?;
    store.replay(|_| ())?;
    let tally = tally(&source, &base(arguments)?, survey.entries, &store)?;
    let report = Report::of(&tally, survey.entries);
    let (failed, total) = (report.images.failed, survey.entries);
    let is_given_up = |most: MaxFailures| report.images.pending > 0 && most.exceeded(failed, total);
    let given_up = arguments.work.max_failures().is_some_and(is_given_up);
    let words = || commands::of_report(env::args());
    let end = if given_up { End::Aborted } else { report.end };
    Ok(Report {
        list: source.to_string(),
        operations,
        results: preflight::results(&arguments.files, &job),
        manifest: arguments.files.output.join(manifest::FILE),
        state,
        job,
        end,
        again: commands::to_go_on(end, words()),
        retry: tally.can_retry().then(|| commands::retry(words())),
        ..report
    })
}

/// Paths are told as they were resolved, if the file server had a port of its own.
fn base(arguments: &Arguments) -> Result<Url, Failure> {
    let files = &arguments.files;
    if let Some(url) = &files.fileserver {
        return Ok(url.clone());
    }
    let base = Url::parse(&format!("http://{}:{}/", files.address, files.artifact_port));
    base.map_err(|error| Failure::Usage(format!("--address {:?}: {error}", files.address)))
}

fn tally(source: &Source, base: &Url, total: u64, store: &JobStore) -> Result<Tally, Failure> {
    let outcomes = store.outcomes()?;
    let mut tally = Tally::default();
    let unreadable = |error| source.unreadable(&error);
    for entry in source.entries(base, total).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if let Some(found) = outcome::find(&entry, |index| outcomes.get(index))? {
            tally.count(&found.of(&entry));
        }
    }
    Ok(tally)
}
