//! Which pictures are measured.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use image::ImageFormat;
use jpeg_encoder::SamplingFactor;

use crate::{
    Wishes,
    corpus::{
        Picture,
        jpeg::{Colours, Kind},
        others,
    },
};

/// One picture as a file.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Made up as a photo, so that the targets for photos hold for it.
    pub(crate) is_photo: bool,
    /// What the `image` crate is to encode a JPEG with; 90 where it is not known.
    pub(crate) quality: u8,
}

/// How to come by a file; made only when its turn comes, for they are large.
pub(crate) struct Recipe {
    name: String,
    quality: u8,
    source: Source,
}

enum Source {
    Made { megapixels: f64, encode: Encode },
    Disk(PathBuf),
}

type Encode = Box<dyn Fn(&Picture) -> Vec<u8>>;

impl Recipe {
    pub(crate) fn is_large(&self) -> bool {
        matches!(self.source, Source::Made { megapixels, .. } if megapixels > 1.0)
    }

    pub(crate) fn make(&self) -> io::Result<File> {
        let (bytes, is_photo) = match &self.source {
            Source::Made { megapixels, encode } => {
                (encode(&Picture::photo_of(*megapixels, 1)), true)
            }
            Source::Disk(path) => (fs::read(path)?, false),
        };
        Ok(File { name: self.name.clone(), bytes, is_photo, quality: self.quality })
    }
}

pub(crate) fn recipes(wishes: &Wishes) -> Result<Vec<Recipe>, Box<dyn Error>> {
    let mut recipes = made();
    if wishes.write.is_none() {
        recipes.extend(on_disk(&folder("samples"))?);
    }
    for folder in &wishes.folders {
        recipes.extend(on_disk(folder)?);
    }
    if let Some(part) = &wishes.only {
        recipes.retain(|recipe| recipe.name.contains(part.as_str()));
    }
    Ok(recipes)
}

fn made() -> Vec<Recipe> {
    let mut recipes = Vec::new();
    for (megapixels, quality, kind, sampling) in [
        (0.1, 75, "420", SamplingFactor::F_2_2),
        (0.1, 90, "444", SamplingFactor::F_1_1),
        (0.3, 75, "420", SamplingFactor::F_2_2),
        (0.3, 90, "444", SamplingFactor::F_1_1),
        (1.0, 50, "420", SamplingFactor::F_2_2),
        (1.0, 75, "420", SamplingFactor::F_2_2),
        (1.0, 75, "422", SamplingFactor::F_2_1),
        (1.0, 90, "420", SamplingFactor::F_2_2),
        (1.0, 90, "444", SamplingFactor::F_1_1),
        (2.0, 75, "420", SamplingFactor::F_2_2),
        (2.0, 90, "444", SamplingFactor::F_1_1),
        (6.0, 75, "420", SamplingFactor::F_2_2),
        (6.0, 90, "420", SamplingFactor::F_2_2),
        (6.0, 90, "444", SamplingFactor::F_1_1),
    ] {
        let kind_of_jpeg = Kind { quality, sampling, ..Kind::default() };
        recipes.push(jpeg(&format!("baseline-{kind}-q{quality}"), megapixels, kind_of_jpeg));
    }
    recipes.extend(rare_jpegs());
    recipes.extend(other_formats());
    recipes
}

fn rare_jpegs() -> Vec<Recipe> {
    let of = |quality| Kind { quality, ..Kind::default() };
    let gray = Kind { colours: Colours::Gray, ..of(75) };
    vec![
        jpeg("baseline-gray-q75", 1.0, gray),
        jpeg("baseline-restarts-q75", 1.0, Kind { restart_interval: 8, ..of(75) }),
        jpeg("three-scans-q75", 1.0, Kind { optimised: true, ..of(75) }),
        jpeg("progressive-q75", 1.0, Kind { progressive_scans: 4, ..of(75) }),
        jpeg("progressive-q90", 1.0, Kind { progressive_scans: 4, ..of(90) }),
        jpeg("progressive-q75", 6.0, Kind { progressive_scans: 4, ..of(75) }),
    ]
}

fn jpeg(name: &str, megapixels: f64, kind: Kind) -> Recipe {
    Recipe {
        name: format!("{name}-{megapixels}mp.jpg"),
        quality: kind.quality,
        source: Source::Made { megapixels, encode: Box::new(move |picture| kind.encode(picture)) },
    }
}

fn other_formats() -> Vec<Recipe> {
    let with = |format| move |picture: &Picture| others::encode(&others::dynamic(picture), format);
    vec![
        other("truecolour-1mp.png", 1.0, others::png),
        other("truecolour-6mp.png", 6.0, others::png),
        other("gray-1mp.png", 1.0, others::gray_png),
        other("transparent-1mp.png", 1.0, others::transparent_png),
        other("palette-1mp.png", 1.0, others::palette_png),
        other("palette-1mp.gif", 1.0, others::gif),
        other("palette-1mp.bmp", 1.0, others::palette_bmp),
        other("truecolour-1mp.bmp", 1.0, with(ImageFormat::Bmp)),
        other("lossless-1mp.webp", 1.0, with(ImageFormat::WebP)),
        other("truecolour-1mp.tif", 1.0, with(ImageFormat::Tiff)),
        other("truecolour-1mp.qoi", 1.0, with(ImageFormat::Qoi)),
        other("truecolour-1mp.tga", 1.0, with(ImageFormat::Tga)),
        other("truecolour-1mp.ppm", 1.0, with(ImageFormat::Pnm)),
    ]
}

fn other(name: &str, megapixels: f64, encode: impl Fn(&Picture) -> Vec<u8> + 'static) -> Recipe {
    let source = Source::Made { megapixels, encode: Box::new(encode) };
    Recipe { name: name.to_owned(), quality: 90, source }
}

/// As given, or from the root of the repository, for `cargo bench` runs in the crate's folder.
pub(crate) fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let from_root = root.join(name);
    if from_root.is_dir() { from_root } else { name.into() }
}

fn on_disk(folder: &Path) -> Result<Vec<Recipe>, Box<dyn Error>> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read the folder {}: {error}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file() && ImageFormat::from_path(path).is_ok());
    paths.sort();
    let recipe = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Recipe { name, quality: 90, source: Source::Disk(path) }
    };
    Ok(paths.into_iter().map(recipe).collect())
}
