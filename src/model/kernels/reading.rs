//! What becomes of a channel's numbers as they are read: a normalisation and the activation after it
//! never stand in memory by themselves, and are done by whoever reads the map.
#![expect(unsafe_code, reason = "vector instructions")]

use super::Path;
use super::simd::{Vector, with_vector};

/// Mean, scale, shift and floor of a channel: `max(floor, (x − mean) · scale + shift)` is read.
pub type Reading = [f32; 4];

/// Reads every number as it stands.
pub const AS_IT_STANDS: Reading = [0.0, 1.0, 0.0, f32::NEG_INFINITY];

/// A [`Reading`] in every lane, or one for each lane.
#[derive(Clone, Copy)]
pub struct Lanes<V> {
    mean: V,
    pub scale: V,
    shift: V,
    floor: V,
}

impl<V: Vector> Lanes<V> {
    /// The same in every lane.
    ///
    /// # Safety
    /// Here and below: the processor has the instructions of `V`.
    #[inline(always)]
    pub unsafe fn of([mean, scale, shift, floor]: Reading) -> Self {
        // SAFETY: as promised.
        unsafe {
            Self {
                mean: V::fill(mean),
                scale: V::fill(scale),
                shift: V::fill(shift),
                floor: V::fill(floor),
            }
        }
    }

    /// Of as many channels as there are lanes, those that are not there as they stand.
    ///
    /// # Safety
    /// See [`Lanes::of`].
    #[inline(always)]
    pub unsafe fn of_channels(channels: impl Iterator<Item = Reading>) -> Self {
        let mut all = [[0f32; 16]; 4];
        let rest = std::iter::repeat(AS_IT_STANDS);
        for (lane, reading) in channels.chain(rest).take(16).enumerate() {
            for (all, number) in all.iter_mut().zip(reading) {
                all[lane] = number;
            }
        }
        // SAFETY: as long as any vector.
        unsafe {
            Self {
                mean: V::load(all[0].as_ptr()),
                scale: V::load(all[1].as_ptr()),
                shift: V::load(all[2].as_ptr()),
                floor: V::load(all[3].as_ptr()),
            }
        }
    }

    /// The difference from the mean, and what is read before the floor: the same arithmetic wherever
    /// a map is read, so that all agree on which numbers are positive.
    ///
    /// # Safety
    /// See [`Lanes::of`].
    #[inline(always)]
    pub unsafe fn normalised(self, x: V) -> [V; 2] {
        // SAFETY: as promised.
        unsafe {
            let difference = x.minus(self.mean);
            [difference, self.shift.fma(self.scale, difference)]
        }
    }

    /// What is read where `x` stands.
    ///
    /// # Safety
    /// See [`Lanes::of`].
    #[inline(always)]
    pub unsafe fn read(self, x: V) -> V {
        // SAFETY: as promised.
        unsafe {
            let [_, y] = self.normalised(x);
            y.at_least(self.floor)
        }
    }
}

/// Writes what is read where `from` stands to `to`, which is as long.
pub fn read(path: Path, reading: Reading, from: &[f32], to: &mut [f32]) {
    with_vector!(path, V => {
        // SAFETY: `with_vector` gives what the processor has.
        unsafe {
            let lanes = Lanes::<V>::of(reading);
            for at in (0..to.len()).step_by(V::LANES) {
                write(lanes.read(part::<V>(from, at)), to, at);
            }
        }
    });
}

/// The numbers from `at` on, zeros beyond the end.
///
/// # Safety
/// See [`Lanes::of`].
#[inline(always)]
pub unsafe fn part<V: Vector>(of: &[f32], at: usize) -> V {
    let there = of.len() - at;
    if there >= V::LANES {
        // SAFETY: as many numbers are there.
        return unsafe { V::load(of[at..].as_ptr()) };
    }
    let mut rest = [0f32; 16];
    rest[..there].copy_from_slice(&of[at..]);
    // SAFETY: as long as any vector.
    unsafe { V::load(rest.as_ptr()) }
}

/// Writes `value` from `at` on, up to the end.
///
/// # Safety
/// See [`Lanes::of`].
#[inline(always)]
pub unsafe fn write<V: Vector>(value: V, to: &mut [f32], at: usize) {
    let there = to.len() - at;
    if there >= V::LANES {
        // SAFETY: as many numbers are there.
        return unsafe { value.store(to[at..].as_mut_ptr()) };
    }
    let mut rest = [0f32; 16];
    // SAFETY: as long as any vector.
    unsafe { value.store(rest.as_mut_ptr()) };
    to[at..].copy_from_slice(&rest[..there]);
}
