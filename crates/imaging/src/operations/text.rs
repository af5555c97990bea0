//! Reading the text of a chain, with the place of every piece of it.

use std::ops::RangeInclusive;

use crate::ParsePipelineError;

/// A piece of the text of a chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    whole: &'a str,
    text: &'a str,
    /// In bytes.
    start: usize,
}

impl<'a> Piece<'a> {
    pub(crate) fn whole(text: &'a str) -> Self {
        Self { whole: text, text, start: 0 }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Without the blanks around it.
    pub(crate) fn trimmed(self) -> Self {
        let indent = self.text.len() - self.text.trim_start().len();
        Self { text: self.text.trim(), start: self.start + indent, ..self }
    }

    /// What stands before the first `separator` and what stands after it.
    pub(crate) fn split_once(self, separator: char) -> (Self, Option<Self>) {
        let Some((before, after)) = self.text.split_once(separator) else { return (self, None) };
        let after_at = self.start + before.len() + separator.len_utf8();
        (Self { text: before, ..self }, Some(Self { text: after, start: after_at, ..self }))
    }

    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let (first, after) = rest?.split_once(separator);
            rest = after;
            Some(first)
        })
    }

    /// The empty piece right behind this one, where something is missing.
    pub(crate) fn end(self) -> Self {
        Self { text: "", start: self.start + self.text.len(), ..self }
    }

    /// `problem` is what is wrong with this piece, `remedy` says what is allowed instead.
    pub(crate) fn wrong(
        self,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ParsePipelineError {
        let before = self.whole.get(..self.start).unwrap_or(self.whole);
        ParsePipelineError {
            pipeline: self.whole.to_owned(),
            position: before.chars().count(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    fn quoted(self) -> String {
        format!("\"{}\"", self.text)
    }
}

/// The name of an operation with what stands behind its `=`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) name: Piece<'a>,
    arguments: Option<Piece<'a>>,
}

impl<'a> Call<'a> {
    pub(crate) fn read(piece: Piece<'a>) -> Self {
        let (name, arguments) = piece.split_once('=');
        Self { name: name.trimmed(), arguments: arguments.map(Piece::trimmed) }
    }

    pub(crate) fn has_arguments(&self) -> bool {
        self.arguments.is_some()
    }

    /// Makes sure that nothing stands behind the name.
    pub(crate) fn no_argument(&self) -> Result<(), ParsePipelineError> {
        let Some(arguments) = self.arguments else { return Ok(()) };
        let name = self.name.text();
        Err(arguments.wrong(format!("{name} takes no argument"), format!("write {name} alone")))
    }

    /// The only argument; `usage` is how the operation is written.
    pub(crate) fn argument(&self, usage: &str) -> Result<Piece<'a>, ParsePipelineError> {
        let (first, further) = self.one_or_two(usage)?;
        further.map_or(Ok(first), |extra| Err(self.too_many(extra, usage)))
    }

    /// The first argument, and the second one if there is one.
    pub(crate) fn one_or_two(
        &self,
        usage: &str,
    ) -> Result<(Piece<'a>, Option<Piece<'a>>), ParsePipelineError> {
        let missing = |at: Piece<'_>| {
            let problem = format!("the argument of {} is missing", self.name.text());
            at.wrong(problem, format!("write {usage}"))
        };
        let arguments = self.arguments.ok_or_else(|| missing(self.name.end()))?;
        let mut pieces = arguments.split(',').map(Piece::trimmed);
        let first = pieces.next().filter(|first| !first.is_empty());
        let first = first.ok_or_else(|| missing(arguments))?;
        let second = pieces.next();
        if let Some(empty) = second.filter(Piece::is_empty) {
            return Err(empty.wrong("an argument is missing behind the comma", usage_of(usage)));
        }
        match pieces.next() {
            Some(extra) => Err(self.too_many(extra, usage)),
            None => Ok((first, second)),
        }
    }

    fn too_many(&self, extra: Piece<'_>, usage: &str) -> ParsePipelineError {
        let problem = format!("{} has the argument {} too many", self.name.text(), extra.quoted());
        extra.wrong(problem, usage_of(usage))
    }
}

fn usage_of(usage: &str) -> String {
    format!("write {usage}")
}

/// One of the words in `words`.
pub(crate) fn word<T: Copy>(
    piece: Piece<'_>,
    words: &[(&str, T)],
) -> Result<T, ParsePipelineError> {
    let found = words.iter().find(|(word, _)| *word == piece.text());
    found.map(|&(_, value)| value).ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let problem = format!("{} is not known", piece.quoted());
        piece.wrong(problem, format!("allowed is {}", alternatives(&names)))
    })
}

/// A whole number within `range`; `unit` is what it counts.
pub(crate) fn number(
    piece: Piece<'_>,
    range: RangeInclusive<i64>,
    unit: &str,
) -> Result<i64, ParsePipelineError> {
    let remedy = || format!("allowed is {} to {} {unit}", range.start(), range.end());
    let digits = piece.text().strip_prefix('-').unwrap_or(piece.text());
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(piece.wrong(format!("{} is no whole number", piece.quoted()), remedy()));
    }
    let number = piece.text().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| piece.wrong(format!("{} is out of range", piece.quoted()), remedy()))
}

/// "a, b or c".
pub(crate) fn alternatives(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
