//! The numbers of a run in the shape that lines need, grown point by point while the run grows.
//!
//! Knows runs and plot points, no widgets: painting never touches more points than can be seen.

use egui_plot::PlotPoint;

use super::curve::{Ema, Pyramid};
use super::outliers::Outliers;
use crate::run::{Run, Validation, metrics};

/// What a curve is drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum XAxis {
    #[default]
    Steps,
    Epochs,
    Time,
    Images,
}

impl XAxis {
    pub const ALL: [Self; 4] = [Self::Steps, Self::Epochs, Self::Time, Self::Images];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "Steps",
            Self::Epochs => "Epochs",
            Self::Time => "Time",
            Self::Images => "Images",
        }
    }

    /// Place of a moment of `run` on this axis: steps, epochs, seconds or images.
    #[must_use]
    pub fn place(self, run: &Run, step: u64, secs: f64) -> f64 {
        match self {
            Self::Steps => step as f64,
            Self::Epochs => step as f64 / run.steps_per_epoch.max(1) as f64,
            Self::Time => secs,
            // Every batch is full: the rest of an epoch is left out.
            Self::Images => (step * run.config.train.batch) as f64,
        }
    }

    /// What the axis counts, with its unit.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Steps => "step",
            Self::Epochs => "epoch",
            Self::Time => "seconds",
            Self::Images => "training images seen",
        }
    }

    /// A place on this axis in words, with its unit.
    #[must_use]
    pub fn describe(self, x: f64) -> String {
        match self {
            Self::Steps => format!("step {x:.0}"),
            Self::Epochs => format!("epoch {x:.2}"),
            Self::Time => format!("after {}", duration(x)),
            Self::Images => format!("after {x:.0} images"),
        }
    }
}

/// The x axis as it is drawn: what it counts, and whether it shows decimal logarithms of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Along {
    pub axis: XAxis,
    pub log: bool,
}

impl Along {
    /// Where a moment of `run` is drawn.
    #[must_use]
    pub fn place(self, run: &Run, step: u64, secs: f64) -> f64 {
        /// A thousandth of an epoch or of a second: what is before is drawn there.
        const FIRST: f64 = 1e-3;
        let x = self.axis.place(run, step, secs);
        if self.log { x.max(FIRST).log10() } else { x }
    }

    /// What a drawn place stands for: steps, epochs, seconds or images.
    #[must_use]
    pub fn value(self, x: f64) -> f64 {
        if self.log { 10_f64.powf(x) } else { x }
    }

    #[must_use]
    pub fn describe(self, x: f64) -> String {
        self.axis.describe(self.value(x))
    }
}

/// Seconds as people read them: `42 s`, `3:07`, `1:02:03`.
#[must_use]
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() || secs < 0.0 {
        return "–".to_owned();
    }
    if secs < 60.0 {
        return format!("{secs:.0} s");
    }
    let whole = secs.round() as u64;
    let (hours, minutes, secs) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{secs:02}")
    } else {
        format!("{minutes}:{secs:02}")
    }
}

/// Which score of a class is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Score {
    #[default]
    Dice,
    Iou,
}

impl Score {
    pub const ALL: [Self; 2] = [Self::Dice, Self::Iou];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dice => "Dice",
            Self::Iou => "IoU",
        }
    }
}

/// The two lines of the training loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    Raw = 0,
    Smooth = 1,
}

/// How lines are looked at; two equal views give equal points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    pub along: Along,
    /// Loss as its decimal logarithm.
    pub log: bool,
    /// Outliers are drawn at the edge of what is usual.
    pub clip: bool,
    /// Visible part of the x axis; everything while `None`.
    pub range: Option<(f64, f64)>,
    /// Points per line.
    pub budget: usize,
}

impl View {
    /// `value` as it is drawn; not finite where a logarithm has no place for it.
    #[must_use]
    pub fn height(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }
}

#[derive(Debug, Default)]
struct Drawn {
    key: Option<(usize, View)>,
    points: Vec<PlotPoint>,
}

/// Caches of one run.
#[derive(Debug, Default)]
pub struct Series {
    /// When the run started: another run under the same id starts these caches anew.
    stamp: u64,
    ema: Ema,
    raw: Pyramid,
    smooth: Pyramid,
    outliers: Outliers,
    iou: Vec<Vec<Option<f64>>>,
    drawn: [Drawn; 2],
    picked: Vec<usize>,
}

impl Series {
    /// Folds in what `run` has grown by.
    pub fn update(&mut self, run: &Run, smoothing: f64) {
        let shrunk = run.steps.len() < self.raw.len() || run.validations.len() < self.iou.len();
        if shrunk || run.unix_secs != self.stamp {
            *self = Self {
                stamp: run.unix_secs,
                ..Self::default()
            };
        }
        if self.ema.weight() != Ema::new(smoothing).weight() {
            self.ema = Ema::new(smoothing);
            self.smooth = Pyramid::default();
            self.drawn[Trace::Smooth as usize].key = None;
        }
        let len = run.steps.len();
        self.ema.extend(len, |at| run.steps[at].loss);
        self.raw.extend(len, |at| run.steps[at].loss);
        self.outliers.extend(len, |at| run.steps[at].loss);
        let smooth = &self.ema.values;
        self.smooth.extend(len, |at| smooth[at]);
        for validation in &run.validations[self.iou.len()..] {
            self.iou.push(validation.confusion.iou());
        }
    }

    /// Chooses the points to draw, for [`Series::points`]. [`Series::update`] comes first.
    pub fn prepare(&mut self, run: &Run, trace: Trace, view: View) {
        let len = self.raw.len().min(run.steps.len());
        let drawn = &mut self.drawn[trace as usize];
        if drawn.key == Some((len, view)) {
            return;
        }
        let x = |at: usize| {
            view.along
                .place(run, run.steps[at].step, run.steps[at].secs)
        };
        let seen = view.range.map_or(0..len, |(low, high)| {
            let steps = &run.steps[..len];
            let place = |p: &crate::run::StepPoint| view.along.place(run, p.step, p.secs);
            let start = steps.partition_point(|p| place(p) < low);
            let end = steps.partition_point(|p| place(p) <= high);
            // One more on either side, so that lines reach the frame.
            start.saturating_sub(1)..(end + 1).min(len).max(start)
        });
        self.picked.clear();
        let smooth = &self.ema.values;
        let value = |at: usize| match trace {
            Trace::Raw => run.steps[at].loss,
            Trace::Smooth => smooth[at],
        };
        let pyramid = match trace {
            Trace::Raw => &self.raw,
            Trace::Smooth => &self.smooth,
        };
        pyramid.select(seen, view.budget, value, &mut self.picked);
        let usual = self.outliers.usual().filter(|_| view.clip);
        drawn.points.clear();
        drawn.points.extend(
            self.picked
                .iter()
                .map(|&at| PlotPoint::new(x(at), view.height(within(value(at), usual))))
                .filter(|point| point.y.is_finite()),
        );
        drawn.key = Some((len, view));
    }

    /// Outliers of the training loss in a view: where they are drawn, and whether they lie beyond
    /// what is drawn (above: 1, below: −1, inside: 0).
    #[must_use]
    pub fn outliers(&self, run: &Run, view: &View) -> Vec<([f64; 2], i8)> {
        /// More marks than this hide the line.
        const MOST: usize = 400;
        let at = self.outliers.at();
        let usual = self.outliers.usual().filter(|_| view.clip);
        (at.iter().step_by(at.len() / MOST + 1))
            .filter_map(|&at| {
                let point = run.steps.get(at)?;
                let y = view.height(within(point.loss, usual));
                let beyond = match usual {
                    Some((_, high)) if point.loss > high => 1,
                    Some((low, _)) if point.loss < low => -1,
                    _ => 0,
                };
                let x = view.along.place(run, point.step, point.secs);
                y.is_finite().then_some(([x, y], beyond))
            })
            .collect()
    }

    /// Indices into `Run::steps` of losses that are no numbers.
    #[must_use]
    pub fn not_numbers(&self) -> &[usize] {
        self.outliers.missing()
    }

    /// How many steps are outliers.
    #[must_use]
    pub fn outlier_count(&self) -> usize {
        self.outliers.at().len()
    }

    #[must_use]
    pub fn points(&self, trace: Trace) -> &[PlotPoint] {
        &self.drawn[trace as usize].points
    }

    /// Smoothed loss after the point at index `at` of `Run::steps`.
    #[must_use]
    pub fn smoothed(&self, at: usize) -> Option<f64> {
        self.ema.values.get(at).copied().filter(|v| v.is_finite())
    }

    /// Score of `class` at the validation with index `at`; `None` where the class is absent.
    #[must_use]
    pub fn class_score(&self, run: &Run, score: Score, at: usize, class: usize) -> Option<f64> {
        match score {
            Score::Dice => run.validations.get(at)?.dice.get(class).copied()?,
            Score::Iou => self.iou.get(at)?.get(class).copied()?,
        }
    }

    /// Mean score over the classes that are there.
    #[must_use]
    pub fn mean_score(&self, run: &Run, score: Score, at: usize) -> Option<f64> {
        match score {
            Score::Dice => run.validations.get(at)?.mean_dice,
            Score::Iou => metrics::mean(self.iou.get(at)?),
        }
    }
}

fn within(value: f64, usual: Option<(f64, f64)>) -> f64 {
    usual.map_or(value, |(low, high)| value.clamp(low, high))
}

/// Unbroken stretches of a line over the validations; a missing value is a gap, never a zero.
#[must_use]
pub fn stretches(
    run: &Run,
    along: Along,
    value: impl Fn(usize, &Validation) -> Option<f64>,
) -> Vec<Vec<[f64; 2]>> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    for (at, validation) in run.validations.iter().enumerate() {
        match value(at, validation).filter(|v| v.is_finite()) {
            Some(y) => line.push([along.place(run, validation.step, validation.secs), y]),
            None if !line.is_empty() => lines.push(std::mem::take(&mut line)),
            None => {}
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Index of the point nearest to `x`; `place` must not fall.
#[must_use]
pub fn nearest<T>(points: &[T], x: f64, place: impl Fn(&T) -> f64) -> Option<usize> {
    let after = points.partition_point(|point| place(point) < x);
    let before = after.checked_sub(1);
    match (before, points.get(after)) {
        (Some(before), Some(next)) => {
            let nearer = x - place(&points[before]) <= place(next) - x;
            Some(if nearer { before } else { after })
        }
        (before, None) => before,
        (None, Some(_)) => Some(after),
    }
}

/// Whether `x` is not further behind the last point than that is behind the one before it.
#[must_use]
pub fn reaches<T>(points: &[T], x: f64, place: impl Fn(&T) -> f64) -> bool {
    match points {
        [] => false,
        [only] => x <= place(only),
        [.., before, last] => x <= 2.0 * place(last) - place(before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{RunEvent, metrics::Confusion};

    fn run(steps: u64) -> Run {
        let mut run = Run {
            steps_per_epoch: 10,
            ..Run::default()
        };
        for step in 1..=steps {
            run.apply(&RunEvent::Step {
                step,
                loss: if step == 777 { 50.0 } else { 1.0 / step as f64 },
                learning_rate: 0.1,
                grad_norm: 1.0,
                secs: step as f64 * 0.5,
            });
        }
        run
    }

    fn validated(step: u64, counts: Vec<u64>) -> RunEvent {
        let confusion = Confusion { classes: 2, counts };
        RunEvent::Validated {
            step,
            loss: 0.5,
            dice: confusion.dice(),
            mean_dice: metrics::mean(&confusion.dice()),
            confusion,
            per_image: Vec::new(),
            calibration: Default::default(),
            secs: step as f64,
        }
    }

    #[test]
    fn a_long_line_keeps_its_spike_and_its_range_is_honoured() {
        let run = run(10_000);
        let mut series = Series::default();
        series.update(&run, 0.9);
        let mut view = View {
            along: Along {
                axis: XAxis::Epochs,
                log: false,
            },
            log: false,
            clip: false,
            range: None,
            budget: 500,
        };
        series.prepare(&run, Trace::Raw, view);
        let points = series.points(Trace::Raw);
        assert!(points.len() <= 1200, "{}", points.len());
        assert!(points.iter().any(|p| p.y == 50.0 && p.x == 77.7));
        view.range = Some((10.0, 12.0));
        series.prepare(&run, Trace::Raw, view);
        let points = series.points(Trace::Raw);
        assert_eq!(points.first().map(|p| p.x), Some(9.9));
        assert_eq!(points.last().map(|p| p.x), Some(12.1));
    }

    #[test]
    fn a_clipped_spike_is_drawn_at_the_edge_and_marked() {
        let run = run(2_000);
        let mut series = Series::default();
        series.update(&run, 0.9);
        let mut view = View {
            along: Along {
                axis: XAxis::Images,
                log: true,
            },
            log: false,
            clip: true,
            range: None,
            budget: 500,
        };
        series.prepare(&run, Trace::Raw, view);
        assert!(series.points(Trace::Raw).iter().all(|p| p.y <= 1.0));
        let x = ((777 * run.config.train.batch) as f64).log10();
        let marks = series.outliers(&run, &view);
        assert!(marks.contains(&([x, 1.0], 1)), "{marks:?}");
        view.clip = false;
        let marks = series.outliers(&run, &view);
        assert!(marks.contains(&([x, 50.0], 0)), "{marks:?}");
    }

    #[test]
    fn a_run_that_grows_or_starts_anew_is_drawn_as_it_is_now() {
        let view = View {
            along: Along::default(),
            log: true,
            clip: false,
            range: None,
            budget: 100,
        };
        let mut series = Series::default();
        for steps in [5, 20, 3] {
            let run = run(steps);
            series.update(&run, 0.5);
            series.prepare(&run, Trace::Raw, view);
            assert_eq!(series.points(Trace::Raw).len(), steps as usize);
            let last = series.points(Trace::Raw)[steps as usize - 1];
            assert!((last.y + (steps as f64).log10()).abs() < 1e-12);
        }
    }

    #[test]
    fn iou_comes_from_the_confusion_matrix_and_absent_classes_have_none() {
        let mut run = run(1);
        // Truth 0: 6 right, 2 said to be class 1; truth 1: 1 missed, 3 right.
        run.apply(&validated(1, vec![6, 2, 1, 3]));
        run.apply(&validated(2, vec![9, 0, 0, 0]));
        let mut series = Series::default();
        series.update(&run, 0.0);
        let of = |at, class| series.class_score(&run, Score::Iou, at, class);
        assert_eq!(of(0, 0), Some(6.0 / 9.0));
        assert_eq!(of(0, 1), Some(3.0 / 6.0));
        assert_eq!(of(1, 0), Some(1.0));
        assert_eq!(of(1, 1), None);
        assert_eq!(of(5, 0), None);
        assert_eq!(series.mean_score(&run, Score::Iou, 1), Some(1.0));
        let lines = stretches(&run, Along::default(), |at, _| of(at, 1));
        assert_eq!(lines, vec![vec![[1.0, 0.5]]]);
    }

    #[test]
    fn what_lies_behind_the_end_is_not_reached() {
        let reached = |points: &[f64], x| reaches(points, x, |p| *p);
        assert!(reached(&[1.0, 2.0, 3.0], 0.0) && reached(&[1.0, 2.0, 3.0], 4.0));
        assert!(!reached(&[1.0, 2.0, 3.0], 4.1) && !reached(&[], 0.0));
        assert!(reached(&[1.0], 1.0) && !reached(&[1.0], 2.0));
    }

    #[test]
    fn the_nearest_point_is_found_from_either_side() {
        let points = [1.0, 2.0, 4.0];
        let at = |x| nearest(&points, x, |p| *p);
        assert_eq!([at(0.0), at(1.4), at(2.9)], [Some(0), Some(0), Some(1)]);
        assert_eq!([at(3.1), at(9.0)], [Some(2), Some(2)]);
        assert_eq!(nearest(&[] as &[f64], 1.0, |p| *p), None);
    }

    #[test]
    fn durations_read_like_a_clock() {
        let read = [3.4, 187.0, 3723.0, f64::NAN].map(duration);
        assert_eq!(read, ["3 s", "3:07", "1:02:03", "–"]);
    }
}
