//! What a TIFF says beside its picture and does not go into the result.

use tiff::tags::Tag;

use super::{directory::Directory, encode::DESCRIBING};

/// Directories and blocks that are not taken over.
const BLOCKS: &[(Tag, &str)] = &[
    (Tag::ExifDirectory, "EXIF"),
    (Tag::GpsDirectory, "GPS"),
    (Tag::SubIfd, "sub-picture"),
    (Tag::Unknown(34377), "Photoshop"),
];

/// Tags that say how the picture is stored, by their first and last: the result has its own, or needs
/// none.
const STORAGE: &[(u16, u16)] = &[
    (254, 259), // kinds, sides, bits, compression
    (262, 266), // meaning, thresholds, order of bits
    (273, 273), // strips
    (277, 281), // samples, strips, extremes
    (284, 284), // planes
    (288, 289), // free bytes
    (292, 293), // fax
    (297, 297), // the number of the only page
    (317, 317), // predictor
    (320, 320), // palette
    (322, 325), // tiles
    (338, 341), // extra samples, their kinds and extremes
    (347, 347), // tables of JPEG
    (512, 521), // JPEG of the old kind
    (529, 531), // YCbCr
];

/// Says what of the file in `bytes` is left out.
pub(super) fn note(bytes: &[u8], notes: &mut Vec<String>) {
    let Some(directory) = Directory::read(bytes) else { return };
    let block = |tag| BLOCKS.iter().find(|(block, _)| block.to_u16() == tag);
    for (_, name) in directory.tags().filter_map(block) {
        notes.push(format!("the {name} block of the TIFF was left out"));
    }
    let is_known = |tag: u16| {
        let is_storage = STORAGE.iter().any(|(first, last)| (*first..=*last).contains(&tag));
        let is_kept = DESCRIBING.iter().any(|kept| kept.to_u16() == tag);
        is_storage || is_kept || block(tag).is_some()
    };
    let mut others: Vec<u16> = directory.tags().filter(|tag| !is_known(*tag)).collect();
    others.dedup();
    if let [first, rest @ ..] = others.as_slice() {
        let others = rest
            .iter()
            .take(MOST_TOLD)
            .fold(first.to_string(), |told, tag| format!("{told}, {tag}"));
        let more = if rest.len() > MOST_TOLD { " and others" } else { "" };
        notes.push(format!("what the TIFF says by tags of its own was left out: {others}{more}"));
    }
}

/// Tags behind the first that are told by their numbers.
const MOST_TOLD: usize = 15;
