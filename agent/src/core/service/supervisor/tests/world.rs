//! A board of services that live, die, hang and lie, under an agent that may die at any step: the
//! supervisor held against what really runs.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What can happen.
#[derive(Clone, Debug)]
enum Deed {
    Ask(usize, usize),
    /// The oldest effect that is not carried out is.
    Carry,
    /// A main process ends with this code; strays stay or not.
    Die(usize, i32, bool),
    /// The next spawns of a service fail, or succeed again.
    Break(usize),
    Ready(usize),
    /// Everything left of a group that was signalled goes.
    Vanish(usize),
    Wait(u64),
    Reload(usize),
    /// SIGKILL for the agent, and its successor.
    Crash,
}

/// One service as it really is.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each can be so or not, whatever the others"
)]
#[derive(Debug, Default)]
struct Real {
    /// Its main process is there.
    main: bool,
    /// Others of its group are there.
    strays: bool,
    /// It was told to go.
    signalled: bool,
    /// Somebody waits for the group to be empty.
    watched: bool,
    /// Starting it fails.
    broken: bool,
    /// How many processes it ever had.
    born: u32,
}

impl Real {
    const fn is_empty(&self) -> bool {
        !self.main && !self.strays
    }
}

#[derive(Debug)]
struct World {
    supervisor: Supervisor,
    files: usize,
    now: u64,
    real: BTreeMap<Name, Real>,
    todo: Vec<(Name, machine::Effect)>,
    asked: u64,
    answered: Vec<u64>,
    ended: bool,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Some sets of files, each made of the others by what an owner of a board would do.
fn files(which: usize) -> Catalog {
    let a = ("a", "command \"a\"\nready { notify }");
    let b = (
        "b",
        "command \"b\"\nafter \"a\"\nrestart { policy \"always\"; backoff-initial \"0s\" }",
    );
    let c = (
        "c",
        "command \"c\"\nafter \"a\" \"b\"\non-agent-exit \"adopt\"",
    );
    let d = ("d", "command \"d\"\nstop { hook \"h\"; grace \"1s\" }");
    match which % 4 {
        0 => catalog(&[a, b, c, d]),
        1 => catalog(&[a, ("b", "command \"b2\""), d]),
        2 => catalog(&[("a", "comand \"a\""), b, c, d]),
        _ => catalog(&[
            ("a", "command \"a2\"\nafter \"c\""),
            b,
            ("c", "command \"c\""),
        ]),
    }
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            supervisor: Supervisor::new(1),
            files: 0,
            now: 0,
            real: NAMES.iter().map(|it| (name(it), Real::default())).collect(),
            todo: Vec::new(),
            asked: 0,
            answered: Vec::new(),
            ended: false,
        };
        world.reload(0);
        world
    }

    fn at(&self) -> Moment {
        at(self.now)
    }

    fn reload(&mut self, which: usize) {
        self.files = which;
        let (_, effects) = self.supervisor.reload(self.at(), files(which));
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Service(name, _, effect) => self.todo.push((name, effect)),
                Effect::Answer(id, _) => {
                    assert!(!self.answered.contains(&id.0), "{id:?} is answered twice");
                    self.answered.push(id.0);
                }
                Effect::Forget(name) => {
                    assert!(self.real[&name].is_empty(), "{name} was forgotten");
                }
            }
        }
    }

    fn tell(&mut self, name: &Name, event: Event) {
        let effects = self.supervisor.tell(self.at(), name, event);
        self.take(effects);
    }

    fn carry(&mut self) {
        if self.todo.is_empty() {
            return;
        }
        let (name, effect) = self.todo.remove(0);
        let Some(real) = self.real.get_mut(&name) else {
            panic!("who is {name}?");
        };
        match effect {
            machine::Effect::Spawn => {
                assert!(!self.ended, "{name} was started behind the end");
                assert!(real.is_empty(), "{name} was started beside another {name}");
                if real.broken {
                    let why = "broken".to_owned();
                    let is_full = real.born.is_multiple_of(2);
                    let event = [Event::SpawnFailed, Event::Exhausted][usize::from(is_full)](why);
                    return self.tell(&name, event);
                }
                let born = real.born + 1;
                *real = Real {
                    main: true,
                    born,
                    ..Real::default()
                };
                self.tell(&name, Event::Spawned);
            }
            machine::Effect::Clear(_) => {
                real.signalled = true;
                real.watched = true;
                self.look(&name);
            }
            machine::Effect::Kill => {
                (real.main, real.strays, real.watched) = (false, false, true);
                self.look(&name);
            }
            machine::Effect::RunHook => self.tell(&name, Event::HookEnded(None)),
            machine::Effect::Probe => {}
        }
    }

    /// Tells that a group is empty, if anybody wants to know.
    fn look(&mut self, name: &Name) {
        if let Some(real) = self.real.get_mut(name)
            && real.watched
            && real.is_empty()
        {
            real.watched = false;
            self.tell(name, Event::Empty);
        }
    }

    fn crash(&mut self) {
        self.todo.clear();
        // Who asked has lost the connection.
        self.answered = (1..=self.asked).collect();
        let remembered = |text: &str| {
            let unit = self.supervisor.unit(&name(text));
            let restarts = unit.map_or(0, |unit| unit.machine().restarts());
            (name(text), restarts, unit.and_then(Unit::digest))
        };
        let known: Vec<_> = NAMES.map(remembered).into();
        self.supervisor = Supervisor::new(1);
        for (name, restarts, started_by) in known {
            self.supervisor.recall(name.clone(), restarts, started_by);
            let real = self.real.entry(name.clone()).or_default();
            (real.watched, real.signalled) = (false, false);
            if real.main {
                self.tell(&name, Event::Adopted(Millis(1)));
            } else {
                // Nobody adopts strays without a main process: they are cleared away first.
                real.strays = false;
            }
        }
        let born = |world: &Self| -> Vec<u32> { world.real.values().map(|it| it.born).collect() };
        let before = born(self);
        let alive: Vec<_> = NAMES.map(|it| self.real[&name(it)].main).into();
        self.reload(self.files);
        for (index, alive) in alive.into_iter().enumerate() {
            let spawns = self.todo.iter().any(|(it, effect)| {
                it.as_str() == NAMES[index] && *effect == machine::Effect::Spawn
            });
            assert!(
                !(alive && spawns),
                "{} was adopted and started",
                NAMES[index]
            );
        }
        assert_eq!(before, born(self));
    }

    fn act(&mut self, deed: &Deed) {
        let who = |which: &usize| name(NAMES[which % NAMES.len()]);
        match deed {
            Deed::Ask(verb, which) => {
                let target = match NAMES.get(*which) {
                    Some(text) => Target::One(name(text)),
                    None => Target::All,
                };
                let ask = match verb {
                    0 => Ask::Start(target),
                    1 => Ask::Stop(target),
                    2 => Ask::Restart(target),
                    3 => Ask::StopWithin(target, Millis(0)),
                    4 => Ask::RestartWithin(target, Millis(0)),
                    _ => Ask::StopWithin(target, Millis(5_000)),
                };
                self.asked += 1;
                let effects = self.supervisor.ask(self.at(), JobId(self.asked), &ask);
                self.take(effects);
            }
            Deed::Carry => self.carry(),
            Deed::Die(which, code, strays) => {
                let name = who(which);
                let real = self.real.entry(name.clone()).or_default();
                if real.main {
                    (real.main, real.strays) = (false, *strays);
                    self.tell(&name, Event::Exited(Exit::Code(*code)));
                    self.look(&name);
                }
            }
            Deed::Break(which) => {
                let real = self.real.entry(who(which)).or_default();
                real.broken = !real.broken;
            }
            Deed::Ready(which) => self.tell(&who(which), Event::Ready),
            Deed::Vanish(which) => {
                let name = who(which);
                if self.real[&name].signalled {
                    self.vanish(&name);
                }
            }
            Deed::Wait(millis) => {
                self.now += millis;
                let effects = self.supervisor.tick(self.at());
                self.take(effects);
            }
            Deed::Reload(which) => self.reload(*which),
            Deed::Crash => self.crash(),
        }
    }

    fn vanish(&mut self, name: &Name) {
        let real = self.real.entry(name.clone()).or_default();
        real.strays = false;
        if mem::take(&mut real.main) {
            self.tell(name, Event::Exited(Exit::Signal(15)));
        }
        self.look(name);
    }

    /// Lets everything run its course, with processes that do what they are told.
    fn calm_down(&mut self) {
        for real in self.real.values_mut() {
            // Room comes back; a program that is not there stays away.
            real.broken &= !real.born.is_multiple_of(2);
        }
        for _ in 0..2_000 {
            while !self.todo.is_empty() {
                self.carry();
            }
            for text in NAMES {
                if self.real[&name(text)].signalled {
                    self.vanish(&name(text));
                }
                self.tell(&name(text), Event::Ready);
            }
            match self.supervisor.deadline() {
                Some(deadline) => self.now = self.now.max(deadline.0),
                None if self.todo.is_empty() => return,
                None => {}
            }
            let effects = self.supervisor.tick(self.at());
            self.take(effects);
        }
        panic!("it never comes to rest: {self:?}");
    }

    /// What is said to run does, and the other way round.
    fn check(&self) {
        for (name, unit) in self.supervisor.units() {
            let real = &self.real[name];
            assert_eq!(unit.machine().is_up(), real.main, "{name}: {unit:?}");
            assert_eq!(
                unit.machine().is_down(),
                real.is_empty(),
                "{name}: {unit:?}"
            );
        }
        let asked: Vec<_> = (1..=self.asked).collect();
        let mut answered = self.answered.clone();
        answered.sort_unstable();
        assert_eq!(answered, asked, "somebody was never answered: {self:#?}");
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    let which = 0..NAMES.len();
    prop_oneof![
        4 => (0..6_usize, 0..=NAMES.len()).prop_map(|(verb, which)| Deed::Ask(verb, which)),
        8 => Just(Deed::Carry),
        3 => (which.clone(), 0..2, any::<bool>()).prop_map(|(it, code, strays)| Deed::Die(it, code, strays)),
        1 => which.clone().prop_map(Deed::Break),
        3 => which.clone().prop_map(Deed::Ready),
        3 => which.prop_map(Deed::Vanish),
        3 => prop_oneof![Just(1), Just(1_000), Just(10_000)].prop_map(Deed::Wait),
        1 => (0..4_usize).prop_map(Deed::Reload),
        1 => Just(Deed::Crash),
    ]
}

proptest! {
    #[test]
    fn what_is_said_is_what_runs(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut world = World::new();
        for deed in &deeds {
            world.act(deed);
        }
        world.calm_down();
        world.check();
    }

    #[test]
    fn in_the_end_nothing_runs(deeds in prop::collection::vec(deed(), 1..40), keep in any::<bool>()) {
        let mut world = World::new();
        for deed in &deeds {
            world.act(deed);
        }
        let end = if keep { End::KeepAdoptable } else { End::All };
        // What was ordered before may still come.
        while !world.todo.is_empty() {
            world.carry();
        }
        let effects = world.supervisor.end(world.at(), end);
        world.take(effects);
        world.ended = true;
        world.calm_down();
        prop_assert!(world.supervisor.is_quiet(end));
        let adoptable = |name: &Name| {
            let unit = world.supervisor.unit(name);
            unit.is_some_and(|it| it.service_file().on_agent_exit == OnAgentExit::Adopt)
        };
        for (name, real) in &world.real {
            prop_assert!(real.is_empty() || keep && adoptable(name), "{name} is left");
        }
    }
}
