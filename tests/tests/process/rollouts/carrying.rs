//! Generations out of a board, and from a server to one.

use super::bench::RolloutBench;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};
use std::thread;

/// A server of one file, as far as RFC 9110 is needed: tags, ranges, and connections that break.
struct FileServer {
    address: String,
    state: Arc<Mutex<ServedFile>>,
}

#[derive(Default)]
struct ServedFile {
    content: Vec<u8>,
    tag: String,
    /// The number of bytes behind which the next connections break.
    breaks: Vec<usize>,
    /// The status of each answer, and the first byte of it.
    answers: Vec<(u16, usize)>,
}

impl FileServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state: Arc<Mutex<ServedFile>> = Arc::default();
        let served = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                served.lock().expect("no panic").answer(&stream);
            }
        });
        let address = format!("http://{address}/gateway.gen");
        Self { address, state }
    }

    fn serve(&self, content: Vec<u8>, tag: &str, breaks: &[usize]) {
        let mut state = self.state.lock().expect("no panic");
        state.content = content;
        tag.clone_into(&mut state.tag);
        state.breaks = breaks.to_vec();
    }

    /// Returns the answers since it was asked last.
    fn answers(&self) -> Vec<(u16, usize)> {
        std::mem::take(&mut self.state.lock().expect("no panic").answers)
    }
}

impl ServedFile {
    fn answer(&mut self, mut stream: &TcpStream) {
        let mut asked = Vec::new();
        for line in BufReader::new(stream).lines() {
            match line {
                Ok(line) if !line.is_empty() => asked.push(line.to_ascii_lowercase()),
                _ => break,
            }
        }
        let value = |name: &str| {
            let mut lines = asked.iter().filter_map(|line| line.strip_prefix(name));
            lines.next().map(|value| value.trim().to_owned())
        };
        let length = self.content.len();
        let is_same = |value: Option<String>| value.as_deref() == Some(&*self.tag);
        if is_same(value("if-none-match:")) {
            self.answers.push((304, 0));
            let _ = write!(
                stream,
                "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n"
            );
            return;
        }
        let range = value("range:").filter(|_| is_same(value("if-range:")));
        let from = range.and_then(|range| {
            let from = range.strip_prefix("bytes=")?.strip_suffix('-')?;
            from.parse::<usize>().ok()
        });
        let (status, from) = from.map_or((200, 0), |from| (206, from));
        self.answers.push((status, from));
        let breaks = (!self.breaks.is_empty()).then(|| self.breaks.remove(0));
        let end = breaks.map_or(length, |count| length.min(from + count));
        let _ = write!(
            stream,
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\netag: {}\r\n\
             content-range: bytes {from}-{}/{length}\r\nconnection: close\r\n\r\n",
            length - from,
            self.tag,
            length - 1
        );
        let _ = stream.write_all(&self.content[from..end]);
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[test]
fn a_generation_is_pulled_as_it_was_pushed() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.refused(&["gen", "pull"], "the board runs no generation");
    bench.ship(&agent, &first);
    // Out of a tree, and out of contents that are in none.
    let second = bench.build("1.1", "exit 0", "");
    bench.push(&second);
    fs::create_dir(bench.path("elsewhere")).expect("a directory");
    for (name, built, fetched) in [(None, &first, 5), (Some(&second), &second, 1)] {
        let output = format!("elsewhere/{}", built.file);
        let mut words = vec!["-q", "gen", "pull", "-o", &output, "--json"];
        words.extend(name.map(|built| &built.generation[..8]));
        let pulled: Value = serde_json::from_str(&bench.done(&words)).expect("JSON");
        assert_eq!(pulled["generation"], json!(built.generation));
        // What is beside the file is not fetched again.
        assert_eq!(pulled["fetched"], json!(fetched), "{pulled}");
        let read = |name: &str| fs::read(bench.path(name)).expect("a file");
        assert!(read(&output) == read(&built.file), "{output}");
    }
    let left = fs::read_dir(bench.path("elsewhere")).expect("a directory");
    assert_eq!(left.count(), 2);
    bench.failed(
        &["gen", "pull", "-o", "tree/bin/gateway"],
        3,
        "is there, and no generation",
    );
    bench.failed(&["gen", "pull", "-o", "none/x.gen"], 3, "No such file");
    let third = bench.build("1.2", "exit 0", "");
    bench.done(&["gen", "push", "-n", &third.file]);
    bench.refused(
        &["gen", "pull", &third.generation],
        "contents of it are missing",
    );
}

#[test]
fn a_pull_of_what_was_damaged_on_the_board_leaves_no_file() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &built);
    let text = bench.path("generations/trees");
    let tree = fs::read_dir(text).expect("trees").next();
    let tree = tree.expect("a tree").expect("a tree").path();
    fs::write(tree.join("share/text"), "something else").expect("a file");
    fs::rename(bench.path(&built.file), bench.path("kept")).expect("a file");
    bench.refused(
        &["gen", "pull", "-o", "pulled.gen"],
        "what the board sends has another hash",
    );
    assert!(!bench.path("pulled.gen").exists());
}

#[test]
fn an_import_goes_on_behind_a_broken_connection_and_fetches_nothing_twice() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    let content = fs::read(bench.path(&first.file)).expect("a file");
    let server = FileServer::start();
    server.serve(content.clone(), "\"one\"", &[1_000, 2_000]);
    let import = ["-q", "gen", "import", &server.address, "--json"];
    bench.done(&import);
    assert_eq!(
        server.answers(),
        [(200, 0), (206, 1_000), (206, 3_000)],
        "each went on where the one before broke"
    );
    bench.done(&import);
    assert_eq!(server.answers(), [(304, 0)]);
    // Another file at the same address, which changes once more while it is fetched.
    let second = bench.build("1.1", "exit 0", "");
    let content = fs::read(bench.path(&second.file)).expect("a file");
    server.serve(vec![0; 4_096], "\"two\"", &[100, 0, 0]);
    bench.failed(&import, 2, "Peer disconnected");
    assert_eq!(server.answers()[0], (200, 0));
    server.serve(content, "\"three\"", &[]);
    let imported: Value = serde_json::from_str(&last_line(&bench.done(&import))).expect("JSON");
    assert_eq!(server.answers(), [(200, 0)]);
    assert_eq!(imported["generation"], json!(second.generation));
    server.serve(b"<html>".to_vec(), "\"four\"", &[]);
    bench.refused(&import, "/gateway.gen: no generation");
}

#[test]
fn an_import_from_nowhere_says_what_is_taken() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.failed(
        &["gen", "import", "ftp://127.0.0.1/x.gen"],
        3,
        "a file, http:// or https:// is taken",
    );
    bench.failed(&["gen", "import", "none.gen"], 3, "No such file");
    bench.done(&["gen", "import", &built.file]);
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_pull_sends_nothing_that_was_put_in_the_place_of_a_content() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    fs::rename(bench.path(&built.file), bench.path("kept")).expect("a file");
    let contents = fs::read_dir(bench.path("generations/contents")).expect("contents");
    let content = contents.flatten().next().expect("a content").path();
    let kept = bench.path("content");
    fs::rename(&content, &kept).expect("a content");
    let words = ["gen", "pull", &built.generation];
    mkfifo(&content, Mode::S_IRWXU).expect("a FIFO");
    bench.refused(&words, "not a regular file");
    fs::remove_file(&content).expect("a FIFO");
    fs::write(bench.path("secret"), "secret").expect("a file");
    symlink(bench.path("secret"), &content).expect("a link");
    bench.refused(&words, "symbolic links");
    fs::remove_file(&content).expect("a link");
    fs::rename(&kept, &content).expect("a content");
    bench.done(&words);
}

#[test]
fn a_pull_trusts_nothing_that_lies_where_an_earlier_one_was() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    fs::rename(bench.path(&built.file), bench.path("kept")).expect("a file");
    let directory = bench.path(&format!(".{}.pull", built.generation));
    fs::create_dir(&directory).expect("a directory");
    let contents = fs::read_dir(bench.path("generations/contents")).expect("contents");
    let names: Vec<_> = contents.flatten().map(|it| it.file_name()).collect();
    let victim = bench.path("victim");
    fs::write(&victim, "mine").expect("a file");
    let name = |at: usize| names[at].to_str().expect("a hash").to_owned();
    symlink(&victim, directory.join(name(0))).expect("a link");
    symlink(&victim, directory.join(format!(".{}.part", name(1)))).expect("a link");
    mkfifo(&directory.join(name(2)), Mode::S_IRWXU).expect("a FIFO");
    fs::write(directory.join(name(3)), "other").expect("a file");
    fs::write(directory.join(&built.generation), "{}").expect("a file");
    bench.done(&["gen", "pull", &built.generation, "-o", "pulled.gen"]);
    let read = |name: &str| fs::read(bench.path(name)).expect("a file");
    assert!(read("pulled.gen") == read("kept"));
    assert_eq!(read("victim"), b"mine");
    // Where others may write, it does not begin.
    fs::remove_file(bench.path("pulled.gen")).expect("a file");
    fs::create_dir(bench.path("elsewhere")).expect("a directory");
    symlink(bench.path("elsewhere"), &directory).expect("a link");
    let words = ["gen", "pull", &built.generation, "-o", "pulled.gen"];
    bench.failed(&words, 3, "not a directory of this user alone");
}

#[test]
fn what_was_fetched_from_a_server_and_is_damaged_is_fetched_again() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    let content = fs::read(bench.path(&built.file)).expect("a file");
    let server = FileServer::start();
    let mut damaged = content.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 400].fill(0x55);
    server.serve(damaged, "\"one\"", &[]);
    let import = ["-q", "gen", "import", &server.address];
    bench.failed(&import, 1, "");
    server.serve(content, "\"one\"", &[]);
    bench.done(&import);
    assert_eq!(server.answers(), [(200, 0), (200, 0)]);
}
