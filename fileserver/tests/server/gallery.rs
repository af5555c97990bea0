//! The pages for people.

use std::fs;

use crate::support::Server;

/// The values of an attribute, with the entities of a page undone.
fn values(page: &str, attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    let undone =
        |text: &str| text.replace("&amp;", "&").replace("&lt;", "<").replace("&quot;", "\"");
    page.split(&start).skip(1).map(|rest| undone(rest.split('"').next().unwrap())).collect()
}

fn fill(server: &Server, job: &str, names: impl IntoIterator<Item = String>) {
    fs::create_dir_all(server.output().join(job)).unwrap();
    for name in names {
        fs::write(server.output().join(job).join(name), "x").unwrap();
    }
}

#[test]
fn an_empty_gallery_says_what_to_do() {
    let server = Server::start();
    let reply = server.get("/");
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(reply.text().contains("Nothing here yet"));
    let command = format!("scheduler --fileserver http://{}", server.address);
    assert!(reply.text().contains(&command), "{}", reply.text());
    assert!(reply.text().contains(concat!("fileserver ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn results_are_shown_with_their_pictures() {
    let server = Server::start();
    server.put("/uploads/job/1-a.png", &[0; 2048]);
    server.put("/uploads/job/2-b.tif", b"tiff");
    let page = server.get("/");
    let text = page.text();
    assert_eq!(values(text, "alt"), ["", "1-a.png"], "browsers do not show TIFF");
    assert!(text.contains("loading=\"lazy\""));
    assert!(text.contains("2.0 KiB"), "{text}");
    assert!(
        text.contains("<h2><a href=\"/jobs/job\">job</a> <small>2 results</small></h2>"),
        "{text}"
    );
    for path in
        values(text, "href").iter().chain(&values(text, "src")).filter(|p| p.starts_with('/'))
    {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
}

#[test]
fn no_page_may_run_or_load_anything_foreign() {
    let server = Server::start();
    server.put("/uploads/job/1-a.png", b"x");
    for path in ["/", "/jobs/job"] {
        let page = server.get(path);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!page.text().contains("<script") && !page.text().contains("style=\""));
        let loaded = [values(page.text(), "src"), values(page.text(), "href")].concat();
        assert!(
            loaded.iter().all(|path| path.starts_with('/') || path.starts_with('#')),
            "{loaded:?}"
        );
    }
    assert_eq!(server.get("/style.css").header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(server.get("/favicon.svg").header("content-type"), Some("image/svg+xml"));
}

#[test]
fn hostile_names_in_the_folder_are_only_text() {
    let server = Server::start();
    let script = "\"><script>alert(1)<script>.png";
    let attribute = "x' onerror='alert(1)&amp;.jpg";
    let percent = "a%2e%2e#b?c.png";
    fill(&server, "<b>&job", [script, attribute, percent].map(str::to_owned));
    fill(&server, "plain", ["日本 語.png".to_owned(), ".hidden.png".to_owned()]);
    let page = server.get("/");
    let text = page.text();
    assert!(
        !text.contains("<script") && !text.contains("<b>") && !text.contains("' onerror"),
        "{text}"
    );
    assert!(text.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;script&gt;.png"), "{text}");
    assert!(text.contains("&lt;b&gt;&amp;job") && text.contains("日本 語.png"), "{text}");
    assert!(!text.contains("hidden"));
    let pictures = values(text, "src").into_iter().filter(|path| path.starts_with("/uploads/"));
    assert_eq!(pictures.map(|path| assert_eq!(server.get(&path).status, 200, "{path}")).count(), 4);
    let job = values(text, "href").into_iter().find(|path| path.starts_with("/jobs/%3C")).unwrap();
    assert!(server.get(&job).text().contains("3 results"));
}

#[test]
fn a_hostile_host_is_only_text() {
    let server = Server::start();
    let request = b"GET / HTTP/1.1\r\nHost: \"><script>x</script>\r\nConnection: close\r\n\r\n";
    let reply = server.raw(request);
    assert!(!reply.text().contains("<script"), "{}", reply.text());
}

#[test]
fn pages_show_every_result_once() {
    let server = Server::start();
    fill(&server, "a", (0..70).map(|n| format!("{n:03}.png")));
    fill(&server, "b", (0..80).map(|n| format!("{n:03}.png")));
    let mut seen = Vec::new();
    let mut next = Some("/?page=1".to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let page = server.get(&path);
        let shown: Vec<_> = values(page.text(), "src")
            .into_iter()
            .filter(|path| path.starts_with("/uploads/"))
            .collect();
        assert!(shown.len() <= 60);
        seen.extend(shown);
        pages += 1;
        next = page
            .text()
            .lines()
            .find(|line| line.contains("rel=\"next\""))
            .map(|line| values(line, "href")[0].clone());
    }
    assert_eq!((pages, seen.len()), (3, 150));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 150);
}

#[test]
fn a_page_that_is_not_there_is_the_nearest() {
    let server = Server::start();
    fill(&server, "a", (0..70).map(|n| format!("{n:03}.png")));
    for (query, expected) in [
        ("?page=0", "Page 1 of 2"),
        ("?page=99", "Page 2 of 2"),
        ("?page=-1", "Page 1 of 2"),
        ("?page=x", "Page 1 of 2"),
        ("?page=99999999999999999999999", "Page 1 of 2"),
        ("?other", "Page 1 of 2"),
    ] {
        assert!(server.get(&format!("/{query}")).text().contains(expected), "{query}");
        assert!(server.get(&format!("/jobs/a{query}")).text().contains(expected), "{query}");
    }
}

#[test]
fn one_job_is_shown_alone() {
    let server = Server::start();
    server.put("/uploads/one/1-a.png", b"x");
    server.put("/uploads/two/1-b.png", b"x");
    let page = server.get("/jobs/one");
    assert!(page.text().contains("/uploads/one/1-a.png") && !page.text().contains("1-b.png"));
    assert!(page.text().contains("<a href=\"/jobs/one\" aria-current=\"page\">"));
}
