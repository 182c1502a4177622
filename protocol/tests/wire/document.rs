//! `WIRE.md` says what the code does: the same schema, and examples that are tested vectors.

use lastword_protocol::message::SCHEMA;
use lastword_protocol::refusal::Code;
use std::collections::HashSet;

const DOCUMENT: &str = include_str!("../../WIRE.md");
const ANNOUNCEMENTS: &str = include_str!("v1/announcements.rs");
const VECTORS: [&str; 3] = [
    include_str!("v1/frames.rs"),
    include_str!("v1/transfers.rs"),
    include_str!("v1/transfers/bodies.rs"),
];

/// The lines of every block that opens with this fence.
fn blocks(fence: &str) -> Vec<&'static str> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in DOCUMENT.lines() {
        if inside && line == "```" {
            inside = false;
        } else if line == fence {
            inside = true;
        } else if inside {
            lines.push(line);
        }
    }
    lines
}

#[test]
fn the_document_lists_the_schema_and_nothing_else() {
    assert_eq!(blocks("```schema"), SCHEMA.lines().collect::<Vec<_>>());
}

#[test]
fn the_document_lists_every_code() {
    for code in Code::ALL {
        let row = format!("| {} | `{}` |", code.number(), code.symbol());
        assert!(DOCUMENT.contains(&row), "{row}");
    }
}

/// The names in backticks in a cell.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_document_says_which_reply_answers_which_request() {
    let of_class = |class: &str| -> HashSet<&str> {
        let lines = SCHEMA.lines().filter(|line| line.starts_with(class));
        lines
            .map(|line| line.split_whitespace().nth(2).expect("a name"))
            .collect()
    };
    let (requests, replies) = (of_class("request"), of_class("reply"));
    let rows = DOCUMENT
        .lines()
        .skip_while(|line| !line.starts_with("| request | its reply"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut answered = HashSet::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').collect();
        answered.extend(names(cells[1]));
        let known = |name| replies.contains(name) || requests.contains(name);
        assert!(names(cells[2]).all(known), "{row}");
    }
    assert_eq!(answered, requests);
}

#[test]
fn every_announcement_of_the_document_is_a_tested_vector() {
    let is_example = |line: &&str| line.starts_with("! 0 board") && line.contains("crc=");
    let examples = DOCUMENT.lines().map(str::trim).filter(is_example);
    assert_eq!(examples.clone().count(), 2);
    for example in examples {
        assert!(ANNOUNCEMENTS.contains(example), "{example}");
    }
}

#[test]
fn every_example_of_the_document_is_a_tested_vector() {
    let lines = VECTORS.iter().flat_map(|file| file.lines());
    let vectors: HashSet<_> = lines.map(str::trim).collect();
    let examples = blocks("```hex");
    assert!(examples.len() > 60, "the examples are there");
    for example in examples {
        assert!(vectors.contains(example.trim()), "{example}");
    }
}
