//! Numbers in digits, without `core::fmt` and without a division of 64 bits, which a small
//! microcontroller has to bring along as code.

use core::num::NonZero;

/// Hands the decimal digits of `number` to `write`, one by one, without leading zeros.
pub fn decimal(number: u64, mut write: impl FnMut(&'static str)) {
    for value in decimals(number, &mut [0; 20]) {
        write(digit(*value));
    }
}

/// The decimal digits of `number`, of which [`u64::MAX`] has 20.
fn decimals(number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut left = number.to_le_bytes();
    let mut first = digits.len();
    while first == digits.len() || left != [0; 8] {
        first = first.saturating_sub(1);
        if let Some(digit) = digits.get_mut(first) {
            *digit = divide(&mut left, TEN).to_le_bytes()[0];
        }
    }
    digits.get(first..).unwrap_or_default()
}

/// Divides a number, the lowest byte first, and returns the remainder.
///
/// Byte by byte, as on paper: a small processor has no division of 64 bits, and the one that the
/// compiler brings along takes 400 bytes.
pub fn divide(number: &mut [u8; 8], by: NonZero<u32>) -> u32 {
    let mut rest = 0;
    for byte in number.iter_mut().rev() {
        let part = rest << 8 | u32::from(*byte);
        *byte = (part / by).to_le_bytes()[0];
        rest = part % by;
    }
    rest
}

const TEN: NonZero<u32> = NonZero::new(10).unwrap();

/// Hands both hexadecimal digits of `byte` to `write`.
pub fn hexadecimal(byte: u8, mut write: impl FnMut(&'static str)) {
    write(digit(byte >> 4));
    write(digit(byte & 0x0F));
}

/// The digit for a value below 16.
fn digit(value: u8) -> &'static str {
    let at = usize::from(value);
    "0123456789abcdef".get(at..=at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_the_standard_library() {
        let powers = (0..20).map(|exponent| 10_u64.pow(exponent));
        let near = powers.flat_map(|power| [power - 1, power, power + 1]);
        for number in near.chain([0, u64::MAX, 1 << 48 | 0x1234_5678]) {
            let mut written = String::new();
            decimal(number, |digit| written.push_str(digit));
            assert_eq!(written, number.to_string());
        }
    }

    #[test]
    fn a_byte_has_two_hexadecimal_digits() {
        for byte in 0..=u8::MAX {
            let mut written = String::new();
            hexadecimal(byte, |digit| written.push_str(digit));
            assert_eq!(written, format!("{byte:02x}"));
        }
    }
}
