//! What is done to one row; each a loop that the compiler turns into vector instructions. Rows that
//! stand side by side are written out: an array of rows would be looked up for every pixel.

/// In place of a neighbour's number: none was chosen.
pub const NOBODY: f32 = -1.0;

/// `max(0, x)` that lets NaN through.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// The smaller; the first where neither is, so that NaN there stays.
#[inline(always)]
fn less(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The larger; the first where neither is.
#[inline(always)]
fn more(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Left, own and right of a row that has a number more to both sides.
#[inline(always)]
fn beside(wide: &[f32]) -> [&[f32]; 3] {
    let width = wide.len() - 2;
    [&wide[..width], &wide[1..=width], &wide[2..]]
}

/// Gives a row its own first and last number to both sides: the least and the largest of neighbours
/// are what they are without these.
#[inline(always)]
pub fn close(wide: &mut [f32]) {
    let last = wide.len() - 1;
    wide[0] = wide[1];
    wide[last] = wide[last - 1];
}

/// The least of each pixel and its four neighbours; `own` with a number to both sides.
#[inline(always)]
pub fn erode([up, own, down]: [&[f32]; 3], to: &mut [f32]) {
    let [left, own, right] = beside(own);
    let tall = own.iter().zip(up).zip(down);
    let wide = left.iter().zip(right);
    for ((to, ((&own, &up), &down)), (&left, &right)) in to.iter_mut().zip(tall).zip(wide) {
        *to = less(less(own, up), less(down, less(left, right)));
    }
}

/// The largest of each pixel and those beside it: half of a dilation.
#[inline(always)]
pub fn largest_beside(wide: &[f32], to: &mut [f32]) {
    let [left, own, right] = beside(wide);
    for (((to, &left), &own), &right) in to.iter_mut().zip(left).zip(own).zip(right) {
        *to = more(more(own, left), right);
    }
}

/// What an opening takes away: `rows` are the halves of its dilation, above, here and below.
#[inline(always)]
pub fn take([up, own, down]: [&[f32]; 3], eroded: &[f32], to: &mut [f32]) {
    let rows = up.iter().zip(own).zip(down);
    for ((to, ((&up, &own), &down)), &eroded) in to.iter_mut().zip(rows).zip(eroded) {
        *to = relu(eroded - more(more(own, up), down));
    }
}

/// The skeleton with what was taken away.
#[inline(always)]
pub fn join(old: &[f32], taken: &[f32], to: &mut [f32]) {
    for ((to, &old), &taken) in to.iter_mut().zip(old).zip(taken) {
        *to = old + relu(taken - old * taken);
    }
}

/// The gradient of an opening from that of what it has taken away, the first of all.
#[inline(always)]
pub fn untake(taken: &[f32], grad: &[f32], to: &mut [f32]) {
    for ((to, &grad), &taken) in to.iter_mut().zip(grad).zip(taken) {
        *to = if taken > 0.0 { -grad } else { 0.0 };
    }
}

/// As [`untake`], where it has joined the skeleton `old`; `grad` becomes that one's gradient.
#[inline(always)]
pub fn unjoin(old: &[f32], taken: &[f32], grad: &mut [f32], to: &mut [f32]) {
    for (((to, grad), &taken), &old) in to.iter_mut().zip(grad).zip(taken).zip(old) {
        let through = if taken - old * taken > 0.0 {
            *grad
        } else {
            0.0
        };
        let of_taken = through * (1.0 - old);
        *grad -= through * taken;
        *to = if taken > 0.0 { -of_taken } else { 0.0 };
    }
}

/// Gives each number of `grad` to the row that [`take`] took the largest from, the first of equals.
#[inline(always)]
pub fn give_to_rows(
    [up, own, down]: [&[f32]; 3],
    grad: &[f32],
    [to_up, to_own, to_down]: [&mut [f32]; 3],
) {
    let from = up.iter().zip(own).zip(down).zip(grad);
    let to = to_up.iter_mut().zip(to_own).zip(to_down);
    for (((to_up, to_own), to_down), (((&up, &own), &down), &grad)) in to.zip(from) {
        let is_down = down > more(up, own);
        let is_own = own > up;
        let rest = if is_down { 0.0 } else { grad };
        *to_down = if is_down { grad } else { 0.0 };
        *to_own += if is_own { rest } else { 0.0 };
        *to_up += if is_own { 0.0 } else { rest };
    }
}

/// Which pixel [`largest_beside`] took, as a number: left, own or right, the first of equals.
#[inline(always)]
pub fn choose_beside(wide: &[f32], choice: &mut [f32]) {
    let [left, own, right] = beside(wide);
    let chosen = &mut choice[1..=left.len()];
    for (((choice, &left), &own), &right) in chosen.iter_mut().zip(left).zip(own).zip(right) {
        let second = if own > left { 1.0 } else { 0.0 };
        *choice = if right > more(left, own) { 2.0 } else { second };
    }
    // The number beside the first pixel is its own, and no pixel.
    if chosen[0] == 0.0 {
        chosen[0] = 1.0;
    }
}

/// Adds to each pixel the `grad` of those that [`choose_beside`] tells to have taken it. All but `to`
/// with a number to both sides.
#[inline(always)]
pub fn give_beside(choice: &[f32], grad: &[f32], to: &mut [f32]) {
    let [from_left, from_own, from_right] = beside(choice);
    let [left, own, right] = beside(grad);
    let (left, own, right) = (
        left.iter().zip(from_left),
        own.iter().zip(from_own),
        right.iter().zip(from_right),
    );
    for (((to, left), own), right) in to.iter_mut().zip(left).zip(own).zip(right) {
        *to += of(left, 2.0) + of(own, 1.0) + of(right, 0.0);
    }
}

/// The gradient, if its pixel has chosen this.
#[inline(always)]
fn of((&grad, &choice): (&f32, &f32), index: f32) -> f32 {
    if choice == index { grad } else { 0.0 }
}

/// Gives each number of `grad` to the pixel that [`erode`] took, the first of equals of above, own,
/// below, left, right. Those who took from beside are told by `choice`, for [`give_sideways`].
#[inline(always)]
pub fn give_to_cross(
    [up, own, down]: [&[f32]; 3],
    grad: &[f32],
    [to_up, to_own, to_down]: [&mut [f32]; 3],
    choice: &mut [f32],
) {
    let [left, own, right] = beside(own);
    let choice = &mut choice[1..=left.len()];
    let tall = up.iter().zip(own).zip(down);
    let wide = left.iter().zip(right).zip(grad);
    let to = to_up.iter_mut().zip(to_own).zip(to_down).zip(choice);
    for ((((to_up, to_own), to_down), choice), (((&up, &own), &down), ((&left, &right), &grad))) in
        to.zip(tall.zip(wide))
    {
        let two = less(up, own);
        let three = less(two, down);
        let four = less(three, left);
        let mut which = if own < up { 1.0 } else { 0.0 };
        which = if down < two { 2.0 } else { which };
        which = if left < three { 3.0 } else { which };
        which = if right < four { 4.0 } else { which };
        *to_up += if which == 0.0 { grad } else { 0.0 };
        *to_own += if which == 1.0 { grad } else { 0.0 };
        *to_down = if which == 2.0 { grad } else { 0.0 };
        *choice = which;
    }
}

/// The rest of [`give_to_cross`]. `choice` and `grad` with a number to both sides.
#[inline(always)]
pub fn give_sideways(choice: &[f32], grad: &[f32], to: &mut [f32]) {
    let [from_left, _, from_right] = beside(choice);
    let [left, _, right] = beside(grad);
    let (left, right) = (left.iter().zip(from_left), right.iter().zip(from_right));
    for ((to, left), right) in to.iter_mut().zip(left).zip(right) {
        *to += of(left, 4.0) + of(right, 3.0);
    }
}

/// What reaches an erosion by the deeper one and as the minuend of what was taken away.
#[inline(always)]
pub fn both(deeper: &[f32], of_opened: &[f32], to: &mut [f32]) {
    for ((to, &deeper), &of_opened) in to.iter_mut().zip(deeper).zip(of_opened) {
        *to = deeper - of_opened;
    }
}
