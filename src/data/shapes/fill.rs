//! Filling rings row by row, and the pixels of lines. Clipped to the picture before anything is
//! counted, so that far-away points cost nothing.

/// Calls `span(y, from, to)` for each run of pixels whose centres lie inside (even-odd rule).
pub(super) fn ring(
    points: &[[f64; 2]],
    width: usize,
    height: usize,
    mut span: impl FnMut(usize, usize, usize),
) {
    if points.len() < 3 || !points.iter().flatten().all(|v| v.is_finite()) {
        return;
    }
    let bounds = points.iter().fold((f64::MAX, f64::MIN), |(low, high), p| {
        (low.min(p[1]), high.max(p[1]))
    });
    let first = (bounds.0 - 0.5).ceil().max(0.0) as usize;
    let last = ((bounds.1 - 0.5).floor() + 1.0).clamp(0.0, height as f64) as usize;
    let mut crossings: Vec<f64> = Vec::new();
    for y in first..last {
        let center = y as f64 + 0.5;
        crossings.clear();
        for (index, a) in points.iter().enumerate() {
            let b = points[(index + 1) % points.len()];
            // Half-open, so that a corner on the line counts once.
            if (a[1] <= center) != (b[1] <= center) {
                let t = (center - a[1]) / (b[1] - a[1]);
                crossings.push(a[0] + t * (b[0] - a[0]));
            }
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let edge = |x: f64| (x - 0.5).ceil().clamp(0.0, width as f64) as usize;
            let (from, to) = (edge(pair[0]), edge(pair[1]));
            if from < to {
                span(y, from, to);
            }
        }
    }
}

/// Half the sum of cross products.
pub(super) fn area(points: &[[f64; 2]]) -> f64 {
    let next = points.iter().cycle().skip(1);
    let twice: f64 = points
        .iter()
        .zip(next)
        .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
        .sum();
    (twice / 2.0).abs()
}

/// A ring fine enough to be a circle at its size.
pub(super) fn circle(center: [f64; 2], radius: f64) -> Vec<[f64; 2]> {
    if !(radius.is_finite() && radius > 0.0) {
        return Vec::new();
    }
    let corners = ((radius * 4.0) as usize).clamp(32, 4096);
    (0..corners)
        .map(|i| {
            let angle = i as f64 / corners as f64 * std::f64::consts::TAU;
            [
                center[0] + radius * angle.cos(),
                center[1] + radius * angle.sin(),
            ]
        })
        .collect()
}

/// A rectangle around each piece of a line.
pub(super) fn stroke(points: &[[f64; 2]], width: f64) -> Vec<Vec<[f64; 2]>> {
    let piece = |pair: &[[f64; 2]]| {
        let (a, b) = (pair[0], pair[1]);
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let length = dx.hypot(dy).max(f64::MIN_POSITIVE);
        let (nx, ny) = (-dy / length * width / 2.0, dx / length * width / 2.0);
        vec![
            [a[0] + nx, a[1] + ny],
            [b[0] + nx, b[1] + ny],
            [b[0] - nx, b[1] - ny],
            [a[0] - nx, a[1] - ny],
        ]
    };
    if width <= 1.0 {
        return Vec::new();
    }
    points.windows(2).map(piece).collect()
}

/// The pixels under a line, one per column or row, whichever are more.
pub(super) fn pixels(
    [a, b]: [[f64; 2]; 2],
    width: usize,
    height: usize,
    mut pixel: impl FnMut(usize, usize),
) {
    if ![a, b].iter().flatten().all(|v| v.is_finite()) {
        return;
    }
    // Clip to the picture (Liang and Barsky), or a far end would take forever.
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for (p, q) in [
        (-dx, a[0]),
        (dx, width as f64 - a[0]),
        (-dy, a[1]),
        (dy, height as f64 - a[1]),
    ] {
        if p == 0.0 {
            if q < 0.0 {
                return;
            }
        } else if p < 0.0 {
            from = from.max(q / p);
        } else {
            to = to.min(q / p);
        }
    }
    if from > to || from.is_nan() || to.is_nan() {
        return;
    }
    let steps = ((to - from) * dx.abs().max(dy.abs())).ceil().max(0.0) as usize;
    for step in 0..=steps.min(2 * (width + height)) {
        let t = if steps == 0 {
            from
        } else {
            from + (to - from) * step as f64 / steps as f64
        };
        let (x, y) = ((a[0] + t * dx).floor(), (a[1] + t * dy).floor());
        if x >= 0.0 && y >= 0.0 && (x as usize) < width && (y as usize) < height {
            pixel(x as usize, y as usize);
        }
    }
}
