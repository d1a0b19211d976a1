//! The network's **output** activation: what turns logits into what the loss is given.

crate::choices! {
    /// Output activation of the network. (The activation between layers is
    /// `model.hidden_activation`; what a loss itself applies is its `input_activation`.)
    pub enum OutputActivation {
        Softmax = "softmax": "Classes exclude each other: per pixel the probabilities sum to 1.",
        Sigmoid = "sigmoid": "Each class on its own: per pixel the probabilities need not sum to 1.",
        None = "none": "Raw logits are given to the loss.",
    }
}
