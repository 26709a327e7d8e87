//! Virtual time and threads: coroutines that take turns in a random order, which a seed decides.
//!
//! Every operation on a file, a store or the platform is a step: before it takes effect, others may run, and the
//! process may be stopped or killed. What waits for a lock, a condition variable or a time waits here.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::Duration;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

pub(super) type Nanoseconds = u64;

pub(super) const MILLISECOND: Nanoseconds = 1_000_000;
pub(super) const SECOND: Nanoseconds = 1_000 * MILLISECOND;

/// Virtual memory: only what is used costs anything.
const STACK: usize = 256 << 10;

/// SplitMix64.
pub struct Random(Cell<u64>);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(Cell::new(seed))
    }

    pub fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut bits = self.0.get();
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn below(&self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in so many of a thousand cases.
    pub fn per_mille(&self, chance: u64) -> bool {
        self.below(1000) < chance
    }
}

type Thread = Coroutine<(), Wait, (), DefaultStack>;

/// What a thread waits for: a time, and perhaps a condition variable.
struct Wait {
    until: Nanoseconds,
    signal: Option<usize>,
}

/// When a task runs next, in this order: the time, a random number, the entry's number, the task.
type Entry = (Nanoseconds, u64, u64, usize);

struct Task {
    process: usize,
    thread: Option<Thread>,
    signal: Option<usize>,
    /// The only entry of the queue that counts.
    entry: u64,
}

/// One run.
pub struct Engine {
    pub random: Random,
    time: Cell<Nanoseconds>,
    steps: Cell<u64>,
    tasks: RefCell<Vec<Task>>,
    free: RefCell<Vec<usize>>,
    queue: RefCell<BinaryHeap<Reverse<Entry>>>,
    entries: Cell<u64>,
    /// Until when each process is stopped.
    stopped: RefCell<Vec<Nanoseconds>>,
    stacks: RefCell<Vec<DefaultStack>>,
}

thread_local! {
    static ENGINE: RefCell<Option<Rc<Engine>>> = const { RefCell::new(None) };
    static YIELDER: Cell<*const Yielder<(), Wait>> = const { Cell::new(std::ptr::null()) };
    /// A process is being killed: its destructors run, and must have no effect outside.
    static DYING: Cell<bool> = const { Cell::new(false) };
}

impl Engine {
    pub fn start(seed: u64, processes: usize) -> Rc<Engine> {
        let engine = Rc::new(Engine {
            random: Random::new(seed),
            time: Cell::new(1000 * SECOND),
            steps: Cell::new(0),
            tasks: RefCell::default(),
            free: RefCell::default(),
            queue: RefCell::default(),
            entries: Cell::new(0),
            stopped: RefCell::new(vec![0; processes]),
            stacks: RefCell::default(),
        });
        ENGINE.set(Some(engine.clone()));
        engine
    }

    pub fn end(&self) {
        let processes = self.stopped.borrow().len();
        for process in 0..processes {
            self.kill(process);
        }
        ENGINE.set(None);
    }

    pub fn time(&self) -> Nanoseconds {
        self.time.get()
    }

    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// The machine sleeps: all clocks advance, nobody runs.
    pub fn advance(&self, by: Nanoseconds) {
        self.time.set(self.time.get() + by);
    }

    pub fn spawn(&self, process: usize, body: impl FnOnce() + 'static) {
        let stack = self.stacks.borrow_mut().pop();
        let stack = stack.unwrap_or_else(|| DefaultStack::new(STACK).expect("memory for a stack"));
        let thread = Coroutine::with_stack(stack, move |yielder: &Yielder<(), Wait>, ()| {
            YIELDER.set(yielder);
            body();
        });
        let task = Task { process, thread: Some(thread), signal: None, entry: 0 };
        let index = match self.free.borrow_mut().pop() {
            Some(index) => {
                self.tasks.borrow_mut()[index] = task;
                index
            }
            None => {
                self.tasks.borrow_mut().push(task);
                self.tasks.borrow().len() - 1
            }
        };
        self.enqueue(index, self.time.get());
    }

    fn enqueue(&self, index: usize, when: Nanoseconds) {
        let entry = self.entries.get() + 1;
        self.entries.set(entry);
        self.tasks.borrow_mut()[index].entry = entry;
        self.queue.borrow_mut().push(Reverse((when, self.random.next(), entry, index)));
    }

    /// When the next thread runs; `None` if none is left.
    pub fn next(&self) -> Option<Nanoseconds> {
        let mut queue = self.queue.borrow_mut();
        while let Some(&Reverse((when, _, entry, index))) = queue.peek() {
            if self.tasks.borrow()[index].entry == entry {
                return Some(when);
            }
            queue.pop();
        }
        None
    }

    /// Runs the next thread for one step.
    pub fn run_one(&self) {
        if self.next().is_none() {
            return;
        }
        let Some(Reverse((when, _, _, index))) = self.queue.borrow_mut().pop() else { return };
        self.time.set(self.time.get().max(when));
        let process = self.tasks.borrow()[index].process;
        let stopped = self.stopped.borrow()[process];
        if stopped > self.time.get() {
            self.enqueue(index, stopped);
            return;
        }
        let (mut thread, old) = {
            let task = &mut self.tasks.borrow_mut()[index];
            task.signal = None;
            (task.thread.take().expect("a thread that has not ended"), task.entry)
        };
        self.steps.set(self.steps.get() + 1);
        let yielder = YIELDER.get();
        let result = thread.resume(());
        YIELDER.set(yielder);
        match result {
            CoroutineResult::Yield(wait) => {
                {
                    let task = &mut self.tasks.borrow_mut()[index];
                    assert_eq!(task.entry, old, "a thread that runs is in no queue");
                    task.thread = Some(thread);
                    task.signal = wait.signal;
                }
                self.enqueue(index, wait.until);
            }
            CoroutineResult::Return(()) => {
                self.stacks.borrow_mut().push(thread.into_stack());
                self.forget(index);
            }
        }
    }

    fn forget(&self, index: usize) {
        let task = &mut self.tasks.borrow_mut()[index];
        task.entry = 0;
        task.signal = None;
        task.process = usize::MAX;
        self.free.borrow_mut().push(index);
    }

    /// Ends all threads of a process where they are.
    pub fn kill(&self, process: usize) {
        self.stopped.borrow_mut()[process] = 0;
        let count = self.tasks.borrow().len();
        for index in 0..count {
            let thread = {
                let task = &mut self.tasks.borrow_mut()[index];
                if task.process == process { task.thread.take() } else { continue }
            };
            if let Some(mut thread) = thread {
                self.dying(|| thread.force_unwind());
                self.stacks.borrow_mut().push(thread.into_stack());
            }
            self.forget(index);
        }
    }

    /// Runs destructors of a process that is killed.
    pub fn dying(&self, action: impl FnOnce()) {
        let yielder = YIELDER.replace(std::ptr::null());
        DYING.set(true);
        action();
        DYING.set(false);
        YIELDER.set(yielder);
    }

    pub fn stop(&self, process: usize, duration: Nanoseconds) {
        let until = &mut self.stopped.borrow_mut()[process];
        *until = (*until).max(self.time.get() + duration);
    }

    pub fn stopped_until(&self, process: usize) -> Nanoseconds {
        self.stopped.borrow()[process]
    }

    pub fn is_stopped(&self, process: usize) -> bool {
        self.stopped.borrow()[process] > self.time.get()
    }

    fn wake(&self, signal: usize) {
        let waiting: Vec<usize> = {
            let tasks = self.tasks.borrow();
            (0..tasks.len()).filter(|&index| tasks[index].signal == Some(signal)).collect()
        };
        for index in waiting {
            self.tasks.borrow_mut()[index].signal = None;
            self.enqueue(index, self.time.get());
        }
    }
}

pub fn current() -> Option<Rc<Engine>> {
    ENGINE.with_borrow(Option::clone)
}

/// Whether the process that runs is being killed.
pub fn is_dying() -> bool {
    DYING.get()
}

#[allow(unsafe_code, reason = "destructors need the yielder of the thread that runs, and get no argument")]
fn suspend(wait: Wait) {
    let yielder = YIELDER.get();
    if is_dying() || yielder.is_null() {
        return;
    }
    // SAFETY: a coroutine stores its yielder when it starts and after each resumption, and it lives until it ends.
    unsafe { (*yielder).suspend(wait) };
    YIELDER.set(yielder);
}

/// One step that takes up to so long.
pub fn step(longest: Nanoseconds) {
    if let Some(engine) = current() {
        let until = engine.time() + 1 + engine.random.below(longest);
        suspend(Wait { until, signal: None });
    }
}

pub fn sleep(time: Nanoseconds) {
    if let Some(engine) = current() {
        suspend(Wait { until: engine.time() + time, signal: None });
    }
}

pub fn is_running() -> bool {
    current().is_some()
}

/// Waits for a condition variable, whose mutex is not held any more.
pub fn wait(signal: usize, limit: Duration) {
    if let Some(engine) = current() {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        suspend(Wait { until: engine.time().saturating_add(limit), signal: Some(signal) });
    }
}

pub fn notify_all(signal: usize) {
    if let Some(engine) = current() {
        engine.wake(signal);
    }
}
