//! Agents that are killed while they write: no line is lost, none is doubled.

use super::*;
use std::env;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// Names the state directory to a process of this test that is to be killed.
const DIRECTORY: &str = "LASTWORD_TEST_LOGS";
/// How many agents are killed.
const KILLS: usize = 100;
/// What is written at a time, in lines.
const BURST_LINES: usize = 1_500;
const KEPT: LogLimits = LogLimits {
    max_size_bytes: 1 << 20,
    keep: 10_000,
    ring_bytes: 1 << 16,
};

/// Not a test: the agent that is killed. It says so when it is there, and after each batch.
#[tokio::test]
async fn the_one_that_is_killed() {
    let Ok(directory) = env::var(DIRECTORY) else {
        return;
    };
    let logs = Logs::start(Path::new(&directory)).unwrap();
    let _ends = logs.attach("service", KEPT).await.unwrap();
    let from = logs.tail("service", 0).await.unwrap().next;
    let mut follower = logs.follow("service", from).unwrap();
    loop {
        println!("\nwritten");
        follower.next().await.unwrap();
    }
}

/// An agent that is to be killed, and what it says.
struct Victim {
    child: Child,
    words: mpsc::Receiver<String>,
}

impl Victim {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg(format!("{}::the_one_that_is_killed", &module_path!()[16..]))
            .env(DIRECTORY, directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, words) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            lines.for_each(|line| drop(tell.send(line)));
        });
        Self { child, words }
    }

    fn wait_for_words(&self, count: usize) {
        let mut left = count;
        while left > 0 {
            let line = self.words.recv_timeout(PATIENCE).unwrap();
            left -= usize::from(line == "written");
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// One stream of a service: writes a burst of numbered lines each time it is told to. Returns how
/// many lines it wrote, and its end of the FIFO: what is in there lives as long as that.
fn write(path: &Path, bursts: mpsc::Receiver<()>) -> std::thread::JoinHandle<(usize, File)> {
    let mut fifo = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    std::thread::spawn(move || {
        let mut number = 0;
        for () in bursts {
            let mut burst = Vec::new();
            for _line in 0..BURST_LINES {
                let filler = "x".repeat(number % 97);
                writeln!(burst, "{number} {filler}").unwrap();
                number += 1;
            }
            // Of any length, so that lines are written in parts.
            for part in burst.chunks(1_000 + number % 3_000) {
                fifo.write_all(part).unwrap();
            }
        }
        (number, fifo)
    })
}

#[tokio::test]
async fn a_hundred_killed_agents_lose_no_line_and_double_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut victim = Victim::start(directory.path());
    victim.wait_for_words(1);
    let (streams, writers): (Vec<_>, Vec<_>) = Stream::BOTH
        .map(|stream| {
            let path = directory.path().join(format!("fifo/service.{stream}"));
            let (sender, receiver) = mpsc::channel();
            (sender, write(&path, receiver))
        })
        .into_iter()
        .unzip();
    for kill in 0..KILLS {
        for _burst in 0..3 {
            for stream in &streams {
                stream.send(()).unwrap();
            }
        }
        // Nine thousand lines are more than five batches.
        victim.wait_for_words(1 + kill % 5);
        drop(victim);
        victim = Victim::start(directory.path());
        victim.wait_for_words(1);
    }
    drop(streams);
    let written = writers.into_iter().map(|it| it.join().unwrap());
    let (written, _fifos): (Vec<_>, Vec<_>) = written.unzip();
    drop(victim);
    verify(directory.path(), &written).await;
}

/// Every line that was written is there once, in order.
async fn verify(directory: &Path, written: &[usize]) {
    let logs = Logs::start(directory).unwrap();
    let _ends = logs.attach("service", KEPT).await.unwrap();
    logs.settle("service").await.unwrap();
    let end = logs.tail("service", 0).await.unwrap().next;
    let mut follower = logs.follow("service", Cursor(0)).unwrap();
    let mut numbers = [0, 0];
    while follower.cursor() < end {
        let batch = follower.next().await.unwrap().unwrap();
        assert_eq!(batch.missed, 0);
        for line in batch.lines {
            let number = &mut numbers[line.stream as usize];
            let expected = format!("{number} {}", "x".repeat(*number % 97));
            assert_eq!(String::from_utf8_lossy(&line.bytes), expected);
            assert!(!line.continues, "a line in pieces");
            *number += 1;
        }
    }
    assert_eq!(numbers, written);
}
