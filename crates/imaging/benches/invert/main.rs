//! One table of everything that `imaging` does, against the `image` crate: `cargo bench -p imaging`.
//!
//! `cargo bench -p imaging -- DIR` adds the pictures in DIR, `-- --only PART` keeps the rows whose
//! name has PART in it, and `-- --write DIR` writes the made-up pictures there for other programs.

#![cfg(test)]

#[path = "../../tests/corpus/mod.rs"]
#[expect(dead_code, reason = "tests and bench use a part of it each")]
mod corpus;
mod files;
mod measure;
mod memory;
mod reference;
mod table;
mod targets;

use std::{env, error::Error, fs, path::PathBuf, process::ExitCode};

use files::File;
use measure::Measured;

/// What the arguments ask for.
#[derive(Default)]
struct Wishes {
    folders: Vec<PathBuf>,
    only: Option<String>,
    write: Option<PathBuf>,
    /// Each row but the largest once, to see that it works.
    is_quick: bool,
}

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some(memory::CHILD) {
        return end(memory::child());
    }
    end(wishes().and_then(|wishes| run(&wishes)))
}

fn end(outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn wishes() -> Result<Wishes, Box<dyn Error>> {
    let mut wishes = Wishes { is_quick: true, ..Wishes::default() };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Said by `cargo bench` and not by `cargo test`.
            "--bench" => wishes.is_quick = false,
            "--test" => wishes.is_quick = true,
            "--only" => {
                wishes.only = Some(arguments.next().ok_or("--only wants a part of a name")?);
            }
            "--write" => {
                wishes.write = Some(arguments.next().ok_or("--write wants a folder")?.into());
            }
            folder if !folder.starts_with('-') => wishes.folders.push(files::folder(folder)),
            other => return Err(format!("{other} is unknown; see the top of {}", file!()).into()),
        }
    }
    Ok(wishes)
}

fn run(wishes: &Wishes) -> Result<(), Box<dyn Error>> {
    let mut rows: Vec<Measured> = Vec::new();
    if wishes.write.is_none() {
        table::head();
    }
    for recipe in files::recipes(wishes)? {
        if wishes.is_quick && recipe.is_large() {
            continue;
        }
        let file = recipe.make()?;
        if let Some(folder) = &wishes.write {
            fs::write(folder.join(&file.name), &file.bytes)?;
            continue;
        }
        match measure::measure(&file, wishes.is_quick) {
            Ok(row) => {
                table::row(&row);
                rows.push(row);
            }
            Err(why) => println!("{:34} {why}", file.name),
        }
    }
    if wishes.write.is_none() {
        let memory = memory::measure()?;
        if wishes.is_quick {
            println!("\nEach row once, to see that it works; `cargo bench -p imaging` measures.");
        } else {
            targets::print(&rows, &memory);
        }
    }
    Ok(())
}
