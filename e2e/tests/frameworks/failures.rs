//! Masters, agents and schedulers that die and come back, under our own programs.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{
    Cluster, Engine, Finished, Job, Plan, Program, Run, Testbed, example_command, http,
    on_each_engine, pictures, until,
};
use rustix::process::Signal;

/// These jobs take seconds; the rest is for a busy machine.
pub(crate) const WITHIN: Duration = Duration::from_secs(90);

/// Long enough for what happens in the meantime; the images after it take no time.
const LONG: Duration = Duration::from_secs(6);

/// Pictures `/1.png` and so on, of which the first takes long.
pub(crate) fn first_takes_long() -> Result<Origin> {
    Origin::start(|path| {
        let number = path.strip_prefix('/')?.strip_suffix(".png")?.parse().ok()?;
        let wait = if number == 1 { LONG } else { Duration::ZERO };
        Some(Answer::picture(pictures::png(number).ok()?).after(wait))
    })
}

/// A job of six of them, each a task.
pub(crate) fn job(cluster: &Cluster, origin: &Origin) -> Result<Job> {
    let lines: Vec<String> = (1..=6).map(|n| origin.url(&format!("/{n}.png"))).collect();
    let job = Job::of_lines(cluster, &lines)?.on_one_port()?;
    // The first is to take its time without anybody thinking that it is stuck.
    Ok(job.with(&["--images-per-task=1", "--idle-timeout=1m", "--download-timeout=1m"]))
}

/// Waits until the first image was asked for and another one is done.
pub(crate) fn is_at_work(run: &mut Run, origin: &Origin) -> Result<()> {
    run.program.wait_for("the first image", WITHIN, |program| {
        (origin.requests("/1.png") == 1 && program.stderr().contains(" is done")).then_some(())
    })
}

/// All results are there, and nothing was done twice.
pub(crate) fn each_was_done_once(finished: &Finished, origin: &Origin) -> Result<()> {
    for (number, entry) in (1..).zip(&finished.entries) {
        entry.result(&finished.output)?;
        let requests = origin.requests(&format!("/{number}.png"));
        ensure!(requests == 1, "fetched {requests} times: {entry:?}\n{}", finished.log);
    }
    Ok(())
}

/// The ids of the frameworks that the master has, and of those that it had.
fn framework_ids(master: SocketAddr) -> Result<[Vec<String>; 2]> {
    let state = http::get(master, "/state")?.json()?;
    let ids = |kind: &str| {
        let all = state[kind].as_array().cloned().unwrap_or_default();
        all.iter().filter_map(|it| it["id"].as_str().map(str::to_owned)).collect()
    };
    Ok([ids("frameworks"), ids("completed_frameworks")])
}

fn a_job_goes_on_when_its_master_was_killed(engine: Engine) -> Result<()> {
    let mut cluster = Cluster::of_processes(Plan::of(engine), 2)?;
    let origin = first_takes_long()?;
    let mut run = job(&cluster, &origin)?.start()?;
    is_at_work(&mut run, &origin)?;
    let master = cluster.nodes()?.master();
    let [before, _] = framework_ids(master)?;
    cluster.nodes()?.kill_master()?;
    cluster.nodes()?.start_master()?;
    let after = run.program.wait_for("the framework at the new master", WITHIN, |_| {
        framework_ids(master).ok().map(|[after, _]| after).filter(|after| !after.is_empty())
    })?;
    ensure!(before == after, "{before:?} became {after:?}");
    let finished = run.finish(0, WITHIN).with_context(|| cluster.tail())?;
    // Agents and executors went on, or were found again.
    each_was_done_once(&finished, &origin)
}

/// Kills the job's scheduler while its tasks run. The ids of the frameworks at that moment.
fn killed_at_work(job: &Job, origin: &Origin, master: SocketAddr) -> Result<Vec<String>> {
    let mut run = job.start()?;
    is_at_work(&mut run, origin)?;
    let [ids, _] = framework_ids(master)?;
    run.program.signal(Signal::KILL)?;
    run.program.wait(WITHIN)?;
    Ok(ids)
}

fn the_next_scheduler_takes_over_while_tasks_run(engine: Engine) -> Result<()> {
    let mut cluster = Cluster::of_processes(Plan::of(engine), 2)?;
    let origin = first_takes_long()?;
    let job = job(&cluster, &origin)?;
    let master = cluster.nodes()?.master();
    let before = killed_at_work(&job, &origin, master)?;
    let finished = job.run(0, WITHIN).with_context(|| cluster.tail())?;
    each_was_done_once(&finished, &origin)?;
    let [_, completed] = framework_ids(master)?;
    ensure!(before == completed, "{before:?} became {completed:?}");
    Ok(())
}

fn a_job_goes_on_after_its_failover_timeout(engine: Engine) -> Result<()> {
    let mut cluster = Cluster::of_processes(Plan::of(engine), 2)?;
    let origin = first_takes_long()?;
    let job = job(&cluster, &origin)?.with(&["--failover-timeout=1s"]);
    let master = cluster.nodes()?.master();
    let before = killed_at_work(&job, &origin, master)?;
    until("the removal of the framework", WITHIN, || {
        Ok(framework_ids(master)?[1].eq(&before).then_some(()))
    })?;
    // Its id is of no use any more, and it says what to do.
    let refused = job.run(6, WITHIN).with_context(|| cluster.tail())?;
    ensure!(refused.log.contains("start the same command again"), "{}", refused.log);
    let finished = job.run(0, WITHIN).with_context(|| cluster.tail())?;
    for entry in &finished.entries {
        entry.result(&finished.output)?;
    }
    let [_, completed] = framework_ids(master)?;
    ensure!(completed.len() == 2, "not another framework: {completed:?}");
    Ok(())
}

/// A master that does not lead: it sends everyone on to the one that does.
fn standby(leader: SocketAddr) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let _ = connection.read(&mut [0; 4096]);
            let _ = write!(
                connection,
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: //{leader}/master/api/v1/scheduler\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
    });
    Ok(address)
}

fn a_standby_sends_on_to_the_leader(engine: Engine) -> Result<()> {
    let bed = Testbed::start(Plan::of(engine))?;
    let mut command = example_command("hello_world")?;
    command.arg(standby(bed.master())?.to_string());
    let mut program = Program::start("hello_world", &mut command, bed.folder())?;
    let status = program.wait(WITHIN)?;
    ensure!(status.success(), "{status}\n{}", program.tail());
    ensure!(program.stdout().contains("hello-1 is TASK_FINISHED"), "{}", program.tail());
    Ok(())
}

fn only_the_right_secret_is_let_in(engine: Engine) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, content: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path.display().to_string())
    };
    let credential = serde_json::json!({ "principal": "p", "secret": "right" });
    let credentials = serde_json::json!({ "credentials": [credential] }).to_string();
    let plan = Plan::of(engine)
        .master("authenticate_http_frameworks", "true")
        .master("http_framework_authenticators", "basic")
        .master("credentials", &file("credentials.json", &credentials)?);
    let cluster = Cluster::of_processes(plan, 1)?;
    let origin = first_takes_long()?;
    let job = job(&cluster, &origin)?;
    let with = |secret: &str| -> Result<Job> {
        let secret = file(secret, secret)?;
        Ok(job.clone().with(&["--principal", "p", "--secret-file", &secret]))
    };
    let mut refused = with("wrong")?.start()?;
    let status = refused.program.wait(WITHIN)?;
    let log = refused.program.tail();
    ensure!(!status.success() && log.contains("401") && log.contains("--secret-file"), "{log}");
    ensure!(!log.contains("wrong\n"), "the secret is in the log:\n{log}");
    drop(refused);
    let finished = with("right")?.run(0, WITHIN).with_context(|| cluster.tail())?;
    each_was_done_once(&finished, &origin)?;
    let state = http::get(SocketAddr::from(([127, 0, 0, 1], port(&cluster)?)), "/state")?.json()?;
    let principal = &state["completed_frameworks"][0]["principal"];
    ensure!(principal == "p", "{principal}");
    Ok(())
}

fn port(cluster: &Cluster) -> Result<u16> {
    let flags = cluster.flags();
    let address = flags.last().and_then(|it| it.rsplit(':').next());
    Ok(address.context("no address")?.parse()?)
}

on_each_engine!(
    a_job_goes_on_when_its_master_was_killed,
    the_next_scheduler_takes_over_while_tasks_run,
    a_job_goes_on_after_its_failover_timeout,
    a_standby_sends_on_to_the_leader,
    only_the_right_secret_is_let_in,
);
