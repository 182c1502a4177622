//! The whole of both sides on a simulated UART, in paused time: the real client, the agent's real
//! tasks and its real power desk.
//!
//! The board keeps no ledger of names here, but nothing that runs goes unseen: each staging pulls
//! up the reset line's preparation once, a cancel that ran before is answered with a no, and no two
//! looks at the status see the same.

use super::scenario::MISHAPS;
use super::tally::Tally;
use super::world::Trouble;
use crate::board::{Board, Options};
use crate::dice::Dice;
use crate::faults::Rates;
use crate::lossy::{LossyUart, Mishaps};
use crate::uart::{Side, Uart, UartLink};
use lastword_agent::edge::link::Link;
use lastword_client::client::{CallError, Client, GreetError, Options as ClientOptions, Unwelcome};
use lastword_protocol::message::{Cancelled, Initiated, Reply, Request};
use lastword_protocol::power::{Backend, Operation, PowerRequest};
use lastword_protocol::{ClientId, Millis, OperationId};
use std::time::Duration;
use tokio::time::sleep;

pub(super) struct Whole {
    uart: Uart,
    line: LossyUart,
    /// Another line of the board, which others use.
    second: Option<Uart>,
    board: Board,
    clients: Vec<Client>,
    dice: Dice,
    boot: u8,
    number: u64,
    tally: Tally,
    /// The highest status seen.
    seen: Option<u32>,
    statuses: Asked,
    stagings: Asked,
}

/// How many of a kind were asked for, and how many of them answered.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    all: u64,
    answered: u64,
}

/// Trouble, and how long behind the request's beginning.
pub(super) type Befalls = Option<(Duration, Trouble)>;

impl Whole {
    pub(super) async fn new(clients: usize, seed: u64) -> Self {
        let (uart, line) = struck_line(seed);
        let board = Board::on_port(&uart, OPTIONS, wrap(&line));
        Self::on(board, (uart, line, None), clients, seed).await
    }

    /// As [`Whole::new`], on a board with a second line, which is returned.
    pub(super) async fn beside_another(clients: usize, seed: u64) -> (Self, LossyUart) {
        let (uart, line) = struck_line(seed);
        let (second, other) = struck_line(seed ^ SECOND);
        let wraps = [wrap(&line), wrap(&other)];
        let board = Board::on_two_ports([&uart, &second], OPTIONS, wraps);
        let whole = Self::on(board, (uart, line, Some(second)), clients, seed).await;
        (whole, other)
    }

    async fn on(
        board: Board,
        (uart, line, second): (Uart, LossyUart, Option<Uart>),
        clients: usize,
        seed: u64,
    ) -> Self {
        let mut whole = Self {
            board,
            uart,
            line,
            second,
            clients: Vec::new(),
            dice: Dice::new(seed),
            boot: 1,
            number: 0,
            tally: Tally::default(),
            seen: None,
            statuses: Asked::default(),
            stagings: Asked::default(),
        };
        for _ in 0..clients {
            let client = whole.process().await;
            whole.clients.push(client);
        }
        whole
    }

    pub(super) fn board(&self) -> Board {
        self.board.clone()
    }

    pub(super) const fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Waits until nothing is under way any more, and closes the account.
    pub(super) async fn close(mut self) -> Tally {
        sleep(QUIET).await;
        let prepared = self.board.reset.prepared() as u64;
        let looked = u64::from(self.board.statuses());
        for (what, asked, ran) in [
            ("stagings", self.stagings, prepared),
            ("looks", self.statuses, looked),
        ] {
            self.tally.ran_untold += ran.clamp(asked.answered, asked.all) - asked.answered;
            self.tally.twice += ran.saturating_sub(asked.all);
            self.tally.never += asked.answered.saturating_sub(ran);
            if !(asked.answered..=asked.all).contains(&ran) {
                self.tally.complain(format!("{what}: {asked:?}, {ran} ran"));
            }
        }
        let fires = self.board.reset.fires().len() as u64;
        self.tally.wrong += fires;
        if fires > 0 {
            self.tally
                .complain(format!("{fires} resets that nobody asked for"));
        }
        self.tally.struck = self.line.struck();
        self.tally.struck.bytes += self.uart.struck(Side::Agent) + self.uart.struck(Side::Host);
        self.tally
    }

    /// One operation is staged, looked past, and called off.
    pub(super) async fn round(&mut self, who: usize, befalls: Befalls) {
        self.number += 1;
        let id = OperationId(self.number);
        let place = befalls.map(|_| self.dice.below(3));
        let at = |step| befalls.filter(|_| place == Some(step));
        let sure = self.stage(who, id, at(0)).await
            && self.status(who, at(1)).await
            && self.cancel(who, id, at(2)).await;
        if !sure {
            self.find_out(who).await;
        }
    }

    async fn stage(&mut self, who: usize, id: OperationId, befalls: Befalls) -> bool {
        let operation = Operation::Reboot;
        let request = Request::Power(PowerRequest {
            id: Some(id),
            delay: DELAY,
            ..PowerRequest::plain(operation)
        });
        let backend = Backend::Linux;
        let expected = Reply::Initiated(Initiated {
            operation,
            backend,
            id,
        });
        let before = self.board.reset.prepared();
        self.stagings.all += 1;
        let Some(reply) = self.call(who, &request, befalls).await else {
            return false;
        };
        self.stagings.answered += 1;
        let ran = self.board.reset.prepared() - before;
        self.judge(&request, &reply, reply == expected, ran as u64);
        true
    }

    async fn status(&mut self, who: usize, befalls: Befalls) -> bool {
        let before = self.board.statuses();
        self.statuses.all += 1;
        let Some(reply) = self.call(who, &Request::Status, befalls).await else {
            return false;
        };
        self.statuses.answered += 1;
        let look = match &reply {
            Reply::Status(status) => Some(status.memory_available_kib),
            _ => None,
        };
        let fresh = look.is_some() && look > self.seen && look >= Some(before);
        self.seen = look.max(self.seen);
        let ran = u64::from(self.board.statuses() - before);
        self.judge(&Request::Status, &reply, fresh, ran);
        true
    }

    /// Whether it ran once shows in the answer: a second run finds nothing to call off.
    async fn cancel(&mut self, who: usize, id: OperationId, befalls: Befalls) -> bool {
        let request = Request::PowerCancel(Some(id));
        let Some(reply) = self.call(who, &request, befalls).await else {
            return false;
        };
        let operation = Operation::Reboot;
        let right = reply == Reply::Cancelled(Cancelled { id, operation });
        self.judge(&request, &reply, right, 1);
        true
    }

    fn judge(&mut self, request: &Request, reply: &Reply, right: bool, ran: u64) {
        self.tally.answered += 1;
        self.tally.once += u64::from(ran == 1);
        self.tally.wrong += u64::from(!right);
        if !right || ran != 1 {
            let boot = self.boot;
            self.tally.complain(format!(
                "{request:?} in boot {boot} ran {ran} times: {reply:?}"
            ));
        }
    }

    /// Asks; `None`: the client does not know what came of it, and knows that.
    async fn call(&mut self, who: usize, request: &Request, befalls: Befalls) -> Option<Reply> {
        self.open(who).await;
        let mut client = self.clients.remove(who);
        let called = match befalls {
            None => Some(client.call(request).await),
            Some((after, trouble)) => {
                let mut call = Box::pin(client.call(request));
                tokio::select! {
                    biased;
                    called = &mut call => Some(called),
                    () = sleep(after) => {
                        self.tally.troubles += 1;
                        self.befall(trouble);
                        if trouble == Trouble::ClientDies { None } else { Some(call.await) }
                    }
                }
            }
        };
        let Some(called) = called else {
            self.tally.abandoned += 1;
            drop(client);
            let next = self.process().await;
            self.clients.insert(who, next);
            return None;
        };
        self.clients.insert(who, client);
        let why = match called {
            Ok(reply) => return Some(reply),
            Err(CallError::Silent) => "silent",
            Err(CallError::Restarted(_)) => "restarted",
            Err(CallError::Unwelcome(Unwelcome::Busy(_))) => "taken over",
            Err(other) => panic!("nothing that can come of a request: {other:?}"),
        };
        *self.tally.told.entry(why).or_default() += 1;
        None
    }

    fn befall(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::AgentRestarts => {
                self.board.cut_power();
                self.board.power_up(self.boot);
            }
            Trouble::Reset => {
                self.board.cut_power();
                self.uart.reset_agent();
                self.second.iter().for_each(Uart::reset_agent);
                self.boot = self.boot % 250 + 1;
                self.board.power_up(self.boot);
            }
            Trouble::ClientDies | Trouble::Reconnect | Trouble::TakenOver => {}
        }
    }

    /// Sees to it that the client has a session and owns the line.
    async fn open(&mut self, who: usize) {
        let mut take_over = false;
        while !self.clients[who].has_session() {
            match self.clients[who].greet(take_over).await {
                Err(GreetError::Unwelcome(Unwelcome::Busy(_))) => {
                    self.tally.busy += 1;
                    take_over = true;
                }
                Ok(_) | Err(GreetError::Silent) => {}
                Err(other) => panic!("nothing that can come of a greeting: {other:?}"),
            }
        }
    }

    /// Once nothing is under way any more, sees to it that nothing is staged.
    async fn find_out(&mut self, who: usize) {
        sleep(QUIET).await;
        loop {
            // After a timeout a client greets, whatever it thinks.
            while self.clients[who].greet(true).await.is_err() {}
            let asked = self.clients[who].call(&Request::PowerCancel(None)).await;
            if let Ok(Reply::Cancelled(_) | Reply::Refused(_)) = asked
                && self.board.phase().is_none()
            {
                return;
            }
        }
    }

    /// Another client's turn: the one before leaves with a word, or is taken over.
    pub(super) async fn leave(&mut self, who: usize) {
        if self.dice.below(2) == 0 {
            let next = self.process().await;
            let client = std::mem::replace(&mut self.clients[who], next);
            client.goodbye().await.expect("the line is there");
        }
    }

    /// A new process.
    async fn process(&mut self) -> Client {
        let options = ClientOptions {
            id: Some(ClientId(self.dice.roll())),
            ..ClientOptions::default()
        };
        let client = Client::connect(&self.line, &options).await;
        client.expect("the line is there")
    }
}

/// A line that misbehaves.
fn struck_line(seed: u64) -> (Uart, LossyUart) {
    let uart = Uart::new(921_600);
    uart.strike(Side::Agent, MISHAPS.bytes, seed);
    uart.strike(Side::Host, MISHAPS.bytes, !seed);
    let mishaps = Mishaps {
        bytes: Rates::default(),
        ..MISHAPS
    };
    (uart.clone(), LossyUart::new(uart, mishaps, seed))
}

fn wrap(line: &LossyUart) -> impl Fn(UartLink) -> Box<dyn Link> + Send + Sync + 'static {
    let lossy = line.clone();
    move |link| Box::new(lossy.wrap_agent(link))
}

/// Makes a second line's mishaps others than the first's.
const SECOND: u64 = 0x5EC0_4D00;
const OPTIONS: Options = Options {
    drain_cap: Millis(2_000),
    announce: true,
    boot_time: None,
    fire_fails: None,
    at_once: true,
};
/// Long enough that no operation fires before it is called off.
const DELAY: Millis = Millis(3_600_000);
/// Behind this nothing is under way any more.
const QUIET: Duration = Duration::from_secs(20);
