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

use super::super::Path;
use super::super::memory::with_scratch;
use super::ring::{Ring, depth};
use super::rows;

/// Numbers of scratch that rings for these ages take.
fn room(ages: &[Vec<usize>], width: usize) -> usize {
    let rows: usize = ages.iter().flatten().map(|age| depth(*age)).sum();
    rows * (width + 2)
}

/// Rings for `ages`.
fn take<'a>(scratch: &mut &'a mut [f32], ages: &[usize], width: usize) -> Vec<Ring<'a>> {
    let ages = ages.iter();
    ages.map(|age| Ring::take(scratch, *age, width)).collect()
}

/// The maps of the pass forward.
struct Forward<'a> {
    width: usize,
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
        let mut new = Self {
            width,
            height: height as isize,
            eroded,
            halves,
            taken,
            skeleton,
        };
        // Above the first row there is nothing.
        for eroded in &mut new.eroded {
            eroded.wide_mut(-1).fill(f32::INFINITY);
        }
        for halves in &mut new.halves {
            halves.wide_mut(-1).fill(f32::NEG_INFINITY);
        }
        new
    }

    /// Whether the image has this row.
    #[inline(always)]
    fn has(&self, y: isize) -> bool {
        (0..self.height).contains(&y)
    }

    /// The rows of time `t`, of which `read` gives that of the input.
    #[inline(always)]
    fn step(&mut self, t: isize, read: impl Fn(usize, &mut [f32])) {
        if self.has(t) {
            read(t as usize, self.eroded[0].row_mut(t));
            rows::close(self.eroded[0].wide_mut(t));
        } else if t == self.height {
            self.eroded[0].wide_mut(t).fill(f32::INFINITY);
        }
        for i in 0..self.taken.len() {
            let y = t - i as isize - 1;
            let (shallow, deep) = self.eroded.split_at_mut(i + 1);
            let (shallow, deep) = (&shallow[i], &mut deep[0]);
            if (0..self.height).contains(&y) {
                let cross = [shallow.row(y - 1), shallow.wide(y), shallow.row(y + 1)];
                rows::erode(cross, deep.row_mut(y));
                rows::close(deep.wide_mut(y));
                rows::largest_beside(deep.wide(y), self.halves[i].row_mut(y));
            } else if y == self.height {
                deep.wide_mut(y).fill(f32::INFINITY);
                self.halves[i].wide_mut(y).fill(f32::NEG_INFINITY);
            }
            let y = y - 1;
            if (0..self.height).contains(&y) {
                let taken = self.taken[i].row_mut(y);
                rows::take(self.halves[i].three(y), shallow.row(y), taken);
                let (old, new) = self.skeleton.split_at_mut(i);
                let new = new[0].row_mut(y);
                match old.last() {
                    None => new.copy_from_slice(taken),
                    Some(old) => rows::join(old.row(y), taken, new),
                }
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
    read: impl Fn(usize, &mut [f32]),
    mut give: impl FnMut(usize, &[f32]),
) {
    let ages = ages_forward(iterations);
    with_scratch(room(&ages, dims[1]), |mut scratch| {
        let mut maps = Forward::new(dims, &mut scratch, &ages);
        path.compiled(
            #[inline(always)]
            || {
                let late = iterations as isize + 2;
                for t in 0..maps.height + late {
                    maps.step(t, &read);
                    if maps.has(t - late) {
                        let row = maps.skeleton[iterations].row(t - late);
                        give((t - late) as usize, row);
                    }
                }
            },
        );
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
    /// Rows with a number to both sides: the gradient that is passed on, and who took which pixel.
    grad: &'a mut [f32],
    choice: &'a mut [f32],
}

impl<'a> Backward<'a> {
    fn new(width: usize, scratch: &mut &'a mut [f32], ages: &[Vec<usize>; 3]) -> Self {
        let [mut opened, mut way, mut deeper] =
            ages.each_ref().map(|ages| take(scratch, ages, width));
        for ring in opened.iter_mut().chain(&mut way).chain(&mut deeper) {
            ring.wide_mut(0).fill(0.0);
        }
        let (grad, rest) = std::mem::take(scratch).split_at_mut(width + 2);
        let (choice, _) = rest.split_at_mut(width + 2);
        choice.fill(rows::NOBODY);
        Self {
            opened,
            way,
            deeper,
            grad,
            choice,
        }
    }

    /// The gradient of the openings in row `y`, given on to the rows of their dilations; `grad` writes
    /// that of the last skeleton.
    #[inline(always)]
    fn open(&mut self, maps: &Forward<'_>, y: isize, grad: impl Fn(usize, &mut [f32])) {
        let of_skeleton = &mut self.grad[1..=maps.width];
        grad(y as usize, of_skeleton);
        for i in (0..maps.taken.len()).rev() {
            let (taken, opened) = (maps.taken[i].row(y), self.opened[i].row_mut(y));
            match i.checked_sub(1) {
                None => rows::untake(taken, of_skeleton, opened),
                Some(before) => {
                    rows::unjoin(maps.skeleton[before].row(y), taken, of_skeleton, opened);
                }
            }
            rows::give_to_rows(maps.halves[i].three(y), opened, self.way[i].three_mut(y));
        }
    }

    /// The gradient of erosion `i` in row `y`; if it is not the input, given on to the one before.
    #[inline(always)]
    fn erode(&mut self, maps: &Forward<'_>, i: usize, y: isize) {
        let width = maps.width;
        let grad = &mut self.grad[1..=width];
        match self.opened.get(i) {
            Some(opened) => rows::both(self.deeper[i].row(y), opened.row(y), grad),
            None => grad.fill(0.0),
        }
        let Some(before) = i.checked_sub(1) else {
            return;
        };
        rows::choose_beside(maps.eroded[i].wide(y), self.choice);
        rows::give_beside(self.choice, self.way[before].wide(y), grad);
        let shallow = &maps.eroded[before];
        let cross = [shallow.row(y - 1), shallow.wide(y), shallow.row(y + 1)];
        let to = self.deeper[before].three_mut(y);
        rows::give_to_cross(cross, grad, to, self.choice);
        let to = self.deeper[before].row_mut(y);
        rows::give_sideways(self.choice, self.grad, to);
    }
}

/// Gradient of a map of this height and width from that of its skeleton. `read` writes row `y` of the
/// map, `grad` that of its skeleton's gradient; `give` is called with each row of the result.
#[inline(always)]
pub fn backward(
    path: Path,
    dims: [usize; 2],
    iterations: usize,
    read: impl Fn(usize, &mut [f32]),
    grad: impl Fn(usize, &mut [f32]),
    mut give: impl FnMut(usize, &[f32]),
) {
    let (ages, ages_back) = (ages_both(iterations), ages_backward(iterations));
    let width = dims[1];
    let room = room(&ages, width) + room(&ages_back, width) + 2 * (width + 2);
    with_scratch(room, |mut scratch| {
        let mut maps = Forward::new(dims, &mut scratch, &ages);
        let mut back = Backward::new(width, &mut scratch, &ages_back);
        path.compiled(
            #[inline(always)]
            || {
                let late = 2 * iterations as isize + 4;
                for t in 0..maps.height + late {
                    maps.step(t, &read);
                    let y = t - iterations as isize - 2;
                    if maps.has(y) {
                        back.open(&maps, y, &grad);
                    }
                    for i in (0..iterations + 2).rev() {
                        let y = t - late + i as isize;
                        if maps.has(y) {
                            back.erode(&maps, i, y);
                        }
                    }
                    if maps.has(t - late) {
                        give((t - late) as usize, &back.grad[1..=width]);
                    }
                }
            },
        );
    });
}
