//! Doing it: the stepping session, the devices, and the one thread that owns every tensor.

pub mod answers;
pub mod checkpoint;
pub mod device;
pub mod early;
pub mod evaluate;
pub mod feed;
pub mod frozen;
pub mod glance;
pub mod handle;
pub mod lane;
pub mod late;
pub mod learner;
pub mod memory;
pub mod mosaic;
pub mod optim;
pub mod overfit;
pub mod priority;
pub mod room;
pub mod session;
pub mod trainer;

pub use handle::{Control, Job, Preview, TrainerEvent, TrainerHandle};
pub use session::{Prediction, Session, TrainError};
