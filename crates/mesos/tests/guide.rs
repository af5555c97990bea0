//! The guide's last program is the example that is run on clusters.
#![cfg(test)]

const GUIDE: &str = include_str!("../../../docs/write-a-framework.md");
const EXAMPLE: &str = include_str!("../examples/greeter.rs");

#[test]
fn the_last_program_of_the_guide_is_the_example() {
    let (_, rest) = GUIDE.rsplit_once("```rust,no_run\n").unwrap();
    let (program, _) = rest.split_once("```\n").unwrap();
    assert!(program.contains("async fn main()"), "{program}");
    assert!(
        EXAMPLE.ends_with(program),
        "examples/greeter.rs and the last program of docs/write-a-framework.md differ: \
         copy the one that is right"
    );
}
