//! What becomes of the runs on disk: the window is not alone in recording, naming and throwing away.
//!
//! A thread looks every few seconds at what tells a run that has changed from one that has not, and
//! reads only those that have. While nothing changes, the window is not woken.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use rayon::prelude::*;

use super::notices::Level;
use super::{Lab, reading};
use crate::run::Run;
use crate::run::queue;
use crate::run::store::Store;
use crate::run::survey::Mark;

/// Between two looks, at least …
const SHORTEST: Duration = Duration::from_secs(2);
/// … and at most, …
const LONGEST: Duration = Duration::from_secs(20);
/// … in times of what it takes to look at all, and to read what has changed.
const TIMES_LOOKING: u32 = 500;
const TIMES_READING: u32 = 20;
/// A folder that was touched within this time may be a run that is just being made.
const SETTLED: Duration = Duration::from_secs(10);
/// Runs that are told of at a time: the newest, a screen full of them, are seen while others are read.
const AT_ONCE: usize = 64;

/// What has happened since the last look.
#[derive(Debug, Default)]
pub struct News {
    /// New ones and those that have changed, without curves.
    runs: Vec<Run>,
    /// Ids of runs that are not there any more.
    gone: Vec<String>,
    problems: Vec<String>,
    /// The file of the queue was written.
    queue: bool,
}

impl News {
    fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.gone.is_empty() && self.problems.is_empty() && !self.queue
    }
}

enum Ask {
    Look,
    /// Tell of every run again.
    Anew,
}

/// The thread's other end.
pub struct Watcher {
    asks: Sender<Ask>,
    news: Receiver<News>,
}

impl Watcher {
    /// `wake` is called when there are news.
    #[must_use]
    pub fn start(home: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (asks, inbox) = unbounded();
        let (outbox, news) = unbounded();
        let mut eyes = Eyes::new(home);
        let work = move || {
            let mut anew = false;
            loop {
                // Nothing that is found may end the looking: the list would stand still in silence.
                let mut heard = true;
                let mut tell = |news: News| {
                    if heard && !news.is_empty() {
                        heard = outbox.send(news).is_ok();
                        wake();
                    }
                };
                let found = crate::train::lane::guarded(|| Ok(eyes.look(anew, &mut tell)));
                let pause = found.unwrap_or_else(|message| {
                    tell(News {
                        problems: vec![format!("runs: {message}")],
                        ..News::default()
                    });
                    LONGEST
                });
                if !heard {
                    return;
                }
                anew = match inbox.recv_timeout(pause) {
                    Ok(Ask::Anew) => true,
                    Ok(Ask::Look) | Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                anew |= inbox.try_iter().any(|ask| matches!(ask, Ask::Anew));
            }
        };
        let spawned = std::thread::Builder::new()
            .name("watch runs".to_owned())
            .spawn(work);
        if let Err(error) = spawned {
            log::error!("recorded runs are not listed: {error}");
        }
        Self { asks, news }
    }

    /// Looks at once.
    pub fn look(&self) {
        // Without its thread nothing is listed, which was said.
        let _ = self.asks.send(Ask::Look);
    }

    /// Looks at once, and tells of every run again.
    pub fn look_anew(&self) {
        let _ = self.asks.send(Ask::Anew);
    }
}

/// What was seen last.
struct Eyes {
    home: PathBuf,
    store: Store,
    known: HashMap<String, Mark>,
    /// Problems that were told, by run; that of the whole folder under no name.
    told: HashMap<String, String>,
    queue: Option<SystemTime>,
    settled: Duration,
}

impl Eyes {
    fn new(home: PathBuf) -> Self {
        Self {
            store: Store::new(home.join("runs")),
            known: HashMap::new(),
            told: HashMap::new(),
            queue: queue::changed(&home),
            home,
            settled: SETTLED,
        }
    }

    /// Tells what has happened, and returns when to look again.
    fn look(&mut self, anew: bool, tell: &mut dyn FnMut(News)) -> Duration {
        let start = Instant::now();
        let mut news = News::default();
        let queue = queue::changed(&self.home);
        news.queue = std::mem::replace(&mut self.queue, queue) != queue;
        let marks = self.store.marks();
        let looking = start.elapsed();
        match marks {
            Ok(marks) => {
                self.told.remove("");
                self.read(marks, anew, &mut news, tell);
            }
            Err(error) => self.tell("", error.to_string(), &mut news),
        }
        tell(news);
        let reading = start.elapsed().saturating_sub(looking);
        let pause = looking * TIMES_LOOKING + reading * TIMES_READING;
        pause.clamp(SHORTEST, LONGEST)
    }

    /// Newest first, and told of in parts; what is left of the news is told of later.
    fn read(
        &mut self,
        marks: HashMap<String, Mark>,
        anew: bool,
        news: &mut News,
        tell: &mut dyn FnMut(News),
    ) {
        let known = std::mem::replace(&mut self.known, marks);
        let gone = known.keys().filter(|id| !self.known.contains_key(*id));
        news.gone = gone.cloned().collect();
        let changed = |(id, mark): &(&String, &Mark)| anew || known.get(*id) != Some(*mark);
        let changed = self.known.iter().filter(changed);
        let mut changed: Vec<(String, Mark)> =
            changed.map(|(id, mark)| (id.clone(), *mark)).collect();
        changed.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        for part in changed.chunks(AT_ONCE) {
            tell(std::mem::take(news));
            self.read_part(part, news);
        }
    }

    fn read_part(&mut self, part: &[(String, Mark)], news: &mut News) {
        let store = &self.store;
        let read: Vec<_> =
            reading::apart(|| part.par_iter().map(|(id, _)| store.glance(id)).collect());
        for ((id, mark), result) in part.iter().zip(read) {
            match result {
                Ok(run) => {
                    self.told.remove(id);
                    news.runs.push(run);
                }
                // Thrown away meanwhile, as the next look sees.
                Err(_) if !self.store.dir(id).exists() => {}
                Err(_) if self.is_young(*mark) => {
                    self.known.remove(id);
                }
                Err(error) => self.tell(id, error.to_string(), news),
            }
        }
    }

    fn is_young(&self, mark: Mark) -> bool {
        let age = mark.touched.and_then(|touched| touched.elapsed().ok());
        age.is_some_and(|age| age < self.settled)
    }

    /// Each problem is told once.
    fn tell(&mut self, of: &str, problem: String, news: &mut News) {
        let before = self.told.insert(of.to_owned(), problem.clone());
        if before.as_ref() != Some(&problem) {
            news.problems.push(problem);
        }
    }
}

impl Lab {
    /// Looks at once whether something has happened to the runs on disk; it does so now and then by
    /// itself.
    pub fn look_for_runs(&self) {
        self.watcher.look();
    }

    pub(super) fn fold_news(&mut self) {
        let all: Vec<News> = self.watcher.news.try_iter().collect();
        for news in all {
            for problem in news.problems {
                self.notices.push(Level::Warning, problem);
            }
            if news.queue {
                self.look_at_queue();
            }
            self.runs_changed(news.runs, &news.gone);
        }
    }

    fn runs_changed(&mut self, changed: Vec<Run>, gone: &[String]) {
        // A run that trains here is known better from its events.
        let live: HashSet<String> = match self.is_busy() {
            true => self.live.ids().into_iter().collect(),
            false => HashSet::new(),
        };
        let gone: HashSet<&String> = gone.iter().filter(|id| !live.contains(*id)).collect();
        self.runs.retain(|run| !gone.contains(&run.id));
        if self.active.as_ref().is_some_and(|id| gone.contains(id)) {
            self.active = None;
        }
        let places = self.runs.iter().enumerate();
        let places: HashMap<String, usize> = places.map(|(at, r)| (r.id.clone(), at)).collect();
        let mut grown = Vec::new();
        for run in changed {
            if live.contains(&run.id) {
                continue;
            }
            self.forgive(&run.id);
            match places.get(&run.id) {
                None => self.runs.push(run),
                Some(&at) if self.runs[at].is_brief() => self.runs[at] = run,
                Some(&at) => {
                    let known = &mut self.runs[at];
                    let same = known.in_brief() == run.in_brief()
                        && known.outcome == run.outcome
                        && known.findings.len() == run.findings.len();
                    (known.name, known.label) = (run.name, run.label);
                    if !same {
                        grown.push(run.id);
                    }
                }
            }
        }
        self.runs.sort_by(|a, b| b.id.cmp(&a.id));
        self.read_again(grown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ExperimentConfig;
    use crate::run::{Outcome, RunEvent};

    fn step(step: u64) -> RunEvent {
        RunEvent::Step {
            step,
            loss: 0.5,
            learning_rate: 0.1,
            grad_norm: 1.0,
            secs: step as f64,
        }
    }

    fn told(news: &News) -> (Vec<&str>, usize, usize) {
        let mut names: Vec<&str> = news.runs.iter().map(|run| run.name.as_str()).collect();
        names.sort_unstable();
        (names, news.gone.len(), news.problems.len())
    }

    /// All that a look tells, as one.
    fn look(eyes: &mut Eyes, anew: bool) -> News {
        let mut all = News::default();
        eyes.look(anew, &mut |news| {
            all.runs.extend(news.runs);
            all.gone.extend(news.gone);
            all.problems.extend(news.problems);
            all.queue |= news.queue;
        });
        all
    }

    #[test]
    fn the_newest_of_many_runs_are_told_of_first_and_every_run_once() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(home.path().join("runs"));
        let runs = 2 * AT_ONCE + 5;
        for at in 0..runs {
            store
                .create(&format!("{at:03}"), &ExperimentConfig::default())
                .unwrap();
        }
        let mut parts: Vec<Vec<String>> = Vec::new();
        let mut eyes = Eyes::new(home.path().to_path_buf());
        eyes.look(false, &mut |news| {
            parts.push(news.runs.into_iter().map(|run| run.id).collect());
        });
        parts.retain(|part| !part.is_empty());
        let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
        assert_eq!(lengths, [AT_ONCE, AT_ONCE, 5]);
        let told = parts.concat();
        assert!(told.is_sorted_by(|a, b| a > b), "newest first");
        assert_eq!(told.len(), runs);
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let home = tempfile::tempdir().unwrap();
        let mut eyes = Eyes::new(home.path().to_path_buf());
        let mut look = |anew| look(&mut eyes, anew);
        assert!(look(false).is_empty(), "there is not even a folder");
        let store = Store::new(home.path().join("runs"));
        let config = ExperimentConfig::default();
        let mut first = store.create("a", &config).unwrap();
        store.create("b", &config).unwrap();
        assert_eq!(told(&look(false)), (vec!["a", "b"], 0, 0));
        assert!(look(false).is_empty());
        first.append(&step(1)).unwrap();
        let news = look(false);
        assert_eq!(told(&news), (vec!["a"], 0, 0));
        assert_eq!(news.runs[0].in_brief().step, 1);
        assert!(look(false).is_empty());
        store.delete(&first.id).unwrap();
        assert_eq!(told(&look(false)), (vec![], 1, 0));
        assert_eq!(told(&look(true)), (vec!["b"], 0, 0), "asked for anew");
        queue::update(home.path(), queue::Change::Add(vec![Vec::new()])).unwrap();
        assert!(look(false).queue);
        assert!(look(false).is_empty());
    }

    #[test]
    fn a_folder_without_settings_is_a_run_in_the_making_at_first_and_later_one_problem() {
        let home = tempfile::tempdir().unwrap();
        let mut eyes = Eyes::new(home.path().to_path_buf());
        let dir = home.path().join("runs").join("20260101-000000-torn");
        std::fs::create_dir_all(&dir).unwrap();
        assert!(look(&mut eyes, false).is_empty(), "just made");
        eyes.settled = Duration::ZERO;
        assert_eq!(told(&look(&mut eyes, false)), (vec![], 0, 1));
        assert!(look(&mut eyes, false).is_empty());
        assert_eq!(told(&look(&mut eyes, true)), (vec![], 0, 0), "it was said");
    }

    fn wait(lab: &mut Lab, what: &str, done: impl Fn(&Lab) -> bool) {
        let start = Instant::now();
        while !done(lab) {
            assert!(start.elapsed().as_secs() < 60, "{what}");
            lab.look_for_runs();
            std::thread::sleep(Duration::from_millis(20));
            lab.tick();
        }
    }

    #[test]
    fn a_run_that_another_program_records_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let mut lab = Lab::new(home.path().to_path_buf(), Arc::new(|| {}));
        let store = Store::new(home.path().join("runs"));
        let mut recorder = store.create("a", &ExperimentConfig::default()).unwrap();
        recorder.append(&step(1)).unwrap();
        let id = recorder.id.clone();
        wait(&mut lab, "it is listed", |lab| lab.runs.len() == 1);
        // Its curves are asked for, as they are where it is ticked.
        let is = |lab: &Lab, points| lab.runs[0].steps.len() == points;
        lab.look_at([id.clone()].iter());
        wait(&mut lab, "its curve", |lab| is(lab, 1));
        for n in 2..=5 {
            recorder.append(&step(n)).unwrap();
        }
        wait(&mut lab, "its curve has grown", |lab| is(lab, 5));
        let finished = RunEvent::Finished {
            outcome: Outcome::Completed,
            step: 5,
            secs: 5.0,
        };
        recorder.append(&finished).unwrap();
        wait(&mut lab, "its end", |lab| lab.runs[0].outcome.is_some());
        assert!(is(&lab, 5));
        store.rename(&id, "b").unwrap();
        wait(&mut lab, "its name", |lab| lab.runs[0].name == "b");
        assert!(is(&lab, 5), "a new name costs no curve");
        lab.active = Some(id.clone());
        store.delete(&id).unwrap();
        wait(&mut lab, "it is gone", |lab| lab.runs.is_empty());
        assert_eq!(lab.active, None);
    }
}
