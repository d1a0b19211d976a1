//! What the backward pass computes again instead of having kept it.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::extension::Kernels;

/// An input of an operation that is computed again.
#[derive(Debug)]
pub enum Held {
    /// The output of a node, which burn keeps or computes again in its turn. burn counts on every such
    /// input being asked for.
    Node(NodeId),
    /// Nobody asks for its gradient, so that burn knows nothing of it: the images.
    Value(FlexTensor),
}

impl Held {
    pub fn of(tensor: &FloatTensor<Autodiff<Flex>>) -> Self {
        if tensor.is_tracked() {
            Self::Node(tensor.id())
        } else {
            Self::Value(tensor.primitive().clone())
        }
    }

    fn get(&self, states: &mut BackwardStates) -> FlexTensor {
        match self {
            Self::Node(id) => states.get_state::<FlexTensor>(id),
            Self::Value(value) => value.clone(),
        }
    }
}

/// A convolution.
#[derive(Debug)]
pub struct ConvAgain {
    pub x: Held,
    pub readings: FlexTensor,
    pub weight: Held,
    pub bias: Held,
}

impl RetroForward for ConvAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let [x, weight, bias] = [&self.x, &self.weight, &self.bias].map(|of| of.get(states));
        let again = Flex::conv(x, self.readings.clone(), weight, bias, true);
        states.save(out_node, again);
    }
}

/// A transposed convolution.
#[derive(Debug)]
pub struct UpAgain {
    pub x: Held,
    pub readings: FlexTensor,
    pub weight: Held,
    pub bias: Held,
}

impl RetroForward for UpAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let [x, weight, bias] = [&self.x, &self.weight, &self.bias].map(|of| of.get(states));
        states.save(
            out_node,
            Flex::up_conv(x, self.readings.clone(), weight, bias),
        );
    }
}

/// Pooling.
#[derive(Debug)]
pub struct PoolAgain {
    pub x: Held,
    pub readings: FlexTensor,
}

impl RetroForward for PoolAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = self.x.get(states);
        states.save(out_node, Flex::max_pool(x, self.readings.clone()));
    }
}

/// Repeating pixels.
#[derive(Debug)]
pub struct RepeatAgain {
    pub x: Held,
    pub readings: FlexTensor,
}

impl RetroForward for RepeatAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = self.x.get(states);
        states.save(out_node, Flex::repeat(x, self.readings.clone()));
    }
}

/// A normalisation, whose stored numbers are those of its input.
#[derive(Debug)]
pub struct NormAgain {
    pub x: Held,
    /// Scale and shift, which are in the readings already.
    pub others: [Held; 2],
}

impl RetroForward for NormAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = self.x.get(states);
        for other in &self.others {
            other.get(states);
        }
        states.save(out_node, x);
    }
}

/// What is read of a map.
#[derive(Debug)]
pub struct FinishAgain {
    pub x: Held,
    pub readings: FlexTensor,
}

impl RetroForward for FinishAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = self.x.get(states);
        states.save(out_node, Flex::finish(x, self.readings.clone()));
    }
}
