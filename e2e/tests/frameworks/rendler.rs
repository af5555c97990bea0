//! RENDLER draws a map of a site that is served here, with two executors and a real Chromium,
//! which `cargo xtask test` installs; the example says so itself if it is missing.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Engine, Plan, Program, Testbed, example_command, on_each_engine};

use crate::state::framework;

/// Seconds; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(180);

/// Four pages that link to each other, to themselves, to a page that is gone and to elsewhere.
fn page(path: &str) -> Option<Answer> {
    let (colour, links) = match path {
        "/" => ("#204060", r#"<a href="/red">r</a> <A HREF=blue>b</A> <a href='/#top'>t</a>"#),
        "/red" => ("#c01020", r#"<a href="/">home</a> <a href="/red">me</a>"#),
        "/blue" => ("#1020c0", r#"<a href="/red">r</a> <a href="http://example.invalid/">x</a>"#),
        "/far" => ("#10c020", ""),
        _ => return None,
    };
    let more = if path == "/red" { r#"<a href="/far">f</a> <a href="/gone">g</a>"# } else { "" };
    let html = format!("<!doctype html><body style='background:{colour}'>{links} {more}</body>");
    Some(Answer::Content("text/html", html.into_bytes()))
}

/// The edges of the graph, by the labels of their pages.
fn edges(dot: &str, base: &str) -> BTreeSet<(String, String)> {
    let label = |node: &str| {
        let line = dot.lines().find(|line| line.trim_start().starts_with(&format!("{node} [")))?;
        let url = line.split("label=\"").nth(1)?.split('"').next()?;
        Some(url.trim_start_matches(base).to_owned())
    };
    let edge = |line: &str| {
        let (from, to) = line.trim().trim_end_matches(';').split_once(" -> ")?;
        Some((label(from)?, label(to)?))
    };
    dot.lines().filter_map(edge).collect()
}

fn a_site_is_crawled_and_rendered(engine: Engine) -> Result<()> {
    let bed = Testbed::start(Plan::of(engine).agents(2))?;
    let site = Origin::start(page)?;
    let base = format!("http://{}/", site.address());
    let folder = bed.folder().join("rendered");
    let mut command = example_command("rendler")?;
    command.args([&base, &bed.master().to_string()]).arg(&folder);
    let mut program = Program::start("rendler", &mut command, bed.folder())?;
    let status = program.wait(WITHIN)?;
    ensure!(status.success(), "{status}\n{}", program.tail());

    let output = program.stdout();
    ensure!(output.contains("5 pages, 8 links, 4 rendered, 2 failures"), "{output}");
    ensure!(output.contains(&format!("crawled {base}red: 4 links")), "{output}");
    // What cannot be done ends with a status that says why, and is not waited for.
    ensure!(output.contains("is given up: TASK_FAILED: Chromium drew nothing"), "{output}");
    ensure!(output.contains("is given up: TASK_FAILED: HTTP status client error (404"), "{output}");
    let dot = fs::read_to_string(folder.join("result.dot"))?;
    let wanted = [
        ("", ""),
        ("", "blue"),
        ("", "red"),
        ("blue", "red"),
        ("red", ""),
        ("red", "far"),
        ("red", "gone"),
        ("red", "red"),
    ];
    let wanted = wanted.map(|(from, to)| (from.to_owned(), to.to_owned()));
    ensure!(edges(&dot, &base) == BTreeSet::from(wanted), "{dot}");
    for (path, colour) in [("", [0x20, 0x40, 0x60]), ("red", [0xc0, 0x10, 0x20])] {
        let line =
            output.lines().find(|line| line.starts_with(&format!("rendered {base}{path} as ")));
        let file = line.and_then(|line| line.split(" as ").nth(1)).context("no image")?;
        let image = image::open(file)?.to_rgb8();
        ensure!(image.dimensions() == (1024, 768), "{:?}", image.dimensions());
        ensure!(image.get_pixel(1000, 700).0 == colour, "{path}: {:?}", image.get_pixel(1000, 700));
    }
    let done = framework(bed.master(), "completed_frameworks", "RENDLER")?;
    let executors = done.context("the framework is still there")?;
    let ids: BTreeSet<&str> = executors["completed_tasks"]
        .as_array()
        .context("no tasks")?
        .iter()
        .filter_map(|task| task["executor_id"].as_str())
        .collect();
    ensure!(ids == BTreeSet::from(["crawl", "render"]), "{ids:?}");
    Ok(())
}

on_each_engine!(a_site_is_crawled_and_rendered);
