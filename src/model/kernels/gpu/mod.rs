//! What losses ask of a GPU beyond burn's own operations: the order of errors and distance maps. From
//! tensors of the device to tensors of the device: nothing is read back and nothing is uploaded.
//!
//! Both are constants where a gradient is asked for: neither an order nor a distance has a slope.

mod distance;
mod scan;
mod shares;
mod sort;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchDevice, backend_extension};
use burn::prelude::*;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::{CubeCount, CubeDim, calculate_cube_count_elemwise};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

pub use super::lovasz::Form as Lovasz;

/// Units that work together; every device has as many.
const UNITS: u32 = 256;

/// Whether `x` is on a device of these kernels.
#[must_use]
pub fn holds<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device().without_autodiff();
    matches!(device.as_dispatch(), DispatchDevice::Cube(_))
}

/// The operations, on `f32`.
#[backend_extension(Cube, Fusion: cfg(feature = "fusion"))]
pub trait GpuKernels: Backend {
    /// See [`border_squares`].
    #[fusion(dtype = values, shape = values)]
    fn border_squares(values: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`lovasz_shares`].
    #[fusion(dtype = p, shape = p)]
    fn lovasz_shares(
        p: FloatTensor<Self>,
        one_hot: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        form: Lovasz,
    ) -> FloatTensor<Self>;
}

/// Squared distance of each pixel of `[N, C, H, W]` to the nearest one of its plane whose value is on
/// the other side of ½: a whole number of at least 1. 0 all over where there is no such pixel.
#[must_use]
pub fn border_squares(values: Tensor<4>) -> Tensor<4> {
    let dtype = values.dtype();
    let values = numbers(values);
    let found = <Dispatch as GpuKernels>::border_squares(values.into_dispatch());
    Tensor::<4>::from_dispatch(found).cast(dtype)
}

/// How the Lovász extension of the Jaccard loss grows with each error |y − p| of `p` `[N, C, H, W]`;
/// `one_hot` is as large and above ½ at the true class, `valid` `[N, 1, H, W]` is 0 where a pixel
/// takes no part.
///
/// # Panics
/// When the shapes do not fit each other, or there are more than 2³¹ probabilities.
#[must_use]
pub fn lovasz_shares(
    p: Tensor<4>,
    one_hot: Tensor<4>,
    valid: Tensor<4>,
    form: Lovasz,
) -> Tensor<4> {
    let dims @ [n, _, h, w] = p.dims();
    assert_eq!(one_hot.dims(), dims, "a truth for every probability");
    assert_eq!(valid.dims(), [n, 1, h, w], "one number for every pixel");
    assert!(dims.iter().product::<usize>() <= 1 << 31, "too many");
    let dtype = p.dtype();
    let found = <Dispatch as GpuKernels>::lovasz_shares(
        numbers(p).into_dispatch(),
        numbers(one_hot).into_dispatch(),
        numbers(valid).into_dispatch(),
        form,
    );
    Tensor::<4>::from_dispatch(found).cast(dtype)
}

/// As the kernels take them: of single precision, without a gradient.
fn numbers(x: Tensor<4>) -> Tensor<4> {
    x.without_autodiff().cast(DType::F32)
}

impl GpuKernels for CubeBackend {
    fn border_squares(values: CubeTensor) -> CubeTensor {
        distance::border_squares(into_contiguous(values))
    }

    fn lovasz_shares(
        p: CubeTensor,
        one_hot: CubeTensor,
        valid: CubeTensor,
        form: Lovasz,
    ) -> CubeTensor {
        let [p, one_hot, valid] = [p, one_hot, valid].map(into_contiguous);
        shares::lovasz_shares(&p, &one_hot, &valid, form)
    }
}

/// Room for as many numbers on the device of `like`.
fn room(like: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    let handle = like.client.empty(shape.num_elements() * dtype.size());
    let (client, device) = (like.client.clone(), like.device.clone());
    CubeTensor::new_contiguous(client, device, shape, handle, dtype)
}

/// How a kernel is started on the device of `like` with a unit for each of `len` elements.
fn each(like: &CubeTensor, len: usize) -> (CubeCount, CubeDim) {
    let units = CubeDim::new(&like.client, len);
    let count = calculate_cube_count_elemwise(&like.client, len, units);
    (count, units)
}

/// How a kernel is started with [`UNITS`] for each of `len` pieces of work. A device may start more.
fn together(like: &CubeTensor, len: usize) -> (CubeCount, CubeDim) {
    let one = CubeDim::new_single();
    let count = calculate_cube_count_elemwise(&like.client, len, one);
    (count, CubeDim::new_1d(UNITS))
}
