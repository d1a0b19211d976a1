//! What a run looks like: curves, pictures, tables, comparisons.
//!
//! Everything here draws plain data that others made (`run`, `data`, `train::session::Prediction`)
//! and keeps only what drawing needs: caches, zoom, what is hidden. It must not know the trainer,
//! the store, commands or files; what the user asks for is returned as a value.

pub mod canvas;
pub mod captions;
pub mod chip;
pub mod color;
pub mod compare;
pub mod curve;
pub mod easel;
pub mod lanes;
pub mod lens;
pub mod offer;
pub mod outliers;
pub mod paint;
pub mod panes;
pub mod plots;
pub mod prose;
pub mod readout;
pub mod runs;
pub mod save;
pub mod scores;
pub mod series;
pub mod summary;
pub mod sweep;
pub mod textures;
mod ticks;
mod titles;
pub mod versus;
pub mod viewer;
