//! Whether an encoded message has all its required fields, without decoding it.

use std::collections::HashMap;

use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};
use prost_reflect::{Cardinality, DescriptorPool};

/// Messages of the protocol are nested far less deep.
const MAX_DEPTH: usize = 64;
/// The number of the value in the message that is an entry of a map.
const MAP_VALUE: u32 = 2;

/// What is required in each message of a pool.
#[derive(Debug)]
pub(crate) struct Required {
    shapes: Vec<Shape>,
    names: HashMap<String, usize>,
}

/// What is to be known of a message: the required fields, each a bit, and the messages in it.
#[derive(Debug, Default)]
struct Shape {
    fields: HashMap<u32, Field>,
    all: u64,
    /// More fields are required than there are bits: that cannot be told here.
    is_large: bool,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    bit: u64,
    /// The shape of its value, if that is a message.
    inner: Option<usize>,
}

impl Required {
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        let messages: Vec<_> = pool.all_messages().collect();
        let named = messages.iter().enumerate();
        let names = named.map(|(at, message)| (message.full_name().to_owned(), at)).collect();
        let shapes = messages.iter().map(|message| {
            let mut shape = Shape::default();
            for field in message.fields() {
                let kind = field.kind();
                let inner = kind.as_message().and_then(|inner| place(&names, inner.full_name()));
                // A map's entry without its value has an empty one.
                let is_value = message.is_map_entry() && field.number() == MAP_VALUE;
                let is_required = is_value || field.cardinality() == Cardinality::Required;
                let bit = if is_required { shape.next_bit() } else { 0 };
                shape.fields.insert(field.number(), Field { bit, inner });
            }
            shape
        });
        Self { shapes: shapes.collect(), names }
    }

    /// Whether the message of that name has all its required fields, and so have those within it,
    /// each time that they occur. If it says no, the message may still be whole, or none at all.
    pub(crate) fn are_in(&self, name: &str, message: &[u8]) -> bool {
        place(&self.names, name).is_some_and(|shape| self.found(shape, message, 0).is_some())
    }

    fn found(&self, shape: usize, mut message: &[u8], depth: usize) -> Option<()> {
        let shape = self.shapes.get(shape)?;
        if shape.is_large || depth >= MAX_DEPTH {
            return None;
        }
        let mut seen = 0;
        while !message.is_empty() {
            let (tag, wire_type) = decode_key(&mut message).ok()?;
            let value = value(&mut message, wire_type)?;
            let Some(field) = shape.fields.get(&tag) else { continue };
            seen |= field.bit;
            if let Some(inner) = field.inner {
                self.found(inner, value, depth + 1)?;
            }
        }
        (seen == shape.all).then_some(())
    }
}

impl Shape {
    fn next_bit(&mut self) -> u64 {
        let bit = 1_u64.checked_shl(self.all.count_ones());
        self.is_large |= bit.is_none();
        self.all |= bit.unwrap_or(0);
        bit.unwrap_or(0)
    }
}

fn place(names: &HashMap<String, usize>, name: &str) -> Option<usize> {
    names.get(name).copied()
}

/// Takes the value of a field; nothing of one that is no message matters.
fn value<'m>(message: &mut &'m [u8], wire_type: WireType) -> Option<&'m [u8]> {
    let length = match wire_type {
        WireType::Varint => {
            decode_varint(message).ok()?;
            0
        }
        WireType::ThirtyTwoBit => 4,
        WireType::SixtyFourBit => 8,
        WireType::LengthDelimited => usize::try_from(decode_varint(message).ok()?).ok()?,
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    let value = message.get(..length)?;
    message.advance(length);
    Some(value)
}
