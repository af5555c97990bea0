//! DC differences, the only values that inversion does not just turn round.
//!
//! A decoder adds 128 to every sample, so a picture whose coefficients are all negated shows
//! 256 - v where 255 - v is wanted. The missing level is a shift of every DC coefficient by
//! 8 / Q0, and since each is stored as the difference from the one before, it is enough to shift
//! the first one.

use super::{
    huffman::Code,
    lookup::ones,
    pipe::{Halt, Pipe},
};

/// Sizes beyond this do not occur in JPEGs of eight bits.
pub(super) const LARGEST_SIZE: u32 = 11;

pub(super) const TOO_LARGE: &str = "a difference is larger than eight bits allow";

/// One level, in steps of a DC coefficient quantised by `step`.
pub(super) fn one_level(step: u16) -> i32 {
    let step = i32::from(step.max(1));
    (8 + step / 2) / step
}

/// Takes the next difference over, negated and lowered by `pending`, as far as there is a code for
/// the result; what could not be done yet stays in `pending` for the next block.
pub(super) fn shift(
    pipe: &mut Pipe,
    data: &[u8],
    out: &mut Vec<u8>,
    code: &Code,
    pending: &mut i32,
) -> Result<(), Halt> {
    pipe.fill(data, out);
    let (length, difference) = read(pipe, code)?;
    // Without any shift the size stays, and there is a code for that.
    for shift in (0..=*pending).rev() {
        if let Some((bits, count)) = written(code, -difference - shift) {
            pipe.replace(length, bits, count, out);
            *pending -= shift;
            return Ok(());
        }
    }
    Err(Halt::Broken("a difference has no code"))
}

/// The next difference and how many bits it takes.
pub(super) fn read(pipe: &Pipe, code: &Code) -> Result<(u32, i32), Halt> {
    let bits = pipe.peek();
    let Some(symbol) = code.symbol(bits) else { return Err(no_code(pipe)) };
    if symbol.length > pipe.left() {
        return Err(pipe.shortage());
    }
    let size = u32::from(symbol.value);
    if size > LARGEST_SIZE {
        return Err(Halt::Broken(TOO_LARGE));
    }
    let length = symbol.length + size;
    if length > pipe.left() {
        return Err(pipe.shortage());
    }
    Ok((length, value(bits << symbol.length, size)))
}

/// Bits that are no code: broken, unless the rest of a code is still to come.
pub(super) fn no_code(pipe: &Pipe) -> Halt {
    match pipe.left() {
        0..16 => pipe.shortage(),
        _ => Halt::Broken("there are bits that are no code"),
    }
}

/// The value in the topmost `size` bits: those of a negative one are one less than it, cut off.
#[inline]
pub(super) fn value(bits: u64, size: u32) -> i32 {
    let Some(rest) = 64u32.checked_sub(size).filter(|&rest| rest < 64) else { return 0 };
    let amplitude = (bits >> rest) as i32;
    if bits >> 63 == 1 { amplitude } else { amplitude + 1 - (1 << size) }
}

/// A difference with its code, from the top of the word, and their length; `None` if the table has
/// no code for its size or there is no such size.
#[inline]
pub(super) fn written(code: &Code, difference: i32) -> Option<(u64, u32)> {
    let size = size(difference);
    if size > LARGEST_SIZE {
        return None;
    }
    let (bits, length) = code.code(size as u8)?;
    let amplitude = if difference < 0 { difference - 1 } else { difference };
    let amplitude = (amplitude as u64).checked_shl(64 - size).unwrap_or(0) & ones(size);
    Some((bits | amplitude >> length, length + size))
}

/// How many bits a value takes.
#[inline]
pub(super) fn size(difference: i32) -> u32 {
    32 - difference.unsigned_abs().leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::{super::standard::LUMA_DC_COUNTS, *};

    fn standard_dc() -> Code {
        Code::new(LUMA_DC_COUNTS, &Vec::from_iter(0..12)).unwrap()
    }

    #[test]
    fn every_difference_is_read_as_it_is_written() {
        let code = standard_dc();
        for difference in -2047..=2047 {
            let (bits, length) = written(&code, difference).unwrap();
            let data = [&bits.to_be_bytes()[..], &[0; 8]].concat();
            let stuffed: Vec<u8> = data
                .iter()
                .flat_map(|&byte| [byte, 0].into_iter().take(if byte == 0xff { 2 } else { 1 }))
                .collect();
            let mut pipe = Pipe::new(0);
            pipe.fill(&stuffed, &mut Vec::new());
            assert_eq!(read(&pipe, &code), Ok((length, difference)));
        }
        assert_eq!(written(&code, 2048), None);
    }

    #[test]
    fn one_level_is_the_nearest_number_of_steps() {
        let levels =
            [(1, 8), (2, 4), (3, 3), (4, 2), (5, 2), (6, 1), (8, 1), (15, 1), (16, 1), (17, 0)];
        for (step, steps) in levels {
            assert_eq!(one_level(step), steps, "steps of {step}");
        }
    }

    #[test]
    fn what_has_no_code_now_is_made_up_for_later() {
        // Differences of one and of two bits have codes, three bits have none.
        let mut counts = [0; 16];
        counts[..3].copy_from_slice(&[1, 1, 1]);
        let code = Code::new(&counts, &[0, 1, 2]).unwrap();
        // -3, then 0: to be lowered by 4 in all from 3 to -1, but first it goes the whole way.
        let mut data = Vec::new();
        let (first, length) = written(&code, -2).unwrap();
        let (second, more) = written(&code, 1).unwrap();
        data.extend((first | second >> length).to_be_bytes());
        let (mut pipe, mut out, mut pending) = (Pipe::new(0), Vec::new(), 8);
        shift(&mut pipe, &data, &mut out, &code, &mut pending).unwrap();
        assert_eq!(pending, 8 - 5, "2 became -3, the lowest there is a code for");
        shift(&mut pipe, &data, &mut out, &code, &mut pending).unwrap();
        assert_eq!(pending, 8 - 5 - 2, "-1 became -3");
        assert!(more > 0);
    }
}
