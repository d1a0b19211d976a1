//! The Lovász extension of the Jaccard loss (Berman et al. 2018): the errors of a class in falling
//! order, each times how much the loss grows when its pixel joins the wrong ones.
//!
//! Sorting is nearly all of it. Errors are handed out to narrow ranges first, by their leading bits, so
//! that both what is sorted then and the sums along it are tasks of any number that fit a core's
//! cache, whatever the number of classes. The order is exact; of equal errors the later pixel comes
//! first, as in PyTorch on the CPU.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use std::ops::Range;

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::{Output, Shared};
use super::softmax::CHUNK;

/// What is sorted together, and which classes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The pixels of each image by themselves, and the mean over images; otherwise the batch is one
    /// image.
    pub per_image: bool,
    /// Classes without a pixel count as well.
    pub absent: bool,
}

/// Bits of an error's rank that say nothing about its range.
const FINE: u32 = 17;
/// Ranks of 2⁻⁶⁴ and of 2, as if these were errors, in ranges: all above 2 are of the first range, all
/// below 2⁻⁶⁴ of the last.
const FIRST: u32 = rank(2.0) >> FINE;
const LAST: u32 = rank(f32::from_bits((127 - 64) << 23)) >> FINE;
const RANGES: usize = (LAST - FIRST + 1) as usize;
/// The range of what is no pixel of any class.
const NONE: u32 = RANGES as u32;

/// Errors to a task, if there are as many.
const TASK: usize = 1 << 14;
/// From as many on, errors of a range are sorted digit by digit.
const MANY: usize = 96;

/// A whole number that is the smaller the larger `error` is; NaN is larger than any number.
const fn rank(error: f32) -> u32 {
    let bits = error.to_bits();
    // The order of floats as that of whole numbers, turned round.
    if bits >> 31 == 1 {
        bits
    } else {
        !bits ^ (1 << 31)
    }
}

const fn error_of(rank: u32) -> f32 {
    f32::from_bits(if rank >> 31 == 1 {
        rank
    } else {
        !rank ^ (1 << 31)
    })
}

/// An error with its pixel: as a whole number, rank first, then the place from the end, then whether
/// the pixel is of the class.
fn entry(rank: u32, place: u32, own: bool) -> u64 {
    u64::from(rank) << 32 | u64::from(PLACES - place) << 1 | u64::from(own)
}

/// The last place that an entry can tell.
const PLACES: u32 = u32::MAX >> 1;

/// What an entry holds: error, place, whether the pixel is of the class.
fn parts_of(entry: u64) -> (f32, u32, bool) {
    let low = entry as u32;
    (
        error_of((entry >> 32) as u32),
        PLACES - (low >> 1),
        low & 1 == 1,
    )
}

/// The errors of one class in images that are sorted together.
struct Pile {
    images: Range<usize>,
    class: usize,
    /// Pixels of the class.
    own: usize,
    /// What it counts for.
    weight: f64,
    /// Where its entries are.
    entries: Range<usize>,
}

/// Images that are sorted together.
fn together(form: Form, size: Size) -> usize {
    if form.per_image { 1 } else { size.images }
}

/// What there is to sort.
fn piles(labels: &[u8], classes: usize, form: Form, size: Size) -> Vec<Pile> {
    let of_image = |labels: &[u8]| {
        let mut counts = [0usize; 256];
        for label in labels {
            counts[usize::from(*label)] += 1;
        }
        counts
    };
    let counts: Vec<[usize; 256]> = labels.par_chunks(size.plane()).map(of_image).collect();
    let together = together(form, size);
    let groups = size.images / together;
    let mut piles = Vec::new();
    let mut start = 0;
    for group in 0..groups {
        let images = group * together..(group + 1) * together;
        let own = |class: usize| -> usize {
            let of_class = |counts: &[usize; 256]| counts.get(class).copied().unwrap_or(0);
            counts[images.clone()].iter().map(of_class).sum()
        };
        let own: Vec<usize> = (0..classes).map(own).collect();
        let valid: usize = own.iter().sum();
        let counting = |own: usize| valid > 0 && (own > 0 || form.absent);
        let present = own.iter().filter(|own| counting(**own)).count();
        for (class, own) in own.into_iter().enumerate() {
            if counting(own) {
                piles.push(Pile {
                    images: images.clone(),
                    class,
                    own,
                    weight: ((present * groups) as f64).recip(),
                    entries: start..start + valid,
                });
                start += valid;
            }
        }
    }
    piles
}

/// Some of the ranges of a pile, one after the other.
struct Task {
    pile: usize,
    entries: Range<usize>,
    /// Entries of the class before those.
    own_before: usize,
    /// Where each range ends, and whether it is as narrow as most.
    ends: Vec<(usize, bool)>,
}

/// How many entries of each range there are, of others and of the class's own pixels. Later the first
/// is where the next one goes.
type Table = Vec<[u32; 2]>;

/// Cuts a pile into tasks. `tables` are those of its images.
fn tasks(index: usize, pile: &Pile, tables: &mut [Table]) -> Vec<Task> {
    let mut tasks = Vec::new();
    let (mut end, mut own) = (pile.entries.start, 0);
    let mut task = Task::from(index, end, own);
    for range in 0..RANGES {
        let start = end;
        for table in tables.iter_mut().rev() {
            let [others_here, own_here] = table[range];
            table[range][0] = end as u32;
            end += (others_here + own_here) as usize;
            own += own_here as usize;
        }
        if end > start {
            task.ends.push((end, range > 0 && range + 1 < RANGES));
            task.entries.end = end;
        }
        if task.entries.len() >= TASK {
            tasks.push(std::mem::replace(&mut task, Task::from(index, end, own)));
        }
    }
    tasks.push(task);
    tasks
}

impl Task {
    fn from(pile: usize, start: usize, own_before: usize) -> Self {
        Self {
            pile,
            entries: start..start,
            own_before,
            ends: Vec::new(),
        }
    }

    /// Sorts `entries` and writes the slope of each to its place; what they add to the loss.
    fn run(&self, pile: &Pile, entries: &mut [u64], slopes: Shared<f32>) -> f64 {
        let (mut spare, mut start) = (Vec::new(), 0);
        for &(end, narrow) in &self.ends {
            let end = end - self.entries.start;
            sort(&mut entries[start..end], narrow, &mut spare);
            start = end;
        }
        let (own, mut missed) = (pile.own as f64, self.own_before as f64);
        let mut invented = (self.entries.start - pile.entries.start - self.own_before) as f64;
        // The first wrong pixel of an absent class costs all of it.
        let cost = |missed: f64, invented: f64| 1.0 - (own - missed) / (own + invented);
        let mut before = if missed + invented == 0.0 {
            0.0
        } else {
            cost(missed, invented)
        };
        let mut total = 0.0;
        for &mut entry in entries {
            let (error, place, is_own) = parts_of(entry);
            if is_own {
                missed += 1.0;
            } else {
                invented += 1.0;
            }
            let now = cost(missed, invented);
            let step = (now - before) * pile.weight;
            before = now;
            total += f64::from(error) * step;
            let slope = if is_own { -step } else { step } as f32;
            // SAFETY: within the output; each place has one entry.
            unsafe { *slopes.at(place as usize) = slope };
        }
        total
    }
}

/// Sorts the entries of a range; those of a `narrow` one differ in the last bits of their ranks alone,
/// and come with later pixels first.
fn sort(entries: &mut [u64], narrow: bool, spare: &mut Vec<u64>) {
    const LOW: u32 = FINE.div_ceil(2);
    const HIGH: u32 = FINE - LOW;
    if entries.len() < MANY || !narrow {
        entries.sort_unstable();
        return;
    }
    let low = |entry: u64| (entry >> 32) as usize & ((1 << LOW) - 1);
    let high = |entry: u64| (entry >> (32 + LOW)) as usize & ((1 << HIGH) - 1);
    let (mut lows, mut highs) = ([0u32; 1 << LOW], [0u32; 1 << HIGH]);
    for &entry in &*entries {
        lows[low(entry)] += 1;
        highs[high(entry)] += 1;
    }
    to_starts(&mut lows);
    to_starts(&mut highs);
    spare.clear();
    spare.resize(entries.len(), 0);
    hand_out(entries, spare, &mut lows, low);
    hand_out(spare, entries, &mut highs, high);
}

/// From how many there are of each digit to where the first of them goes.
fn to_starts(counts: &mut [u32]) {
    let mut start = 0;
    for count in counts {
        start += std::mem::replace(count, start);
    }
}

fn hand_out(from: &[u64], to: &mut [u64], starts: &mut [u32], digit: impl Fn(u64) -> usize) {
    for &entry in from {
        let next = &mut starts[digit(entry)];
        to[*next as usize] = entry;
        *next += 1;
    }
}

/// Probabilities and labels of a batch.
#[derive(Clone, Copy)]
struct Given<'a> {
    path: Path,
    p: View<'a>,
    labels: &'a [u8],
    size: Size,
}

impl Given<'_> {
    /// Calls `work` for every pixel of a class in an image, the last first: with its number, its
    /// error's rank, the range of that ([`NONE`] where the label is no class), and whether it is of
    /// the class.
    #[inline(always)]
    fn for_pixels(self, image: usize, class: usize, mut work: impl FnMut(usize, u32, u32, bool)) {
        let (plane, classes) = (self.size.plane(), self.p.channels);
        let p = self.p.plane(image, class, self.size);
        let labels = &self.labels[image * plane..][..plane];
        // As wide as a rank, so that a comparison is one vector's work.
        let (own_label, labels_end) = (class as u32, classes as u32);
        let (mut ranks, mut ranges) = ([0u32; CHUNK], [0u32; CHUNK]);
        for start in (0..plane).step_by(CHUNK).rev() {
            let len = CHUNK.min(plane - start);
            let (p, labels) = (&p[start..][..len], &labels[start..][..len]);
            self.path.compiled(
                #[inline(always)]
                || {
                    let to = ranks.iter_mut().zip(&mut ranges);
                    for ((to, range_to), (&p, &label)) in to.zip(p.iter().zip(labels)) {
                        // |y − p|, written without a kink at equality.
                        let label = u32::from(label);
                        let error = if label == own_label { 1.0 - p } else { p };
                        let rank = rank(error);
                        let range = (rank >> FINE).clamp(FIRST, LAST) - FIRST;
                        *to = rank;
                        *range_to = if label < labels_end { range } else { NONE };
                    }
                },
            );
            for at in (0..len).rev() {
                let own = usize::from(labels[at]) == class;
                work(start + at, ranks[at], ranges[at], own);
            }
        }
    }
}

/// Probabilities `[N, C, H, W]` and labels `[N, H, W]` (one that is no class takes no part) → the loss,
/// and its slope at each probability, `[N, C, H, W]`: the loss is linear in the errors while their
/// order stays the same.
///
/// # Panics
/// When there are more than 2³¹ probabilities.
pub fn forward(path: Path, p: View<'_>, labels: &[u8], form: Form, size: Size) -> (f64, Vec<f32>) {
    let (plane, classes) = (size.plane(), p.channels);
    let all = size.images * classes * plane;
    assert!(all <= PLACES as usize, "{all} probabilities are too many");
    let given = Given {
        path,
        p,
        labels,
        size,
    };
    let mut output = Output::new(all);
    let slopes = output.pointer();
    if all == 0 {
        return (0.0, Vec::new());
    }
    let piles = piles(labels, classes, form, size);
    let mut counting = vec![false; size.images * classes];
    let of_pile = |(index, pile): (usize, &Pile)| {
        let of_image = move |image| (index, image, pile.class);
        pile.images.clone().map(of_image).collect::<Vec<_>>()
    };
    let planes: Vec<_> = piles.iter().enumerate().flat_map(of_pile).collect();
    for (_, image, class) in &planes {
        counting[image * classes + class] = true;
    }
    for (index, _) in counting.iter().enumerate().filter(|(_, counts)| !**counts) {
        // SAFETY: within the output; no task has this plane.
        unsafe { slopes.slice(index * plane, plane) }.fill(0.0);
    }

    let count = |(_, image, class): &(usize, usize, usize)| {
        let mut table = vec![[0u32; 2]; RANGES + 1];
        given.for_pixels(*image, *class, |_, _, range, own| {
            table[range as usize][usize::from(own)] += 1;
        });
        table
    };
    let mut tables: Vec<Table> = planes.par_iter().map(count).collect();
    let tasks: Vec<Task> = (piles.par_iter().enumerate())
        .zip(tables.par_chunks_mut(together(form, size)))
        .flat_map_iter(|((index, pile), tables)| tasks(index, pile, tables))
        .collect();

    let mut entries = Output::new(piles.last().map_or(0, |pile| pile.entries.end));
    let pointer = entries.pointer();
    let places = planes.par_iter().zip(&mut tables);
    places.for_each(|((_, image, class), table)| {
        let start = (image * classes + class) * plane;
        given.for_pixels(*image, *class, |pixel, rank, range, own| {
            let place = start + pixel;
            if range == NONE {
                // SAFETY: within the output; this plane belongs to this task.
                unsafe { *slopes.at(place) = 0.0 };
                return;
            }
            let next = &mut table[range as usize][0];
            // SAFETY: within the entries; the tables give each of their places once.
            unsafe { *pointer.at(*next as usize) = entry(rank, place as u32, own) };
            *next += 1;
        });
    });

    let run = |task: &Task| {
        // SAFETY: all entries have been written, and these belong to this task.
        let entries = unsafe { pointer.slice(task.entries.start, task.entries.len()) };
        task.run(&piles[task.pile], entries, slopes)
    };
    let found: Vec<f64> = tasks.par_iter().map(run).collect();
    // SAFETY: every pixel of a class that counts was an entry or is of no class, and the other planes
    // were filled.
    (found.iter().sum(), unsafe { output.finish() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_fall_as_errors_rise() {
        let errors = [
            f32::NAN,
            f32::INFINITY,
            2.5,
            2.0,
            1.0,
            0.5,
            1e-30,
            1e-40,
            0.0,
            -0.0,
            -1e-3,
            -1.0,
        ];
        for pair in errors.windows(2) {
            assert!(rank(pair[0]) < rank(pair[1]), "{pair:?}");
        }
        for error in errors {
            assert_eq!(error_of(rank(error)).to_bits(), error.to_bits());
            let entry = entry(rank(error), 12_345, true);
            let (same, place, own) = parts_of(entry);
            assert_eq!(
                (same.to_bits(), place, own),
                (error.to_bits(), 12_345, true)
            );
        }
    }
}
