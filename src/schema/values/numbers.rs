//! Texts to whole and decimal numbers.

/// Parses a decimal integer with an optional sign; no spaces, no other characters.
pub fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    if digits.len() < 19 {
        // Too few digits to overflow.
        let (mut value, mut all) = (0i64, true);
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            all &= digit <= 9;
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        }
        return all.then_some(if negative { -value } else { value });
    }
    let mut value: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        let tens = value.checked_mul(10)?;
        value = if negative {
            tens.checked_sub(i64::from(digit))?
        } else {
            tens.checked_add(i64::from(digit))?
        };
    }
    Some(value)
}

/// As [`integer`] of the `length` bytes at `from` in `text`: short numbers without a branch for each digit.
#[inline]
pub fn integer_at(text: &[u8], from: usize, length: usize) -> Option<i64> {
    short(text, from, length)
        .and_then(|digits| eight_digits(digits, length))
        .map(u64::cast_signed)
        .or_else(|| integer(&text[from..from + length]))
}

/// As [`decimal`] of the `length` bytes at `from` in `text`.
#[inline]
pub fn decimal_at(text: &[u8], from: usize, length: usize) -> Option<f64> {
    short(text, from, length)
        .and_then(|digits| short_decimal(digits, length))
        .or_else(|| decimal(&text[from..from + length]))
}

/// The eight bytes from `from` on, if a text that begins there has at most so many, and is none.
#[inline]
fn short(text: &[u8], from: usize, length: usize) -> Option<u64> {
    let window = text.get(from..from + 8)?.first_chunk()?;
    (1..=8)
        .contains(&length)
        .then(|| u64::from_le_bytes(*window))
}

/// The number that the first `length` of eight bytes are the digits of, the first one lowest.
///
/// Digits become bytes of 0 to 9 behind as many zeros as are lacking; neighbours are put together to numbers of
/// two digits, these of four, these of eight.
#[inline]
fn eight_digits(bytes: u64, length: usize) -> Option<u64> {
    let lacking = 8 * (8 - length);
    let digits = (bytes << lacking) ^ (0x3030_3030_3030_3030 << lacking);
    let beyond_nine = digits.wrapping_add(0x7676_7676_7676_7676) | digits;
    if beyond_nine & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000 << 32 | 1) >> 32)
}

/// The decimal number in the first `length` of eight bytes, if it has one point and a digit on both sides.
#[inline]
fn short_decimal(bytes: u64, length: usize) -> Option<f64> {
    // The lowest byte that is a point; what a borrow marks above it does not count.
    let points = bytes ^ 0x2e2e_2e2e_2e2e_2e2e;
    let marks = points.wrapping_sub(0x0101_0101_0101_0101) & !points & 0x8080_8080_8080_8080;
    let point = marks.trailing_zeros() as usize / 8;
    if point == 0 || point + 1 >= length {
        return None;
    }
    let before = (1 << (8 * point)) - 1;
    let digits = bytes & before | bytes >> 8 & !before;
    let number = eight_digits(digits, length - 1)?;
    #[expect(clippy::cast_precision_loss, reason = "seven digits")]
    Some(number as f64 / POWERS[length - 1 - point])
}

const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Parses a decimal number such as `0.623` or `12`.
///
/// The common case, few digits and a few decimals, is exact: an integer below 2^53 divided by a
/// power of ten rounds once, as the general parser does.
pub fn decimal(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 15 {
        return general_decimal(text);
    }
    let (mut value, mut decimals, mut seen_point) = (0u64, 0usize, false);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
            decimals += usize::from(seen_point);
        } else if *byte == b'.' && !seen_point {
            seen_point = true;
        } else {
            return general_decimal(text);
        }
    }
    if decimals >= POWERS.len() || text == b"." {
        return general_decimal(text);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 15 digits, below 2^53")]
    Some(value as f64 / POWERS[decimals])
}

fn general_decimal(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_and_decimals() {
        assert_eq!(integer(b"0"), Some(0));
        assert_eq!(integer(b"000"), Some(0));
        assert_eq!(integer(b"-12"), Some(-12));
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for bad in [
            &b""[..],
            b"-",
            b"1.0",
            b" 1",
            b"9223372036854775808",
            b"12a",
        ] {
            assert_eq!(integer(bad), None);
        }
        assert_eq!(decimal(b"0.623"), Some(0.623));
        assert_eq!(decimal(b"12"), Some(12.0));
        for bad in [&b""[..], b".", b"1.2.3", b"nan", b"inf", b"x"] {
            assert_eq!(decimal(bad), None);
        }
    }

    proptest! {
        #[test]
        fn numbers_in_a_text_are_those_of_their_own(
            number in "[0-9]{0,10}|[0-9]{0,4}\\.[0-9]{0,5}|[0-9.:/-]{0,9}|\\PC{0,3}", before in "[0-9.]{0,3}", after in "[\t0-9.]{0,9}",
        ) {
            let text = [before.as_str(), &number, &after].concat();
            let (text, from, length) = (text.as_bytes(), before.len(), number.len());
            prop_assert_eq!(integer_at(text, from, length), integer(number.as_bytes()));
            prop_assert_eq!(decimal_at(text, from, length), decimal(number.as_bytes()));
        }

        #[test]
        fn decimals_equal_the_general_parser(whole in 0u32..100_000, part in 0u32..1000) {
            let text = format!("{whole}.{part:03}");
            prop_assert_eq!(decimal(text.as_bytes()), text.parse::<f64>().ok());
        }
    }
}
