//! What runs on the trainer thread: the one place where every tensor of a training lives.
//!
//! The thread outlives every run and every panic inside one: burn keeps a stream and a memory pool
//! per thread, so that a new thread for each run would leak them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use burn::prelude::Device;
use crossbeam_channel::{Receiver, Sender, TryRecvError};

use super::device;
use super::device::traffic::{Counting, Traffic};
use super::device::tuning::Watch;
use super::feed::Feed;
use super::handle::{Control, Job, Slots, TrainerEvent};
use super::lane::{Lane, PANIC, guarded};
use super::session::Session;
use crate::run::store::Store;
use crate::run::{Outcome, RunEvent};

pub enum Message {
    Start(Vec<Job>, Store),
    /// One more lane.
    Add(Box<Job>),
    Control(Control),
}

/// Least time between two glances at a lane's batch.
const GLANCE_EVERY: Duration = Duration::from_millis(400);

/// Everyone who listens is gone: keep what was learned and end.
struct Gone;

pub struct Trainer {
    inbox: Receiver<Message>,
    outbox: Sender<TrainerEvent>,
    slots: Arc<Mutex<Slots>>,
    busy: Arc<AtomicBool>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Kept after they finished, for previews, until the next start.
    lanes: Vec<Option<Lane>>,
    shown: Option<usize>,
    /// The lane whose batch is looked at, and when it last was.
    glancing: Option<usize>,
    glanced: Option<Instant>,
    paused: bool,
    stopping: bool,
    /// Where the lanes are recorded.
    store: Option<Store>,
    /// Batches that lanes share, with the jobs they were made for.
    feeds: Vec<(Job, Arc<Feed>)>,
    on_gpu: bool,
    /// What a step of each lane asks of the GPU, as it was last told.
    traffic: Vec<Traffic>,
}

impl Trainer {
    pub fn new(
        inbox: Receiver<Message>,
        outbox: Sender<TrainerEvent>,
        slots: Arc<Mutex<Slots>>,
        busy: Arc<AtomicBool>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            inbox,
            outbox,
            slots,
            busy,
            wake,
            lanes: Vec::new(),
            shown: None,
            glancing: None,
            glanced: None,
            paused: false,
            stopping: false,
            store: None,
            feeds: Vec::new(),
            on_gpu: false,
            traffic: Vec::new(),
        }
    }

    /// Until the handle is dropped.
    pub fn run(mut self) {
        while let Ok(message) = self.inbox.recv() {
            match message {
                Message::Start(jobs, store) => {
                    if self.train(&jobs, store).is_err() {
                        return;
                    }
                }
                Message::Control(Control::Preview(item)) => self.show(item),
                Message::Control(Control::Glance(lane)) => self.glancing = lane,
                // The training that it was meant for has just ended.
                Message::Add(job) => {
                    log::warn!("“{}” came too late to be added to a race", job.name);
                }
                // Nothing runs: nothing to pause, resume or stop.
                Message::Control(
                    Control::Pause
                    | Control::Resume
                    | Control::Stop
                    | Control::StopLane(_)
                    | Control::HoldLane(..),
                ) => {}
            }
        }
    }

    fn train(&mut self, jobs: &[Job], store: Store) -> Result<(), Gone> {
        self.lanes.clear();
        *self.slots() = Slots::default();
        (self.paused, self.stopping, self.on_gpu) = (false, false, false);
        self.traffic.clear();
        self.store = Some(store);
        let result = self.open(jobs).and_then(|()| {
            let _watch = self.on_gpu.then(|| self.watch_tuning());
            let _counting = self.on_gpu.then(Counting::start);
            self.step_until_done()
        });
        self.feeds.clear();
        if result.is_err() {
            for lane in self.lanes.iter_mut().flatten().filter(|l| !l.is_done()) {
                let _ = lane.stop();
            }
        }
        self.busy.store(false, Ordering::SeqCst);
        result?;
        self.send(TrainerEvent::Idle)
    }

    fn open(&mut self, jobs: &[Job]) -> Result<(), Gone> {
        for job in jobs {
            self.open_lane(job)?;
        }
        self.refresh();
        Ok(())
    }

    /// One more lane, behind the others.
    fn open_lane(&mut self, job: &Job) -> Result<(), Gone> {
        let index = self.lanes.len();
        self.slots().previews.push(None);
        let (feeds, on_gpu) = (&mut self.feeds, &mut self.on_gpu);
        let opened = match &self.store {
            Some(store) => Lane::open(job, store, |job| make_session(job, feeds, on_gpu)),
            None => Err("there is no folder for runs".to_owned()),
        };
        match opened {
            Ok(mut lane) => {
                let id = lane.id().to_owned();
                let (past, anew) = lane.take_past();
                let lane_opened = TrainerEvent::Opened {
                    lane: index,
                    id,
                    past,
                };
                self.send(lane_opened)?;
                if let Some(why) = anew {
                    self.send(TrainerEvent::Anew { lane: index, why })?;
                }
                let events = lane.start();
                self.lanes.push(Some(lane));
                self.forward(index, events)
            }
            Err(message) => {
                self.lanes.push(None);
                let failed = RunEvent::Finished {
                    outcome: Outcome::Failed { message },
                    step: 0,
                    secs: 0.0,
                };
                self.forward(index, vec![failed])
            }
        }
    }

    /// Says how many kernels the GPU was given, while it is given more.
    fn watch_tuning(&self) -> Option<Watch> {
        let (outbox, wake) = (self.outbox.clone(), Arc::clone(&self.wake));
        Watch::start(move |kernels| {
            // Nobody listens any more: the trainer itself will notice.
            let _ = outbox.send(TrainerEvent::Tuned { kernels });
            wake();
        })
    }

    /// Steps the lanes in turn; commands are answered before each step.
    fn step_until_done(&mut self) -> Result<(), Gone> {
        loop {
            let mut any = false;
            for index in 0..self.lanes.len() {
                self.obey()?;
                // A command may have ended it.
                let Some(lane) = self.lanes[index].as_mut().filter(|lane| !lane.is_done()) else {
                    continue;
                };
                any = true;
                let events = if self.stopping {
                    lane.stop()
                } else if lane.is_held() {
                    continue;
                } else {
                    let glance = self.glancing == Some(index)
                        && self.glanced.is_none_or(|at| at.elapsed() > GLANCE_EVERY);
                    if glance {
                        lane.glance_next();
                    }
                    lane.step()
                };
                let (glance, traffic) = (lane.take_glance(), lane.traffic());
                if let Some(glance) = glance {
                    self.slots().glance = Some((index, glance));
                    self.glanced = Some(Instant::now());
                }
                let validated = events
                    .iter()
                    .any(|event| matches!(event, RunEvent::Validated { .. }));
                if validated && let Some(item) = self.shown {
                    self.show_lane(index, item);
                }
                self.forward(index, events)?;
                self.tell_traffic(index, traffic)?;
            }
            if !any {
                return Ok(());
            }
        }
    }

    /// Tells what a step asks of a GPU when it asks for something else than the last.
    fn tell_traffic(&mut self, lane: usize, traffic: Option<Traffic>) -> Result<(), Gone> {
        let Some(traffic) = traffic.filter(|_| self.on_gpu) else {
            return Ok(());
        };
        self.traffic.resize(self.lanes.len(), Traffic::default());
        if std::mem::replace(&mut self.traffic[lane], traffic) == traffic {
            return Ok(());
        }
        self.send(TrainerEvent::Traffic { lane, traffic })
    }

    /// Whether there are lanes, and each of them waits.
    fn all_held(&self) -> bool {
        let mut lanes = self.lanes.iter().flatten().filter(|lane| !lane.is_done());
        let first = lanes.next();
        first.is_some_and(Lane::is_held) && lanes.all(Lane::is_held)
    }

    /// Takes every waiting command; waits for more while paused.
    fn obey(&mut self) -> Result<(), Gone> {
        loop {
            let message = if self.paused || (!self.stopping && self.all_held()) {
                self.inbox.recv().map_err(|_| Gone)?
            } else {
                match self.inbox.try_recv() {
                    Ok(message) => message,
                    Err(TryRecvError::Empty) => return Ok(()),
                    Err(TryRecvError::Disconnected) => return Err(Gone),
                }
            };
            match message {
                Message::Control(Control::Pause) if !self.paused => {
                    self.paused = true;
                    self.send(TrainerEvent::Paused)?;
                }
                Message::Control(Control::Resume) if self.paused => {
                    self.paused = false;
                    self.send(TrainerEvent::Resumed)?;
                }
                Message::Control(Control::Stop) => {
                    (self.stopping, self.paused) = (true, false);
                }
                Message::Control(Control::StopLane(index)) => {
                    let lane = self.lanes.get_mut(index).and_then(Option::as_mut);
                    if let Some(lane) = lane.filter(|lane| !lane.is_done()) {
                        let events = lane.stop();
                        self.forward(index, events)?;
                    }
                }
                Message::Control(Control::HoldLane(index, held)) => self.hold(index, held)?,
                Message::Add(job) => {
                    self.open_lane(&job)?;
                    self.refresh();
                }
                Message::Control(Control::Preview(item)) => self.show(item),
                Message::Control(Control::Glance(lane)) => {
                    (self.glancing, self.glanced) = (lane, None);
                }
                Message::Control(Control::Pause | Control::Resume) => {}
                Message::Start(..) => log::error!("asked to train while training"),
            }
        }
    }

    /// Lets one lane wait, or go on. One that could not is ended.
    fn hold(&mut self, index: usize, held: bool) -> Result<(), Gone> {
        let lane = self.lanes.get_mut(index).and_then(Option::as_mut);
        let Some(lane) = lane.filter(|lane| !lane.is_done() && lane.is_held() != held) else {
            return Ok(());
        };
        let events = lane.hold(held);
        self.send(TrainerEvent::Held { lane: index, held })?;
        self.forward(index, events)
    }

    /// Shows `item` now and at each validation from now on.
    fn show(&mut self, item: usize) {
        self.shown = Some(item);
        self.refresh();
    }

    fn refresh(&mut self) {
        if let Some(item) = self.shown {
            for index in 0..self.lanes.len() {
                self.show_lane(index, item);
            }
        }
    }

    fn show_lane(&mut self, index: usize, item: usize) {
        let Some(preview) = self.lanes[index]
            .as_mut()
            .and_then(|lane| lane.preview(index, item))
        else {
            return;
        };
        if let Some(slot) = self.slots().previews.get_mut(index) {
            *slot = Some(preview);
        }
        (self.wake)();
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forward(&self, lane: usize, events: Vec<RunEvent>) -> Result<(), Gone> {
        for event in events {
            self.send(TrainerEvent::Run { lane, event })?;
        }
        Ok(())
    }

    fn send(&self, event: TrainerEvent) -> Result<(), Gone> {
        self.outbox.send(event).map_err(|_| Gone)?;
        (self.wake)();
        Ok(())
    }
}

/// A session on the device its configuration names; lanes that see the same data share batches.
fn make_session(
    job: &Job,
    feeds: &mut Vec<(Job, Arc<Feed>)>,
    on_gpu: &mut bool,
) -> Result<Session, String> {
    let (device, info, message) = device::open_or_cpu(&job.config.train.device)?;
    let same = |other: &Job| {
        let (a, b) = (&job.config, &other.config);
        Arc::ptr_eq(&job.dataset, &other.dataset)
            && a.data == b.data
            && (a.train.batch, a.train.seed) == (b.train.batch, b.train.seed)
            && (a.train.epochs, a.train.steps) == (b.train.epochs, b.train.steps)
    };
    let shared = feeds.iter().find(|(other, _)| same(other));
    let feed = match shared {
        Some((_, feed)) => Arc::clone(feed),
        None => {
            let feed = Session::feed(&job.config, &job.dataset, &device, 0)
                .map_err(|error| error.to_string())?;
            feeds.push((job.clone(), Arc::clone(&feed)));
            feed
        }
    };
    let session = |device: &Device, name: &str| {
        let (dataset, feed) = (Arc::clone(&job.dataset), Arc::clone(&feed));
        Session::with_feed(&job.config, dataset, feed, device, name)
            .map_err(|error| error.to_string())
    };
    let opened = guarded(|| session(&device, &info.name));
    let (mut opened, message, gpu) = match opened {
        Ok(opened) => (opened, message, info.adapter.is_some()),
        // Passed its check, and gives up now.
        Err(problem) if info.adapter.is_some() && problem.starts_with(PANIC) => {
            let (device, cpu) = device::open("cpu")?;
            let message = device::fallback(&info.name, &problem);
            (session(&device, &cpu.name)?, Some(message), false)
        }
        Err(problem) => return Err(problem),
    };
    *on_gpu |= gpu;
    opened.elsewhere = message;
    Ok(opened)
}
