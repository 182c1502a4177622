//! Numbers in digits, without `core::fmt` and without a division of 64 bits, which a small
//! microcontroller has to bring along as code.

/// Hands the decimal digits of `number` to `write`, one by one, without leading zeros.
pub fn decimal(number: u64, mut write: impl FnMut(&'static str)) {
    // Doubles a decimal number once for each bit ("double dabble"): u64::MAX has 20 digits.
    let mut digits = [0_u8; 20];
    let mut bits = number;
    for _ in 0..u64::BITS {
        let mut carry = u8::from(bits.cast_signed() < 0);
        bits <<= 1;
        for digit in digits.iter_mut().rev() {
            let doubled = *digit * 2 + carry;
            carry = u8::from(doubled >= 10);
            *digit = doubled - 10 * carry;
        }
    }
    let mut significant = false;
    for (place, value) in digits.into_iter().enumerate() {
        significant |= value != 0 || place == digits.len() - 1;
        if significant {
            write(digit(value));
        }
    }
}

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
