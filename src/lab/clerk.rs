//! Keeps the queue of races in its file, change after change, on a thread of its own.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::run::queue::{self, Change, Queue};

/// Takes changes, and answers each with the queue after it.
pub struct Clerk {
    changes: Option<Sender<Change>>,
    answers: Receiver<Result<Queue, String>>,
    /// Changes that are not answered yet.
    pending: usize,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Clerk {
    #[must_use]
    pub fn start(home: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (changes, inbox) = unbounded::<Change>();
        let (outbox, answers) = unbounded();
        let work = move || {
            for change in inbox {
                // The window may be gone; the change is made all the same.
                let _ = outbox.send(queue::update(&home, change));
                wake();
            }
        };
        let thread = std::thread::Builder::new()
            .name("queue".to_owned())
            .spawn(work)
            .map_err(|error| log::warn!("the queue is not kept: {error}"))
            .ok();
        let mut clerk = Self {
            changes: Some(changes),
            answers,
            pending: 0,
            thread,
        };
        clerk.ask(Change::Look);
        clerk
    }

    pub fn ask(&mut self, change: Change) {
        if let Some(changes) = &self.changes
            && changes.send(change).is_ok()
        {
            self.pending += 1;
        }
    }

    /// The newest answer, if there is one.
    pub fn poll(&mut self) -> Option<Result<Queue, String>> {
        let mut newest = None;
        for answer in self.answers.try_iter() {
            self.pending = self.pending.saturating_sub(1);
            newest = Some(answer);
        }
        newest
    }

    /// Whether every change was answered: what is known is what is in the file.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.pending == 0
    }
}

impl Drop for Clerk {
    /// Waits for the last change: a lane that is done must not be trained again.
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was said already.
            let _ = thread.join();
        }
    }
}
