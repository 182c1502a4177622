//! Texts that a number chooses from, without a table of where they are: it takes eight bytes a text.

/// The text at `index`, counted from 0, of some that each end with a line feed; empty behind the last.
#[must_use]
pub const fn nth(texts: &'static str, index: usize) -> &'static str {
    let bytes = texts.as_bytes();
    let (mut from, mut end, mut left) = (0, 0, index);
    while end < bytes.len() {
        if bytes[end] == b'\n' {
            if left == 0 {
                break;
            }
            left -= 1;
            from = end + 1;
        }
        end += 1;
    }
    // Between characters: no line feed is part of another.
    if let Some((up_to_end, _)) = texts.split_at_checked(end)
        && let Some((_, text)) = up_to_end.split_at_checked(from)
    {
        return text;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &'static str, expected: &[&str]) {
        for (index, text) in expected.iter().enumerate() {
            assert_eq!(nth(texts, index), *text, "{texts:?} {index}");
        }
    }

    #[test]
    fn each_text_has_its_index() {
        check(
            "one\ntwo words\n\n\u{e4}\n",
            &["one", "two words", "", "\u{e4}"],
        );
        check("one\n", &["one"]);
    }

    #[test]
    fn behind_the_last_there_is_nothing() {
        check("one\ntwo\n", &["one", "two", "", ""]);
        check("", &["", ""]);
    }
}
