//! Races: one after the other out of the queue, lanes that join and leave.

use super::clerk::Clerk;
use super::notices::Level;
use super::{Lab, Opened};
use crate::experiment::plan::{Lane, Plan};
use crate::finding::counted;
use crate::run::queue::{Change, Queue, Runner, Waiting};
use crate::train::handle::{Control, Job};

/// What waits, and what of it is being trained.
pub struct Racing {
    /// What waits, the race that is being trained in front; as it was last read.
    pub queue: Queue,
    clerk: Clerk,
    /// The race of the queue that is being trained.
    running: Option<u64>,
    /// The next starts by itself; with the right to train the queue, which one program has.
    going: Option<Runner>,
    /// Whether it was said that something waits from before.
    greeted: bool,
}

impl Racing {
    pub fn new(clerk: Clerk) -> Self {
        Self {
            queue: Queue::default(),
            clerk,
            running: None,
            going: None,
            greeted: false,
        }
    }

    /// Whether the next race starts by itself.
    #[must_use]
    pub fn is_going(&self) -> bool {
        self.going.is_some()
    }

    /// Races behind the one that is being trained.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        let running = self.running;
        self.queue
            .races
            .iter()
            .filter(move |race| Some(race.id) != running)
    }
}

impl Lab {
    /// Puts the plan's races behind those that wait, and starts the first if nothing trains.
    pub fn start_plan(&mut self, plan: &Plan) {
        self.enqueue(plan);
        self.go_on();
    }

    /// Puts the plan's races behind those that wait.
    pub fn enqueue(&mut self, plan: &Plan) {
        self.racing.greeted = true;
        self.racing.clerk.ask(Change::Add(plan.races()));
    }

    /// The file of the queue has changed: reads it.
    pub(super) fn look_at_queue(&mut self) {
        self.racing.clerk.ask(Change::Look);
    }

    /// Trains what waits, race after race.
    pub fn go_on(&mut self) {
        if self.racing.going.is_some() {
            return;
        }
        match Runner::claim(&self.home) {
            Ok(right) => {
                self.racing.going = Some(right);
                // Nothing else may happen that has the next race started.
                self.wake_up();
            }
            Err(message) => self.notices.push(Level::Warning, message),
        }
    }

    /// Lets what waits wait; what trains is not touched.
    pub fn hold(&mut self) {
        self.racing.going = None;
    }

    pub fn remove_waiting(&mut self, id: u64) {
        self.racing.clerk.ask(Change::Remove(id));
    }

    /// Ends one lane of the race; what it learned is kept.
    pub fn drop_lane(&mut self, index: usize) {
        self.trainer.control(Control::StopLane(index));
    }

    /// Lets one lane of the race wait while the others go on, or go on from where it stood.
    pub fn hold_lane(&mut self, index: usize, held: bool) {
        self.trainer.control(Control::HoldLane(index, held));
    }

    /// One more lane beside those that train, on the same images.
    pub fn add_lane(&mut self, lane: Lane) {
        let Some(dataset) = self.dataset().cloned() else {
            return;
        };
        let job = Job {
            name: lane.name,
            config: lane.config,
            dataset,
            resume: None,
        };
        match self.trainer.add(job.clone()) {
            Ok(()) => self.live.push(&job),
            Err(message) => self.notices.push(Level::Warning, message),
        }
    }

    /// Folds in what the clerk says, and starts the next race when its turn has come.
    pub(super) fn fold_racing(&mut self) {
        match self.racing.clerk.poll() {
            Some(Ok(queue)) => {
                self.racing.queue = queue;
                self.greet();
            }
            Some(Err(message)) => {
                self.hold();
                self.notices.push(Level::Error, message);
            }
            None => {}
        }
        self.start_next();
    }

    /// Once: something waits from before.
    fn greet(&mut self) {
        let lanes = self.racing.queue.lanes();
        if !std::mem::replace(&mut self.racing.greeted, true) && lanes > 0 {
            let races = self.racing.queue.races.len();
            self.notices.push(
                Level::Info,
                format!(
                    "{} with {} from before {}: go on under Race (Ctrl+R)",
                    counted(races, ["race", "races"]),
                    counted(lanes, ["lane", "lanes"]),
                    if races == 1 { "waits" } else { "wait" }
                ),
            );
        }
    }

    fn start_next(&mut self) {
        if self.racing.going.is_none() || self.is_busy() || !self.racing.clerk.is_settled() {
            return;
        }
        self.racing.running = None;
        let Some(race) = self.racing.queue.races.first().cloned() else {
            self.hold();
            return;
        };
        match self.images_for(&race.lanes) {
            Images::Ready => {}
            Images::Opening => return,
            Images::Missing => {
                self.hold();
                let text = "the queue is held: the images of its next race can't be opened";
                self.notices.push(Level::Error, text);
                return;
            }
        }
        let begun = race.runs();
        let lanes = race.lanes.into_iter().zip(begun);
        let entry = |(lane, run): (Lane, _)| (lane.name, lane.config, run);
        self.start_lanes(lanes.map(entry).collect());
        if self.is_busy() {
            self.racing.running = Some(race.id);
        } else {
            // Why was said.
            self.hold();
        }
    }

    /// Opens the images that these lanes train on, unless they are open.
    fn images_for(&mut self, lanes: &[Lane]) -> Images {
        let Some(lane) = lanes.first() else {
            return Images::Ready;
        };
        let wanted = &lane.config.data;
        let same = |a: &crate::data::DataConfig| {
            a.reading() == wanted.reading() && a.splitting() == wanted.splitting()
        };
        match &self.dataset {
            Opened::Opening { .. } if same(&self.opened) => Images::Opening,
            Opened::Ready(_) if same(&self.opened) => Images::Ready,
            Opened::Failed { .. } if same(&self.opened) => Images::Missing,
            _ => {
                self.draft.data = wanted.clone();
                self.reopen();
                Images::Opening
            }
        }
    }

    /// A lane of the present training has a run: with it, it goes on after a restart.
    pub(super) fn lane_began(&mut self, name: &str, run: &str) {
        if let Some(id) = self.racing.running {
            let change = Change::LaneBegun(id, name.to_owned(), run.to_owned());
            self.racing.clerk.ask(change);
        }
    }

    /// A lane of the present training has ended; `stopped` by the user.
    pub(super) fn lane_ended(&mut self, name: &str, stopped: bool) {
        if let Some(id) = self.racing.running {
            let change = Change::LaneDone(id, name.to_owned());
            self.racing.clerk.ask(change);
        }
        if stopped && self.is_stopping() && self.racing.waiting().next().is_some() {
            self.hold();
        }
    }
}

enum Images {
    Ready,
    Opening,
    Missing,
}
