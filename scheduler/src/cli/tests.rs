//! Flags as they are given, and what is made of them.

use super::*;

fn parse(line: &str) -> Result<Arguments, String> {
    let words = std::iter::once("scheduler").chain(line.split_whitespace());
    Arguments::try_parse_from(words).map_err(|error| error.to_string())
}

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn roles_and_constraints_may_be_several() {
    let line = "--role a,b,a --constraint rack:IS:x --constraint zone:UNLIKE:b.*";
    let arguments = parse(line).unwrap();
    assert_eq!(arguments.cluster.roles(), ["a", "b"]);
    assert_eq!(arguments.cluster.constraint.len(), 2);
    assert_eq!(parse("").unwrap().cluster.roles(), ["*"]);
    assert_eq!(parse("--role ,web/images,").unwrap().cluster.roles(), ["web/images"]);
    assert!(parse("--constraint rack").unwrap_err().contains("ATTRIBUTE:OPERATOR:VALUE"));
}

#[test]
fn the_number_of_failures_may_be_limited() {
    let most = |line| parse(line).map(|arguments| arguments.work.max_failures());
    assert_eq!(most(""), Ok(None));
    assert_eq!(most("--fail-fast"), Ok(Some(MaxFailures::NONE)));
    assert_eq!(most("--max-failures 5%"), Ok(Some(MaxFailures::Part(500))));
    assert!(most("--max-failures 5% --fail-fast").is_err());
    assert!(most("--max-failures many").unwrap_err().contains("such as 5%"));
}

#[test]
fn the_tutorial_flags_are_understood() {
    let arguments = parse(
        "--master 10.141.141.10:5050 --address 10.141.141.1 --artifact-port 0 --executor e l",
    )
    .unwrap();
    assert!(!arguments.is_local());
    assert_eq!(arguments.files.artifact_port, 0);
    assert_eq!(arguments.list, Path::new("l"));
    assert_eq!(arguments.state_dir(), Path::new("output/.state"));
}

#[test]
fn operations_are_checked_and_can_be_made_exact() {
    let operations = |line: &str| parse(line).unwrap().work.operations();
    assert_eq!(operations(""), "invert");
    assert_eq!(operations("--op resize=80x60|invert --exact"), "resize=80x60,fit|invert=exact");
}

#[test]
fn values_that_make_no_sense_are_refused_with_a_remedy() {
    for (line, remedy) in [
        ("--cpus 0", "at least 0.001"),
        ("--mem=-1", "at least 0.001"),
        ("--images-per-task 0", "auto"),
        ("--op bad;rm", "invert"),
        ("--op invert|resize=0x5", "character"),
        ("--idle-timeout 0s", "30s"),
        ("--max-pixels lots", "100M"),
        ("--principal p", "--secret-file"),
        ("--principal p --secret-file f --credential c", "--principal"),
        ("--cert-file c", "--key-file"),
        ("--key-file k", "--cert-file"),
        ("--agents 0", "from 1 to 64"),
        ("--attempts 0", "from 1"),
        ("--artifact-port 70000", "65535"),
        ("--straggler-after x", "such as 30s"),
        ("--straggler-after 20", "such as 30s"),
        ("--failover-timeout soon", "7days"),
        ("--max-download-size 0", "64MiB"),
        ("--max-list-size much", "64MiB"),
        ("--per-host few", "0 for no limit"),
        ("--fileserver h:1", "such as http://"),
        ("--role a/../b", "web/images"),
        ("--role a,/b", "web/images"),
        ("--role=-a", "web/images"),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.contains(remedy), "{line}: {error}");
    }
}

#[test]
fn sizes_and_times_carry_units() {
    let line = "--max-download-size 5MiB --max-pixels 2k --connect-timeout 1500ms --cpus 0.5";
    let arguments = parse(line).unwrap();
    let limits = arguments.task_limits();
    assert_eq!(limits.max_download_bytes, 5 * 1024 * 1024);
    assert_eq!(limits.max_pixels, 2_000);
    assert_eq!(limits.connect_timeout_ms, 1_500);
    assert_eq!(arguments.work.cpus, Scalar::from_thousandths(500));
}

#[test]
fn classes_to_try_again_stand_behind_an_equals_sign() {
    let classes = |line: &str| parse(line).map(|arguments| arguments.work.retry_failed);
    assert_eq!(classes("list"), Ok(None));
    assert_eq!(classes("--retry-failed list"), Ok(Some(Classes::All)));
    assert_eq!(classes("--retry-failed=dns"), Ok(Some("dns".parse().unwrap())));
    assert!(classes("--retry-failed=fine").unwrap_err().contains("http-4xx"));
    assert!(classes("--retry-failed --restart").is_err());
}

#[test]
fn a_report_takes_the_flags_of_the_run() {
    ReportArguments::shown().debug_assert();
    let words = ["scheduler report", "--op", "grayscale", "l.csv", "--html", "r.html"];
    let arguments = ReportArguments::try_parse_from(words).unwrap();
    assert_eq!(arguments.job.list, Path::new("l.csv"));
    assert_eq!(arguments.html.as_deref(), Some(Path::new("r.html")));
    let help = ReportArguments::shown().render_long_help().to_string();
    assert!(help.starts_with("Examples:\n  How did the job"), "{help}");
}

#[test]
fn the_help_begins_with_examples_and_tells_the_exit_statuses() {
    let help = Arguments::command().render_long_help().to_string();
    assert!(help.starts_with("Examples:"), "{help}");
    assert!(help.contains("130  interrupted"), "{help}");
}
