//! The board's own programs around a switch.

use super::health::{PROGRAM_PATH, ProgramGroup};
use super::pointer::TREES_VARIABLE;
use lastword_protocol::{Generation, Millis};
use std::future::pending;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// The exit code of a program that wants to be asked again: `EX_TEMPFAIL` of `sysexits.h`.
const NOT_NOW: i32 = 75;
/// The time after which it is asked again if it names none.
const ASK_AGAIN: Millis = Millis(60_000);
/// The longest time after which it may want to be asked again.
const ASK_AGAIN_MAX: Millis = Millis(24 * 3_600_000);
/// The longest time that a program may take.
const HOOK_LIMIT: Duration = Duration::from_mins(5);
/// The most bytes that are read of what it writes.
const OUTPUT_BYTES_MAX: usize = 256;
/// The time for which what a program has written is waited for when it has ended.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// The answer of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HookAnswer {
    /// It goes on.
    Done,
    /// Not now: ask again after so long.
    NotNow(Millis),
    /// It failed, with its exit code if it has one.
    Failed(Option<i32>, String),
}

/// The programs' environment.
#[derive(Clone, Debug)]
pub(super) struct HookContext<'c> {
    /// The generation that comes.
    pub(super) generation: Generation,
    /// Its tree.
    pub(super) tree: &'c Path,
    /// The directory of all trees.
    pub(super) trees: &'c Path,
    /// The generation before.
    pub(super) previous: Option<Generation>,
}

/// Runs a program to its end. It is given `LASTWORD_GENERATION`, `LASTWORD_TREE`, `LASTWORD_TREES` and `LASTWORD_PREVIOUS`, and what it
/// writes to its standard output may be the time after which to ask again: `90`, in seconds.
pub(super) async fn run_hook(program: &[String], context: HookContext<'_>) -> HookAnswer {
    let [name, arguments @ ..] = program else {
        return HookAnswer::Done;
    };
    let previous = context.previous.map(|it| it.to_string());
    let mut command = Command::new(name);
    command
        .args(arguments)
        // What the agent was given, a socket to systemd for instance, is not for others.
        .env_clear()
        .env("PATH", PROGRAM_PATH)
        .env("LASTWORD_GENERATION", context.generation.to_string())
        .env("LASTWORD_TREE", context.tree)
        .env(TREES_VARIABLE, context.trees)
        .env("LASTWORD_PREVIOUS", previous.unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return HookAnswer::Failed(None, format!("{name}: {error}")),
    };
    let ended = timeout(HOOK_LIMIT, read_to_exit(&mut child)).await;
    let (status, text) = match ended {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => return HookAnswer::Failed(None, format!("{name}: {error}")),
        Err(_) => {
            let limit = HOOK_LIMIT.as_secs();
            return HookAnswer::Failed(None, format!("{name}: not done within {limit} s"));
        }
    };
    match status.code() {
        Some(0) => HookAnswer::Done,
        Some(NOT_NOW) => HookAnswer::NotNow(wait_of(&text)),
        code => HookAnswer::Failed(code, format!("{name}: {status}")),
    }
}

/// Waits until a program has ended, whoever holds its standard output then; returns the beginning of what it wrote. If it is
/// not waited for, it is ended, with whatever it has started in its process group.
async fn read_to_exit(child: &mut Child) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut group = ProgramGroup::of(child);
    let mut output = child.stdout.take();
    let (mut text, mut status) = (Vec::new(), None);
    let mut room = [0; 4_096];
    loop {
        let read = async {
            match &mut output {
                Some(output) => output.read(&mut room).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            read = read => match read {
                Ok(length @ 1..) => {
                    let free = OUTPUT_BYTES_MAX.saturating_sub(text.len());
                    text.extend(room.iter().take(length.min(free)));
                }
                // What cannot be read names no time.
                Ok(_) | Err(_) => output = None,
            },
            ended = child.wait(), if status.is_none() => {
                group.leave();
                status = Some(ended?);
            }
            () = sleep(LAST_WORDS), if status.is_some() => output = None,
        }
        if let Some(status) = status.filter(|_| output.is_none()) {
            return Ok((status, text));
        }
    }
}

/// Returns the time that a program's output names, in seconds.
fn wait_of(text: &[u8]) -> Millis {
    let seconds = str::from_utf8(text)
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    let wait = seconds.map_or(ASK_AGAIN, |it| Millis(it.saturating_mul(1_000)));
    wait.clamp(Millis(1_000), ASK_AGAIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_is_called_off_takes_with_it_what_it_has_started() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pid");
        let script = format!("sleep 1000 & echo $! >{}; wait", file.display());
        let hook = answer_of(&script);
        let started = async {
            loop {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                if let Ok(pid) = text.trim_end().parse::<u32>() {
                    break pid;
                }
                tokio::task::yield_now().await;
            }
        };
        let pid = tokio::select! {
            answer = hook => panic!("{answer:?}"),
            pid = started => pid,
        };
        let is_there = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while is_there() {
            tokio::task::yield_now().await;
        }
    }

    async fn answer_of(script: &str) -> HookAnswer {
        let program = ["sh", "-c", script].map(str::to_owned);
        let context = HookContext {
            generation: Generation([0xAB; 32]),
            tree: Path::new("/tree"),
            trees: Path::new("/"),
            previous: None,
        };
        run_hook(&program, context).await
    }

    #[tokio::test]
    async fn a_program_lets_it_pass_puts_it_off_or_fails() {
        assert_eq!(answer_of("exit 0").await, HookAnswer::Done);
        assert_eq!(
            answer_of("echo 90; exit 75").await,
            HookAnswer::NotNow(Millis(90_000))
        );
        assert_eq!(answer_of("exit 75").await, HookAnswer::NotNow(ASK_AGAIN));
        assert_eq!(
            answer_of("echo 0; exit 75").await,
            HookAnswer::NotNow(Millis(1_000))
        );
        // Whatever it writes, and whoever holds its output.
        let talks = "head -c 100000 /dev/zero; echo 5; exit 0";
        assert_eq!(answer_of(talks).await, HookAnswer::Done);
        assert_eq!(answer_of("sleep 5 & exit 0").await, HookAnswer::Done);
        let failed = answer_of("exit 4").await;
        assert_eq!(
            failed,
            HookAnswer::Failed(Some(4), "sh: exit status: 4".to_owned())
        );
        let sees = "[ $LASTWORD_TREE = /tree ] && [ -z \"$LASTWORD_PREVIOUS\" ]";
        assert_eq!(answer_of(sees).await, HookAnswer::Done);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_fails() {
        let context = HookContext {
            generation: Generation([0; 32]),
            tree: Path::new("/"),
            trees: Path::new("/"),
            previous: None,
        };
        let answer = run_hook(&["/nonexistent/x".to_owned()], context).await;
        assert!(matches!(answer, HookAnswer::Failed(None, _)), "{answer:?}");
    }
}
