//! Answers about services: items cut into pages, a refusal behind them if the whole is a no.

use super::catalog::{Broken, Flaw};
use super::machine::{Exit, Transition};
use super::plan::Plan;
use super::supervisor::{Answer, Ask, Target, Trouble};
use super::{Name, catalog};
use crate::core::log::{Cursor, Line, Stream};
use lastword_protocol::message::Reply;
use lastword_protocol::message::event::{CHECK_DETAIL_BYTES, EVENT_PEER_BYTES};
use lastword_protocol::message::generation::ROLLOUT_DETAIL_BYTES;
use lastword_protocol::message::service::{
    BRIEF_REASON_BYTES, Change, ITEM_TEXT_BYTES, Item, LogStream, Page, ServiceExit, Step,
};
use lastword_protocol::refusal::{Code, DETAIL_BYTES, Refusal};
use std::collections::BTreeSet;

/// The most pages that an answer has. A list of 2,000 services takes 140.
pub const ANSWER_PAGES: usize = 192;

/// Takes the items of an answer, and cuts them into pages.
#[derive(Debug, Default)]
pub struct Pages {
    full: Vec<Page>,
    last: Page,
    /// True if there was no room for an item.
    is_cut: bool,
}

impl Pages {
    /// Appends an item. Its texts must be [`cut`].
    pub fn push(&mut self, item: &Item<'_>) {
        if self.is_cut || self.last.push(item) {
            return;
        }
        self.is_cut = self.full.len() + 1 == ANSWER_PAGES;
        if self.is_cut {
            return;
        }
        let full = std::mem::take(&mut self.last);
        self.full.push(full.and_more());
        if !self.last.push(item) {
            tracing::error!(?item, "an item is longer than a page");
        }
    }

    /// The replies: each but the last says that there is more. An answer of more than [`ANSWER_PAGES`]
    /// ends in a refusal.
    #[must_use]
    pub fn done(self) -> Vec<Reply> {
        if self.is_cut {
            let detail = "the answer is cut: more services than fit; ask for one by its name";
            return self.refused(Code::TooLong, detail);
        }
        let pages = self.full.into_iter().chain([self.last]);
        pages.map(Reply::Items).collect()
    }

    /// The replies, none of them the last: the answer goes on.
    pub fn so_far(self) -> impl Iterator<Item = Reply> {
        let pages = self.full.into_iter().chain([self.last]);
        let pages = pages.filter(|page| !page.is_empty());
        pages.map(|page| Reply::Items(page.and_more()))
    }

    /// As [`Pages::done`], but the whole is a no, for this reason.
    #[must_use]
    pub fn refused(self, code: Code, detail: &str) -> Vec<Reply> {
        let detail = shortened(detail, DETAIL_BYTES);
        let refusal = Reply::Refused(Refusal::new(code, &detail));
        self.so_far().chain([refusal]).collect()
    }
}

/// A refusal and nothing else.
#[must_use]
pub fn refused(code: Code, detail: &str) -> Vec<Reply> {
    Pages::default().refused(code, detail)
}

/// The longest beginning of a reason that fits a [`Brief`](lastword_protocol::message::service::Brief); it ends
/// in `…` if something is missing.
#[must_use]
pub fn cut_reason(text: &str) -> String {
    shortened(text, BRIEF_REASON_BYTES)
}

/// The longest beginning of a peer's name that fits an event; it ends in `…` if something is missing.
#[must_use]
pub fn cut_peer(text: &str) -> String {
    shortened(text, EVENT_PEER_BYTES)
}

/// The longest beginning of a description that fits an answer or an event about a rollout; it ends in `…` if something is
/// missing.
#[must_use]
pub fn cut_detail(text: &str) -> String {
    shortened(text, ROLLOUT_DETAIL_BYTES)
}

/// The longest beginning of a description that fits an event about a health check; it ends in `…` if something is missing.
#[must_use]
pub fn cut_check(text: &str) -> String {
    shortened(text, CHECK_DETAIL_BYTES)
}

/// The longest beginning of a text that fits an item; it ends in `…` if something is missing.
#[must_use]
pub fn cut(text: &str) -> String {
    shortened(text, ITEM_TEXT_BYTES)
}

/// The text, or of one that is longer than `most` bytes the words that fit, and `…`. A long word is
/// cut between characters.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let fits = &text[..text.floor_char_boundary(most - '…'.len_utf8())];
    let behind = &text[fits.len()..];
    let words = fits.rfind(' ').filter(|end| most / 2 < *end);
    let end = match words {
        Some(end) if !behind.starts_with(' ') => end,
        _ => fits.len(),
    };
    format!("{}…", text[..end].trim_end())
}

/// The answer to a start, stop or restart.
#[must_use]
pub fn of_job(ask: &Ask, answer: &Answer) -> Vec<Reply> {
    let (done, already) = match ask {
        Ask::Start(_) => (Change::Started, Change::AlreadyRunning),
        Ask::Stop(_) | Ask::StopWithin(..) => (Change::Stopped, Change::NotRunning),
        Ask::Restart(_) | Ask::RestartWithin(..) => (Change::Restarted, Change::AlreadyRunning),
    };
    let mut pages = Pages::default();
    match answer {
        Ok(finished) => {
            changed(&mut pages, &finished.done, done);
            changed(&mut pages, &finished.already, already);
            pages.done()
        }
        Err(Trouble::Failed { finished, failed }) => {
            changed(&mut pages, &finished.done, done);
            changed(&mut pages, &finished.already, already);
            for (name, why) in failed {
                pages.push(&Item::Changed {
                    name: name.as_str(),
                    change: Change::Failed,
                    detail: &cut(why),
                });
            }
            let names: Vec<_> = failed.iter().map(|(name, _)| name.clone()).collect();
            let detail = format!("failed: {}", catalog::list(&names));
            pages.refused(Code::Internal, &detail)
        }
        Err(trouble) => {
            // In full, where a refusal has no room for it.
            if let (Trouble::Broken(flaws), Target::One(name)) = (trouble, ask.target()) {
                broken(&mut pages, name.as_str(), flaws);
            }
            pages.refused(code(trouble), &trouble.to_string())
        }
    }
}

/// Appends to the answer of a start or restart whose files have `changed` since they were read: what was
/// started is what they said then. An unknown service may be one whose file is new.
#[must_use]
pub fn and_changed_files(
    replies: Vec<Reply>,
    target: &Target,
    changed: &BTreeSet<Name>,
) -> Vec<Reply> {
    if let ([Reply::Refused(refusal)], Target::One(name)) = (&replies[..], target)
        && refusal.code == Code::Unknown
        && changed.contains(name)
    {
        let detail = format!("no service {name} yet: its file is new; `svc reload` adds it");
        return refused(Code::Unknown, &detail);
    }
    let mut pages = Pages::default();
    let mut concerned = BTreeSet::new();
    for reply in &replies {
        let Reply::Items(page) = reply else { continue };
        for item in page.items() {
            if let Item::Changed { name, .. } = &item {
                concerned.extend(Name::try_from(*name));
            }
            pages.push(&item);
        }
    }
    for name in concerned.intersection(changed) {
        pages.push(&Item::Changed {
            name: name.as_str(),
            change: Change::FileChanged,
            detail: FILE_CHANGED,
        });
    }
    match replies.into_iter().next_back() {
        Some(refusal @ Reply::Refused(_)) => pages.so_far().chain([refusal]).collect(),
        _ => pages.done(),
    }
}

/// What is said of a service whose file is another than the one that was read.
const FILE_CHANGED: &str =
    "its file has changed since it was read, and was not used; `svc reload` reads it";

fn code(trouble: &Trouble) -> Code {
    let is_conflict = |flaw: &Flaw| matches!(flaw, Flaw::Port(_));
    match trouble {
        Trouble::Unknown(_) | Trouble::NoName(_) => Code::Unknown,
        Trouble::Broken(flaws) if flaws.iter().all(is_conflict) => Code::Busy,
        Trouble::Broken(_) | Trouble::LongGrace => Code::BadValue,
        Trouble::Closed => Code::Offline,
        Trouble::Failed { .. } => Code::Internal,
    }
}

/// The answer to a reload. It names everything that is wrong with a file.
#[must_use]
pub fn of_reload(plan: &Plan, files: &[Broken]) -> Vec<Reply> {
    let mut pages = Pages::default();
    changed(&mut pages, &plan.added, Change::Added);
    changed(&mut pages, &plan.removed, Change::Removed);
    changed(&mut pages, &plan.changed, Change::Changed);
    changed(&mut pages, &plan.unchanged, Change::Unchanged);
    for file in files {
        let name = file.name.as_ref().map_or("", Name::as_str);
        broken(&mut pages, name, &file.flaws);
    }
    match files.len() {
        0 => pages.done(),
        1 => pages.refused(Code::BadValue, "a service file is broken; the others hold"),
        count => {
            let detail = format!("{count} service files are broken; the others hold");
            pages.refused(Code::BadValue, &detail)
        }
    }
}

/// Appends what is wrong with a file, an item each.
fn broken(pages: &mut Pages, name: &str, flaws: &[Flaw]) {
    for flaw in flaws {
        pages.push(&Item::Changed {
            name,
            change: Change::Broken,
            detail: &cut(&flaw.to_string()),
        });
    }
}

fn changed(pages: &mut Pages, names: &[Name], change: Change) {
    for name in names {
        pages.push(&Item::Changed {
            name: name.as_str(),
            change,
            detail: "",
        });
    }
}

/// Appends a step of a service's life.
pub fn push_transition(pages: &mut Pages, transition: &Transition) {
    pages.push(&Item::Transition(Step {
        from: transition.from,
        to: transition.to,
        at_unix_ms: transition.at_unix_ms,
        reason: &cut(&transition.reason),
    }));
}

/// Appends a line, in as many items as it takes.
pub fn push_line(pages: &mut Pages, line: &Line) {
    let mut pieces = line.bytes.chunks(ITEM_TEXT_BYTES).peekable();
    let mut piece: &[u8] = pieces.next().unwrap_or_default();
    loop {
        let next = pieces.next();
        pages.push(&Item::Line {
            at_unix_ms: line.unix_ms,
            stream: match line.stream {
                Stream::Out => LogStream::Out,
                Stream::Err => LogStream::Err,
            },
            continues: next.is_some() || line.continues,
            bytes: piece,
        });
        match next {
            Some(next) => piece = next,
            None => return,
        }
    }
}

/// Returns where a log ends, if that is what is answered.
#[must_use]
pub fn end_of_log(replies: &[Reply]) -> Option<Cursor> {
    let Reply::Items(page) = replies.last()? else {
        return None;
    };
    page.items().find_map(|item| match item {
        Item::Next { from, .. } => Some(Cursor(from)),
        _ => None,
    })
}

/// An exit as the protocol has it.
#[must_use]
pub fn exit(exit: Exit) -> ServiceExit {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match exit {
        Exit::Code(code) => ServiceExit::Code(byte(code)),
        Exit::Signal(signal) => ServiceExit::Signal(byte(signal)),
        Exit::Unknown => ServiceExit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::service::supervisor::Finished;

    fn name(text: &str) -> Name {
        Name::try_from(text).unwrap()
    }

    #[test]
    fn all_pages_but_the_last_say_that_there_is_more() {
        let done: Vec<_> = (0..100)
            .map(|index| name(&format!("service-{index}")))
            .collect();
        let finished = Finished {
            done: done.clone(),
            already: vec![],
        };
        let replies = of_job(&Ask::Start(Target::All), &Ok(finished));
        let mut names = Vec::new();
        for (index, reply) in replies.iter().enumerate() {
            let Reply::Items(page) = reply else {
                panic!("{reply:?}");
            };
            assert_eq!(page.has_more(), index + 1 < replies.len());
            names.extend(page.items().map(|item| match item {
                Item::Changed { name: text, .. } => name(text),
                other => panic!("{other:?}"),
            }));
        }
        assert!(replies.len() > 2);
        assert_eq!(names, done);
    }

    #[test]
    fn a_refusal_stands_behind_what_happened_all_the_same() {
        let trouble = Trouble::Failed {
            finished: Finished {
                done: vec![name("a")],
                already: vec![],
            },
            failed: vec![(name("b"), "x".repeat(1_000))],
        };
        let replies = of_job(&Ask::Start(Target::All), &Err(trouble));
        let [Reply::Items(page), Reply::Refused(refusal)] = &replies[..] else {
            panic!("{replies:?}");
        };
        assert!(page.has_more() && page.items().count() == 2);
        assert_eq!(&*refusal.detail, "failed: b");
    }

    #[test]
    fn a_start_tells_whose_file_has_changed_and_so_does_one_that_failed() {
        let changed = [name("a"), name("c"), name("other")].into();
        let finished = || Finished {
            done: vec![name("a"), name("b")],
            already: vec![name("c")],
        };
        let failed = vec![(name("d"), "no".to_owned())];
        let trouble = Trouble::Failed {
            finished: finished(),
            failed,
        };
        for (answer, is_refused) in [(Ok(finished()), false), (Err(trouble), true)] {
            let replies = of_job(&Ask::Restart(Target::All), &answer);
            let replies = and_changed_files(replies, &Target::All, &changed);
            let pages = replies.iter().filter_map(|reply| match reply {
                Reply::Items(page) => Some(page),
                _ => None,
            });
            let mut told = Vec::new();
            for item in pages.flat_map(Page::items) {
                if let Item::Changed {
                    name: text,
                    change: Change::FileChanged,
                    detail,
                } = item
                {
                    assert!(detail.contains("`svc reload`"), "{detail}");
                    told.push(name(text));
                }
            }
            assert_eq!(told, [name("a"), name("c")]);
            let last = replies.last();
            assert_eq!(matches!(last, Some(Reply::Refused(_))), is_refused);
        }
    }

    #[test]
    fn a_service_whose_file_is_new_is_no_unknown_one() {
        let unknown = || {
            of_job(
                &Ask::Start(Target::All),
                &Err(Trouble::Unknown(name("new"))),
            )
        };
        let target = Target::One(name("new"));
        let told = |changed: &[Name]| {
            let changed = changed.iter().cloned().collect();
            let replies = and_changed_files(unknown(), &target, &changed);
            let [Reply::Refused(refusal)] = &replies[..] else {
                panic!("{replies:?}");
            };
            (refusal.code, refusal.detail.to_string())
        };
        let detail = "no service new yet: its file is new; `svc reload` adds it";
        assert_eq!(told(&[name("new")]), (Code::Unknown, detail.to_owned()));
        assert_eq!(
            told(&[name("other")]).1,
            "no service new; `svc list` shows them"
        );
    }

    #[test]
    fn a_long_refusal_is_cut_between_words() {
        let check = |detail: &str, said: &str| {
            let replies = refused(Code::BadValue, detail);
            let [Reply::Refused(refusal)] = &replies[..] else {
                panic!("{replies:?}");
            };
            assert_eq!(&*refusal.detail, said);
        };
        let fits = "x".repeat(46) + &" four".repeat(10);
        check(&fits, &fits);
        let cut = "x".repeat(46) + &" four".repeat(9) + "…";
        check(&(fits.clone() + "s"), &cut);
        check(&(fits + " words"), &cut);
        check(&"y".repeat(97), &("y".repeat(93) + "…"));
    }

    #[test]
    fn everything_wrong_with_files_is_an_item_and_what_is_cut_says_so() {
        let flaw = |length| Flaw::File("x".repeat(length));
        let flaws: Vec<_> = (1..=40).map(|step| flaw(step * 10)).collect();
        let file = |name: &str| Broken {
            name: Name::try_from(name).ok(),
            flaws: flaws.clone(),
        };
        let replies = of_reload(&Plan::default(), &[file("a"), file("B")]);
        let Some((Reply::Refused(refusal), pages)) = replies.split_last() else {
            panic!("{replies:?}");
        };
        assert_eq!(
            &*refusal.detail,
            "2 service files are broken; the others hold"
        );
        let mut told = Vec::new();
        for page in pages {
            let Reply::Items(page) = page else {
                panic!("{page:?}");
            };
            for item in page.items() {
                let Item::Changed { detail, .. } = item else {
                    panic!("{item:?}");
                };
                told.push((detail.len(), detail.ends_with('…')));
            }
        }
        let expected = flaws.iter().map(|flaw| match flaw.to_string().len() {
            length if length <= ITEM_TEXT_BYTES => (length, false),
            _ => (ITEM_TEXT_BYTES, true),
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(told, [expected.clone(), expected].concat());
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(ITEM_TEXT_BYTES);
        let cut = cut(&text);
        assert!(cut.len() <= ITEM_TEXT_BYTES && cut.ends_with("é…"));
    }
}
