//! Exact Euclidean distances to a mask, on the CPU, for the losses that need maps of them.
//!
//! Separable in linear time (Felzenszwalb & Huttenlocher 2012). Knows planes of pixels, no loss.

/// Squared distance of each pixel of a `h × w` plane to the nearest one where `mask` is true;
/// infinite when there is none.
#[must_use]
pub fn squared_distance(mask: &[bool], h: usize, w: usize) -> Vec<f64> {
    let mut field: Vec<f64> = mask
        .iter()
        .map(|on| if *on { 0.0 } else { f64::INFINITY })
        .collect();
    let mut line = vec![0.0; h];
    for x in 0..w {
        for y in 0..h {
            line[y] = field[y * w + x];
        }
        lower_envelope(&mut line);
        for y in 0..h {
            field[y * w + x] = line[y];
        }
    }
    for row in field.chunks_mut(w.max(1)) {
        lower_envelope(row);
    }
    field
}

/// Replaces `f` by the minimum over q of `f[q] + (p − q)²`.
fn lower_envelope(f: &mut [f64]) {
    // Parabolas that are lowest somewhere: their vertex and where they begin to be.
    let mut lowest: Vec<(usize, f64)> = Vec::with_capacity(f.len());
    for q in 0..f.len() {
        if f[q].is_infinite() {
            continue;
        }
        let mut start = f64::NEG_INFINITY;
        while let Some(&(v, begins)) = lowest.last() {
            let (qf, vf) = (q as f64, v as f64);
            start = ((f[q] + qf * qf) - (f[v] + vf * vf)) / (2.0 * (qf - vf));
            if start > begins {
                break;
            }
            lowest.pop();
            start = f64::NEG_INFINITY;
        }
        lowest.push((q, start));
    }
    if lowest.is_empty() {
        return;
    }
    let heights: Vec<f64> = lowest.iter().map(|(v, _)| f[*v]).collect();
    let mut k = 0;
    for (p, value) in f.iter_mut().enumerate() {
        while k + 1 < lowest.len() && lowest[k + 1].1 < p as f64 {
            k += 1;
        }
        let away = p as f64 - lowest[k].0 as f64;
        *value = heights[k] + away * away;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_search_over_all_pixels() {
        let (h, w) = (7, 9);
        // Any mask will do; this one has lone pixels, a block and empty rows.
        let mask: Vec<bool> = (0..h * w).map(|i| (i * i) % 11 == 3 || i == 40).collect();
        let found = squared_distance(&mask, h, w);
        for (at, found) in found.iter().enumerate() {
            let (y, x) = ((at / w) as f64, (at % w) as f64);
            let expected = (0..h * w)
                .filter(|other| mask[*other])
                .map(|other| (y - (other / w) as f64).powi(2) + (x - (other % w) as f64).powi(2))
                .fold(f64::INFINITY, f64::min);
            assert_eq!(*found, expected, "pixel {at}");
        }
    }

    #[test]
    fn an_empty_mask_is_infinitely_far() {
        assert!(
            squared_distance(&[false; 6], 2, 3)
                .iter()
                .all(|d| d.is_infinite())
        );
    }
}
