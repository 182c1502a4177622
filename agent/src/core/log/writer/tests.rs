//! The writer against files and FIFOs in memory, which fail and are left at every step.

use super::*;
use crate::core::log::{CHUNK_BYTES, Line};
use proptest::prelude::*;
use std::collections::VecDeque;

/// Files and FIFOs in memory.
#[derive(Default)]
struct World {
    fifos: [VecDeque<u8>; 2],
    /// Log and index, the oldest first; the last one is the current one.
    files: Vec<(Vec<u8>, Vec<Record>)>,
    published: Vec<Line>,
    /// Fails once, at the step that takes this to zero.
    fuse: Option<Fuse>,
}

/// When to fail, and whether the step that fails had its effect.
#[derive(Clone, Copy, Debug)]
struct Fuse {
    steps: u8,
    after: bool,
}

impl World {
    fn new() -> Self {
        Self {
            files: vec![<_>::default()],
            ..Self::default()
        }
    }

    /// Whether this step fails, and if so, whether it is done nevertheless.
    fn burn(&mut self) -> Option<bool> {
        let fuse = self.fuse.as_mut()?;
        if fuse.steps > 0 {
            fuse.steps -= 1;
            return None;
        }
        self.fuse.take().map(|fuse| fuse.after)
    }

    fn step(&mut self, effect: impl FnOnce(&mut Self)) -> io::Result<()> {
        let failed = self.burn();
        if failed != Some(false) {
            effect(self);
        }
        match failed {
            None => Ok(()),
            Some(_) => Err(io::Error::other("the fuse burnt")),
        }
    }

    fn current(&mut self) -> &mut (Vec<u8>, Vec<Record>) {
        self.files.last_mut().unwrap()
    }

    /// What the next agent finds.
    fn found(&self) -> Found {
        let (log, index) = self.files.last().unwrap();
        let older = self.files.iter().rev().find_map(|(_, index)| index.last());
        let end = |record: &Record| {
            let chunk = chunks(&self.files)
                .find(|(it, _)| it == record)
                .map_or(0, |(record, chunk)| pieces(chunk, record.ending()).count());
            record.line.after(chunk as u64)
        };
        Found {
            length: log.len() as u64,
            records: index.len() as u64,
            last: index.last().copied(),
            next: older.map_or(Cursor(0), end),
        }
    }

    fn lines(&self) -> Vec<Line> {
        chunks(&self.files)
            .flat_map(|(record, chunk)| record.lines(chunk).collect::<Vec<_>>())
            .collect()
    }
}

/// Each record with its chunk.
fn chunks(files: &[(Vec<u8>, Vec<Record>)]) -> impl Iterator<Item = (Record, &[u8])> {
    files.iter().flat_map(|(log, index)| {
        index.iter().map(|record| {
            let end = usize::try_from(record.end()).unwrap().min(log.len());
            let start = usize::try_from(record.offset).unwrap().min(end);
            (*record, &log[start..end])
        })
    })
}

impl Store for World {
    fn record(&mut self, number: u64, record: &Record) -> io::Result<()> {
        self.step(|world| {
            let index = &mut world.current().1;
            let number = usize::try_from(number).unwrap();
            assert!(number <= index.len(), "a gap in the index");
            index.truncate(number);
            index.push(*record);
        })
    }

    fn shift(&mut self, stream: Stream, offset: u64, bytes: u32) -> io::Result<u32> {
        // A step that fails "after" is a short one, as of a full disk: the next one fails.
        let failed = self.burn();
        let bytes = match failed {
            Some(false) => return Err(io::Error::other("the fuse burnt")),
            Some(true) => bytes.div_ceil(2),
            None => bytes,
        };
        if failed.is_some() {
            self.fuse = Some(Fuse {
                steps: 0,
                after: false,
            });
        }
        assert_eq!(self.current().0.len() as u64, offset, "a gap in the file");
        let fifo = &mut self.fifos[stream as usize];
        let moved = fifo.len().min(usize::try_from(bytes).unwrap());
        let moving: Vec<u8> = fifo.drain(..moved).collect();
        self.current().0.extend(moving);
        Ok(u32::try_from(moved).unwrap())
    }

    fn discard(&mut self, stream: Stream, bytes: u32) -> io::Result<u64> {
        let fifo = &mut self.fifos[stream as usize];
        let gone = fifo.len().min(usize::try_from(bytes).unwrap());
        Ok(fifo.drain(..gone).filter(|byte| *byte == b'\n').count() as u64)
    }

    fn chunk(&self, record: &Record) -> io::Result<Vec<u8>> {
        let found = chunks(&self.files[self.files.len() - 1..])
            .find(|(it, _)| it == record)
            .map(|(_, chunk)| chunk.to_vec());
        found.ok_or_else(|| io::Error::other("no such chunk"))
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.step(|world| world.files.push(<_>::default()))
    }

    fn publish(&mut self, record: &Record, chunk: &[u8]) {
        self.published.extend(record.lines(chunk));
    }
}

const LIMITS: LogLimits = LogLimits {
    max_size_bytes: 200,
    keep: 0,
    ring_bytes: 0,
};

fn pump(writer: &mut Writer, world: &mut World, stream: Stream, ending: Ending) -> io::Result<()> {
    writer.complete(world)?;
    let fifo = world.fifos[stream as usize].make_contiguous();
    let view = fifo[..fifo.len().min(CHUNK_BYTES)].to_vec();
    let source = Source {
        stream,
        unix_ms: 7,
        ending,
    };
    writer.write(world, source, &view).map(drop)
}

/// What befalls a service's log.
#[derive(Clone, Debug)]
enum Event {
    Output(Stream, Vec<u8>),
    Pump(Stream),
    /// The disk fails at a step of this pumping; the agent goes on.
    Failure(Stream, Fuse),
    /// The agent is killed at a step of this pumping; another one takes over.
    Kill(Stream, Fuse),
}

fn event() -> impl Strategy<Value = Event> {
    let stream = || prop_oneof![Just(Stream::Out), Just(Stream::Err)];
    let fuse = || (0..8_u8, any::<bool>()).prop_map(|(steps, after)| Fuse { steps, after });
    let output = proptest::collection::vec(prop_oneof![Just(b'\n'), 0..4_u8], 0..300);
    prop_oneof![
        4 => (stream(), output).prop_map(|(stream, bytes)| Event::Output(stream, bytes)),
        2 => stream().prop_map(Event::Pump),
        2 => (stream(), fuse()).prop_map(|(stream, fuse)| Event::Failure(stream, fuse)),
        4 => (stream(), fuse()).prop_map(|(stream, fuse)| Event::Kill(stream, fuse)),
    ]
}

/// Lets the events happen and everything settle. Returns the world and what each stream was given.
fn live(events: &[Event]) -> (World, [Vec<u8>; 2]) {
    let mut world = World::new();
    let mut given = [vec![], vec![]];
    let mut writer = Writer::resume(LIMITS, world.found());
    for event in events {
        match event {
            Event::Output(stream, bytes) => {
                world.fifos[*stream as usize].extend(bytes);
                given[*stream as usize].extend(bytes);
            }
            Event::Pump(stream) => {
                pump(&mut writer, &mut world, *stream, Ending::Waits).unwrap();
            }
            Event::Failure(stream, fuse) | Event::Kill(stream, fuse) => {
                world.fuse = Some(*fuse);
                let _failed = pump(&mut writer, &mut world, *stream, Ending::Waits);
                world.fuse = None;
            }
        }
        if matches!(event, Event::Kill(..)) {
            world.published.clear();
            writer = Writer::resume(LIMITS, world.found());
        }
    }
    for stream in Stream::BOTH {
        pump(&mut writer, &mut world, stream, Ending::Ends).unwrap();
    }
    (world, given)
}

/// Every line once, in order, of each stream, numbered without a gap; the newest agent has shown
/// readers what the files hold; no file is too long.
fn verify(world: &World, given: &[Vec<u8>; 2]) {
    let lines = world.lines();
    for stream in Stream::BOTH {
        let kept: Vec<_> = lines.iter().filter(|line| line.stream == stream).collect();
        let kept: Vec<_> = kept.iter().map(|l| (&l.bytes[..], l.continues)).collect();
        let written: Vec<_> = pieces(&given[stream as usize], Ending::Ends)
            .map(|piece| (piece.bytes, piece.continues))
            .collect();
        assert_eq!(kept, written, "{stream}");
    }
    let numbers: Vec<_> = lines.iter().map(|line| line.cursor.0).collect();
    let expected: Vec<_> = (0..lines.len() as u64).collect();
    assert_eq!(numbers, expected);
    assert!(lines.ends_with(&world.published), "not what the files hold");
    for (log, index) in &world.files {
        let longest = pieces(log, Ending::Ends).map(|piece| piece.taken).max();
        let most = longest.unwrap_or(0).max(200);
        assert!(log.len() <= most, "{} bytes", log.len());
        assert!(index.len() * RECORD_BYTES <= 200, "{} records", index.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn every_line_is_kept_once_wherever_the_agent_is_killed_or_the_disk_fails(
        events in proptest::collection::vec(event(), 0..25),
    ) {
        let (world, given) = live(&events);
        verify(&world, &given);
    }
}

#[test]
fn every_step_of_one_pumping_can_be_the_last() {
    let output = |text: &str| Event::Output(Stream::Out, text.repeat(40).into_bytes());
    for steps in 0..20 {
        for after in [false, true] {
            let fuse = Fuse { steps, after };
            for end in [
                Event::Kill(Stream::Out, fuse),
                Event::Failure(Stream::Out, fuse),
            ] {
                let events = [output("one\nand another\n"), end, output("more\n")];
                let (world, given) = live(&events);
                verify(&world, &given);
            }
        }
    }
}

#[test]
fn a_promise_that_a_lost_fifo_cannot_keep_is_let_go() {
    let mut world = World::new();
    let mut writer = Writer::resume(LIMITS, world.found());
    world.fifos[0].extend(b"one\ntwo\n");
    world.fuse = Some(Fuse {
        steps: 1,
        after: true,
    });
    let _killed = pump(&mut writer, &mut world, Stream::Out, Ending::Waits);
    world.fifos[0].clear();
    let mut writer = Writer::resume(LIMITS, world.found());
    writer.complete(&mut world).unwrap();
    world.fifos[0].extend(b"three\n");
    pump(&mut writer, &mut world, Stream::Out, Ending::Waits).unwrap();
    let lines = world.lines();
    let texts: Vec<_> = lines
        .iter()
        .map(|line| (line.cursor.0, &line.bytes[..]))
        .collect();
    assert_eq!(texts, [(0, &b"one"[..]), (1, b"three")]);
}

#[test]
fn bytes_that_somebody_else_took_are_an_error_and_no_line() {
    let mut world = World::new();
    let mut writer = Writer::resume(LIMITS, world.found());
    let source = Source {
        stream: Stream::Out,
        unix_ms: 7,
        ending: Ending::Waits,
    };
    world.fifos[0].extend(b"one\n");
    assert!(writer.write(&mut world, source, b"stolen\none\n").is_err());
    world.fifos[0].extend(b"two\n");
    pump(&mut writer, &mut world, Stream::Out, Ending::Waits).unwrap();
    let lines = world.lines();
    let texts: Vec<_> = lines.iter().map(|line| &line.bytes[..]).collect();
    assert_eq!(texts, [b"one", b"two"]);
    assert_eq!(world.published, lines);
}
