//! The report as a page: one file of HTML with its bars drawn in SVG, no script and nothing from
//! elsewhere.

use std::fmt::{self, Write};

use bytesize::ByteSize;

use super::report::Report;
use super::spread::Quantiles;

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1c2430;--soft:#5b6675;--line:#d8dee6;--back:#fff;--good:#2e7d4f;\
--bad:#c0392b;--wait:#8a94a3;--time:#2f6fb3;--time2:#9dbfe0}\
@media(prefers-color-scheme:dark){:root{--text:#e6eaf0;--soft:#9aa5b4;--line:#333d4b;--back:#14181f;\
--good:#57b37f;--bad:#e5786c;--wait:#77818f;--time:#6aa6e0;--time2:#2d5177}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--back);max-width:60rem;\
margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
p{margin:.2rem 0}.soft{color:var(--soft)}.bars{list-style:none;margin:0;padding:0;display:grid;\
grid-template-columns:max-content 1fr max-content;gap:.5rem .7rem;align-items:center;font-size:.9rem}\
.bars li{display:contents}.bars .label{text-align:right}.bars svg{width:100%;height:1.1rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .8rem .3rem 0;\
border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}th{font-weight:600}\
td.n,th.n{text-align:right}td.n,th.n,td.w{white-space:nowrap}code{font-size:.85em;overflow-wrap:anywhere}\
@media(max-width:40rem){.fail tr{display:block;padding:.4rem 0;\
border-top:1px solid var(--line)}.fail td{display:block;border:0;padding:.1rem 0;text-align:left}\
.fail tr:first-child{display:none}.fail td.w{font-weight:600}.fail td.n::after{content:' images'}}";

/// The width of the longest bar of a drawing, which is stretched to the room that there is.
const BAR: u32 = 1_000;
/// The width of the shortest.
const LEAST: u32 = 5;

/// The page of a report.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut html, report);
    html
}

fn write(f: &mut String, report: &Report) -> fmt::Result {
    let job = Text(&report.job);
    write!(f, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">")?;
    write!(f, "<meta name=\"viewport\" content=\"width=device-width\">")?;
    write!(f, "<title>{job}: report</title><style>{STYLE}</style><body>")?;
    head(f, report)?;
    outcomes(f, report)?;
    failures(f, report)?;
    timings(f, report)?;
    hosts(f, report)?;
    writeln!(f, "</body></html>")
}

fn head(f: &mut String, report: &Report) -> fmt::Result {
    let images = &report.images;
    let (bytes_in, bytes_out) = (ByteSize::b(report.bytes_in), ByteSize::b(report.bytes_out));
    write!(f, "<h1>{}</h1>", Text(&report.job))?;
    write!(f, "<p>{} of {} images done", images.done, images.total)?;
    write!(f, " ({:.1} %): {bytes_in} in, {bytes_out} out</p>", report.success_percent)?;
    let (list, operations) = (Text(&report.list), Text(&report.operations));
    write!(f, "<p class=\"soft\">List {list}, operations <code>{operations}</code>. ")?;
    write!(f, "Results: {}.", Text(&report.results))?;
    if images.duplicates > 0 {
        write!(f, " {} of the images stand in the list more than once.", images.duplicates)?;
    }
    write!(f, "</p>")
}

fn outcomes(f: &mut String, report: &Report) -> fmt::Result {
    let images = &report.images;
    let mut bars = vec![Bar::of("done", images.done, "good")];
    bars.extend(report.failures.iter().map(|one| Bar::of(one.class, one.count, "bad")));
    if images.pending > 0 {
        bars.push(Bar::of("no outcome yet", images.pending, "wait"));
    }
    write!(f, "<h2>Outcomes</h2>")?;
    draw(f, "Images by outcome", &bars)
}

fn failures(f: &mut String, report: &Report) -> fmt::Result {
    if report.failures.is_empty() {
        return Ok(());
    }
    write!(
        f,
        "<h2>Failures</h2><table class=\"fail\"><tr><th>class<th class=\"n\">images<th>what to do<th>one of them"
    )?;
    for one in &report.failures {
        let example = &one.example;
        write!(
            f,
            "<tr><td class=\"w\">{}<td class=\"n\">{}<td>{}",
            one.class,
            one.count,
            Text(one.hint)
        )?;
        let (line, url, message) = (example.line, Text(&example.url), Text(&example.message));
        write!(f, "<td>line {line}: <code>{url}</code><br><span class=\"soft\">{message}</span>")?;
    }
    write!(f, "</table>")?;
    match &report.retry {
        Some(retry) => write!(f, "<p>To try them again: <code>{}</code></p>", Text(retry)),
        None => Ok(()),
    }
}

fn timings(f: &mut String, report: &Report) -> fmt::Result {
    let timings = &report.timings;
    let phases = [
        ("waiting", timings.queue),
        ("download", timings.download),
        ("… finding the host", timings.dns),
        ("… connecting", timings.connect),
        ("… first byte", timings.first_byte),
        ("processing", timings.process),
        ("… decoding", timings.decode),
        ("… operations", timings.operate),
        ("… encoding", timings.encode),
        ("upload", timings.upload),
    ];
    let bars: Vec<_> = phases.into_iter().map(|(name, times)| Bar::of_times(name, times)).collect();
    write!(f, "<h2>Where the time of an image goes</h2>")?;
    write!(f, "<p class=\"soft\">Dark: half of the images take no longer. Light: 95 of 100.</p>")?;
    draw(f, "Time of an image by phase", &bars)
}

fn hosts(f: &mut String, report: &Report) -> fmt::Result {
    if report.hosts.is_empty() {
        return Ok(());
    }
    write!(f, "<h2>Slowest hosts</h2><table><tr><th>host<th class=\"n\">images")?;
    write!(f, "<th class=\"n\">mean download<th class=\"n\">longest")?;
    for host in &report.hosts {
        write!(f, "<tr><td>{}<td class=\"n\">{}", Text(&host.host), host.images)?;
        write!(f, "<td class=\"n\">{} ms<td class=\"n\">{} ms", host.mean_ms, host.max_ms)?;
    }
    write!(f, "</table>")
}

/// A line of a drawing: a long light bar behind a short dark one, or the dark one alone.
struct Bar<'a> {
    label: &'a str,
    value: u64,
    behind: u64,
    colour: &'static str,
    told: String,
}

impl<'a> Bar<'a> {
    fn of(label: &'a str, value: u64, colour: &'static str) -> Self {
        Self { label, value, behind: 0, colour, told: value.to_string() }
    }

    fn of_times(label: &'a str, times: Quantiles) -> Self {
        let told = format!("{} ms, {} ms", times.p50_ms, times.p95_ms);
        Self { label, value: times.p50_ms, behind: times.p95_ms, colour: "time", told }
    }
}

fn draw(f: &mut String, title: &str, bars: &[Bar<'_>]) -> fmt::Result {
    let most = bars.iter().map(|bar| bar.value.max(bar.behind)).max().unwrap_or(0);
    write!(f, "<ul class=\"bars\" aria-label=\"{title}\">")?;
    for bar in bars {
        write!(f, "<li><span class=\"label\">{}</span>", Text(bar.label))?;
        write!(
            f,
            "<svg viewBox=\"0 0 {BAR} 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
        )?;
        rect(f, length(bar.behind, most), &format!("{}2", bar.colour))?;
        rect(f, length(bar.value, most), bar.colour)?;
        write!(f, "</svg><span class=\"soft\">{}</span></li>", bar.told)?;
    }
    write!(f, "</ul>")
}

fn rect(f: &mut String, width: u32, colour: &str) -> fmt::Result {
    if width == 0 {
        return Ok(());
    }
    write!(f, "<rect width=\"{width}\" height=\"1\" fill=\"var(--{colour})\"/>")
}

/// What is there can be seen, however little it is beside the rest.
fn length(value: u64, most: u64) -> u32 {
    let scaled = u128::from(value) * u128::from(BAR) / u128::from(most.max(1));
    u32::try_from(scaled).unwrap_or(BAR).max(u32::from(value > 0) * LEAST)
}

/// Text in HTML: lists hold strange things.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::report::tests::report;

    #[test]
    fn a_page_needs_nothing_else_and_shows_no_markup_of_a_list() {
        let mut report = report();
        report.failures[0].example.url = "http://h/<script>alert('x')</script>".into();
        let html = page(&report);
        assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{html}");
        for bad in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
        assert_eq!(html.matches("<svg ").count(), html.matches("</svg>").count());
        assert!(html.contains("http-4xx") && html.contains("no outcome yet"), "{html}");
    }

    #[test]
    fn bars_are_as_long_as_their_numbers_and_never_unseen() {
        assert_eq!([length(0, 9), length(9, 9), length(1, 1_000_000)], [0, BAR, LEAST]);
        assert_eq!(length(u64::MAX, u64::MAX), BAR);
        assert_eq!(length(0, 0), 0);
    }
}
