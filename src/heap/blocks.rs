//! Which parts of a range are free, as numbers: no memory is touched here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Blocks start and end at pages.
pub const PAGE: usize = 4096;

/// A range of bytes that is given out in blocks.
///
/// A request gets the smallest free block that is hardly larger, else the first that holds it, and new
/// ground only where none does: what a training step frees and takes again in the same order finds
/// its places again, and large holes at the end stay whole.
#[derive(Debug)]
pub struct Blocks {
    /// By where they start. No two touch each other.
    free: BTreeMap<usize, Free>,
    /// The same by their bytes, and then by where they start.
    by_len: BTreeSet<(usize, usize)>,
    /// Nothing beyond this was ever given out.
    touched: usize,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Free {
    len: usize,
    /// Since when it is free; `None` once its memory was given back to the system.
    since: Option<Instant>,
}

/// Where a block starts, and how many of its first bytes may hold what somebody wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub at: usize,
    pub used: usize,
}

impl Blocks {
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self {
            free: BTreeMap::new(),
            by_len: BTreeSet::new(),
            touched: 0,
            len,
        }
    }

    /// A block of at least `bytes`; `None` where the range has none.
    pub fn take(&mut self, bytes: usize) -> Option<Taken> {
        let len = pages(bytes)?;
        let near = self.by_len.range((len, 0)..=(len + len / 2, usize::MAX));
        let near = near.map(|&(_, at)| at).next();
        let first = || self.free.iter().find(|(_, free)| free.len >= len);
        if let Some(at) = near.or_else(|| first().map(|(&at, _)| at)) {
            self.use_up(at, len);
            return Some(Taken { at, used: bytes });
        }
        // The last block reaches into what was never used.
        let at = match self.free.last_key_value() {
            Some((&at, free)) if at + free.len == self.touched => at,
            _ => self.touched,
        };
        let end = at.checked_add(len).filter(|end| *end <= self.len)?;
        self.remove(at);
        let used = (self.touched - at).min(bytes);
        self.touched = end;
        Some(Taken { at, used })
    }

    /// Takes a block back that was taken with as many bytes.
    pub fn give(&mut self, at: usize, bytes: usize, now: Instant) {
        let Some(len) = pages(bytes) else { return };
        self.join(at, len, now);
    }

    /// Makes a block longer or shorter where it stands.
    pub fn resize(&mut self, at: usize, from: usize, to: usize, now: Instant) -> bool {
        let (Some(from), Some(to)) = (pages(from), pages(to)) else {
            return false;
        };
        let end = at + from;
        if to <= from {
            if to < from {
                self.join(at + to, from - to, now);
            }
            return true;
        }
        let more = to - from;
        let fits = self.free.get(&end).is_some_and(|free| free.len >= more);
        if fits {
            self.use_up(end, more);
        }
        fits
    }

    /// Free blocks that hold memory since `before` or longer: where they start, and their bytes.
    /// The caller gives them back to the system.
    pub fn stale(&mut self, before: Instant) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (at, free) in &mut self.free {
            if free.since.is_some_and(|since| since <= before) {
                free.since = None;
                found.push((*at, free.len));
            }
        }
        found
    }

    /// Some free block still holds memory.
    #[must_use]
    pub fn holds_memory(&self) -> bool {
        self.free.values().any(|free| free.since.is_some())
    }

    /// Takes the first `len` bytes of the free block at `at`.
    fn use_up(&mut self, at: usize, len: usize) {
        if let Some(free) = self.remove(at)
            && free.len > len
        {
            self.insert(at + len, free.len - len, free.since);
        }
    }

    fn join(&mut self, at: usize, len: usize, now: Instant) {
        let (mut start, mut end) = (at, at + len);
        if let Some((&before, free)) = self.free.range(..at).next_back()
            && before + free.len == at
        {
            self.remove(before);
            start = before;
        }
        if let Some(after) = self.remove(end) {
            end += after.len;
        }
        self.insert(start, end - start, Some(now));
    }

    fn insert(&mut self, at: usize, len: usize, since: Option<Instant>) {
        self.free.insert(at, Free { len, since });
        self.by_len.insert((len, at));
    }

    fn remove(&mut self, at: usize) -> Option<Free> {
        let free = self.free.remove(&at)?;
        self.by_len.remove(&(free.len, at));
        Some(free)
    }
}

/// Bytes of the pages that hold `bytes`.
fn pages(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(PAGE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn a_block_of_about_the_size_is_taken_before_a_large_one_and_before_new_ground() {
        let now = Instant::now();
        let mut blocks = Blocks::new(100 * PAGE);
        let places: Vec<usize> = [8, 1, 3, 1]
            .map(|pages| blocks.take(pages * PAGE).unwrap().at)
            .to_vec();
        assert_eq!(places, [0, 8 * PAGE, 9 * PAGE, 12 * PAGE]);
        blocks.give(places[0], 8 * PAGE, now);
        blocks.give(places[2], 3 * PAGE, now);
        // Two pages and a byte are three pages: the hole of three, not that of eight.
        let taken = blocks.take(2 * PAGE + 1).unwrap();
        assert_eq!((taken.at, taken.used), (9 * PAGE, 2 * PAGE + 1));
        // Two pages are far from eight, but the first hole that holds them.
        assert_eq!(blocks.take(2 * PAGE).unwrap().at, 0);
        // Nine pages fit no hole; nobody wrote there before.
        let taken = blocks.take(9 * PAGE).unwrap();
        assert_eq!((taken.at, taken.used), (13 * PAGE, 0));
        assert_eq!(blocks.take(100 * PAGE), None);
    }

    #[test]
    fn neighbours_become_one_and_the_last_reaches_into_new_ground() {
        let now = Instant::now();
        let mut blocks = Blocks::new(100 * PAGE);
        let [a, b, c] = [4, 4, 4].map(|pages| blocks.take(pages * PAGE).unwrap().at);
        blocks.give(a, 4 * PAGE, now);
        blocks.give(c, 4 * PAGE, now);
        blocks.give(b, 4 * PAGE, now);
        let taken = blocks.take(20 * PAGE).unwrap();
        // Twelve pages were used before.
        assert_eq!((taken.at, taken.used), (0, 12 * PAGE));
    }

    #[test]
    fn blocks_grow_where_there_is_room_and_shrink_always() {
        let now = Instant::now();
        let mut blocks = Blocks::new(100 * PAGE);
        let [a, b, _] = [4, 4, 4].map(|pages| blocks.take(pages * PAGE).unwrap().at);
        assert!(!blocks.resize(a, 4 * PAGE, 5 * PAGE, now));
        blocks.give(b, 4 * PAGE, now);
        assert!(blocks.resize(a, 4 * PAGE, 6 * PAGE, now));
        assert!(blocks.resize(a, 6 * PAGE, PAGE, now));
        assert_eq!(blocks.take(7 * PAGE).unwrap().at, PAGE);
    }

    #[test]
    fn what_is_free_for_long_is_given_back_once() {
        let start = Instant::now();
        let mut blocks = Blocks::new(100 * PAGE);
        let [a, _, c] = [4, 4, 4].map(|pages| blocks.take(pages * PAGE).unwrap().at);
        blocks.give(a, 4 * PAGE, start);
        blocks.give(c, 4 * PAGE, start + Duration::from_secs(5));
        assert_eq!(
            blocks.stale(start + Duration::from_secs(1)),
            [(a, 4 * PAGE)]
        );
        assert!(blocks.holds_memory());
        assert_eq!(
            blocks.stale(start + Duration::from_secs(9)),
            [(c, 4 * PAGE)]
        );
        assert!(!blocks.holds_memory());
        assert_eq!(blocks.stale(start + Duration::from_secs(99)), []);
    }

    /// Against a plain list of what is held: nothing overlaps, nothing leaves the range, and all of
    /// it is one block again in the end.
    #[test]
    fn no_two_blocks_overlap_whatever_comes_and_goes() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let now = Instant::now();
        let len = 64 * PAGE;
        let mut blocks = Blocks::new(len);
        let mut held: Vec<(usize, usize)> = Vec::new();
        for _ in 0..20_000 {
            let bytes = random.random_range(1..=9 * PAGE);
            match random.random_range(0..3) {
                0 => held.extend(blocks.take(bytes).map(|taken| (taken.at, bytes))),
                1 if !held.is_empty() => {
                    let (at, bytes) = held.swap_remove(random.random_range(0..held.len()));
                    blocks.give(at, bytes, now);
                }
                2 if !held.is_empty() => {
                    let which = random.random_range(0..held.len());
                    let (at, old) = held[which];
                    if blocks.resize(at, old, bytes, now) {
                        held[which].1 = bytes;
                    }
                }
                _ => {}
            }
            held.sort_unstable();
            for pair in held.windows(2) {
                assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:?}");
            }
            assert!(held.last().is_none_or(|(at, bytes)| at + bytes <= len));
        }
        for (at, bytes) in held {
            blocks.give(at, bytes, now);
        }
        assert_eq!(blocks.take(len).unwrap().at, 0);
    }
}
