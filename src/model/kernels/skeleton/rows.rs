//! What is done to one row, a vector of pixels at a time. Rows are short and maps are many, so each loop
//! does all that can be done with what it has read.
//!
//! The largest (or least) of several is the first of equals, and has their gradient: going back from the
//! last, the gradient stays with the one that beats all before it. Comparisons tell, nothing is noted.
#![expect(unsafe_code, reason = "vector instructions")]

use super::super::simd::Vector;
use super::ring::Row;

/// `max(0, x)` that lets NaN through.
#[inline(always)]
unsafe fn relu<V: Vector>(x: V) -> V {
    // SAFETY: the caller's promise is that of the vector.
    unsafe { x.at_least(V::zero()) }
}

/// What the first and the second of two are given of `grad`, which goes to the second where `a < b`.
#[inline(always)]
unsafe fn give<V: Vector>(a: V, b: V, grad: V) -> [V; 2] {
    // SAFETY: as above.
    unsafe {
        [
            V::where_less(a, b, V::zero(), grad),
            V::where_less(a, b, grad, V::zero()),
        ]
    }
}

/// The least of each pixel and its four neighbours.
///
/// # Safety
/// Here and below: the processor has the instructions of `V`, and rows that are written are no others of
/// those given.
#[inline(always)]
pub unsafe fn erode<V: Vector>([up, own, down]: [Row<'_>; 3], to: Row<'_>) {
    for x in own.vectors::<V>() {
        // SAFETY: as promised; `x` is one of the row's vectors, and all rows are as wide. So below.
        unsafe {
            let tall = own.at::<V>(x).least(up.at(x));
            let wide = down.at::<V>(x).least(own.left::<V>(x).least(own.right(x)));
            to.put(x, tall.least(wide));
        }
    }
    to.close();
}

/// The largest of each pixel and those beside it: half of a dilation.
///
/// # Safety
/// See [`erode`].
#[inline(always)]
pub unsafe fn largest_beside<V: Vector>(own: Row<'_>, to: Row<'_>) {
    for x in own.vectors::<V>() {
        // SAFETY: as above.
        unsafe {
            let beside = own.left::<V>(x).at_least(own.right(x));
            to.put(x, beside.at_least(own.at(x)));
        }
    }
}

/// What an opening takes away, and the skeleton with it. `rows` are the halves of its dilation, above,
/// here and below; `old` is the skeleton without, if there is one.
///
/// # Safety
/// See [`erode`].
#[inline(always)]
pub unsafe fn take<V: Vector>(
    [up, own, down]: [Row<'_>; 3],
    eroded: Row<'_>,
    old: Option<Row<'_>>,
    [taken, skeleton]: [Row<'_>; 2],
) {
    for x in own.vectors::<V>() {
        // SAFETY: as above.
        unsafe {
            let opened = own.at::<V>(x).at_least(up.at(x)).at_least(down.at(x));
            let found = relu(eroded.at::<V>(x).minus(opened));
            taken.put(x, found);
            let joined = match old {
                None => found,
                Some(old) => {
                    let old = old.at::<V>(x);
                    old.plus(relu(found.minus(old.times(found))))
                }
            };
            skeleton.put(x, joined);
        }
    }
}

/// The gradient of [`take`]: `grad` becomes that of `old`, `opened` that of the opening, which is given
/// on to those of the three rows that its pixels are from; the last of these had nothing yet.
///
/// # Safety
/// See [`erode`].
#[inline(always)]
pub unsafe fn untake<V: Vector>(
    [up, own, down]: [Row<'_>; 3],
    taken: Row<'_>,
    old: Option<Row<'_>>,
    [grad, opened]: [Row<'_>; 2],
    [to_up, to_own, to_down]: [Row<'_>; 3],
) {
    for x in own.vectors::<V>() {
        // SAFETY: as above.
        unsafe {
            let zero = V::zero();
            let (whole, found) = (grad.at::<V>(x), taken.at::<V>(x));
            let of_found = match old {
                None => whole,
                Some(old) => {
                    let old = old.at::<V>(x);
                    let joined = found.minus(old.times(found));
                    let through = V::where_less(zero, joined, whole, zero);
                    grad.put(x, whole.minus(through.times(found)));
                    through.minus(through.times(old))
                }
            };
            let of_opened = V::where_less(zero, found, zero.minus(of_found), zero);
            opened.put(x, of_opened);
            let (up, own) = (up.at::<V>(x), own.at::<V>(x));
            let [rest, of_down] = give(up.at_least(own), down.at(x), of_opened);
            let [of_up, of_own] = give(up, own, rest);
            to_up.put(x, to_up.at::<V>(x).plus(of_up));
            to_own.put(x, to_own.at::<V>(x).plus(of_own));
            to_down.put(x, of_down);
        }
    }
}

/// What each pixel gives to the one to its left, keeps, and gives to the one to its right.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    pub left: Row<'a>,
    pub own: Row<'a>,
    pub right: Row<'a>,
}

impl Sides<'_> {
    /// Before the first row: nobody stands to the left of the first pixel.
    pub fn clear(self) {
        self.right.fill(0.0);
    }

    /// What the pixels from `x` on are given.
    ///
    /// # Safety
    /// See [`Row::at`].
    #[inline(always)]
    unsafe fn gathered<V: Vector>(self, x: usize) -> V {
        // SAFETY: as promised.
        unsafe {
            let kept = self.right.left::<V>(x).plus(self.own.at(x));
            kept.plus(self.left.right(x))
        }
    }
}

/// The gradient of [`largest_beside`].
///
/// # Safety
/// See [`erode`].
#[inline(always)]
pub unsafe fn give_beside<V: Vector>(from: Row<'_>, grad: Row<'_>, to: Sides<'_>) {
    for x in from.vectors::<V>() {
        // SAFETY: as above.
        unsafe {
            let (left, own) = (from.left::<V>(x), from.at::<V>(x));
            let [rest, of_right] = give(left.at_least(own), from.right(x), grad.at(x));
            let [of_left, of_own] = give(left, own, rest);
            to.left.put(x, of_left);
            to.own.put(x, of_own);
            to.right.put(x, of_right);
        }
    }
    // The number beside the first pixel is its own, and no pixel.
    to.left.give_first(to.own);
    to.left.end();
}

/// The gradient of an erosion's pixels: of the `deeper` one, less that of its own opening (none of both
/// after the last), and what the `beside` of a dilation give.
///
/// # Safety
/// See [`Row::at`].
#[inline(always)]
unsafe fn of_eroded<V: Vector>(
    deeper_and_opened: Option<[Row<'_>; 2]>,
    beside: Sides<'_>,
    x: usize,
) -> V {
    // SAFETY: as promised.
    unsafe {
        let given = beside.gathered::<V>(x);
        match deeper_and_opened {
            None => given,
            Some([deeper, opened]) => deeper.at::<V>(x).minus(opened.at(x)).plus(given),
        }
    }
}

/// The gradient of [`erode`] from [`of_eroded`]: given on to the three rows that its pixels are from; the
/// last of these had nothing yet. `sides` is room for what goes sideways.
///
/// # Safety
/// See [`erode`].
#[inline(always)]
pub unsafe fn give_to_cross<V: Vector>(
    [up, own, down]: [Row<'_>; 3],
    deeper_and_opened: Option<[Row<'_>; 2]>,
    beside: Sides<'_>,
    [to_up, to_own, to_down]: [Row<'_>; 3],
    sides: Sides<'_>,
) {
    for x in own.vectors::<V>() {
        // SAFETY: as above.
        unsafe {
            let grad = of_eroded::<V>(deeper_and_opened, beside, x);
            let (up, here, left) = (up.at::<V>(x), own.at::<V>(x), own.left::<V>(x));
            let (two, down) = (up.least(here), down.at::<V>(x));
            let three = two.least(down);
            let [rest, of_right] = give(own.right(x), three.least(left), grad);
            let [rest, of_left] = give(left, three, rest);
            let [rest, of_down] = give(down, two, rest);
            let [of_up, of_own] = give(here, up, rest);
            to_up.put(x, to_up.at::<V>(x).plus(of_up));
            sides.own.put(x, to_own.at::<V>(x).plus(of_own));
            to_down.put(x, of_down);
            sides.left.put(x, of_left);
            sides.right.put(x, of_right);
        }
    }
    sides.left.end();
    for x in own.vectors::<V>() {
        // SAFETY: as above.
        unsafe { to_own.put(x, sides.gathered::<V>(x)) };
    }
}

/// The gradient of the input: of the first erosion, less that of the first opening.
///
/// # Safety
/// See [`erode`].
#[inline(always)]
pub unsafe fn of_input<V: Vector>([deeper, opened]: [Row<'_>; 2], to: Row<'_>) {
    for x in to.vectors::<V>() {
        // SAFETY: as above.
        unsafe { to.put(x, deeper.at::<V>(x).minus(opened.at(x))) };
    }
}
