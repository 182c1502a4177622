//! First words of documentation: a noun phrase or a verb, not a relative and not a question.

use super::finding::{CountRule, CountedPlace};
use super::source_tree::SourceFile;
use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

/// Words that a documentation text does not open with.
const OPENINGS: [&str; 14] = [
    "how", "that", "those", "what", "whatever", "when", "where", "whether", "which", "who",
    "whoever", "whom", "whose", "why",
];

/// The first line of a documentation text.
pub(super) struct DocOpening {
    line: usize,
    text: String,
}

/// Reads the documentation that opens with one of [`OPENINGS`]: of whatever, within macros too.
pub(super) fn read(tokens: TokenStream) -> Vec<DocOpening> {
    let mut found = Vec::new();
    scan(tokens, &mut found);
    found
}

/// Finds the places where documentation opens so.
pub(super) fn find<'a>(
    files: impl Iterator<Item = (&'a SourceFile, &'a [DocOpening])>,
) -> Vec<CountedPlace> {
    let each = files.flat_map(|(file, found)| found.iter().map(move |opening| (file, opening)));
    each.map(|(file, DocOpening { line, text })| CountedPlace {
        rule: CountRule::DocOpening,
        package: file.package.clone(),
        file: file.path.clone(),
        line: *line,
        subject: text.clone(),
        message: format!("documentation opens with \"{}\": {text}", first_word(text)),
    })
    .collect()
}

/// Takes the first line of each run of doc comments, if it opens as it should not.
fn scan(tokens: TokenStream, found: &mut Vec<DocOpening>) {
    // The sign in front of the last line of a comment: `#` outside of an item, `!` inside.
    let mut comment = None;
    let mut sign = None;
    for token in tokens {
        let group = match token {
            TokenTree::Group(group) => group,
            TokenTree::Punct(punct) => {
                sign = Some(punct.as_char());
                continue;
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                comment = None;
                continue;
            }
        };
        let Some(line) = doc_line(&group) else {
            comment = None;
            scan(group.stream(), found);
            continue;
        };
        let text = syn::parse_str::<syn::LitStr>(&line.to_string());
        let text = text.map(|text| text.value()).unwrap_or_default();
        if comment != sign && OPENINGS.contains(&&*first_word(&text)) {
            found.push(DocOpening {
                line: line.span().start().line,
                text: text.trim().to_owned(),
            });
        }
        comment = sign;
    }
}

/// Returns the text of `[doc = "text"]`, which a doc comment is to a lexer.
fn doc_line(group: &Group) -> Option<Literal> {
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let tokens: Vec<_> = group.stream().into_iter().take(4).collect();
    match tokens.as_slice() {
        [
            TokenTree::Ident(name),
            TokenTree::Punct(sign),
            TokenTree::Literal(text),
        ] if name == "doc" && sign.as_char() == '=' => Some(text.clone()),
        _ => None,
    }
}

/// Returns the first word, in lower case and without what is around it.
fn first_word(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    word.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, lines: &[usize]) {
        let found = read(source.parse().unwrap());
        let found: Vec<_> = found.iter().map(|opening| opening.line).collect();
        assert_eq!(found, lines, "{source}");
    }

    #[test]
    fn a_relative_or_a_question_is_found_wherever_documentation_stands() {
        check("//! What it is.\n", &[1]);
        check("/// Whether it is.\nfn a() {}", &[1]);
        check(
            "/// A pair.\nstruct A {\n    /// How many.\n    b: u8,\n}",
            &[3],
        );
        check("words! {\n    /// Which one.\n    A = 1,\n}", &[2]);
        check("/// *Whose* it is.\nfn a() {}", &[1]);
    }

    #[test]
    fn a_noun_phrase_and_a_verb_are_in_order() {
        check("//! A thing.\n\n/// Returns what it is.\nfn a() {}", &[]);
        check(
            "/// Whatsoever.\nfn a() {}\n/// Whole words.\nfn b() {}",
            &[],
        );
        check("// What is no documentation.\nfn a() {}", &[]);
    }

    #[test]
    fn only_the_first_line_of_a_comment_opens_it() {
        check("/// Returns the one\n/// that is.\nfn a() {}", &[]);
        check("/// A thing.\n///\n/// What more.\nfn a() {}", &[]);
        check(
            "//! A file.\n//! That opens well.\n\n/// That opens badly.\nfn a() {}",
            &[4],
        );
    }
}
