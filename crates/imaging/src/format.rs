//! The formats that are read and written.

use std::fmt;

/// A picture format that is both read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG
    Jpeg,
    /// PNG
    Png,
    /// GIF
    Gif,
    /// WebP
    WebP,
    /// BMP, the Windows bitmap
    Bmp,
    /// TIFF
    Tiff,
    /// The PNM family: PBM, PGM, PPM and PAM
    Pnm,
    /// QOI
    Qoi,
    /// ICO, the Windows icon
    Ico,
    /// TGA
    Tga,
}

impl Format {
    /// The usual file name extension, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Bmp => "bmp",
            Self::Tiff => "tif",
            Self::Pnm => "pnm",
            Self::Qoi => "qoi",
            Self::Ico => "ico",
            Self::Tga => "tga",
        }
    }

    /// The media type for `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Pnm => "image/x-portable-anymap",
            Self::Qoi => "image/qoi",
            Self::Ico => "image/vnd.microsoft.icon",
            Self::Tga => "image/x-tga",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
            Self::Qoi => "QOI",
            Self::Ico => "ICO",
            Self::Tga => "TGA",
        })
    }
}
