//! Connected regions of a label map, by runs: one pass over rows, no per-pixel bookkeeping.

use crate::data::{IGNORE, LabelMap};

struct Run {
    label: u8,
    start: usize,
    end: usize,
    region: u32,
}

/// Regions as `(class, pixels)`; pixels touch when they share a side or a corner. Ignored pixels
/// make no region.
pub(super) fn regions(labels: &LabelMap) -> Vec<(u8, u32)> {
    // Numbers of 32 bits: a mask of noise has nearly as many regions as pixels, and no picture has more
    // of those.
    let mut parents: Vec<u32> = Vec::new();
    let mut found: Vec<(u8, u32)> = Vec::new();
    let mut above: Vec<Run> = Vec::new();
    for row in labels.labels.chunks_exact(labels.width.max(1)) {
        let mut here: Vec<Run> = Vec::new();
        let mut start = 0;
        let mut first = 0;
        for pixels in row.chunk_by(|a, b| a == b) {
            let (label, end) = (pixels[0], start + pixels.len());
            if label != IGNORE {
                let mut region = None;
                // Runs above that end left of this one can't touch what follows either.
                while above.get(first).is_some_and(|run| run.end < start) {
                    first += 1;
                }
                for run in above[first..].iter().take_while(|run| run.start <= end) {
                    if run.label == label {
                        let other = root(&mut parents, run.region);
                        match region {
                            None => region = Some(other),
                            Some(own) if own != other => parents[other as usize] = own,
                            Some(_) => {}
                        }
                    }
                }
                let region = region.unwrap_or_else(|| {
                    let new = parents.len() as u32;
                    parents.push(new);
                    found.push((label, 0));
                    new
                });
                found[region as usize].1 += pixels.len() as u32;
                here.push(Run {
                    label,
                    start,
                    end,
                    region,
                });
            }
            start = end;
        }
        above = here;
    }
    for region in 0..found.len() {
        let top = root(&mut parents, region as u32) as usize;
        if top != region {
            found[top].1 += found[region].1;
            found[region].1 = 0;
        }
    }
    found.retain(|(_, pixels)| *pixels > 0);
    found
}

fn root(parents: &mut [u32], mut region: u32) -> u32 {
    loop {
        let above = parents[region as usize];
        if above == region {
            return region;
        }
        parents[region as usize] = parents[above as usize];
        region = parents[region as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[u8]]) -> Vec<(u8, u32)> {
        let mut regions = regions(&LabelMap {
            width: rows[0].len(),
            height: rows.len(),
            labels: rows.concat(),
        });
        regions.sort_unstable();
        regions
    }

    #[test]
    fn regions_join_over_corners_and_around_bends() {
        assert_eq!(of(&[&[1, 0], &[0, 1]]), [(0, 2), (1, 2)]);
        // A U is one region although its arms are found apart.
        assert_eq!(of(&[&[1, 0, 1], &[1, 0, 1], &[1, 1, 1]]), [(0, 2), (1, 7)]);
        assert_eq!(
            of(&[&[1, 0, 0, 1], &[1, 0, 0, 1]]),
            [(0, 4), (1, 2), (1, 2)]
        );
        assert_eq!(of(&[&[IGNORE, 2, IGNORE], &[IGNORE; 3]]), [(2, 1)]);
    }

    #[test]
    fn three_arms_that_meet_below_are_one() {
        let comb: &[&[u8]] = &[&[1, 0, 1, 0, 1], &[1, 0, 1, 0, 1], &[1, 1, 1, 1, 1]];
        assert_eq!(of(comb), [(0, 2), (0, 2), (1, 11)]);
    }
}
