//! Threads that give way to the window.
//!
//! A training keeps every core busy. Where it and the window are equals, a frame waits for its turn
//! behind the training's threads, and the click that asked for it feels slow. Threads that gave way
//! take all of the processor that the window leaves, and the window takes what it needs at once.

use std::sync::atomic::{AtomicBool, Ordering};

/// How much less the system likes a thread that gave way: 0 is usual, 19 the least of all. A little is
/// enough for the window to come first; more would have a training starve beside other programs.
const NICE: i32 = 5;

static BEHIND_WINDOW: AtomicBool = AtomicBool::new(false);

/// A window is opened: threads that train give way to it from now on. On Linux alone: other systems
/// favour the window in the foreground by themselves.
pub fn put_training_behind_window() {
    BEHIND_WINDOW.store(true, Ordering::SeqCst);
}

/// The calling thread, and those that it will start, give way to the window if there is one.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    if BEHIND_WINDOW.load(Ordering::SeqCst) {
        linux::be_nice(NICE);
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system's own functions are functions in C")]
mod linux {
    use std::ffi::{c_int, c_uint};

    /// `PRIO_PROCESS`; on Linux a thread counts as one, and 0 is the calling one.
    const THREAD: c_int = 0;

    unsafe extern "C" {
        fn setpriority(which: c_int, who: c_uint, priority: c_int) -> c_int;
    }

    pub fn be_nice(nice: c_int) {
        // SAFETY: part of every C library on Linux; takes any three numbers, touches no memory of
        // this process and may be called from any thread.
        let refused = unsafe { setpriority(THREAD, 0, nice) } != 0;
        if refused {
            log::warn!(
                "a thread can't give way: {}",
                std::io::Error::last_os_error()
            );
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    /// `nice` of the calling thread, as the system tells.
    fn nice() -> i64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The name, in brackets, may hold spaces.
        let after = stat.rsplit_once(')').unwrap().1;
        after.split_whitespace().nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn a_thread_gives_way_with_those_it_starts_and_no_other() {
        let before = nice();
        let inherited = std::thread::spawn(|| {
            super::linux::be_nice(super::NICE);
            (nice(), std::thread::spawn(nice).join().unwrap())
        });
        let expected = i64::from(super::NICE);
        assert_eq!(inherited.join().unwrap(), (expected, expected));
        assert_eq!(nice(), before);
    }
}
