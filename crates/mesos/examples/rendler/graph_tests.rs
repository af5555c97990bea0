use super::*;
use serde_json::json;

fn all_out(graph: &mut Graph) -> Vec<String> {
    std::iter::from_fn(|| graph.launch().map(|(task, _)| task)).collect()
}

fn crawled(task: &str, links: &[&str]) -> Value {
    json!({ "task": task, "result": links })
}

#[test]
fn a_page_is_visited_once_on_its_host_and_up_to_the_limit() {
    let mut graph = Graph::new("http://h/#top".parse().unwrap(), 3);
    assert_eq!(all_out(&mut graph), ["crawl-1-1", "render-1-1"]);
    let links =
        ["http://h/", "http://h/a", "http://h/b", "http://h/c", "http://other/", "http://h/a"];
    graph.result(&crawled("crawl-1-1", &links)).unwrap();
    assert_eq!(all_out(&mut graph), ["crawl-2-1", "render-2-1", "crawl-3-1", "render-3-1"]);
    assert_eq!(graph.summary(), "3 pages, 3 links, 0 rendered, 0 failures");
}

#[test]
fn a_result_counts_once_by_whichever_way_it_comes_first() {
    let mut graph = Graph::new("http://h/".parse().unwrap(), 9);
    all_out(&mut graph);
    let image = json!({ "task": "render-1-1", "result": "/r/1.png" });
    assert!(graph.result(&image).is_some());
    assert!(graph.result(&image).is_none());
    assert!(graph.result(&json!("garbage")).is_none());
    assert_eq!(graph.out().len(), 1);
    graph.result(&crawled("crawl-1-1", &[])).unwrap();
    assert!(graph.is_done());
    assert!(graph.dot().contains("p0 [label=\"http://h/\" image=\"/r/1.png\""));
}

#[test]
fn what_fails_is_tried_again_and_then_given_up() {
    let mut graph = Graph::new("http://h/".parse().unwrap(), 9);
    all_out(&mut graph);
    for next in ["render-1-2", "render-1-3"] {
        let task = graph.out.keys().find(|task| task.starts_with("render")).unwrap().clone();
        graph.failure(&task, "no");
        assert_eq!(all_out(&mut graph), [next]);
    }
    assert_eq!(graph.failure("render-1-3", "no"), "render-1-3 is given up: no");
    assert_eq!(graph.failure("render-1-3", "no"), "render-1-3 ended again");
    graph.result(&crawled("crawl-1-1", &[])).unwrap();
    assert_eq!(
        (graph.is_done(), graph.summary().as_str()),
        (true, "1 pages, 0 links, 0 rendered, 1 failures")
    );
}
