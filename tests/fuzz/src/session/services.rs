//! The board's services: the agent's supervisor, over processes that live, die and hang as an input
//! says, and logs that hold what it says.

use lastword_agent::core::log::{Cursor, Line, Stream};
use lastword_agent::core::service::Name;
use lastword_agent::core::service::answer::{
    Pages, cut_reason, of_reload, push_line, push_transition, refused,
};
use lastword_agent::core::service::catalog::{Catalog, File, SUFFIX};
use lastword_agent::core::service::machine::{self, Event, Exit, Moment};
use lastword_agent::core::service::supervisor::{Answer, Ask, Effect, JobId, Supervisor, Unit};
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{Brief, Item, Logs, ServiceRequest};
use lastword_protocol::refusal::Code;
use lastword_protocol::{Instant, Millis};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// How many lines of a log are kept.
const KEPT_LINES: u64 = 16;

/// The services' files, of which any may be missing; what is in the first changes.
const FILES: [(&str, [&str; 2]); 3] = [
    ("a", ["command \"a\"\nready { notify }", "comand \"a\""]),
    (
        "b",
        [
            "command \"b\"\nafter \"a\"\nrestart { policy \"always\"; backoff-initial \"0s\" }",
            "command \"b2\"",
        ],
    ),
    (
        "c",
        [
            "command \"c\"\nafter \"b\"\nstop { hook \"h\"; grace \"1s\" }",
            "command \"c\"\nport 1",
        ],
    ),
];

/// What happens to a service.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// The oldest order is carried out, whomever it is for.
    Carry,
    /// Its main process ends, well or not; others of it stay or not.
    Die { well: bool, strays: bool },
    /// Starting it fails from now on, or works again.
    Break,
    /// It is ready.
    Ready,
    /// What was told to go goes.
    Vanish,
    /// It writes so many lines.
    Say(u8),
}

/// All services.
pub(super) struct Services {
    supervisor: Supervisor,
    real: BTreeMap<Name, Real>,
    orders: VecDeque<(Name, machine::Effect)>,
    /// Which files there are, and which text they have.
    files: u8,
    last_job: u64,
    answers: Vec<(JobId, Answer)>,
}

/// One as it really is.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each can be so or not, whatever the others"
)]
#[derive(Default)]
struct Real {
    main: bool,
    strays: bool,
    is_told_to_go: bool,
    is_watched: bool,
    is_broken: bool,
    lines: u64,
}

impl Real {
    const fn is_empty(&self) -> bool {
        !self.main && !self.strays
    }
}

impl Services {
    pub(super) fn new() -> Self {
        let mut services = Self {
            supervisor: Supervisor::new(1),
            real: FILES
                .iter()
                .map(|(text, _)| (name(text), Real::default()))
                .collect(),
            orders: VecDeque::new(),
            files: 0,
            last_job: 0,
            answers: Vec::new(),
        };
        services.reload(Instant(0));
        services
    }

    /// Hands in a job; its answer is among [`Services::take_answers`], now or later.
    pub(super) fn ask(&mut self, now: Instant, ask: &Ask) -> JobId {
        self.last_job += 1;
        let id = JobId(self.last_job);
        let effects = self.supervisor.ask(at(now), id, ask);
        self.take(effects);
        id
    }

    /// The answers that there are, each handed out once.
    pub(super) fn take_answers(&mut self) -> Vec<(JobId, Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// Somebody edits the files: they are read when a reload is asked for.
    pub(super) const fn edit(&mut self, files: u8) {
        self.files = files;
    }

    /// Reads the files.
    pub(super) fn reload(&mut self, now: Instant) -> Vec<Reply> {
        let (plan, effects) = self.supervisor.reload(at(now), catalog(self.files));
        let replies = of_reload(&plan, self.supervisor.broken());
        self.take(effects);
        replies
    }

    /// The answer to a question.
    pub(super) fn look(&self, request: &ServiceRequest) -> Vec<Reply> {
        let mut pages = Pages::default();
        match request {
            ServiceRequest::Status(wanted) => {
                let Some((name, unit)) = self.find(wanted) else {
                    return refused(Code::Unknown, "no such service");
                };
                self.push(&mut pages, &name, unit);
                let transitions = unit.machine().transitions();
                for step in transitions {
                    push_transition(&mut pages, step);
                }
            }
            ServiceRequest::Logs(Logs {
                name, from, lines, ..
            }) => {
                let Some((name, _)) = self.find(name) else {
                    return refused(Code::Unknown, "no such service");
                };
                let most = u64::from(*lines);
                let from = from.map_or(Cursor(self.end_of(&name)).before(most), Cursor);
                let (missed, shown) = self.lines(&name, from, most);
                let next = shown
                    .last()
                    .map_or(from.after(missed), |last| last.cursor.after(1));
                for line in &shown {
                    push_line(&mut pages, line);
                }
                let from = next.0;
                pages.push(&Item::Next { from, missed });
            }
            _ => {
                for (name, unit) in self.supervisor.units() {
                    self.push(&mut pages, name, unit);
                }
            }
        }
        pages.done()
    }

    fn find(&self, wanted: &str) -> Option<(Name, &Unit)> {
        let name = Name::try_from(wanted).ok()?;
        let unit = self.supervisor.unit(&name)?;
        Some((name, unit))
    }

    fn push(&self, pages: &mut Pages, name: &Name, unit: &Unit) {
        pages.push(&Item::Service(Brief {
            name: name.as_str(),
            state: unit.shown(),
            pid: self.real[name].main.then_some(7),
            port: unit.service_file().port.unwrap_or_default(),
            uptime: None,
            restarts: unit.machine().restarts(),
            last_exit: None,
            memory_kib: 0,
            log_failing: false,
            file_changed: false,
            reason: &cut_reason(unit.machine().reason().unwrap_or_default()),
        }));
    }

    /// Whether there is such a service.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn end_of(&self, name: &Name) -> u64 {
        self.real.get(name).map_or(0, |real| real.lines)
    }

    /// Up to so many lines from one on, and how many are gone before the first of them.
    pub(super) fn lines(&self, name: &Name, from: Cursor, most: u64) -> (u64, Vec<Line>) {
        let end = self.end_of(name);
        let oldest = Cursor(end).before(KEPT_LINES);
        let first = from.max(oldest);
        let line = |number| Line {
            cursor: Cursor(number),
            unix_ms: number,
            stream: Stream::BOTH[usize::from(number % 3 == 0)],
            continues: number % 5 == 0,
            bytes: format!("\u{e9}\x1b{number}\u{7f}").into_bytes(),
        };
        let lines = (first.0..end).take(usize::try_from(most).unwrap_or(usize::MAX));
        (oldest.since(from), lines.map(line).collect())
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Service(name, _, effect) => self.orders.push_back((name, effect)),
                Effect::Answer(id, answer) => self.answers.push((id, answer)),
                Effect::Forget(name) => {
                    assert!(self.real[&name].is_empty(), "{name} was forgotten");
                }
            }
        }
    }

    fn tell(&mut self, now: Instant, name: &Name, event: Event) {
        let effects = self.supervisor.tell(at(now), name, event);
        self.take(effects);
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Instant) {
        let effects = self.supervisor.tick(at(now));
        self.take(effects);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.supervisor.deadline()
    }

    /// Lets something happen to the service of this number.
    pub(super) fn befall(&mut self, now: Instant, which: usize, deed: Deed) {
        let name = name(FILES[which % FILES.len()].0);
        let real = self.real.entry(name.clone()).or_default();
        match deed {
            Deed::Carry => self.carry(now),
            Deed::Die { well, strays } => {
                if std::mem::take(&mut real.main) {
                    real.strays = strays;
                    self.tell(now, &name, Event::Exited(Exit::Code((!well).into())));
                    self.see(now, &name);
                }
            }
            Deed::Break => real.is_broken = !real.is_broken,
            Deed::Ready => self.tell(now, &name, Event::Ready),
            Deed::Vanish if real.is_told_to_go => self.vanish(now, &name),
            Deed::Vanish => {}
            Deed::Say(count) => real.lines += u64::from(count),
        }
    }

    fn carry(&mut self, now: Instant) {
        let Some((name, order)) = self.orders.pop_front() else {
            return;
        };
        let real = self.real.entry(name.clone()).or_default();
        match order {
            machine::Effect::Spawn => {
                assert!(real.is_empty(), "{name} was started beside another {name}");
                if real.is_broken {
                    let why = "broken".to_owned();
                    let is_full = real.lines % 2 == 1;
                    let event = [Event::SpawnFailed, Event::Exhausted][usize::from(is_full)](why);
                    return self.tell(now, &name, event);
                }
                (real.main, real.is_told_to_go, real.is_watched) = (true, false, false);
                self.tell(now, &name, Event::Spawned);
            }
            machine::Effect::Clear(_) => {
                (real.is_told_to_go, real.is_watched) = (true, true);
                self.see(now, &name);
            }
            machine::Effect::Kill => {
                (real.main, real.strays, real.is_watched) = (false, false, true);
                self.see(now, &name);
            }
            machine::Effect::RunHook => self.tell(now, &name, Event::HookEnded(None)),
            machine::Effect::Probe => {}
        }
    }

    fn vanish(&mut self, now: Instant, name: &Name) {
        let real = self.real.entry(name.clone()).or_default();
        real.strays = false;
        if std::mem::take(&mut real.main) {
            self.tell(now, name, Event::Exited(Exit::Signal(15)));
        }
        self.see(now, name);
    }

    /// Tells that nothing is left of it, if somebody waits for that.
    fn see(&mut self, now: Instant, name: &Name) {
        let real = self.real.entry(name.clone()).or_default();
        if real.is_empty() && std::mem::take(&mut real.is_watched) {
            self.tell(now, name, Event::Empty);
        }
    }

    /// The agent is killed; what runs goes on, and its successor takes it over. If the board boots,
    /// nothing runs.
    pub(super) fn restart(&mut self, now: Instant, boots: bool) {
        self.orders.clear();
        self.answers.clear();
        self.supervisor = Supervisor::new(1);
        for (text, _) in FILES {
            let name = name(text);
            let real = self.real.entry(name.clone()).or_default();
            // Strays without a main process are cleared away before anybody is adopted.
            real.main &= !boots;
            real.strays &= real.main;
            (real.is_watched, real.is_told_to_go) = (false, false);
            if real.main {
                // By which file it was started is not on record.
                self.supervisor.recall(name.clone(), 0, None);
                self.tell(now, &name, Event::Adopted(Millis(1)));
            }
        }
        self.reload(now);
    }

    /// Carries out what was ordered, with processes that do what they are told.
    pub(super) fn go_well(&mut self, now: Instant) {
        for index in 0..FILES.len() {
            self.befall(now, index, Deed::Vanish);
            self.befall(now, index, Deed::Ready);
        }
        while !self.orders.is_empty() {
            self.carry(now);
        }
    }

    /// Returns what every service is doing.
    pub(super) fn shown(&self) -> String {
        let units = self.supervisor.units();
        let shown = units.map(|(name, unit)| {
            format!(
                "{name} {:?}: {}",
                unit.shown(),
                unit.machine().reason().unwrap_or_default()
            )
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Whether nothing was ordered that is not done.
    pub(super) fn is_idle(&self) -> bool {
        self.orders.is_empty()
    }

    /// What is said to run does, and the other way round.
    pub(super) fn check(&self) {
        for (name, unit) in self.supervisor.units() {
            let real = &self.real[name];
            let (up, down) = (unit.machine().is_up(), unit.machine().is_down());
            assert!(!up || real.main, "{name} is said to run: {unit:?}");
            assert!(
                !down || real.is_empty(),
                "{name} is said to be down: {unit:?}"
            );
        }
    }
}

/// What is in the files, of which two bits each say whether there is one and what is in it. Each
/// choice is read once only: that takes longer than all that an input does.
fn catalog(choice: u8) -> Catalog {
    static READ: Mutex<BTreeMap<u8, Catalog>> = Mutex::new(BTreeMap::new());
    let files = FILES
        .iter()
        .enumerate()
        .filter_map(|(index, (name, texts))| {
            let bits = choice >> (2 * index);
            let text = texts[usize::from(bits & 1)];
            (bits & 2 == 0).then(|| File {
                path: format!("/s/{name}{SUFFIX}"),
                name: format!("{name}{SUFFIX}"),
                text: Ok(text.to_owned()),
            })
        });
    let mut read = READ.lock().expect("nobody has panicked");
    let catalog = read.entry(choice & 0x3F);
    catalog
        .or_insert_with(|| Catalog::read(&files.collect::<Vec<_>>()))
        .clone()
}

fn name(text: &str) -> Name {
    Name::try_from(text).expect("a name")
}

fn at(now: Instant) -> Moment {
    Moment {
        now,
        unix_ms: now.0,
    }
}
