//! Which threads the kernels run on.

use rayon::{ThreadPool, ThreadPoolBuilder};

/// While this lives, the thread that made it works on its own operations, together with as many
/// other threads as the processor has room for.
///
/// Otherwise it would hand each operation to rayon's threads and sleep until they are done: with
/// hundreds of operations to a step, waking and sleeping takes as long as many of them.
pub struct Workers {
    /// None where the thread already belongs to a pool.
    _pool: Option<ThreadPool>,
}

impl Workers {
    /// Call it once on a thread that trains or predicts, and keep the result until it is done.
    #[must_use]
    pub fn join() -> Self {
        Self::of(rayon::current_num_threads())
    }

    /// As [`Workers::join`], `threads` in all.
    #[must_use]
    pub fn of(threads: usize) -> Self {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("worker {index}"))
            .use_current_thread()
            .build();
        Self { _pool: pool.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::Workers;

    #[test]
    fn the_thread_that_joins_becomes_a_worker() {
        let before_and_after = || {
            let before = rayon::current_thread_index();
            let workers = Workers::join();
            let after = rayon::current_thread_index();
            let sum: u64 = rayon::iter::ParallelIterator::sum(
                rayon::iter::IntoParallelIterator::into_par_iter(0..1000u64),
            );
            drop(workers);
            (before, after, sum)
        };
        let thread = std::thread::spawn(before_and_after);
        assert_eq!(thread.join().unwrap(), (None, Some(0), 499_500));
    }
}
