//! TIFF of rarer kinds: large offsets, and compressions that are not known.

#![cfg(test)]

use std::io::Cursor;

use imaging::{Class, Limits, Output, Pipeline};
use tiff::{
    encoder::{TiffEncoder, colortype},
    tags::Tag,
};

fn process(bytes: &[u8], text: &str) -> Result<Output, imaging::Error> {
    let pipeline: Pipeline = text.parse().unwrap();
    imaging::process(bytes, &pipeline, &Limits::default())
}

fn pixels(bytes: &[u8], text: &str) -> Vec<u8> {
    let output = process(bytes, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    image::load_from_memory(&output.bytes).unwrap().into_rgb8().into_raw()
}

fn big_truecolour(samples: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new_big(&mut bytes).unwrap();
    encoder.write_image::<colortype::RGB8>(2, 1, samples).unwrap();
    bytes.into_inner()
}

/// Eight pixels beside each other in one strip, with 64 bits for every offset.
fn big_directory(bits: u16, meaning: u16, table: &[u16], packed: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new_big(&mut bytes).unwrap();
    let mut directory = encoder.image_directory().unwrap();
    let at = directory.write_data(packed).unwrap();
    for (tag, value) in [
        (Tag::ImageWidth, 8),
        (Tag::ImageLength, 1),
        (Tag::BitsPerSample, bits),
        (Tag::Compression, 1),
        (Tag::PhotometricInterpretation, meaning),
        (Tag::SamplesPerPixel, 1),
        (Tag::RowsPerStrip, 1),
    ] {
        directory.write_tag(tag, value).unwrap();
    }
    directory.write_tag(Tag::StripOffsets, at).unwrap();
    directory.write_tag(Tag::StripByteCounts, packed.len() as u64).unwrap();
    if !table.is_empty() {
        directory.write_tag(Tag::ColorMap, table).unwrap();
    }
    directory.finish().unwrap();
    bytes.into_inner()
}

#[test]
fn a_tiff_with_large_offsets_goes_through_every_operation() {
    let bytes = big_truecolour(&[1, 2, 3, 40, 50, 60]);
    assert_eq!(pixels(&bytes, "invert"), [254, 253, 252, 215, 205, 195]);
    assert_eq!(pixels(&bytes, "invert=exact"), [254, 253, 252, 215, 205, 195]);
    assert_eq!(pixels(&bytes, "flip=horizontal"), [40, 50, 60, 1, 2, 3]);
    assert_eq!(pixels(&bytes, "convert=png"), [1, 2, 3, 40, 50, 60]);
    assert_eq!(pixels(&bytes, "resize=1x").len(), 3);
}

#[test]
fn few_bits_and_palettes_are_understood_beside_large_offsets() {
    let bilevel = big_directory(1, 1, &[], &[0b0101_0011]);
    let gray: Vec<u8> = [0, 255, 0, 255, 0, 0, 255, 255].iter().flat_map(|v| [*v; 3]).collect();
    assert_eq!(pixels(&bilevel, "convert=png"), gray);
    let inverse: Vec<u8> = gray.iter().map(|sample| !sample).collect();
    let inverted = process(&bilevel, "invert").unwrap();
    assert_eq!(inverted.path, imaging::Path::Palette);
    assert_eq!(pixels(&inverted.bytes, "convert=png"), inverse);

    let table: Vec<u16> = (0..48).map(|place| place * 5 * 257).collect();
    let palette = big_directory(4, 3, &table, &[0x0f, 0x12, 0x34, 0x56]);
    let colours: Vec<u8> = [0u8, 15, 1, 2, 3, 4, 5, 6]
        .iter()
        .flat_map(|index| [index * 5, (index + 16) * 5, (index + 32) * 5])
        .collect();
    assert_eq!(pixels(&palette, "convert=png"), colours);
    let inverse: Vec<u8> = colours.iter().map(|sample| !sample).collect();
    assert_eq!(pixels(&palette, "invert|convert=png"), inverse);
    let inverted = process(&palette, "invert").unwrap();
    assert_eq!(pixels(&inverted.bytes, "convert=png"), inverse);
}

/// Two pixels of RGB, with other values in some tags; `None` removes a tag.
fn truecolour(changes: &[(u16, Option<&[u16]>)]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut directory = encoder.image_directory().unwrap();
    let at = directory.write_data(&[7u8; 48][..]).unwrap();
    directory.write_tag(Tag::StripOffsets, at as u32).unwrap();
    directory.write_tag(Tag::StripByteCounts, 48u32).unwrap();
    let usual: [(u16, &[u16]); 7] = [
        (256, &[2]),
        (257, &[1]),
        (258, &[8, 8, 8]),
        (259, &[1]),
        (262, &[2]),
        (277, &[3]),
        (278, &[1]),
    ];
    let kept = usual.iter().filter(|(tag, _)| changes.iter().all(|(other, _)| other != tag));
    let changed = changes.iter().filter_map(|(tag, values)| Some((*tag, (*values)?)));
    for (tag, values) in kept.copied().chain(changed) {
        directory.write_tag(Tag::from_u16_exhaustive(tag), values).unwrap();
    }
    directory.finish().unwrap();
    bytes.into_inner()
}

#[test]
fn kinds_that_are_not_supported_are_named_with_a_remedy() {
    let compressed = |name, method| {
        format!(
            "the TIFF is compressed by {name} (method {method}), which is not supported; save it \
             with LZW or Deflate"
        )
    };
    let coloured = |name, number| {
        format!(
            "the TIFF holds {name} (photometric interpretation {number}), which is not supported; \
             convert it to RGB"
        )
    };
    let sampled = |kind, bits| {
        format!(
            "the TIFF holds {kind} of {bits} bits, which is not supported; save it with 8 or 16 \
             bits a sample"
        )
    };
    for (changes, message) in [
        (&[(259, Some(&[16][..]))][..], compressed("something unknown", 16)),
        (&[(259, Some(&[50000]))], compressed("Zstandard", 50000)),
        (&[(259, Some(&[34712]))], compressed("JPEG 2000", 34712)),
        (&[(262, Some(&[8]))], coloured("Lab colours", 8)),
        (&[(262, Some(&[99]))], coloured("unknown colours", 99)),
        (&[(258, Some(&[12, 12, 12]))], sampled("samples", "12")),
        (&[(258, Some(&[5, 6, 5]))], sampled("samples", "5, 6, 5")),
        // Whole numbers that were taken for floating point.
        (&[(258, Some(&[32, 32, 32]))], sampled("samples", "32")),
        (
            &[(262, Some(&[1])), (277, Some(&[2])), (258, Some(&[8, 8])), (338, Some(&[2]))],
            "the TIFF holds 2 samples for each pixel of gray or of a palette, which is not \
             supported; save it as RGB"
                .to_owned(),
        ),
        (&[(339, Some(&[2, 2, 2]))], sampled("samples with a sign", "8")),
        (
            &[(258, Some(&[16, 16, 16])), (339, Some(&[3, 3, 3]))],
            sampled("floating point samples", "16"),
        ),
    ] {
        for text in ["invert", "flip=vertical"] {
            let refused = process(&truecolour(changes), text).unwrap_err();
            assert_eq!((refused.class, refused.message), (Class::Unsupported, message.clone()));
        }
    }
    let refused = process(&truecolour(&[(262, None)]), "flip=vertical").unwrap_err();
    assert_eq!(refused.class, Class::Corrupt, "{refused}");
    let floating: &[(u16, Option<&[u16]>)] = &[(258, Some(&[32, 32, 32])), (339, Some(&[3, 3, 3]))];
    for usual in [&[][..], floating] {
        assert!(process(&truecolour(usual), "flip=vertical").is_ok());
    }
}

#[test]
fn a_file_that_claims_many_samples_gets_a_short_answer() {
    let bits: Vec<u16> = (0..20_000).map(|at| 5 + at % 2).collect();
    for text in ["invert", "flip=vertical"] {
        let refused = process(&truecolour(&[(258, Some(&bits))]), text).unwrap_err();
        assert_eq!(refused.class, Class::Unsupported);
        assert!(refused.message.contains("of 5, 6, 5, 6, 5, 6, 5, 6 bits"), "{}", refused.message);
    }
}

/// Eight gray pixels, with the bits of each byte the other way round.
fn backwards(compression: u16, packed: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut directory = encoder.image_directory().unwrap();
    let packed: Vec<u8> = packed.iter().map(|byte| byte.reverse_bits()).collect();
    let at = directory.write_data(packed.as_slice()).unwrap();
    for (tag, value) in [
        (Tag::ImageWidth, 8),
        (Tag::ImageLength, 1),
        (Tag::BitsPerSample, 8),
        (Tag::Compression, compression),
        (Tag::PhotometricInterpretation, 1),
        (Tag::FillOrder, 2),
        (Tag::SamplesPerPixel, 1),
        (Tag::RowsPerStrip, 1),
    ] {
        directory.write_tag(tag, value).unwrap();
    }
    directory.write_tag(Tag::StripOffsets, at as u32).unwrap();
    directory.write_tag(Tag::StripByteCounts, packed.len() as u32).unwrap();
    directory.finish().unwrap();
    bytes.into_inner()
}

#[test]
fn bytes_whose_bits_are_the_other_way_round_are_read() {
    let plain = backwards(1, &[0, 1, 2, 3, 4, 5, 6, 200]);
    let packed = backwards(32773, &[0xfc, 9, 2, 1, 2, 200]);
    for text in ["invert", "invert=exact", "invert|convert=png"] {
        let grays = |bytes| pixels(bytes, text).into_iter().step_by(3).collect::<Vec<_>>();
        assert_eq!(grays(&plain), [255, 254, 253, 252, 251, 250, 249, 55], "{text}");
        assert_eq!(grays(&packed), [246, 246, 246, 246, 246, 254, 253, 55], "{text}");
    }
}

#[test]
fn tags_that_are_left_out_are_told() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut image = encoder.new_image::<colortype::Gray8>(2, 1).unwrap();
    image.encoder().write_tag(Tag::Artist, "A").unwrap();
    image.encoder().write_tag(Tag::Unknown(33550), &[1.0f64, 1.0, 0.0][..]).unwrap();
    image.encoder().write_tag(Tag::Unknown(65000), 7u16).unwrap();
    image.write_data(&[1, 2]).unwrap();
    let bytes = bytes.into_inner();
    for text in ["invert", "rotate=90"] {
        let notes = process(&bytes, text).unwrap().notes;
        let told: Vec<_> = notes.iter().filter(|note| note.contains("tags of its own")).collect();
        assert!(told.len() == 1 && told[0].ends_with("left out: 33550, 65000"), "{notes:?}");
    }
}
