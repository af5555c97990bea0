//! The graph for people: as a sentence, and for GraphViz.

use crate::graph::Graph;

impl Graph {
    /// How much there is.
    pub(crate) fn summary(&self) -> String {
        let rendered = self.pages.iter().filter(|page| page.image.is_some()).count();
        let failures: usize = self.pages.iter().map(|page| page.failures).sum();
        let (pages, links) = (self.pages.len(), self.edges().count());
        format!("{pages} pages, {links} links, {rendered} rendered, {failures} failures")
    }

    /// The links between known pages.
    fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.links.iter().filter_map(|(from, to)| Some((*from, *self.known.get(to)?)))
    }

    /// The graph for GraphViz, with the images in its nodes.
    pub(crate) fn dot(&self) -> String {
        let mut dot = "digraph {\n  node [shape=box];\n".to_owned();
        for (index, page) in self.pages.iter().enumerate() {
            let image = page.image.as_ref().map(|image| format!(" image={image:?} labelloc=b"));
            let (label, image) = (page.url.as_str(), image.unwrap_or_default());
            dot += &format!("  p{index} [label={label:?}{image}];\n");
        }
        for (from, to) in self.edges() {
            dot += &format!("  p{from} -> p{to};\n");
        }
        dot + "}\n"
    }
}
