//! The threads that read records: few, and their own. A list that has to wait for whatever else
//! computes beside the window is a window that looks empty.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// More would wait for one and the same disk.
const MOST: usize = 8;

/// Calls `work` with these threads at the disposal of what it does in parallel.
pub(super) fn apart<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = ThreadPoolBuilder::new()
            .num_threads(cores.min(MOST))
            .thread_name(|number| format!("records {number}"))
            .build();
        pool.map_err(|error| log::info!("records are read among other things: {error}"))
            .ok()
    });
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
