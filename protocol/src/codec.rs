//! Bodies, field by field, in postcard's format.
//!
//! The bytes are those that postcard makes of the whole struct. A board has no room for what serde's
//! derive makes of each: a function for each kind of field, and a way out behind every one. Here a
//! body is a row of few kinds of field, and whether all went well is asked once, at its end.

mod utf8;

use crate::identity::Capabilities;
use crate::units::{
    BootId, ClientId, Generation, Millis, Nonce, ObjectHash, OperationId, StreamId, Text,
    TransferId,
};
use core::num::NonZeroU16;

/// Writes a body.
#[derive(Debug)]
pub struct Writer<'a> {
    room: &'a mut [u8],
    /// How many bytes were written, those for which there was no room too.
    written: usize,
}

impl<'a> Writer<'a> {
    /// Writes to `room`.
    #[must_use]
    pub const fn new(room: &'a mut [u8]) -> Self {
        let written = 0;
        Self { room, written }
    }

    /// A `u8`, a `bool`, or the number of a variant: no enum has more than 127.
    // One place for all of them, where flash counts.
    #[cfg_attr(not(feature = "fast"), inline(never))]
    pub(crate) fn byte(&mut self, byte: u8) {
        if let Some(place) = self.room.get_mut(self.written) {
            *place = byte;
        }
        self.written += 1;
    }

    /// A `u16`, `u32` or `u64`: postcard writes all of them alike.
    pub(crate) fn number(&mut self, mut number: u64) {
        loop {
            let low = number.to_le_bytes()[0] & !MORE;
            number >>= BITS;
            if number == 0 {
                return self.byte(low);
            }
            self.byte(low | MORE);
        }
    }

    /// An `i32`: zigzag, so that small numbers are short on either side of zero, and then as
    /// [`Writer::number`].
    pub(crate) fn signed(&mut self, number: i32) {
        self.number(zigzag(number).into());
    }

    /// Bytes as they are.
    pub(crate) fn array(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// A text, or bytes of any length.
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.array(text);
    }

    /// A text of fewer than 128 bytes, in pieces.
    pub(crate) fn pieces(&mut self, write: impl FnOnce(&mut Self)) {
        let at = self.written;
        self.byte(0);
        write(self);
        let length = self.written - at - 1;
        if let Some(place) = self.room.get_mut(at) {
            *place = length.to_le_bytes()[0];
        }
    }

    /// How many bytes were written; `None` if there was no room for all of them.
    #[must_use]
    pub const fn finish(self) -> Option<usize> {
        if self.written <= self.room.len() {
            Some(self.written)
        } else {
            None
        }
    }
}

/// In a byte of a number: more of it follows. The lowest bits come first.
const MORE: u8 = 0x80;
/// How many bits of a number are in a byte.
const BITS: u32 = 7;
/// The most bytes of a number, and the most that the last of so many may be.
const NUMBER_BYTES: usize = 10;
const LAST_MOST: u8 = 1;

/// Returns the number as postcard writes it: 0, -1, 1, -2 become 0, 1, 2, 3.
const fn zigzag(number: i32) -> u32 {
    (number << 1 ^ number >> (i32::BITS - 1)).cast_unsigned()
}

/// Writes the fields of a struct in the order in which they are listed: all of them, or it does
/// not compile.
macro_rules! fields {
    ($($name:ident $(<$generic:ident>)? { $($field:ident),* $(,)? })*) => {$(
        impl $(<$generic: $crate::codec::Field>)? $crate::codec::Field for $name $(<$generic>)? {
            fn write(&self, out: &mut $crate::codec::Writer<'_>) {
                let Self { $($field),* } = self;
                $($crate::codec::Field::write($field, out);)*
            }
        }
    )*};
}

/// Writes enums without content as the number of the variant, and in text dialects as a word.
macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal,)* })*) => {$(
        impl $name {
            /// The word for it in text dialects.
            #[must_use]
            pub const fn word(self) -> &'static str {
                $crate::words::nth(concat!($($word, "\n"),*), self as usize)
            }
        }

        // The words stand in the order of the numbers.
        const _: () = {
            let mut number = 0;
            $(
                assert!($name::$variant as usize == number);
                number += 1;
            )*
            assert!(number > 0);
        };

        impl $crate::codec::Field for $name {
            fn write(&self, out: &mut $crate::codec::Writer<'_>) {
                out.byte(*self as u8);
            }
        }
    )*};
}

pub(crate) use {fields, words};

macro_rules! numbers {
    ($($name:ty),*) => {$(
        impl Field for $name {
            fn write(&self, out: &mut Writer<'_>) {
                out.number(u64::from(*self));
            }
        }
    )*};
}

macro_rules! wrappers {
    ($($name:ty),*) => {$(
        impl Field for $name {
            fn write(&self, out: &mut Writer<'_>) {
                self.0.write(out);
            }
        }
    )*};
}

numbers!(u16, u32, u64);
wrappers!(
    Millis,
    OperationId,
    ClientId,
    Nonce,
    StreamId,
    BootId,
    Generation,
    ObjectHash,
    TransferId,
    Capabilities
);

/// What is written as a part of a body, or as all of it.
pub trait Field {
    /// Writes it.
    #[doc(hidden)]
    fn write(&self, out: &mut Writer<'_>);
}

impl Field for u8 {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(*self);
    }
}

impl Field for i32 {
    fn write(&self, out: &mut Writer<'_>) {
        out.signed(*self);
    }
}

impl Field for NonZeroU16 {
    fn write(&self, out: &mut Writer<'_>) {
        self.get().write(out);
    }
}

impl Field for bool {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte((*self).into());
    }
}

impl<const N: usize> Field for [u8; N] {
    fn write(&self, out: &mut Writer<'_>) {
        out.array(self);
    }
}

impl<const N: usize> Field for Text<N> {
    fn write(&self, out: &mut Writer<'_>) {
        out.text(self.as_bytes());
    }
}

impl Field for &str {
    fn write(&self, out: &mut Writer<'_>) {
        out.text(self.as_bytes());
    }
}

impl<T: Field> Field for &T {
    fn write(&self, out: &mut Writer<'_>) {
        T::write(self, out);
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(self.is_some().into());
        if let Some(content) = self {
            content.write(out);
        }
    }
}

/// Reads a body. What is read behind the first thing that is none is of no use.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    is_malformed: bool,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            is_malformed: false,
        }
    }

    /// A `u8`.
    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// A `u16`, `u32` or `u64`.
    pub(crate) fn number(&mut self) -> u64 {
        let more = self.rest.iter().take_while(|byte| **byte >= MORE).count();
        let bytes = self.bytes(more + 1);
        let is_long = bytes
            .get(NUMBER_BYTES - 1)
            .is_some_and(|last| *last > LAST_MOST);
        self.is_malformed |= is_long || bytes.len() > NUMBER_BYTES;
        // From the highest bits on, so that no distance of a shift has to be told.
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << BITS | u64::from(byte & !MORE))
    }

    /// A number of at most `most`: a `u16` or `u32`.
    pub(crate) fn number_within(&mut self, most: u64) -> u64 {
        let number = self.number();
        self.is_malformed |= number > most;
        number
    }

    /// A `bool`, or whether there is an `Option`'s content.
    pub(crate) fn flag(&mut self) -> bool {
        let byte = self.byte();
        self.is_malformed |= byte > 1;
        byte == 1
    }

    /// As many bytes as both sides know of; none if there are fewer.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        if let Some((bytes, rest)) = self.rest.split_at_checked(count) {
            self.rest = rest;
            return bytes;
        }
        self.is_malformed = true;
        &[]
    }

    /// An id of a boot.
    pub(crate) fn boot(&mut self) -> BootId {
        BootId(core::array::from_fn(|_| self.byte()))
    }

    /// A text of at most `most` bytes: its bytes, which are UTF-8.
    pub(crate) fn text(&mut self, most: usize) -> &'a [u8] {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        let text = self.bytes(length);
        self.is_malformed |= length > most || !utf8::is_valid(text);
        text
    }

    /// What was read is not what it should be.
    pub(crate) fn reject(&mut self) {
        self.is_malformed = true;
    }

    /// Returns the bytes behind the fields, if those were there.
    pub(crate) fn finish_with_rest(self) -> Option<&'a [u8]> {
        let rest = self.rest;
        self.finish(rest)
    }

    /// `value`, if all of it was there.
    pub(crate) fn finish<T>(self, value: T) -> Option<T> {
        (!self.is_malformed).then_some(value)
    }
}

#[cfg(test)]
mod tests;
