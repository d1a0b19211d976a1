//! The one integration binary, so that burn and wgpu link once.

mod data;
mod golden;
mod presets;
mod views;
