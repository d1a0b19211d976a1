//! What each loss is for, in words.

/// One line of the list of losses, for pickers and tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossInfo {
    /// The value of `loss.kind`.
    pub kind: &'static str,
    pub family: &'static str,
    pub title: &'static str,
    /// One line: what it is for.
    pub purpose: &'static str,
    pub formula: &'static str,
    pub reference: &'static str,
    pub when_to_use: &'static str,
    pub watch_for: &'static str,
}
