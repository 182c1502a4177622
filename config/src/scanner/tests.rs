//! What is taken apart, and that it says what the parser makes of the whole.

use super::super::syntax;
use super::*;
use kdl::{KdlDocument, KdlNode};
use proptest::prelude::*;
use std::thread;
use std::time::Duration;

/// The stack of the thread that reads a text here, and in an agent.
const STACK_BYTES: usize = 2 << 20;
/// How long the texts are here: unoptimised the parser takes ten times as long as in an agent, which reads
/// up to 64 KiB.
const TEXT_BYTES: usize = 4 << 10;

/// `statements`: what the parser is shown, one after the other; those that are commented out begin with `-`.
#[track_caller]
fn check(text: &str, statements: &[&str]) {
    let statements_of = all(text).expect(text);
    let shown = statements_of.iter().map(|it| {
        let out = if it.is_out { "-" } else { "" };
        assert!(it.start + it.text.len() <= text.len(), "{text:?}");
        format!("{out}{}", it.text.trim())
    });
    assert_eq!(shown.collect::<Vec<_>>(), statements, "{text:?}");
}

/// All statements of a text.
fn all(text: &str) -> Result<Vec<Statement>, Slip> {
    let mut statements = Vec::new();
    let mut next = 0;
    while let Some(statement) = next_statement(text, next)? {
        next = statement.next;
        statements.push(statement);
    }
    Ok(statements)
}

#[track_caller]
fn check_refused(text: &str, at: usize, message: &str) {
    let slip = all(text).expect_err(text);
    assert_eq!(slip.at.start, at, "{text:?}");
    assert!(slip.message.contains(message), "{text:?}: {slip:?}");
}

#[test]
fn a_statement_ends_with_its_line_unless_that_goes_on() {
    check("a\nb; c\r\nd\u{2028}e", &["a", "b", "c", "d", "e"]);
    check("a {\n b\n c; d\n}\ne", &["a {\n b\n c; d\n}", "e"]);
    check("a \\\n b\nc", &["a \\\n b", "c"]);
    check("a \\ // x\r\n b\nc", &["a \\     \r\n b", "c"]);
    check("a /-\n b\nc", &["a /-\n b", "c"]);
    check("\u{feff}a", &["a"]);
    check("a;;b", &["a", ";", "b"]);
}

#[test]
fn what_is_in_quotes_means_nothing_else() {
    for text in [
        "a \"/* ; // { \\\" \\\\\" ",
        "a #\"/* \\\" ; {\"#",
        "a ##\"/* \"# ; {\"##",
        "a \"\"\"\n ; /* \\\"\"\" {\n\"\"\"",
        "a #\"\"\"\n ; /* \\\"\" {\n\"\"\"#",
        "a \"one \\\n  line\"",
    ] {
        check(text, &[text.trim()]);
    }
    // A text that is not closed ends with its line.
    check("a \"b\nc \"d", &["a \"b", "c \"d"]);
    check_refused("a\nb \"\"\"\n x", 4, "never closed");
    check_refused("b ##\"\"\"\n x\"\"\"#", 2, "\"\"\"##");
}

#[test]
fn comments_are_blanks_however_deep() {
    check(
        "a /* b ; { \" */ c // d ; {\ne",
        &["a               c", "e"],
    );
    check("a /*\n/* x */\n*/ c", &["a               c"]);
    let nested = format!("a {}{} b", "/*".repeat(5_000), "*/".repeat(5_000));
    check(&nested, &[&format!("a {} b", " ".repeat(20_000))]);
    check_refused("a\n/* /* */", 2, "this comment is never closed");
}

#[test]
fn what_is_commented_out_is_looked_at_and_left_out() {
    check("/-a {\n b\n}\nc", &["-a {\n b\n}", "c"]);
    check("/- /* x */\n a\nb", &["-a", "b"]);
    check("a /-b /-c /-{ d; }", &["a /-b /-c /-{ d; }"]);
    check_refused("a /- /-b", 5, "another /-");
    check("/-a {\n /-b 1\n /-c\n}", &["-a {\n /-b 1\n /-c\n}"]);
    check_refused("/-a {\n /-b {\n /-c\n}\n}", 14, "more than 2 deep");
}

#[test]
fn blocks_lie_sixteen_deep_and_no_deeper() {
    let nested = |depth: usize| "a {".repeat(depth) + &"}".repeat(depth);
    check(&nested(BLOCK_DEPTH_MAX), &[&nested(BLOCK_DEPTH_MAX)]);
    check_refused(
        &nested(BLOCK_DEPTH_MAX + 1),
        3 * BLOCK_DEPTH_MAX + 2,
        "more than 16 deep",
    );
}

/// Reads a text on a thread with the agent's stack. A test that has no end ends as one that failed.
fn read(text: &str) -> (Option<KdlDocument>, usize) {
    let (tell, told) = std::sync::mpsc::channel();
    let own = text.to_owned();
    let thread = thread::Builder::new().stack_size(STACK_BYTES);
    let reader = thread.spawn(move || {
        let reading = syntax::read(&own);
        // Nobody may wait any more.
        let _ = tell.send((reading.document, reading.slips.len()));
    });
    reader.expect("a thread");
    // Of unoptimised code, on a machine that does other things, too.
    let limit = Duration::from_mins(1);
    told.recv_timeout(limit)
        .unwrap_or_else(|_| panic!("no end of {text:?}"))
}

#[test]
fn what_is_let_through_is_read_in_time_and_on_a_small_stack() {
    for unit in [
        "/*",
        "*",
        "/- ",
        "/-{b ",
        "/-a {\n",
        "a {",
        "}",
        "a{} ",
        "a /x\n",
        " /x",
        "=a",
        "(",
        "\"",
        "\"\"\"\n",
        "\\\"\"\"\n",
        "#",
        "#\"",
        "\\\n",
        "\\ ",
        ";",
        " /-b",
        "a\n",
        " a",
    ] {
        for (begin, end) in [
            ("", ""),
            ("a", ""),
            ("a {\n", "\n}"),
            ("a /* ", " */"),
            ("a \"", "\""),
        ] {
            read(&(begin.to_owned() + &unit.repeat(TEXT_BYTES / unit.len()) + end));
        }
    }
}

/// The nodes without what says how they are written.
fn meaning(nodes: &[KdlNode]) -> String {
    let node = |node: &KdlNode| {
        let entries = node.entries().iter().map(|entry| {
            let name = entry.name().map(|name| name.value().to_owned());
            format!("{name:?}={:?} ", entry.value())
        });
        let children = node.children().map(|it| meaning(it.nodes()));
        format!(
            "{:?} {}{children:?};",
            node.name().value(),
            entries.collect::<String>()
        )
    };
    nodes.iter().map(node).collect()
}

/// What texts are made of.
const PIECES: [&str; 40] = [
    "a", "b", " ", " ", " ", "\n", "\n", ";", "{", "}", "{\n", "\n}", "\"", "\"", "\"\"\"\n",
    "\n\"\"\"", "#", "#\"", "\"#", "/-", "/- ", "/*", "*/", "//", "// x\n", "\\", "\\\n", "\\\"",
    "=", "1", "-", "#true", "(", ")", "(t)", "\r\n", "é", "\t", "/", ".5",
];

#[test]
fn a_line_that_goes_on_behind_a_slashdash_leaves_it_in_force() {
    for text in [
        "/-\\\n//\n\"\"",
        "/-\\\n\na 1\nb",
        "/- \\ // x\n\\\n// y\n\na 1\nb",
        "c 1 /-\\\n//\n2\nb",
        "\\\n//\nb",
    ] {
        let (document, slips) = read(text);
        let whole = KdlDocument::parse_v2(text).expect(text);
        assert_eq!(slips, 0, "{text:?}");
        let nodes = document.expect("no slips");
        assert_eq!(meaning(nodes.nodes()), meaning(whole.nodes()), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_the_parser_takes_within_the_limits_is_taken_and_means_the_same(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)
    ) {
        let text = pieces.concat();
        let (document, slips) = read(&text);
        // The parser itself may need a larger stack.
        let is_refused = all(&text).is_err();
        if !is_refused && let Ok(whole) = KdlDocument::parse_v2(&text) {
            prop_assert_eq!(slips, 0, "{:?}", text);
            let nodes = document.expect("no slips");
            prop_assert_eq!(meaning(nodes.nodes()), meaning(whole.nodes()), "{:?}", text);
        }
    }

    #[test]
    fn any_text_is_read_in_time(text in any::<String>()) {
        read(&text);
    }
}
