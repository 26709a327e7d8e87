//! Tables for docs/sharing.md: what one renewal costs a large fleet, and what it means that pauses are the family's.

use super::engine::SECOND;
use super::tests::BASE;
use super::{Fault, Mode, Scenario, World};
use crate::planted::{Mistake, with_mistake};

#[test]
#[ignore = "make simulate-tables prints them"]
fn tables() {
    println!("### One renewal, with a store of your own\n");
    println!(
        "| processes | due | loads per process | most operations in a second | 401s | until all have the new token |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: |");
    for processes in [100, 1_000, 10_000] {
        for jitter in [false, true] {
            one_renewal(processes, jitter);
        }
    }
    println!("\n### An endpoint that rejects every token: renewals in an hour\n");
    println!("| processes | pauses of the family | pauses of each process |");
    println!("| ---: | ---: | ---: |");
    for processes in [1, 5, 50] {
        let renewals = |planted| bad_endpoint(processes, planted);
        println!("| {processes} | {} | {} |", renewals(None), renewals(Some(Mistake::PauseForEachProcess)));
    }
    println!("\n### Renewals that time out after 30 s: how long callers wait, of their time\n");
    println!("| processes | pauses of the family | pauses of each process |");
    println!("| ---: | ---: | ---: |");
    for processes in [1, 5, 50] {
        let waiting = |planted| 100.0 * hanging(processes, planted);
        println!("| {processes} | {:.0} % | {:.0} % |", waiting(None), waiting(Some(Mistake::PauseForEachProcess)));
    }
}

/// With pauses of its own, each process would wait for its own time-out, and make the others wait.
#[test]
#[ignore = "make simulate runs it, with optimization"]
fn a_platform_that_hangs_does_not_cost_more_with_many_processes() {
    let (one, many) = (hanging(1, None), hanging(20, None));
    assert!(many < one + 0.2, "callers wait for {many:.2} of their time, with one process for {one:.2}");
    let planted = hanging(20, Some(Mistake::PauseForEachProcess));
    assert!(planted > one + 0.3, "the planted mistake was not found: {planted:.2}, with one process {one:.2}");
}

fn one_renewal(processes: usize, jitter: bool) {
    let scenario = Scenario { mode: Mode::Store, processes, threads: 1, seconds: 0, window: (60, jitter), ..BASE };
    let world = run(&scenario, None);
    let (store, judge) = (&world.store, &world.judge);
    let loads = (store.loads.get() - processes as u64) as f64 / processes as f64;
    let seconds = (judge.last_change.get() - judge.first_renewal.get()) as f64 / SECOND as f64;
    let due = if jitter { "60 to 120 s before the expiry" } else { "60 s before the expiry" };
    let (busiest, rejected) = (store.busiest.get(), judge.rejected.get());
    println!("| {processes} | {due} | {loads:.1} | {busiest} | {rejected} | {seconds:.0} s |");
}

fn bad_endpoint(processes: usize, planted: Option<Mistake>) -> u64 {
    let scenario = Scenario { processes, threads: 1, seconds: 2700, bad_endpoint: true, ..BASE };
    run(&scenario, planted).platform.renewals.get()
}

/// The token is due for renewal, but still valid, and the platform does not answer.
fn hanging(processes: usize, planted: Option<Mistake>) -> f64 {
    let scenario = Scenario {
        processes,
        threads: 4,
        seconds: 0,
        window: (3600, false), // due after half of its life
        every: 1,
        faults: &[Fault::PlatformHangs],
        ..BASE
    };
    let world = World::new(&scenario, 1);
    world.platform.hangs_until.set(u64::MAX);
    with_mistake(planted, || world.run_until_expiry());
    world.judge.waited.get() as f64 / (processes * 4) as f64 / (290 * SECOND) as f64
}

fn run(scenario: &Scenario, planted: Option<Mistake>) -> std::rc::Rc<World> {
    let world = World::new(scenario, 1);
    with_mistake(planted, || world.run());
    world
}
