//! The program's allocator: mimalloc for what is small, and a range of its own for the maps of a
//! training.
//!
//! A training step takes and frees some hundred maps of a megabyte and more, always the same ones.
//! mimalloc deals them out of pieces of 32 MB, each for one class of sizes, and a map of 16 MB fills
//! more than half of a piece: of 340 MB that a step held, 100 were holes. Given back to the system at
//! once they would have to be cleared and mapped again in each step, for a quarter of its time. Here
//! holes are filled, holes next to each other are one ([`blocks`]), and only what is free for some
//! seconds goes back to the system.
//!
//! On Linux; elsewhere everything is mimalloc's.
#![expect(unsafe_code, reason = "an allocator")]

mod blocks;

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use memmap2::{MmapMut, MmapOptions};
use mimalloc::MiMalloc;

use blocks::{Blocks, PAGE};

/// Bytes of the buffers that have their place in the range. For larger ones the system is asked
/// each time: it knows whether there is room.
const SMALLEST: usize = 1 << 15;
const LARGEST: usize = 1 << 30;
/// Addresses only: memory comes with the first use.
const RANGE: usize = 1 << 36;
/// Free memory is kept this long.
const KEPT: Duration = Duration::from_secs(5);

/// The allocator; [`open`] makes the range.
#[derive(Debug, Clone, Copy)]
pub struct Heap;

struct Range {
    map: MmapMut,
    state: Mutex<State>,
    /// Something was freed while nobody waited to give it back.
    freed: Condvar,
}

struct State {
    blocks: Blocks,
    /// The thread that gives memory back sleeps until something is freed.
    asleep: bool,
}

static RANGE_OF_MAPS: OnceLock<Range> = OnceLock::new();

/// Makes the range, and starts the thread that gives free memory back. Where the system refuses or
/// the addresses of the process are limited, everything stays mimalloc's.
pub fn open() {
    keep_freed_memory();
    if !cfg!(target_os = "linux") || addresses_are_limited() {
        return;
    }
    let Ok(map) = MmapOptions::new().len(RANGE).no_reserve_swap().map_anon() else {
        return;
    };
    in_large_pages(&map);
    let state = State {
        blocks: Blocks::new(RANGE),
        asleep: false,
    };
    let range = Range {
        map,
        state: Mutex::new(state),
        freed: Condvar::new(),
    };
    let thread = std::thread::Builder::new().name("memory".to_owned());
    // Without the thread free memory would stay for ever.
    if thread.spawn(|| RANGE_OF_MAPS.wait().give_back()).is_ok() {
        let _ = RANGE_OF_MAPS.set(range);
    }
}

/// mimalloc keeps what is freed for a while, too, and so does the C library.
fn keep_freed_memory() {
    keep_freed_by_drivers();
    /// `mi_option_purge_delay` of mimalloc 2 and 3.
    const PURGE_DELAY: std::ffi::c_int = 15;
    unsafe extern "C" {
        fn mi_option_set(option: std::ffi::c_int, value: std::ffi::c_long);
    }
    let delay = KEPT.as_millis().try_into().unwrap_or(0);
    // SAFETY: part of mimalloc, which is linked; takes any two numbers and may be called at any time.
    unsafe { mi_option_set(PURGE_DELAY, delay) };
}

/// Graphics drivers have their memory from the C library. One that paints in software takes some
/// megabytes for each frame and frees them after it; by itself the library gives the end of its heap
/// back to the system each time, to have it mapped and cleared again: half of a frame's time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_freed_by_drivers() {
    use std::ffi::c_int;
    const M_TRIM_THRESHOLD: c_int = -1;
    const BYTES: c_int = 64 << 20;
    unsafe extern "C" {
        fn mallopt(param: c_int, value: c_int) -> c_int;
    }
    // SAFETY: part of glibc; takes any two numbers, answers 0 for what it does not know, and no other
    // thread has been started that could allocate meanwhile.
    if unsafe { mallopt(M_TRIM_THRESHOLD, BYTES) } == 0 {
        log::debug!("the C library's heap stays as it is");
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_freed_by_drivers() {}

/// A map is read from end to end again and again: fewer pages, fewer of their addresses to look up.
#[cfg(target_os = "linux")]
fn in_large_pages(map: &MmapMut) {
    // Where the system has none, usual ones do.
    drop(map.advise(memmap2::Advice::HugePage));
}

#[cfg(not(target_os = "linux"))]
fn in_large_pages(_map: &MmapMut) {}

/// `ulimit -v` counts addresses, used or not.
fn addresses_are_limited() -> bool {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"));
    line.is_some_and(|line| line.split_whitespace().next() != Some("unlimited"))
}

impl Range {
    fn start(&self) -> usize {
        self.map.as_ptr().addr()
    }

    fn holds(&self, pointer: *const u8) -> bool {
        pointer.addr().wrapping_sub(self.start()) < RANGE
    }

    fn pointer(&self, at: usize) -> *mut u8 {
        // `at` is inside the map, and nobody uses the map but through these blocks.
        self.map.as_ptr().wrapping_add(at).cast_mut()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, pointer: *mut u8, bytes: usize) {
        let mut state = self.state();
        (state.blocks).give(pointer.addr() - self.start(), bytes, Instant::now());
        if state.asleep {
            state.asleep = false;
            self.freed.notify_one();
        }
    }

    /// Gives back what is free for some time, for ever.
    fn give_back(&self) {
        loop {
            let mut state = self.state();
            while !state.blocks.holds_memory() {
                state.asleep = true;
                state = (self.freed.wait(state)).unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            std::thread::sleep(KEPT);
            let Some(before) = Instant::now().checked_sub(KEPT) else {
                continue;
            };
            let mut state = self.state();
            for (at, len) in state.blocks.stale(before) {
                self.forget(at, len);
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn forget(&self, at: usize, len: usize) {
        // SAFETY: the block is free, so that nobody has a reference into it, and stays so while the
        // state is locked; it reads as zeros from now on.
        let given = unsafe {
            (self.map).unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, at, len)
        };
        // A refusal leaves the memory where it is.
        drop(given);
    }

    #[cfg(not(target_os = "linux"))]
    fn forget(&self, _at: usize, _len: usize) {}
}

/// The range, where a buffer of this shape has its place in it.
fn range_for(layout: Layout) -> Option<&'static Range> {
    let large = (SMALLEST..=LARGEST).contains(&layout.size());
    (large && layout.align() <= PAGE)
        .then(|| RANGE_OF_MAPS.get())
        .flatten()
}

fn range_of(pointer: *mut u8) -> Option<&'static Range> {
    RANGE_OF_MAPS.get().filter(|range| range.holds(pointer))
}

// SAFETY: a block of the range is given out once until it is freed, holds the layout's bytes, and
// starts at a page, which is a multiple of every alignment that is let in; everything else is
// mimalloc's. A pointer goes back to where it came from, told by its address. Nothing here panics,
// and what is allocated while the state is locked is small, so that it does not come here again.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(range) = range_for(layout)
            && let Some(taken) = range.state().blocks.take(layout.size())
        {
            return range.pointer(taken.at);
        }
        // SAFETY: as the caller promises.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if let Some(range) = range_for(layout)
            && let Some(taken) = range.state().blocks.take(layout.size())
        {
            let pointer = range.pointer(taken.at);
            // SAFETY: inside the block; what was never used reads as zeros already.
            unsafe { pointer.write_bytes(0, taken.used) };
            return pointer;
        }
        // SAFETY: as the caller promises.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match range_of(pointer) {
            Some(range) => range.give(pointer, layout.size()),
            // SAFETY: not of the range, so mimalloc's.
            None => unsafe { MiMalloc.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let old = range_of(pointer);
        // SAFETY: the caller promises a size that is none too large for this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let goes = range_for(new);
        if old.is_none() && goes.is_none() {
            // SAFETY: mimalloc's before and after.
            return unsafe { MiMalloc.realloc(pointer, layout, size) };
        }
        if let (Some(range), Some(_)) = (old, goes) {
            let at = pointer.addr() - range.start();
            let mut state = range.state();
            if (state.blocks).resize(at, layout.size(), size, Instant::now()) {
                return pointer;
            }
        }
        // SAFETY: two buffers that do not overlap, each at least as long as what is copied.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            moved
        }
    }
}
