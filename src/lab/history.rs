//! Undo and redo over a whole value.

/// Changes further back are forgotten.
const DEPTH: usize = 200;

/// Past and future of a value; the present belongs to the caller.
#[derive(Debug, Clone)]
pub struct History<T> {
    /// The value as it was when it last settled.
    settled: T,
    past: Vec<T>,
    future: Vec<T>,
}

impl<T: Clone + PartialEq> History<T> {
    pub fn new(value: T) -> Self {
        Self {
            settled: value,
            past: Vec::new(),
            future: Vec::new(),
        }
    }

    /// Makes the change since the last call one step of undo; says whether there was one.
    pub fn settle(&mut self, now: &T) -> bool {
        if *now == self.settled {
            return false;
        }
        let before = std::mem::replace(&mut self.settled, now.clone());
        self.past.push(before);
        if self.past.len() > DEPTH {
            self.past.remove(0);
        }
        self.future.clear();
        true
    }

    /// The value one step back. A change that has not settled yet is a step of its own.
    pub fn undo(&mut self, now: &T) -> Option<T> {
        self.settle(now);
        let before = self.past.pop()?;
        let after = std::mem::replace(&mut self.settled, before.clone());
        self.future.push(after);
        Some(before)
    }

    pub fn redo(&mut self, now: &T) -> Option<T> {
        if self.settle(now) {
            return None;
        }
        let after = self.future.pop()?;
        let before = std::mem::replace(&mut self.settled, after.clone());
        self.past.push(before);
        Some(after)
    }

    pub fn can_undo(&self, now: &T) -> bool {
        !self.past.is_empty() || *now != self.settled
    }

    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::History;

    #[test]
    fn steps_go_back_and_forth_and_a_new_change_forgets_the_future() {
        let mut history = History::new(0);
        assert!(history.settle(&1));
        assert!(!history.settle(&1));
        history.settle(&2);
        assert_eq!(history.undo(&2), Some(1));
        assert_eq!(history.undo(&1), Some(0));
        assert_eq!(history.undo(&0), None);
        assert_eq!(history.redo(&0), Some(1));
        // Changed by hand in between: undo takes that back first, and the future is gone.
        assert_eq!(history.undo(&9), Some(1));
        assert_eq!(history.redo(&1), Some(9));
        assert!(!history.can_redo());
    }
}
