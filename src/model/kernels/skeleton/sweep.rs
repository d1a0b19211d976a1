//! The sweep over the rows of a strip. At time t, row t of the input is read; everything else comes
//! some rows later, as soon as what it depends on is there:
//!
//! ```text
//! row of                              is made at time
//! erosion i                           y + i
//! taken away, skeleton i              y + i + 2
//! gradient of opening i               y + I + 2          I: the last
//! gradient of erosion i               y + 2 I + 4 − i
//! ```
//!
//! How many rows of each are kept follows from when they are last asked for.
#![expect(unsafe_code, reason = "rows of vectors")]

use super::super::Path;
use super::super::memory::with_scratch;
use super::super::simd::{Vector, with_vector};
use super::ring::{self, Ring};
use super::rows::{self, Sides};

/// Numbers of scratch that rings for these ages take.
fn room(ages: &[Vec<usize>], width: usize) -> usize {
    let ages = ages.iter().flatten();
    ages.map(|age| ring::room(*age, width)).sum()
}

/// Rings for `ages`.
fn take<'a>(scratch: &mut &'a mut [f32], ages: &[usize], width: usize) -> Vec<Ring<'a>> {
    let ages = ages.iter();
    ages.map(|age| Ring::take(scratch, *age, width)).collect()
}

/// The maps of the pass forward.
struct Forward<'a> {
    height: isize,
    /// One more than of the others.
    eroded: Vec<Ring<'a>>,
    /// The largest of three in a row, half of a dilation.
    halves: Vec<Ring<'a>>,
    taken: Vec<Ring<'a>>,
    skeleton: Vec<Ring<'a>>,
}

/// Ages of what the pass forward keeps by itself: erosions, halves, what was taken, skeletons.
fn ages_forward(last: usize) -> [Vec<usize>; 4] {
    let of = |age: usize, count: usize| vec![age; count];
    [
        of(2, last + 2),
        of(2, last + 1),
        of(0, last + 1),
        of(1, last + 1),
    ]
}

/// The same where the gradient is to follow.
fn ages_both(last: usize) -> [Vec<usize>; 4] {
    let each = |age: &dyn Fn(usize) -> usize| (0..=last).map(age).collect();
    let eroded = (0..last + 2).map(|i| 2 * (last + 2) - 2 * i).collect();
    [
        eroded,
        each(&|i| last + 2 - i),
        each(&|i| last - i),
        each(&|i| (last - i).max(1)),
    ]
}

/// Ages of what the gradient keeps: of openings, on the way through their dilations, and of what
/// erosions are given by deeper ones.
fn ages_backward(last: usize) -> [Vec<usize>; 3] {
    let each = |age: &dyn Fn(usize) -> usize| (0..=last).map(age).collect();
    [
        each(&|i| last + 2 - i),
        each(&|i| last + 2 - i),
        each(&|_| 2),
    ]
}

impl<'a> Forward<'a> {
    fn new(
        [height, width]: [usize; 2],
        scratch: &mut &'a mut [f32],
        ages: &[Vec<usize>; 4],
    ) -> Self {
        let [eroded, halves, taken, skeleton] =
            ages.each_ref().map(|ages| take(scratch, ages, width));
        // Above the first row there is nothing.
        for eroded in &eroded {
            eroded.row(-1).fill(f32::INFINITY);
        }
        for halves in &halves {
            halves.row(-1).fill(f32::NEG_INFINITY);
        }
        Self {
            height: height as isize,
            eroded,
            halves,
            taken,
            skeleton,
        }
    }

    /// Whether the image has this row.
    #[inline(always)]
    fn has(&self, y: isize) -> bool {
        (0..self.height).contains(&y)
    }

    /// The rows of time `t`, of which `read` gives that of the input.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, t: isize, read: impl Fn(usize, &mut [f32])) {
        let input = self.eroded[0].row(t);
        if self.has(t) {
            // SAFETY: a new row, which nothing looks at yet.
            read(t as usize, unsafe { input.pixels() });
            input.close();
        } else if t == self.height {
            input.fill(f32::INFINITY);
        }
        for i in 0..self.taken.len() {
            let y = t - i as isize - 1;
            let (shallow, deep) = (&self.eroded[i], self.eroded[i + 1].row(y));
            let half = self.halves[i].row(y);
            if self.has(y) {
                // SAFETY: as promised; rows of different maps.
                unsafe {
                    rows::erode::<V>(shallow.three(y), deep);
                    rows::largest_beside::<V>(deep, half);
                }
            } else if y == self.height {
                deep.fill(f32::INFINITY);
                half.fill(f32::NEG_INFINITY);
            }
            let y = y - 1;
            if self.has(y) {
                let halves = self.halves[i].three(y);
                let old = i.checked_sub(1).map(|before| self.skeleton[before].row(y));
                let to = [self.taken[i].row(y), self.skeleton[i].row(y)];
                // SAFETY: as promised; rows of different maps.
                unsafe { rows::take::<V>(halves, shallow.row(y), old, to) };
            }
        }
    }
}

/// Skeleton of a map of this height and width. `read` writes row `y` of it, `give` is called with each
/// row of the skeleton.
#[inline(always)]
pub fn forward(
    path: Path,
    dims: [usize; 2],
    iterations: usize,
    read: impl Fn(usize, &mut [f32]) + Copy,
    mut give: impl FnMut(usize, &[f32]),
) {
    let ages = ages_forward(iterations);
    with_scratch(room(&ages, dims[1]), |mut scratch| {
        let maps = Forward::new(dims, &mut scratch, &ages);
        let late = iterations as isize + 2;
        with_vector!(path, V => {
            for t in 0..maps.height + late {
                // SAFETY: `with_vector` gives what the processor has.
                unsafe { maps.step::<V>(t, read) };
                if maps.has(t - late) {
                    let row = maps.skeleton[iterations].row(t - late);
                    // SAFETY: a row that is done.
                    give((t - late) as usize, unsafe { row.pixels() });
                }
            }
        });
    });
}

/// The maps of the gradient.
struct Backward<'a> {
    /// Of each opening.
    opened: Vec<Ring<'a>>,
    /// The same on the way through its dilation: given to rows, not yet to pixels of a row.
    way: Vec<Ring<'a>>,
    /// What each erosion is given by the deeper one.
    deeper: Vec<Ring<'a>>,
    /// A row of the gradient that is passed on.
    grad: Ring<'a>,
    /// What pixels of a row give to their neighbours: of a dilation, of an erosion.
    beside: [Ring<'a>; 3],
    across: [Ring<'a>; 3],
}

/// Rows that are kept no longer than they are worked on: those of [`Backward::grad`] and after.
const SINGLE: usize = 7;

/// The only row of each.
fn sides<'a>(of: &[Ring<'a>; 3]) -> Sides<'a> {
    let [left, own, right] = of.each_ref().map(|ring| ring.row(0));
    Sides { left, own, right }
}

impl<'a> Backward<'a> {
    fn new(width: usize, scratch: &mut &'a mut [f32], ages: &[Vec<usize>; 3]) -> Self {
        let [opened, way, deeper] = ages.each_ref().map(|ages| take(scratch, ages, width));
        for ring in way.iter().chain(&deeper) {
            ring.row(0).fill(0.0);
        }
        let mut single = || Ring::take(scratch, 0, width);
        let new = Self {
            opened,
            way,
            deeper,
            grad: single(),
            beside: std::array::from_fn(|_| single()),
            across: std::array::from_fn(|_| single()),
        };
        sides(&new.beside).clear();
        sides(&new.across).clear();
        new
    }

    /// The gradient of the openings in row `y`, given on to the rows of their dilations; `grad` writes
    /// that of the last skeleton.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    #[inline(always)]
    unsafe fn open<V: Vector>(
        &self,
        maps: &Forward<'_>,
        y: isize,
        grad: impl Fn(usize, &mut [f32]) + Copy,
    ) {
        let of_skeleton = self.grad.row(0);
        // SAFETY: nothing else looks at it now.
        grad(y as usize, unsafe { of_skeleton.pixels() });
        for i in (0..maps.taken.len()).rev() {
            let (halves, taken) = (maps.halves[i].three(y), maps.taken[i].row(y));
            let old = i.checked_sub(1).map(|before| maps.skeleton[before].row(y));
            let to = [of_skeleton, self.opened[i].row(y)];
            // SAFETY: as promised; rows of different maps.
            unsafe { rows::untake::<V>(halves, taken, old, to, self.way[i].three(y)) };
        }
    }

    /// The gradient of erosion `i` in row `y`, given on to the one before; if there is none, it is that of
    /// the input.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    #[inline(always)]
    unsafe fn erode<V: Vector>(&self, maps: &Forward<'_>, i: usize, y: isize) {
        let of = |maps: (&Ring<'a>, &Ring<'a>)| [maps.0.row(y), maps.1.row(y)];
        let own = self.deeper.get(i).zip(self.opened.get(i)).map(of);
        let Some(before) = i.checked_sub(1) else {
            if let Some(own) = own {
                // SAFETY: as promised; rows of different maps.
                unsafe { rows::of_input::<V>(own, self.grad.row(0)) };
            }
            return;
        };
        let (beside, across) = (sides(&self.beside), sides(&self.across));
        let to = self.deeper[before].three(y);
        // SAFETY: as promised; rows of different maps.
        unsafe {
            rows::give_beside::<V>(maps.eroded[i].row(y), self.way[before].row(y), beside);
            let from = maps.eroded[before].three(y);
            rows::give_to_cross::<V>(from, own, beside, to, across);
        }
    }
}

/// Gradient of a map of this height and width from that of its skeleton. `read` writes row `y` of the
/// map, `grad` that of its skeleton's gradient; `give` is called with each row of the result.
#[inline(always)]
pub fn backward(
    path: Path,
    dims: [usize; 2],
    iterations: usize,
    read: impl Fn(usize, &mut [f32]) + Copy,
    grad: impl Fn(usize, &mut [f32]) + Copy,
    mut give: impl FnMut(usize, &[f32]),
) {
    let (ages, ages_back) = (ages_both(iterations), ages_backward(iterations));
    let width = dims[1];
    let room = room(&ages, width) + room(&ages_back, width) + SINGLE * ring::room(0, width);
    with_scratch(room, |mut scratch| {
        let maps = Forward::new(dims, &mut scratch, &ages);
        let back = Backward::new(width, &mut scratch, &ages_back);
        let late = 2 * iterations as isize + 4;
        with_vector!(path, V => {
            for t in 0..maps.height + late {
                // SAFETY: `with_vector` gives what the processor has. So below.
                unsafe { maps.step::<V>(t, read) };
                let y = t - iterations as isize - 2;
                if maps.has(y) {
                    // SAFETY: as above.
                    unsafe { back.open::<V>(&maps, y, grad) };
                }
                for i in (0..iterations + 2).rev() {
                    let y = t - late + i as isize;
                    if maps.has(y) {
                        // SAFETY: as above.
                        unsafe { back.erode::<V>(&maps, i, y) };
                    }
                }
                if maps.has(t - late) {
                    // SAFETY: a row that is done.
                    give((t - late) as usize, unsafe { back.grad.row(0).pixels() });
                }
            }
        });
    });
}
