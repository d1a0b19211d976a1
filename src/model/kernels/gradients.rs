//! The backward passes of the kernels, as steps of burn's autodiff.

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::Path;
use super::band::{Size, View};
use super::extension::{
    Flat, Kernels, Planar, max_pool_with_choice, normalise, output, tensor, whole,
};
use super::norm::{self, Channel};
use super::{conv, pool, upconv};

/// Backward pass of both convolutions.
#[derive(Debug)]
struct Convolution;

/// Gradients of a convolution, registered for those parents that want one.
fn convolution_backward(
    grads: &mut Gradients,
    grad: FlexTensor,
    inputs: Vec<(Option<NodeId>, FlexTensor)>,
    (weight_node, weight): (Option<NodeId>, FlexTensor),
    bias_node: Option<NodeId>,
) {
    let path = Path::best();
    let [outputs, all, kernel, _] = weight.shape().dims();
    let grad = Planar::new(grad);
    let size = grad.size();
    let nodes: Vec<(Option<NodeId>, usize)> = inputs
        .iter()
        .map(|(node, input)| (*node, input.shape().dims::<4>()[1]))
        .collect();
    // Before the gradients of the inputs, which are as large as the inputs: those are no longer
    // needed then.
    if let Some(node) = weight_node {
        let inputs: Vec<Planar> = inputs
            .into_iter()
            .map(|(_, input)| Planar::new(input))
            .collect();
        let views: Vec<View<'_>> = inputs.iter().map(Planar::view).collect();
        let values = conv::weight_gradient(path, &views, grad.view(), kernel, size);
        grads.register::<Flex>(node, tensor(values, [outputs, all, kernel, kernel]));
    }
    if let Some(node) = bias_node {
        let values = conv::channel_sums(grad.view(), size);
        grads.register::<Flex>(node, tensor(values, [outputs]));
    }
    let mut wanted = Vec::new();
    let mut start = 0;
    for (node, channels) in nodes {
        if let Some(node) = node {
            wanted.push((node, start..start + channels));
        }
        start += channels;
    }
    if !wanted.is_empty() {
        let weight = Flat::new(weight);
        let ranges: Vec<_> = wanted.iter().map(|(_, range)| range.clone()).collect();
        let found = conv::data_gradient(
            path,
            grad.view(),
            weight.values(),
            [all, kernel],
            &ranges,
            size,
        );
        for ((id, range), values) in wanted.into_iter().zip(found) {
            grads.register::<Flex>(id, output(values, range.len(), size));
        }
    }
}

impl Backward<Flex, 3> for Convolution {
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x_node, weight_node, bias_node] = ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        let [x, weight] = ops
            .state
            .map(|id| checkpointer.retrieve_node_output::<FlexTensor>(id));
        let inputs = vec![(x_node, x)];
        convolution_backward(grads, grad, inputs, (weight_node, weight), bias_node);
    }
}

impl Backward<Flex, 4> for Convolution {
    type State = [NodeId; 3];

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [a_node, b_node, weight_node, bias_node] =
            ops.parents.map(|node| node.map(|node| node.id));
        let grad = grads.consume::<Flex>(&ops.node);
        let [a, b, weight] = ops
            .state
            .map(|id| checkpointer.retrieve_node_output::<FlexTensor>(id));
        let inputs = vec![(a_node, a), (b_node, b)];
        convolution_backward(grads, grad, inputs, (weight_node, weight), bias_node);
    }
}

/// Backward pass of the transposed convolution.
#[derive(Debug)]
struct UpConvolution;

impl Backward<Flex, 3> for UpConvolution {
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        let [x, weight] = ops
            .state
            .map(|id| checkpointer.retrieve_node_output::<FlexTensor>(id));
        let dims: [usize; 4] = weight.shape().dims();
        let [inputs, outputs, _, _] = dims;
        let x = Planar::new(x);
        let (path, size) = (Path::best(), x.size());
        if let Some(node) = weight_node {
            let values = upconv::weight_gradient(path, x.view(), grad.view(), size);
            grads.register::<Flex>(node.id, tensor(values, dims));
        }
        drop(x);
        if let Some(node) = x_node {
            let weight = Flat::new(weight);
            let values = upconv::data_gradient(path, grad.view(), weight.values(), inputs, size);
            grads.register::<Flex>(node.id, output(values, inputs, size));
        }
        if let Some(node) = bias_node {
            let values = conv::channel_sums(grad.view(), size.doubled());
            grads.register::<Flex>(node.id, tensor(values, [outputs]));
        }
    }
}

/// Backward pass of pooling.
#[derive(Debug)]
struct MaxPool;

impl Backward<Flex, 1> for MaxPool {
    /// Which of each four was taken, and the size of the input.
    type State = (Arc<Vec<u8>>, Size);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        let (choice, size) = ops.state;
        if let Some(node) = node {
            let values = pool::max_backward(grad.view(), &choice, size);
            grads.register::<Flex>(node.id, output(values, grad.dims[1], size));
        }
    }
}

/// Backward pass of repeating pixels.
#[derive(Debug)]
struct Repeat;

impl Backward<Flex, 1> for Repeat {
    type State = Size;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let grad = Planar::new(grads.consume::<Flex>(&ops.node));
        if let Some(node) = node {
            let values = pool::repeat_backward(grad.view(), ops.state);
            grads.register::<Flex>(node.id, output(values, grad.dims[1], ops.state));
        }
    }
}

/// Backward pass of batch normalisation.
#[derive(Debug)]
struct Norm {
    rectify: bool,
}

impl Backward<Flex, 3> for Norm {
    /// The input, and what each channel was normalised with.
    type State = (NodeId, Arc<Vec<Channel>>);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [x_node, gamma_node, beta_node] = ops.parents;
        // The gradient of the output becomes that of the input in its own place, unless somebody
        // else still looks at it.
        let mut grad = whole(grads.consume::<Flex>(&ops.node));
        let (x, channels) = ops.state;
        let x = Planar::new(checkpointer.retrieve_node_output::<FlexTensor>(x));
        let found = norm::backward(
            Path::best(),
            x.view(),
            grad.storage_mut::<f32>(),
            &channels,
            self.rectify,
            x.size(),
        );
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, grad);
        }
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, tensor(found.gamma, [channels.len()]));
        }
        if let Some(node) = beta_node {
            grads.register::<Flex>(node.id, tensor(found.beta, [channels.len()]));
        }
    }
}

/// Repeats pixels again in the backward pass, where memory is to be saved.
#[derive(Debug)]
struct RepeatAgain(NodeId);

impl RetroForward for RepeatAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = states.get_state::<FlexTensor>(&self.0);
        states.save(out_node, Flex::repeat(x));
    }
}

/// Makes the image twice as large again in the backward pass, to save memory.
#[derive(Debug)]
struct UpAgain {
    /// Input, weight and bias.
    parents: [NodeId; 3],
}

impl RetroForward for UpAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let [x, weight, bias] = (self.parents).map(|id| states.get_state::<FlexTensor>(&id));
        states.save(out_node, Flex::up_conv(x, weight, bias));
    }
}

/// Normalises again in the backward pass, with what the forward pass found.
#[derive(Debug)]
struct NormAgain {
    /// Input, scale and shift; the last two are known from `channels`, but burn counts on every
    /// parent being asked for.
    parents: [NodeId; 3],
    channels: Arc<Vec<Channel>>,
    rectify: bool,
}

impl RetroForward for NormAgain {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let [x, _, _] = (self.parents).map(|id| states.get_state::<FlexTensor>(&id));
        let x = Planar::new(x);
        let size = x.size();
        let again = norm::apply_all(Path::best(), x.view(), &self.channels, self.rectify, size);
        states.save(out_node, output(again, self.channels.len(), size));
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let prepared =
            Backward::<Flex, 3>::prepare::<C>(Convolution, [x.node(), weight.node(), bias.node()]);
        let run = |x: &FloatTensor<Self>, weight: &FloatTensor<Self>| {
            Flex::conv(
                x.primitive().clone(),
                weight.primitive().clone(),
                bias.primitive().clone(),
            )
        };
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = [prepared.checkpoint(&x), prepared.checkpoint(&weight)];
                prepared.finish(state, run(&x, &weight))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(run(&x, &weight)),
        }
    }

    fn conv_cat(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let prepared = Backward::<Flex, 4>::prepare::<C>(
            Convolution,
            [a.node(), b.node(), weight.node(), bias.node()],
        );
        let output = Flex::conv_cat(
            a.primitive().clone(),
            b.primitive().clone(),
            weight.primitive().clone(),
            bias.primitive().clone(),
        );
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = [&a, &b, &weight].map(|tensor| prepared.checkpoint(tensor));
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn up_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let parents = nodes.each_ref().map(|node| node.id());
        let output = Flex::up_conv(
            x.primitive().clone(),
            weight.primitive().clone(),
            bias.primitive().clone(),
        );
        // Always computed again: a ninth of the work of the convolution that follows, which alone
        // needs it.
        let prepared = UpConvolution
            .prepare::<BalancedCheckpointing>(nodes)
            .memory_bound()
            .retro_forward(UpAgain { parents })
            .parents([&x, &weight, &bias]);
        match prepared.stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = [&x, &weight].map(|tensor| prepared.checkpoint(tensor));
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn max_pool(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let prepared = MaxPool.prepare::<C>([x.node()]);
        let size = Planar::new(x.primitive().clone()).size();
        let (output, choice) = max_pool_with_choice(x.primitive().clone());
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((Arc::new(choice), size), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn repeat(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let prepared = Repeat
            .prepare::<C>([x.node()])
            .memory_bound()
            .retro_forward(RepeatAgain(x.node().id()))
            .parents([&x]);
        let size = Planar::new(x.primitive().clone()).size();
        let output = Flex::repeat(x.primitive().clone());
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(size, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let parents = nodes.each_ref().map(|node| node.id());
        let tracked = [x.clone(), gamma.clone(), beta.clone()];
        let parameters = [&gamma, &beta].map(|tensor| Flat::new(tensor.primitive().clone()));
        let [gamma, beta] = [parameters[0].values(), parameters[1].values()];
        let (input, result) = normalise(x.primitive().clone(), [gamma, beta], epsilon, rectify);
        let channels = input.dims[1];
        let output = output(result.output, channels, input.size());
        let found = Arc::new(result.channels);
        let again = NormAgain {
            parents,
            channels: Arc::clone(&found),
            rectify,
        };
        // Always computed again, whatever the device's strategy: it costs less than a twentieth of a
        // step, and what is not kept is half of all maps.
        let prepared = Norm { rectify }
            .prepare::<BalancedCheckpointing>(nodes)
            .memory_bound()
            .retro_forward(again)
            .parents(&tracked);
        let output = match prepared.stateful() {
            OpsKind::Tracked(mut prepared) => {
                let x = prepared.checkpoint(&x);
                prepared.finish((x, found), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        (
            output,
            FloatTensor::<Self>::new(tensor(result.mean, [channels])),
            FloatTensor::<Self>::new(tensor(result.variance, [channels])),
        )
    }
}
