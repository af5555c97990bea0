//! The gallery as HTML.

use std::fmt::{self, Display, Formatter};

use super::html::{Escaped, number, segment, size};
use super::list::{Item, Job, Listing};
use super::pager::Pager;
use crate::http::media_type;

/// How many jobs the menu shows; the others are found by their address.
const MENU_JOBS: usize = 40;

/// What browsers show, of what comes out of the executor.
const SHOWN: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/x-icon",
    "image/svg+xml",
];

/// Which results a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    /// Those of all jobs.
    All,
    /// Those of one job.
    Job(String),
}

/// Everything that is on a page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) view: View,
    pub(crate) jobs: Vec<Job>,
    pub(crate) listings: Vec<Listing>,
    pub(crate) pager: Pager,
    /// The host by which the browser knows this server.
    pub(crate) host: String,
}

/// The page as HTML.
pub(crate) fn render(page: &Page) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
         {header}{menu}<main id=\"results\">\n{main}</main>\n{footer}</body>\n</html>\n",
        title = title(page),
        header = Header(page),
        menu = Menu(page),
        main = Main(page),
        footer = Footer,
    )
}

fn title(page: &Page) -> String {
    let of_job = match &page.view {
        View::All => String::new(),
        View::Job(job) => format!(" of {}", Escaped(job)),
    };
    if page.pager.pages > 1 {
        format!("Results{of_job}, page {} of {}", page.pager.page, page.pager.pages)
    } else {
        format!("Results{of_job}")
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

struct Header<'a>(&'a Page);

impl Display for Header<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<a class=\"skip\" href=\"#results\">To the results</a>\n<header>\n\
             <h1><a href=\"/\"><img src=\"/favicon.svg\" alt=\"\" width=\"28\" height=\"28\">Results</a></h1>\n",
        )?;
        if !self.0.jobs.is_empty() {
            let results = self.0.jobs.iter().map(|job| job.results).sum();
            let results = counted(results, "result", "results");
            writeln!(f, "<p>{results} in {}</p>", counted(self.0.jobs.len(), "job", "jobs"))?;
        }
        f.write_str("</header>\n")
    }
}

struct Menu<'a>(&'a Page);

impl Display for Menu<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Page { jobs, view, .. } = self.0;
        if jobs.is_empty() {
            return Ok(());
        }
        writeln!(f, "<nav class=\"jobs\" aria-label=\"Jobs\">\n<ul>")?;
        writeln!(f, "<li><a href=\"/\"{}>All jobs</a></li>", current(*view == View::All))?;
        for job in jobs.iter().take(MENU_JOBS) {
            let here = matches!(view, View::Job(name) if *name == job.name);
            writeln!(
                f,
                "<li><a href=\"/jobs/{}\"{}><span>{}</span> <small>{}</small></a></li>",
                segment(&job.name),
                current(here),
                Escaped(&job.name),
                number(job.results),
            )?;
        }
        if jobs.len() > MENU_JOBS {
            writeln!(f, "<li class=\"more\">and {} older</li>", number(jobs.len() - MENU_JOBS))?;
        }
        f.write_str("</ul>\n</nav>\n")
    }
}

fn current(here: bool) -> &'static str {
    if here { " aria-current=\"page\"" } else { "" }
}

struct Main<'a>(&'a Page);

impl Display for Main<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.pager.total == 0 {
            return Empty(&self.0.host).fmt(f);
        }
        for listing in &self.0.listings {
            Section(listing).fmt(f)?;
        }
        Pages(self.0).fmt(f)
    }
}

struct Empty<'a>(&'a str);

impl Display for Empty<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<section class=\"empty\">\n<img src=\"/favicon.svg\" alt=\"\" width=\"72\" height=\"72\">\n\
             <h2>Nothing here yet</h2>\n\
             <p>Results appear as soon as an image is done. To send some here, run</p>\n\
             <pre><code>scheduler --fileserver http://{}</code></pre>\n\
             <p>and load this page again.</p>\n</section>\n",
            Escaped(self.0),
        )
    }
}

struct Section<'a>(&'a Listing);

impl Display for Section<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Listing { job, items } = self.0;
        write!(
            f,
            "<section>\n<h2><a href=\"/jobs/{}\">{}</a> <small>{}</small></h2>\n<ul class=\"grid\">\n",
            segment(&job.name),
            Escaped(&job.name),
            counted(job.results, "result", "results"),
        )?;
        for item in items {
            Tile { job: &job.name, item }.fmt(f)?;
        }
        f.write_str("</ul>\n</section>\n")
    }
}

struct Tile<'a> {
    job: &'a str,
    item: &'a Item,
}

impl Display for Tile<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Item { name, bytes } = self.item;
        write!(
            f,
            "<li><a href=\"/uploads/{}/{}\" title=\"{}\">",
            segment(self.job),
            segment(name),
            Escaped(name),
        )?;
        if SHOWN.contains(&media_type(name)) {
            write!(
                f,
                "<img src=\"/uploads/{}/{}\" alt=\"{}\" loading=\"lazy\" \
                 width=\"240\" height=\"180\">",
                segment(self.job),
                segment(name),
                Escaped(name),
            )?;
        } else {
            write!(f, "<span class=\"file\" aria-hidden=\"true\">{}</span>", Escaped(&kind(name)))?;
        }
        writeln!(
            f,
            "<span class=\"name\">{}</span> <span class=\"size\">{}</span></a></li>",
            Escaped(name),
            size(*bytes),
        )
    }
}

/// A short word for a file without a picture.
fn kind(name: &str) -> String {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if (1..=5).contains(&extension.len()) { extension.to_uppercase() } else { "file".to_owned() }
}

struct Pages<'a>(&'a Page);

impl Pages<'_> {
    fn link(
        &self,
        f: &mut Formatter<'_>,
        page: Option<usize>,
        rel: &str,
        text: &str,
    ) -> fmt::Result {
        let Some(page) = page else {
            return writeln!(f, "<span class=\"off\" aria-hidden=\"true\">{text}</span>");
        };
        let path = match &self.0.view {
            View::All => "/".to_owned(),
            View::Job(job) => format!("/jobs/{}", segment(job)),
        };
        writeln!(f, "<a href=\"{path}?page={page}\"{rel}>{text}</a>")
    }
}

impl Display for Pages<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pager = self.0.pager;
        if pager.pages < 2 {
            return Ok(());
        }
        writeln!(f, "<nav class=\"pages\" aria-label=\"Pages\">")?;
        self.link(f, pager.previous().map(|_| 1), "", "First")?;
        self.link(f, pager.previous(), " rel=\"prev\"", "Previous")?;
        let (page, pages) = (number(pager.page), number(pager.pages));
        writeln!(f, "<span aria-current=\"page\">Page {page} of {pages}</span>")?;
        self.link(f, pager.next(), " rel=\"next\"", "Next")?;
        self.link(f, pager.next().map(|_| pager.pages), "", "Last")?;
        f.write_str("</nav>\n")
    }
}

struct Footer;

impl Display for Footer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "<footer>fileserver {}</footer>", env!("CARGO_PKG_VERSION"))
    }
}
