//! Dicebench: see what a segmentation loss really does, on your own images.
//!
//! Everything points one way; a module may use those above it in this list, never those below:
//!
//! | Module | Single responsibility |
//! |---|---|
//! | [`param`] | describe and set one field: name, bounds, help |
//! | [`files`] | small things about files |
//! | [`heap`] | where the program's memory comes from |
//! | [`finding`] | one thing that is wrong, with its evidence and remedy |
//! | [`data`] | bytes on disk → samples and batches (no tensors, no pixels on screen) |
//! | [`loss`] | logits and targets → one number; class weights |
//! | [`model`] | image tensor → logits: the U-Net and the convolutions it runs on |
//! | [`experiment`] | what to do, as a value: configuration, presets |
//! | [`run`] | what happened, as a value: events, metrics, records |
//! | [`doctor`] | what is wrong with it: X-ray and rules |
//! | [`train`] | doing it: the stepping session, devices, the trainer thread |
//! | [`export`] | taking results home |
//! | [`lab`] | what the user is working on: state and commands |
//! | [`app`] | pixels; the only place that knows egui |
//! | [`cli`] | the text front end; without a command it opens the window |
//!
//! A test (`tests/it/layering.rs`) executes this table.

pub mod app;
pub mod cli;
pub mod data;
pub mod doctor;
pub mod experiment;
pub mod export;
pub mod files;
pub mod finding;
pub mod heap;
pub mod lab;
pub mod loss;
pub mod model;
pub mod param;
pub mod run;
pub mod train;
