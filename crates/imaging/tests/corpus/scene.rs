//! A made-up photo by the model of dead leaves: discs of all sizes lie on each other, which gives
//! the edges and the spectrum of natural pictures. Roughness, focus and noise come on top.

use super::{Picture, hash};

/// How often the leaves cover the whole picture.
const LAYERS: f32 = 3.0;
/// The smallest radius of a leaf in thousandths of the picture's height.
const SMALLEST: f32 = 7.0;

struct Leaf {
    colour: [f32; 3],
    /// Levels a pixel, across and down.
    slope: [f32; 2],
    /// Levels of texture.
    roughness: f32,
    centre: [f32; 2],
    radius: f32,
}

pub(super) fn photo(width: u32, height: u32, seed: u32) -> Picture {
    let leaves = leaves(width, height, seed);
    let owners = owners(&leaves, width, height);
    let mut sharp = Vec::with_capacity(owners.len());
    for y in 0..height {
        for x in 0..width {
            let leaf = &leaves[owners[(y * width + x) as usize] as usize];
            sharp.push(shade(leaf, x, y, height, seed));
        }
    }
    let noise = |x: u32, y: u32| (hash(x, y, seed ^ 77) % 5) as f32 - 2.0;
    Picture::from_pixels(width, height, |x, y| {
        let soft = focus(&sharp, width, height, x, y);
        let noise = noise(x, y);
        soft.map(|sample| (sample + noise).clamp(0.0, 255.0) as u8)
    })
}

/// Between 0 and 1.
fn chance(index: u32, what: u32, seed: u32) -> f32 {
    (hash(index, what, seed) >> 8) as f32 / (1 << 24) as f32
}

fn leaves(width: u32, height: u32, seed: u32) -> Vec<Leaf> {
    let smallest = (height as f32 * SMALLEST / 1000.0).max(2.0);
    let largest = (height as f32 * 0.45).max(smallest * 2.0);
    let mut leaves = vec![leaf(0, seed, [0.0; 2], height as f32 * 9.0, height)];
    let mut left = LAYERS * (width * height) as f32;
    while left > 0.0 {
        let index = leaves.len() as u32;
        let share = chance(index, 0, seed);
        // As many leaves of a size as fit their area: the density falls with its cube.
        let inverse = share / (largest * largest) + (1.0 - share) / (smallest * smallest);
        let radius = 1.0 / inverse.sqrt();
        let centre =
            [chance(index, 1, seed) * width as f32, chance(index, 2, seed) * height as f32];
        left -= radius * radius * 3.0;
        leaves.push(leaf(index, seed, centre, radius, height));
    }
    leaves
}

fn leaf(index: u32, seed: u32, centre: [f32; 2], radius: f32, height: u32) -> Leaf {
    let chance = |what| chance(index, what, seed);
    let luma = 30.0 + 190.0 * chance(3);
    let (warmth, green) = (60.0 * (chance(4) - 0.5), 40.0 * (chance(5) - 0.5));
    let lit = 160.0 / height as f32;
    // Most things are smooth and some are very rough.
    let roughness = 56.0 * chance(6) * chance(7) * chance(8);
    Leaf {
        colour: [luma + warmth, luma + green, luma - warmth],
        slope: [lit * (chance(9) - 0.5), lit * (chance(10) - 0.3)],
        roughness,
        centre,
        radius,
    }
}

/// For every pixel the leaf on top.
fn owners(leaves: &[Leaf], width: u32, height: u32) -> Vec<u32> {
    let mut owners = vec![0; (width * height) as usize];
    for (index, leaf) in leaves.iter().enumerate().skip(1) {
        let [x, y] = leaf.centre;
        let first = (y - leaf.radius).max(0.0) as u32;
        let last = (y + leaf.radius).min(height as f32 - 1.0) as u32;
        for row in first..=last {
            let down = row as f32 - y;
            let half = (leaf.radius * leaf.radius - down * down).max(0.0).sqrt();
            let start = (x - half).clamp(0.0, width as f32) as u32;
            let end = (x + half).clamp(0.0, width as f32) as u32;
            owners[(row * width + start) as usize..(row * width + end) as usize].fill(index as u32);
        }
    }
    owners
}

fn shade(leaf: &Leaf, x: u32, y: u32, height: u32, seed: u32) -> [f32; 3] {
    let reach = 0.6 * height as f32;
    let (across, down) = (x as f32 - leaf.centre[0], y as f32 - leaf.centre[1]);
    let light =
        leaf.slope[0] * across.clamp(-reach, reach) + leaf.slope[1] * down.clamp(-reach, reach);
    let texture = leaf.roughness * texture(x, y, seed);
    leaf.colour.map(|sample| sample + light + texture)
}

/// Noise whose waves are the weaker the shorter they are, between about -1 and 1.
fn texture(x: u32, y: u32, seed: u32) -> f32 {
    let mut sum = 0.0;
    for (octave, strength) in [(1, 0.5), (2, 0.7), (3, 0.8), (5, 1.0)] {
        sum += strength * wave(x, y, octave, seed + octave);
    }
    sum
}

fn wave(x: u32, y: u32, octave: u32, seed: u32) -> f32 {
    let size = 1 << octave;
    let (column, row) = (x >> octave, y >> octave);
    let part = |at: u32| ((at & (size - 1)) as f32) / size as f32;
    let (right, below) = (part(x), part(y));
    let corner = |column, row| (hash(column, row, seed) >> 8) as f32 / (1 << 23) as f32 - 1.0;
    let above = corner(column, row) * (1.0 - right) + corner(column + 1, row) * right;
    let under = corner(column, row + 1) * (1.0 - right) + corner(column + 1, row + 1) * right;
    above * (1.0 - below) + under * below
}

/// The pixel as a lens gives it: half of itself and half of those around it.
fn focus(sharp: &[[f32; 3]], width: u32, height: u32, x: u32, y: u32) -> [f32; 3] {
    let at = |x: u32, y: u32| sharp[(y.min(height - 1) * width + x.min(width - 1)) as usize];
    let around =
        [at(x.saturating_sub(1), y), at(x + 1, y), at(x, y.saturating_sub(1)), at(x, y + 1)];
    let middle = at(x, y);
    std::array::from_fn(|channel| {
        let sum: f32 = around.iter().map(|pixel| pixel[channel]).sum();
        middle[channel] * 0.5 + sum * 0.125
    })
}
