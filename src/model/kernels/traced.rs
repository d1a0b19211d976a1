//! The kernels on tensors whose gradients are asked for: what is kept for the backward pass.
//!
//! A map is kept once, as it came out of its convolution: normalised maps are none of their own
//! ([`super::extension::Map`]), and what is cheap to compute again is not kept at all ([`super::again`]).

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy};
use burn::backend::autodiff::ops::{Backward, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::again::{ConvAgain, FinishAgain, Held, NormAgain, PoolAgain, RepeatAgain, UpAgain};
use super::extension::{
    Kernels, LARGE, Planar, max_pool_with_choice, readings, statistics, tensor,
};
use super::gradients::{
    Convolution, ConvolutionOfTwo, Finish, FirstOfTwo, Input, MaxPool, Norm, Repeat, SecondOfTwo,
    UpConvolution,
};

/// See [`LARGE`].
fn large(map: &FlexTensor) -> bool {
    map.shape().num_elements() * size_of::<f32>() >= LARGE
}

/// Those parents that burn knows; the others, which have no gradient, are held by what needs them
/// ([`Held`]).
fn known<const N: usize>(
    parents: [&FloatTensor<Autodiff<Flex>>; N],
) -> impl Iterator<Item = &FloatTensor<Autodiff<Flex>>> {
    parents.into_iter().filter(|parent| parent.is_tracked())
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn conv(
        x: FloatTensor<Self>,
        readings: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        again: bool,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let readings = readings.into_primitive();
        let output = Flex::conv(
            x.primitive().clone(),
            readings.clone(),
            weight.primitive().clone(),
            bias.primitive().clone(),
            again,
        );
        let input = Input {
            node: x.id(),
            readings: readings.clone(),
        };
        let prepared = Backward::<Flex, 3>::prepare::<BalancedCheckpointing>(Convolution, nodes);
        let prepared = if again && large(&output) {
            let again = ConvAgain {
                x: Held::of(&x),
                readings,
                weight: Held::of(&weight),
                bias: Held::of(&bias),
            };
            let parents = known([&x, &weight, &bias]);
            prepared
                .memory_bound()
                .retro_forward(again)
                .parents(parents)
        } else {
            prepared.compute_bound()
        };
        match prepared.stateful() {
            OpsKind::Tracked(mut prepared) => {
                prepared.checkpoint(&x);
                let weight = prepared.checkpoint(&weight);
                prepared.finish((input, weight), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn conv_cat(
        a: FloatTensor<Self>,
        a_readings: FloatTensor<Self>,
        b: FloatTensor<Self>,
        b_readings: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [a_readings, b_readings] = [a_readings, b_readings].map(|of| of.into_primitive());
        let output = Flex::conv_cat(
            a.primitive().clone(),
            a_readings.clone(),
            b.primitive().clone(),
            b_readings.clone(),
            weight.primitive().clone(),
            bias.primitive().clone(),
        );
        let [_, first, height, width] = a.primitive().shape().dims();
        let [outputs, _, kernel, _] = weight.primitive().shape().dims();
        // Where maps are small, a second gradient of the weight would cost more than it saves.
        if height * width < outputs * kernel * kernel {
            let nodes = [a.node(), b.node(), weight.node(), bias.node()];
            let prepared = Backward::<Flex, 4>::prepare::<C>(ConvolutionOfTwo, nodes);
            return match prepared.compute_bound().stateful() {
                OpsKind::Tracked(mut prepared) => {
                    let inputs = [(&a, a_readings), (&b, b_readings)];
                    let inputs = inputs.map(|(x, readings)| Input {
                        node: prepared.checkpoint(x),
                        readings,
                    });
                    let weight = prepared.checkpoint(&weight);
                    prepared.finish((inputs, weight), output)
                }
                OpsKind::UnTracked(prepared) => prepared.finish(output),
            };
        }
        // Stands for what the first input adds to the sum; its numbers are in the output already.
        let nothing = tensor(Vec::new(), [0]);
        let rest = Backward::<Flex, 2>::prepare::<C>(FirstOfTwo, [a.node(), weight.node()]);
        let rest = match rest.compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let input = Input {
                    node: prepared.checkpoint(&a),
                    readings: a_readings,
                };
                let weight = prepared.checkpoint(&weight);
                prepared.finish((input, weight), nothing)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(nothing),
        };
        let nodes = [b.node(), weight.node(), bias.node(), rest.node()];
        let prepared = Backward::<Flex, 4>::prepare::<C>(SecondOfTwo, nodes);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let input = Input {
                    node: prepared.checkpoint(&b),
                    readings: b_readings,
                };
                let weight = prepared.checkpoint(&weight);
                prepared.finish((input, first, weight), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn up_conv(
        x: FloatTensor<Self>,
        readings: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let readings = readings.into_primitive();
        let output = Flex::up_conv(
            x.primitive().clone(),
            readings.clone(),
            weight.primitive().clone(),
            bias.primitive().clone(),
        );
        let again = UpAgain {
            x: Held::of(&x),
            readings: readings.clone(),
            weight: Held::of(&weight),
            bias: Held::of(&bias),
        };
        // Always computed again: a ninth of the work of the convolution that follows, which alone
        // needs it.
        let prepared = UpConvolution
            .prepare::<BalancedCheckpointing>(nodes)
            .memory_bound()
            .retro_forward(again)
            .parents(known([&x, &weight, &bias]));
        match prepared.stateful() {
            OpsKind::Tracked(mut prepared) => {
                let node = prepared.checkpoint(&x);
                let weight = prepared.checkpoint(&weight);
                prepared.finish((Input { node, readings }, weight), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn max_pool(x: FloatTensor<Self>, readings: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let again = PoolAgain {
            x: Held::of(&x),
            readings: readings.primitive().clone(),
        };
        let input = Planar::read(x.primitive().clone(), readings.into_primitive());
        let (output, choice) = max_pool_with_choice(&input);
        let state = (Arc::new(choice), input.size());
        let prepared = MaxPool.prepare::<BalancedCheckpointing>(nodes);
        // A large input may have to be computed again itself: not before its time.
        let prepared = if large(x.primitive()) {
            prepared.compute_bound()
        } else {
            let parents = known([&x]);
            prepared
                .memory_bound()
                .retro_forward(again)
                .parents(parents)
        };
        match prepared.stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(state, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn repeat(x: FloatTensor<Self>, readings: FloatTensor<Self>) -> FloatTensor<Self> {
        let readings = readings.into_primitive();
        let again = RepeatAgain {
            x: Held::of(&x),
            readings: readings.clone(),
        };
        let prepared = Repeat
            .prepare::<C>([x.node()])
            .memory_bound()
            .retro_forward(again)
            .parents(known([&x]));
        let size = Planar::new(x.primitive().clone()).size();
        let output = Flex::repeat(x.primitive().clone(), readings);
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
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let stored = x.primitive().clone();
        let parameters = [&gamma, &beta].map(|of| of.primitive().clone());
        let found = statistics(stored.clone(), parameters, epsilon);
        let readings = readings(&found, rectify);
        let length = found.channels.len();
        let channels = Arc::new(found.channels);
        let again = NormAgain {
            x: Held::of(&x),
            others: [Held::of(&gamma), Held::of(&beta)],
        };
        // Nothing is computed, so that nothing need be kept.
        let prepared = Norm { rectify }
            .prepare::<BalancedCheckpointing>(nodes)
            .memory_bound()
            .retro_forward(again)
            .parents(known([&x, &gamma, &beta]));
        let stored = match prepared.stateful() {
            OpsKind::Tracked(mut prepared) => {
                let x = prepared.checkpoint(&x);
                prepared.finish((x, channels), stored)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(stored),
        };
        (
            stored,
            FloatTensor::<Self>::new(readings),
            FloatTensor::<Self>::new(tensor(found.mean, [length])),
            FloatTensor::<Self>::new(tensor(found.variance, [length])),
        )
    }

    fn finish(x: FloatTensor<Self>, readings: FloatTensor<Self>) -> FloatTensor<Self> {
        let readings = readings.into_primitive();
        let output = Flex::finish(x.primitive().clone(), readings.clone());
        let again = FinishAgain {
            x: Held::of(&x),
            readings,
        };
        // Always computed again, whatever the device's strategy: it costs little, and what is not
        // kept is half of all maps.
        Finish
            .prepare::<BalancedCheckpointing>([x.node()])
            .memory_bound()
            .retro_forward(again)
            .parents(known([&x]))
            .stateless(output)
    }
}
