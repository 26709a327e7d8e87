//! The runs: scenarios, their coverage, and the planted mistakes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::engine::SECOND;
use super::judge::{Cause, Outcome};
use super::{Fault, Mode, Scenario, World};
use crate::planted::{Mistake, take_reached, with_mistake};
use crate::token::State;

pub(super) const BASE: Scenario = Scenario {
    name: "nothing goes wrong",
    mode: Mode::Directory,
    processes: 5,
    threads: 2,
    think: 20 * SECOND,
    seconds: 7200,
    every: 0,
    faults: &[],
    window: (60, false),
    bad_endpoint: false,
};

fn scenarios() -> Vec<Scenario> {
    let base = || BASE;
    let both =
        |scenario: Scenario, name: &'static str| [scenario.clone(), Scenario { name, mode: Mode::Store, ..scenario }];
    let everything = FAULTS.split_last().expect("faults").1; // backups bring back dead tokens: they run apart
    let mut all = vec![Scenario { name: "many processes", processes: 40, threads: 1, ..base() }];
    let endpoint = Scenario { processes: 20, threads: 1, seconds: 3600, bad_endpoint: true, ..base() };
    let rare =
        Scenario { name: "rare requests to a bad endpoint", processes: 40, think: 80 * SECOND, ..endpoint.clone() };
    all.push(rare);
    all.extend(both(Scenario { name: "a bad endpoint", ..endpoint }, "a bad endpoint, own store"));
    all.extend(both(base(), "nothing goes wrong, own store"));
    let kills = Scenario { name: "kills", every: 40, faults: &[Fault::Kill], ..base() };
    all.extend(both(kills, "kills, own store"));
    let stops = Scenario { name: "stops", every: 90, faults: &[Fault::Stop], ..base() };
    all.extend(both(stops, "stops, own store"));
    let stops_and_updates = &[Fault::Stop, Fault::Kill, Fault::TokenUpdated];
    let updates = Scenario { name: "stops, kills and updates", every: 40, faults: stops_and_updates, ..base() };
    all.extend(both(updates, "stops, kills and updates, own store"));
    let expiry = &[Fault::Stop, Fault::TokenUpdated, Fault::ExpiryUpdated, Fault::TokenKept];
    let expiry = Scenario { name: "another expiry", every: 40, faults: expiry, ..base() };
    all.extend(both(expiry, "another expiry, own store"));
    let two_stops = &[Fault::StopAtLock];
    all.push(Scenario { name: "two stops", seconds: 3600, every: 100, faults: two_stops, ..base() });
    let platform = &[Fault::PlatformFails, Fault::PlatformHangs, Fault::LostRequest];
    let platform = Scenario { name: "a bad platform", every: 200, faults: platform, ..base() };
    all.extend(both(platform, "a bad platform, own store"));
    let freed = &[Fault::HandleFreed, Fault::TokenUpdated];
    all.push(Scenario { name: "freed handles", threads: 1, every: 60, faults: freed, ..base() });
    let losses = &[Fault::LostResponse, Fault::TokenRevoked];
    let losses = Scenario { name: "losses", every: 300, faults: losses, ..base() };
    all.extend(both(losses, "losses, own store"));
    let files = &[
        Fault::FileDamaged,
        Fault::FileDeleted,
        Fault::LaterVersion,
        Fault::DiskFull,
        Fault::StoreBroken,
        Fault::TokenUpdated,
    ];
    all.push(Scenario { name: "a bad disk", every: 60, faults: files, ..base() });
    let full = &[Fault::DiskFull, Fault::TokenUpdated];
    all.push(Scenario { name: "a full disk", threads: 1, every: 40, faults: full, ..base() });
    let store = &[Fault::StoreBroken, Fault::StoreSlow];
    all.push(Scenario { name: "a bad store", mode: Mode::Store, every: 60, faults: store, ..base() });
    let backups = &[Fault::BackupRestored, Fault::Kill];
    let backups = Scenario { name: "backups", every: 60, faults: backups, ..base() };
    all.extend(both(backups, "backups, own store"));
    let everything = Scenario { name: "everything", every: 60, faults: everything, ..base() };
    all.extend(both(everything.clone(), "everything, own store"));
    all.push(Scenario { name: "everything, with a bad endpoint", bad_endpoint: true, ..everything });
    all
}

/// What many runs found.
#[derive(Default)]
struct Total {
    runs: u64,
    steps: u64,
    violations: Vec<String>,
    faults: BTreeMap<Fault, u64>,
    transitions: HashMap<(&'static str, State, State), u64>,
    outcomes: BTreeMap<(Outcome, Option<Cause>), u64>,
    events: BTreeMap<&'static str, u64>,
    /// Places in the rules that are rarely reached.
    reached: BTreeMap<&'static str, u64>,
}

fn add<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key.clone()).or_default() += count;
    }
}

impl Total {
    fn add(&mut self, world: &World, seed: u64) {
        self.runs += 1;
        self.steps += world.engine.steps();
        let judge = &world.judge;
        let name = world.scenario.name;
        self.violations.extend(judge.violations.borrow().iter().map(|text| format!("{name}, seed {seed}: {text}")));
        add(&mut self.faults, &world.faults.borrow());
        for (&transition, count) in judge.transitions.borrow().iter() {
            *self.transitions.entry(transition).or_default() += count;
        }
        add(&mut self.outcomes, &judge.outcomes.borrow());
        let (seen, store) = (&world.files.seen, &world.store);
        let events = [
            ("renewal lock busy", &seen.busy),
            ("renewal lock taken away", &seen.broken),
            ("lock of a file that was replaced", &seen.not_current),
            ("write lock busy", &seen.write_busy),
            ("record of another boot", &seen.odd_record),
            ("operation on a file failed", &seen.failed),
            ("file not written: disk full", &seen.write_failed),
            ("file written", &seen.written),
            ("store did not answer", &store.failures),
            ("store had a newer token", &store.refused_writes),
            ("lock of the store lapsed", &store.lease_lapsed),
            ("renewal", &world.platform.renewals),
            ("refusal", &world.platform.refusals),
            ("loss", &judge.losses),
            ("ticket completed after its handle was freed", &judge.freed),
        ];
        add(&mut self.reached, &take_reached());
        add(&mut self.events, &events.iter().map(|(name, count)| (*name, count.get())).collect());
    }

    fn print(&self) {
        println!("{} runs, {} steps", self.runs, self.steps);
        println!("faults:");
        self.faults.iter().for_each(|(fault, count)| println!("  {count:>9}  {fault:?}"));
        println!("events:");
        self.events.iter().for_each(|(event, count)| println!("  {count:>9}  {event}"));
        self.reached.iter().for_each(|(place, count)| println!("  {count:>9}  {place}"));
        println!("transitions:");
        let mut transitions: Vec<_> = self
            .transitions
            .iter()
            .map(|((operation, from, to), count)| format!("{operation}: {from:?} -> {to:?}  {count}"))
            .collect();
        transitions.sort();
        transitions.iter().for_each(|line| println!("  {line}"));
        println!("requests:");
        for ((outcome, cause), count) in &self.outcomes {
            println!("  {count:>9}  {outcome:?} {}", cause.map_or(String::new(), |cause| format!("{cause:?}")));
        }
    }
}

fn run(scenario: &Scenario, planted: Option<Mistake>, seed: u64, total: &Mutex<Total>) {
    take_reached();
    let world = World::new(scenario, seed);
    with_mistake(planted, || world.run());
    total.lock().unwrap().add(&world, seed);
}

/// Numbers the jobs. Each CPU does one after the other until `job` returns false.
fn on_all_cpus(job: impl Fn(usize) -> bool + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| while job(next.fetch_add(1, Ordering::Relaxed)) {});
        }
    });
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).ok().filter(|text| !text.is_empty()).map_or(default, |text| text.parse().expect(name))
}

/// `SEEDS=100` seeds for each scenario, from `SEED=1` on; `SCENARIO=kills` runs only those with this name.
#[test]
#[ignore = "make simulate runs it, with optimization"]
fn families_of_processes() {
    let (first, seeds) = (number("SEED", 1), number("SEEDS", 10));
    let name = env::var("SCENARIO").unwrap_or_default();
    let scenarios: Vec<_> =
        scenarios().into_iter().filter(|scenario| name.is_empty() || scenario.name == name).collect();
    let total = Mutex::new(Total::default());
    on_all_cpus(|index| {
        let (scenario, seed) = (&scenarios[index % scenarios.len()], (index / scenarios.len()) as u64);
        let is_left = seed < seeds;
        if is_left {
            run(scenario, None, first + seed, &total);
        }
        is_left
    });
    let total = total.into_inner().unwrap();
    total.print();
    total.violations.iter().take(20).for_each(|violation| println!("VIOLATION  {violation}"));
    assert_eq!(total.violations.len(), 0, "a rule was broken");
    if name.is_empty() {
        let mut missing: Vec<String> =
            FAULTS.iter().filter(|fault| !total.faults.contains_key(fault)).map(|fault| format!("{fault:?}")).collect();
        missing.extend(total.events.iter().filter(|event| *event.1 == 0).map(|event| event.0.to_string()));
        missing.extend(PLACES.iter().filter(|place| !total.reached.contains_key(*place)).map(ToString::to_string));
        missing.extend(
            TRANSITIONS
                .iter()
                .filter(|transition| !total.transitions.contains_key(transition))
                .map(|transition| format!("{transition:?}")),
        );
        assert!(missing.is_empty(), "never reached: {missing:?}");
    }
}

const FAULTS: &[Fault] = &[
    Fault::Kill,
    Fault::Stop,
    Fault::LostRequest,
    Fault::LostResponse,
    Fault::PlatformFails,
    Fault::PlatformHangs,
    Fault::DiskFull,
    Fault::StoreBroken,
    Fault::StoreSlow,
    Fault::FileDamaged,
    Fault::FileDeleted,
    Fault::LaterVersion,
    Fault::ClockJumps,
    Fault::ClocksDiffer,
    Fault::MachineSleeps,
    Fault::TokenUpdated,
    Fault::ExpiryUpdated,
    Fault::TokenKept,
    Fault::TokenRevoked,
    Fault::Reboot,
    Fault::HandleFreed,
    Fault::StopAtLock,
    Fault::BackupRestored,
];

/// Places that must be reached.
const PLACES: [&str; 7] = [
    "a renewal lock that was taken away before the ticket was handed out",
    "a renewed token that gave way to one of the same generation",
    "a token of the application that outranked a later generation",
    "no ticket, because a token is not saved",
    "saved: a renewal",
    "saved: a token of the application",
    "saved: the file was behind",
];

/// Changes of state that must occur. Others may: another thread can change the state at the same time.
const TRANSITIONS: &[(&str, State, State)] = &[
    ("adopt", State::Due, State::Valid),
    ("adopt", State::Paused, State::Valid),
    ("adopt", State::Refused, State::Valid),
    ("adopt", State::UnderWay, State::Valid),
    ("adopt", State::Valid, State::Valid),
    ("cancel", State::UnderWay, State::Paused),
    ("complete", State::UnderWay, State::Valid),
    ("complete, not saved", State::UnderWay, State::Valid),
    ("fail", State::UnderWay, State::Paused),
    ("poll", State::Due, State::Due),
    ("poll", State::Due, State::Paused),
    ("poll", State::Due, State::UnderWay),
    ("poll", State::Due, State::Valid),
    ("poll", State::Paused, State::Paused),
    ("poll", State::Paused, State::Valid),
    ("poll", State::Refused, State::Refused),
    ("poll", State::Refused, State::Valid),
    ("poll", State::UnderWay, State::Due),
    ("poll", State::UnderWay, State::Paused),
    ("poll", State::UnderWay, State::Refused),
    ("poll", State::UnderWay, State::UnderWay),
    ("poll", State::UnderWay, State::Valid),
    ("poll", State::Valid, State::Valid),
    ("refuse", State::UnderWay, State::Refused),
    ("review", State::Due, State::Due),
    ("review", State::Paused, State::Paused),
    ("review", State::Paused, State::UnderWay),
    ("review", State::Refused, State::Refused),
    ("review", State::Refused, State::Valid),
    ("review", State::Valid, State::Due),
    ("review", State::Valid, State::Paused),
    ("review", State::Valid, State::UnderWay),
    ("review", State::Valid, State::Valid),
    ("unseal an older one", State::UnderWay, State::UnderWay),
    ("unseal an older one", State::Valid, State::Valid),
    ("unseal the same", State::Due, State::Due),
    ("unseal the same", State::Paused, State::Paused),
    ("unseal the same", State::Refused, State::Refused),
    ("unseal the same", State::UnderWay, State::UnderWay),
    ("unseal the same", State::Valid, State::Valid),
    ("update", State::Due, State::Valid),
    ("update", State::Refused, State::Valid),
    ("update", State::UnderWay, State::Valid),
    ("update", State::Valid, State::Valid),
];

#[test]
#[ignore = "make simulate runs it, with optimization"]
fn each_planted_mistake_is_found() {
    let mistakes: &[(Mistake, &str)] = &[
        (Mistake::OneLock, "stops, kills and updates"),
        (Mistake::NoWriteLock, "stops, kills and updates"),
        (Mistake::NoReadUnderLock, "stops, kills and updates"),
        (Mistake::NoReadUnderLock, "nothing goes wrong, own store"),
        (Mistake::NoStat, "stops, kills and updates"),
        (Mistake::FileNotKeptOpen, "stops, kills and updates"),
        (Mistake::WriteInPlace, "kills"),
        (Mistake::WriteIsLate, "many processes"),
        (Mistake::NeverLapses, "stops"),
        (Mistake::LapsesAtOnce, "many processes"),
        (Mistake::AdoptionEndsTheCount, "a bad endpoint, own store"),
        (Mistake::AdoptionIsNoDelivery, "a bad endpoint"),
        (Mistake::AdoptsOlder, "backups"),
        (Mistake::ReplacesLaterVersion, "a bad disk"),
        (Mistake::WriteWithoutComparing, "stops, kills and updates, own store"),
        (Mistake::ExpiryHasAGeneration, "another expiry, own store"),
        (Mistake::PauseForEachProcess, "a bad platform"),
        (Mistake::LocksOfAProcess, "freed handles"),
        (Mistake::NoPathCheck, "two stops"),
        (Mistake::UpdateGivesWay, "stops, kills and updates"),
        (Mistake::RenewalReplacesUpdate, "a full disk"),
        (Mistake::ReleasedBeforeSaving, "a full disk"),
        (Mistake::NoLookBeforeRefusal, "stops"),
        (Mistake::NoLookBeforeVerdict, "a bad endpoint"),
        (Mistake::NoFamilyCount, "rare requests to a bad endpoint"),
        (Mistake::UpdateKeepsPauses, "freed handles"),
        (Mistake::FreedHandleSavesNothing, "freed handles"),
        (Mistake::BelievesTheRecord, "kills"),
    ];
    let missed = Mutex::new(BTreeSet::new());
    on_all_cpus(|index| {
        let Some(&(planted, name)) = mistakes.get(index) else { return false };
        match violation_with(planted, name) {
            Some(violation) => println!("{planted:?}: {violation}"),
            None => _ = missed.lock().unwrap().insert((planted, name)),
        }
        true
    });
    assert_eq!(missed.into_inner().unwrap(), BTreeSet::new(), "not found");
}

/// What goes wrong with this mistake, in the first seed that shows it.
fn violation_with(planted: Mistake, name: &str) -> Option<String> {
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == name).expect(name);
    (1..=200).find_map(|seed| {
        let total = Mutex::new(Total::default());
        run(&scenario, Some(planted), seed, &total);
        total.into_inner().unwrap().violations.into_iter().next()
    })
}
