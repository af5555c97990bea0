//! What a file says beside its pixels, in a form that other formats understand too.

use std::rc::Rc;

use image::{ColorType, metadata::Orientation};

use super::exif;
use crate::Format;

/// What goes along with the pixels.
#[derive(Clone)]
pub(crate) struct Metadata {
    /// The ICC profile.
    pub(crate) profile: Option<Vec<u8>>,
    /// The EXIF block from its TIFF header on, without a thumbnail.
    pub(crate) exif: Option<Vec<u8>>,
    /// The XMP packet.
    pub(crate) xmp: Option<Vec<u8>>,
    pub(crate) density: Option<Density>,
    /// How the pixels have to be turned to be upright.
    pub(crate) orientation: Orientation,
    /// What only the format of the source can hold.
    pub(crate) native: Native,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            profile: None,
            exif: None,
            xmp: None,
            density: None,
            orientation: Orientation::NoTransforms,
            native: Native::None,
        }
    }
}

/// Parts of a file that are taken over as they are, into a file of the same format.
#[derive(Clone, Default)]
pub(crate) enum Native {
    #[default]
    None,
    /// JPEG segments: markers with their bodies.
    Jpeg(Vec<(u8, Vec<u8>)>),
    /// PNG chunks: names with their data.
    Png(Vec<([u8; 4], Vec<u8>)>),
    /// TIFF tags with their values.
    Tiff(Rc<Vec<(tiff::tags::Tag, tiff::tags::ValueBuffer)>>),
    /// Parts that this crate does not write; only their names are known, for the notes.
    Unwritable(Vec<&'static str>),
}

/// Pixels for each length, across and down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Density {
    pub(crate) across: f64,
    pub(crate) down: f64,
    pub(crate) unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// No length: only the shape of a pixel is given.
    Aspect,
    Inch,
    Centimetre,
    Metre,
}

impl Unit {
    fn in_metres(self) -> Option<f64> {
        match self {
            Self::Aspect => None,
            Self::Inch => Some(0.0254),
            Self::Centimetre => Some(0.01),
            Self::Metre => Some(1.0),
        }
    }
}

impl Density {
    /// The same for another unit; a mere shape stays as it is.
    pub(crate) fn per(self, unit: Unit) -> Self {
        match (self.unit.in_metres(), unit.in_metres()) {
            (Some(from), Some(to)) => {
                let factor = to / from;
                Self { across: self.across * factor, down: self.down * factor, unit }
            }
            _ => self,
        }
    }

    /// Whole numbers, which most formats hold.
    pub(crate) fn rounded(self) -> (u32, u32) {
        (self.across.round() as u32, self.down.round() as u32)
    }

    /// For a picture that was turned by a quarter.
    pub(crate) fn turned(self) -> Self {
        Self { across: self.down, down: self.across, ..self }
    }
}

impl Metadata {
    /// Takes an EXIF block in, and what it says about the orientation.
    pub(crate) fn set_exif(&mut self, block: &[u8], notes: &mut Vec<String>) {
        // Some writers put the name of JPEG's segment before the block.
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        self.orientation = Orientation::from_exif_chunk(block).unwrap_or(Orientation::NoTransforms);
        let without = crate::exif::without_thumbnail(block);
        if without.is_some() {
            notes.push("the EXIF thumbnail of the unchanged picture was removed".to_owned());
        }
        self.exif = Some(without.unwrap_or_else(|| block.to_vec()));
    }

    /// The pixels were put upright, so nothing may ask for it again.
    pub(crate) fn set_upright(&mut self) {
        self.orientation = Orientation::NoTransforms;
        if let Some(exif) = &mut self.exif {
            let _former = Orientation::remove_from_exif_chunk(exif);
        }
        if let Some(xmp) = &mut self.xmp {
            set_upright_in_xmp(xmp);
        }
    }

    /// The EXIF block of the result: what there is, or at least the orientation.
    pub(crate) fn exif_to_write(&self) -> Option<Vec<u8>> {
        match (&self.exif, self.orientation) {
            (Some(exif), _) => Some(exif.clone()),
            (None, Orientation::NoTransforms) => None,
            (None, orientation) => Some(exif::with_orientation(orientation)),
        }
    }

    /// Tells the EXIF block the size of the result.
    pub(crate) fn set_size(&mut self, width: u32, height: u32) {
        if let Some(block) = &mut self.exif {
            exif::set_size(block, width, height);
        }
    }

    /// Leaves the colour profile, the density and the orientation.
    pub(crate) fn strip(&mut self) {
        self.exif = None;
        self.xmp = None;
        match &mut self.native {
            Native::Png(chunks) => chunks.retain(|(kind, _)| is_about_colour(kind)),
            native @ (Native::None | Native::Jpeg(_) | Native::Tiff(_) | Native::Unwritable(_)) => {
                *native = Native::None;
            }
        }
    }

    /// A profile is for one kind of colours only; one for another kind would be wrong.
    pub(crate) fn fit_profile(&mut self, colour: ColorType, notes: &mut Vec<String>) {
        let wanted: &[u8] = if colour.has_color() { b"RGB " } else { b"GRAY" };
        let Some(named) = self.profile.as_ref().map(|profile| profile.get(16..20)) else { return };
        // PNG and TIFF allow gray pixels with a profile for colours; few programs understand it.
        if named != Some(wanted) {
            self.profile = None;
            notes.push("the colour profile is for another kind of colours; it was left out".into());
        }
    }

    /// Says what cannot go along into a file of `format`.
    pub(crate) fn note_lost(&self, format: Format, notes: &mut Vec<String>) {
        let held = Held::by(format);
        let lost = [
            (self.profile.is_some() && !held.profile, "the colour profile"),
            (self.exif.is_some() && !held.exif, "EXIF"),
            (self.xmp.is_some() && !held.xmp, "XMP"),
            (self.density.is_some() && !held.density, "the density"),
        ];
        let lost = lost.iter().filter(|(is_lost, _)| *is_lost).map(|(_, name)| *name);
        let names: Vec<&str> = lost.chain(self.native.lost(format)).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            notes.push(format!("left out, since the {format} does not take it along: {names}"));
        }
    }
}

/// What files of a format can hold as this crate writes them.
struct Held {
    profile: bool,
    exif: bool,
    xmp: bool,
    density: bool,
}

impl Held {
    fn by(format: Format) -> Self {
        let (profile, exif, xmp, density) = match format {
            Format::Jpeg | Format::Png => (true, true, true, true),
            Format::WebP => (true, true, true, false),
            // Of EXIF the orientation only, which has a tag of its own.
            Format::Tiff => (true, false, true, true),
            Format::Gif => (true, false, true, false),
            Format::Bmp => (false, false, false, true),
            Format::Pnm | Format::Qoi | Format::Ico | Format::Tga => (false, false, false, false),
        };
        Self { profile, exif, xmp, density }
    }
}

/// Whether a file of `format` can say that it has to be turned to be upright.
pub(crate) fn holds_orientation(format: Format) -> bool {
    format == Format::Tiff || Held::by(format).exif
}

impl Native {
    /// The names of what does not go along into a file of `format`.
    fn lost(&self, format: Format) -> Vec<&'static str> {
        match self {
            Self::None => Vec::new(),
            Self::Jpeg(_) if format == Format::Jpeg => Vec::new(),
            Self::Jpeg(_) => vec!["further segments such as comments and IPTC"],
            Self::Png(_) if format == Format::Png => Vec::new(),
            Self::Png(chunks) if chunks.iter().all(|(kind, _)| is_about_colour(kind)) => {
                vec!["chunks about the colour space"]
            }
            Self::Png(_) => vec!["further chunks such as texts and the colour space"],
            Self::Tiff(_) if format == Format::Tiff => Vec::new(),
            Self::Tiff(_) => vec!["describing tags"],
            Self::Unwritable(names) => names.clone(),
        }
    }
}

/// Chunks that say what the samples mean.
fn is_about_colour(kind: &[u8; 4]) -> bool {
    matches!(kind, b"gAMA" | b"cHRM" | b"sRGB" | b"cICP" | b"mDCV" | b"cLLI")
}

/// XMP repeats the orientation as an attribute or as an element.
fn set_upright_in_xmp(xmp: &mut [u8]) {
    for (before, after) in [
        (&b"tiff:Orientation=\""[..], b'"'),
        (b"tiff:Orientation='", b'\''),
        (b"<tiff:Orientation>", b'<'),
    ] {
        let found = xmp.windows(before.len()).position(|window| window == before);
        let Some(digit) = found.and_then(|at| xmp.get_mut(at + before.len()..)) else { continue };
        if let [digit @ b'1'..=b'8', end, ..] = digit
            && *end == after
        {
            *digit = b'1';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_convert_and_come_back() {
        for dpi in [72.0, 96.0, 300.0, 600.0] {
            let inch = Density { across: dpi, down: dpi, unit: Unit::Inch };
            let (across, down) = inch.per(Unit::Metre).rounded();
            let metre = Density { across: across.into(), down: down.into(), unit: Unit::Metre };
            assert_eq!(metre.per(Unit::Inch).rounded(), (dpi as u32, dpi as u32));
        }
        let aspect = Density { across: 1.0, down: 2.0, unit: Unit::Aspect };
        assert_eq!(aspect.per(Unit::Metre), aspect);
    }

    #[test]
    fn xmp_forgets_the_orientation_in_every_way_of_writing() {
        let written = |number| {
            format!(
                "<x tiff:Orientation=\"{number}\"/><x tiff:Orientation='{number}'/><tiff:Orientation>{number}</tiff:Orientation>"
            )
        };
        let mut xmp = written(6).into_bytes();
        set_upright_in_xmp(&mut xmp);
        assert_eq!(xmp, written(1).into_bytes());
    }

    #[test]
    fn an_orientation_alone_becomes_a_block() {
        let metadata = Metadata { orientation: Orientation::Rotate90, ..Metadata::default() };
        let block = metadata.exif_to_write().unwrap();
        assert_eq!(Orientation::from_exif_chunk(&block), Some(Orientation::Rotate90));
        assert_eq!(Metadata::default().exif_to_write(), None);
    }

    #[test]
    fn stripping_leaves_profile_density_and_orientation() {
        let mut metadata = Metadata {
            profile: Some(vec![1]),
            exif: Some(exif::with_orientation(Orientation::Rotate180)),
            xmp: Some(vec![2]),
            density: Some(Density { across: 1.0, down: 1.0, unit: Unit::Inch }),
            orientation: Orientation::Rotate180,
            native: Native::Png(vec![(*b"tEXt", vec![]), (*b"gAMA", vec![])]),
        };
        metadata.strip();
        assert!(metadata.profile.is_some() && metadata.density.is_some() && metadata.xmp.is_none());
        assert!(matches!(&metadata.native, Native::Png(chunks) if chunks.len() == 1));
        let block = metadata.exif_to_write().unwrap();
        assert_eq!(Orientation::from_exif_chunk(&block), Some(Orientation::Rotate180));
    }
}
