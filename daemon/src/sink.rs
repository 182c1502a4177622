//! A log's way out: a bounded queue and a thread that writes it, so that nobody who logs ever waits for
//! whoever reads the log, or fails because nobody does.

use crate::signals;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most bytes that wait to be written; what comes on top is lost, and counted.
pub const QUEUE_BYTES: usize = 256 << 10;
/// The longest that the end of the process waits for its last lines to be written.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// A queue of log lines and the thread that writes them. Clones are the same.
///
/// Putting a line in never blocks and never fails. A line is lost if the queue is full, because the
/// reader has stopped, or if the file does not take it. Lost lines are counted, and the count is
/// reported behind the next line that is written.
#[derive(Clone, Debug)]
pub struct LogSink(Arc<SharedQueue>);

#[derive(Debug, Default)]
struct SharedQueue {
    state: Mutex<QueueState>,
    /// Something was put in.
    filled: Condvar,
    /// Something was written, or lost.
    settled: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    queue: Vec<u8>,
    /// True if the thread has lines that it has not written yet.
    writing: bool,
    lost_lines: u64,
}

impl LogSink {
    /// Starts the thread, which writes to `file` for as long as the process lives. `report_lost` is told
    /// on that thread how many lines were lost, once others can be written again.
    ///
    /// # Errors
    ///
    /// If there is no room for a thread.
    pub fn start(file: File, report_lost: impl Fn(u64) + Send + 'static) -> io::Result<Self> {
        let sink = Self(Arc::default());
        let shared = sink.0.clone();
        // A terminal that stops background writers (SIGTTOU) and a file at its limit (SIGXFSZ) must not
        // stop the process; what is meant for it is heard by other threads.
        let _blocked = signals::block_all()?;
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || shared.write_for_ever(file, &report_lost))?;
        Ok(sink)
    }

    /// Puts one event in, of one line or more. Never waits.
    pub fn push(&self, event: &[u8]) {
        let mut state = self.0.lock();
        if state.queue.len().saturating_add(event.len()) > QUEUE_BYTES {
            state.lost_lines = state.lost_lines.saturating_add(lines(event));
            return;
        }
        state.queue.extend_from_slice(event);
        drop(state);
        self.0.filled.notify_one();
    }

    /// Waits until everything was written or lost, [`FLUSH_LIMIT`] at most.
    pub fn flush(&self) {
        let state = self.0.lock();
        let is_busy = |state: &mut QueueState| state.writing || !state.queue.is_empty();
        // What is not written in time stays unwritten.
        drop(
            self.0
                .settled
                .wait_timeout_while(state, FLUSH_LIMIT, is_busy),
        );
    }
}

impl SharedQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_for_ever(&self, mut file: File, report_lost: &dyn Fn(u64)) {
        let mut output = SinkOutput::default();
        loop {
            let batch = self.take();
            let lost_lines = output.write(&mut file, &batch);
            let mut state = self.lock();
            state.writing = false;
            state.lost_lines = state.lost_lines.saturating_add(lost_lines);
            // Whoever does not take lines does not take this one either.
            let reported = if lost_lines == 0 {
                mem::take(&mut state.lost_lines)
            } else {
                0
            };
            drop(state);
            if reported > 0 {
                report_lost(reported);
            }
            self.settled.notify_all();
        }
    }

    /// Waits for something to write.
    fn take(&self) -> Vec<u8> {
        let state = self.lock();
        let state = self
            .filled
            .wait_while(state, |state| state.queue.is_empty());
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        mem::take(&mut state.queue)
    }
}

/// The state of the file between two batches.
#[derive(Debug, Default)]
struct SinkOutput {
    /// True if the last line written was cut, so that the next begins on a line of its own.
    is_cut: bool,
}

impl SinkOutput {
    /// Writes a batch and returns how many of its lines were lost.
    fn write(&mut self, file: &mut File, batch: &[u8]) -> u64 {
        if mem::take(&mut self.is_cut) && write_all(file, b"\n") == 0 {
            self.is_cut = true;
            return lines(batch);
        }
        let written = write_all(file, batch);
        let (done, rest) = batch.split_at(written);
        self.is_cut = done.last().is_some_and(|byte| *byte != b'\n');
        lines(rest)
    }
}

/// Writes as much as can be, and returns how much that was. Waits for room for as long as it takes.
fn write_all(file: &mut File, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Whoever shares the file may have set O_NONBLOCK.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
                if poll(&mut polled, PollTimeout::NONE).is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    written
}

fn lines(text: &[u8]) -> u64 {
    text.split(|byte| *byte == b'\n').skip(1).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::{BufRead, BufReader, PipeReader, pipe};
    use std::os::fd::OwnedFd;
    use std::sync::mpsc::{Receiver, channel};

    /// A sink with a pipe behind it, and who is told of lost lines.
    fn piped() -> (LogSink, PipeReader, Receiver<u64>) {
        let (reader, writer) = pipe().expect("a pipe");
        let (tell, told) = channel();
        let file = File::from(OwnedFd::from(writer));
        let sink = LogSink::start(file, move |lost| tell.send(lost).unwrap_or_default());
        (sink.expect("a thread"), reader, told)
    }

    #[test]
    fn lines_are_written_whole_and_in_order() {
        let (sink, reader, _told) = piped();
        for number in 0..1_000 {
            sink.push(format!("line {number}\n").as_bytes());
        }
        let lines = BufReader::new(reader).lines().take(1_000);
        for (line, number) in lines.zip(0..) {
            assert_eq!(line.expect("a line"), format!("line {number}"));
        }
        sink.flush();
    }

    #[test]
    fn a_reader_that_stops_costs_lines_and_never_time() {
        let (sink, reader, told) = piped();
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        let pushed = 2 * QUEUE_BYTES / line.len();
        for _ in 0..pushed {
            sink.push(&line);
        }
        // Nobody reads: this returns all the same.
        sink.flush();
        let mut lines = BufReader::new(reader).lines();
        let first = lines.next().expect("a line").expect("a pipe");
        assert_eq!(first.len(), 999);
        let reading = thread::spawn(move || lines.count());
        let lost = told
            .recv_timeout(FLUSH_LIMIT * 10)
            .expect("lines were lost");
        // Nobody can end the sink's thread: only so many lines come as were not lost.
        assert!(lost > 0 && lost < pushed as u64, "{lost} of {pushed}");
        drop(reading);
    }

    #[test]
    fn a_file_that_takes_nothing_costs_the_lines_only() {
        let full = OpenOptions::new().write(true).open("/dev/full");
        let (tell, told) = channel();
        let sink = LogSink::start(full.expect("/dev/full"), move |lost| {
            tell.send(lost).unwrap_or_default();
        });
        let sink = sink.expect("a thread");
        sink.push(b"one\n");
        sink.flush();
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let gone = LogSink::start(File::from(OwnedFd::from(writer)), |_| ()).expect("a thread");
        gone.push(b"one\n");
        gone.flush();
        assert!(told.try_recv().is_err(), "nothing was written in between");
        assert_eq!(sink.0.lock().lost_lines, 1);
        assert_eq!(gone.0.lock().lost_lines, 1);
    }
}
