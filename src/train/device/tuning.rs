//! Kernels that were timed on a GPU, kept on disk, and counted while more are timed.
//!
//! The first time that a shape is computed on a GPU, burn times several kernels for it and keeps the
//! fastest: the first steps of a first run take long. What was found is kept in the cache folder, so
//! that it happens once; how many were found tells that something goes on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use burn::cubecl::config::cache::CacheConfig;
use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use burn::cubecl::environment;

use crate::model::config::ModelConfig;

/// How often is counted.
const EVERY: Duration = Duration::from_millis(500);
/// The namespaces of timed kernels begin like this.
const TIMED: &str = "autotune/";

static KEPT: OnceLock<bool> = OnceLock::new();

/// Keeps what is found in `folder` from now on. Call it once, before a GPU is opened; a
/// `cubecl.toml` in the working folder is not read then.
pub fn keep_in(folder: &Path) {
    KEPT.get_or_init(|| {
        let mut config = CubeClRuntimeConfig::default().override_from_env();
        config.environment.path = CacheConfig::Directory(folder.to_owned());
        CubeClRuntimeConfig::try_set(config)
    });
}

/// Shapes whose fastest kernel is known on this machine. Reads the cache: not for every frame.
#[must_use]
pub fn count() -> usize {
    (environment::namespaces().iter())
        .filter(|space| space.namespace.starts_with(TIMED))
        .map(|space| space.entries as usize)
        .sum()
}

/// About how many shapes the first steps of a network have, whose kernels are timed where none is known
/// yet. Counted on software Vulkan: nine to a convolution, with its gradients, the products they are
/// made of, and the sums of normalisation and loss.
#[must_use]
pub fn expected(model: &ModelConfig) -> usize {
    const A_CONVOLUTION: usize = 9;
    let convolutions = 4 * model.depth as usize + 3;
    A_CONVOLUTION * convolutions
}

/// "12 of about 96".
#[must_use]
pub fn progress(kernels: usize, model: &ModelConfig) -> String {
    format!("{kernels} of about {}", expected(model).max(kernels))
}

/// Counts in a thread of its own until dropped.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// `tell` is called with the number of kernels found since the start, whenever it has grown.
    /// `None` where no thread can be started: then nobody is told.
    pub fn start(tell: impl Fn(usize) + Send + 'static) -> Option<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let watch = move || {
            let before = count();
            let mut told = before;
            while !flag.load(Ordering::Acquire) {
                std::thread::park_timeout(EVERY);
                let now = count();
                if now > told {
                    told = now;
                    tell(now - before);
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("kernel tuning".to_owned())
            .spawn(watch)
            .ok()?;
        Some(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in there was said already; nothing depends on it.
            let _ = thread.join();
        }
    }
}
