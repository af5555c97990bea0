//! The names of formats: `convert`.

use super::text::{Call, alternatives};
use crate::{Format, ParsePipelineError};

/// The name that is printed for each format, and the other name it may have.
const NAMES: &[(Format, &str, Option<&str>)] = &[
    (Format::Jpeg, "jpeg", Some("jpg")),
    (Format::Png, "png", None),
    (Format::Gif, "gif", None),
    (Format::WebP, "webp", None),
    (Format::Bmp, "bmp", None),
    (Format::Tiff, "tiff", Some("tif")),
    (Format::Pnm, "pnm", None),
    (Format::Qoi, "qoi", None),
    (Format::Ico, "ico", None),
    (Format::Tga, "tga", None),
];

pub(super) fn parse(call: Call<'_>) -> Result<Format, ParsePipelineError> {
    let piece = call.argument("convert=FORMAT, such as convert=png")?;
    let text = piece.text();
    let found = NAMES.iter().find(|(_, name, other)| *name == text || *other == Some(text));
    found.map(|&(format, _, _)| format).ok_or_else(|| {
        let names: Vec<&str> = NAMES.iter().map(|(_, name, _)| *name).collect();
        let remedy = format!("allowed is {}", alternatives(&names));
        piece.wrong(format!("\"{text}\" is no format that can be written"), remedy)
    })
}

pub(super) fn name(format: Format) -> &'static str {
    let found = NAMES.iter().find(|(known, _, _)| *known == format);
    found.map_or(format.extension(), |(_, name, _)| name)
}
