//! What the user is told, once as a toast and for good in the history.

use std::time::SystemTime;

/// Older notices are dropped.
const KEPT: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Success,
    Warning,
    Error,
}

#[derive(Debug, Clone)]
pub struct Notice {
    pub level: Level,
    pub text: String,
    pub at: SystemTime,
}

/// All notices, oldest first.
#[derive(Debug, Default)]
pub struct Notices {
    all: Vec<Notice>,
    fresh: usize,
}

impl Notices {
    /// Says something; the same text twice in a row is said once.
    pub fn push(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        if self.all.last().is_some_and(|last| last.text == text) && self.fresh > 0 {
            return;
        }
        if self.all.len() == KEPT {
            self.all.remove(0);
        }
        self.all.push(Notice {
            level,
            text,
            at: SystemTime::now(),
        });
        self.fresh = (self.fresh + 1).min(KEPT);
    }

    /// Those that were not yet taken, for toasts.
    pub fn take_fresh(&mut self) -> Vec<Notice> {
        let fresh = self.all[self.all.len() - self.fresh..].to_vec();
        self.fresh = 0;
        fresh
    }

    #[must_use]
    pub fn all(&self) -> &[Notice] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notice_is_fresh_once_and_stays_in_the_history() {
        let mut notices = Notices::default();
        notices.push(Level::Info, "a");
        notices.push(Level::Info, "a");
        notices.push(Level::Error, "b");
        assert_eq!(notices.take_fresh().len(), 2);
        assert!(notices.take_fresh().is_empty());
        notices.push(Level::Info, "b");
        assert_eq!(notices.take_fresh().len(), 1);
        assert_eq!(notices.all().len(), 3);
    }
}
