//! The one integration binary, so that burn and wgpu link once.

mod cli;
mod compare;
mod curves;
mod data;
mod data_layouts;
mod data_real;
mod data_traps;
mod doctor;
mod export;
mod golden;
mod gpu;
mod layering;
mod losses;
mod memory;
mod museum;
mod pictures;
mod presets;
mod readme;
mod records;
mod room;
mod statistics;
mod table;
mod training;
mod views;
mod window;
