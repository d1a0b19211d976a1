//! Doing it: the stepping session, the devices, and the one thread that owns every tensor.

pub mod device;
pub mod handle;
pub mod learner;
pub mod optim;
pub mod session;

pub use handle::{Control, Preview, TrainerHandle};
pub use session::{Session, TrainError};
