//! What is wrong with an experiment, with evidence and a fix, before, during and after training.
//!
//! [`xray`] evaluates the configured loss on answers whose worth is known (the [`oracle`]s), on the
//! user's own masks; [`rules`] turn configuration, dataset, X-ray and run into [`Diagnosis`]es.
//! Nothing here changes a configuration: a fix is a list of settings to clone with.

pub mod curves;
pub mod examiner;
pub mod formula;
pub mod gates;
pub mod live;
pub mod look;
pub mod oracle;
pub mod rules;
pub mod symptom;
#[cfg(test)]
mod tests;
pub mod theory;
pub mod xray;

pub use examiner::{Masks, examine};
pub use gates::Gate;
pub use rules::{Diagnosis, Evidence, Fix, diagnose};
pub use xray::Xray;
