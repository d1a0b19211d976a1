//! Runs drawn as groups: one line for the mean and a band for how far they lie apart.

use std::collections::BTreeMap;

use egui::{Color32, Ui};

use super::lines::{Area, Stroke, extent};
use super::{Plots, Shown, TRAINING, VALIDATION, Which};
use crate::app::view::color::{OKABE_ITO, on_ground};
use crate::app::view::readout::{Entry, short};
use crate::app::view::series::{View, nearest};
use crate::experiment::ABSENT;
use crate::export::chart::Line;
use crate::lab::settings::CurveView;
use crate::run::group::{Band, band, groups};
use crate::run::{Run, Validation};

/// Places along the x axis at which the training loss of a group is averaged.
const PLACES: usize = 300;

/// What makes runs one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GroupBy {
    #[default]
    Nothing,
    /// Equal but for seed and device.
    Repetitions,
    /// The same value of this setting.
    Key(String),
}

impl GroupBy {
    pub fn restored(kept: Option<&str>) -> Self {
        match kept {
            None => Self::Nothing,
            Some(CurveView::REPETITIONS) => Self::Repetitions,
            Some(key) => Self::Key(key.to_owned()),
        }
    }

    pub fn kept(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Repetitions => Some(CurveView::REPETITIONS.to_owned()),
            Self::Key(key) => Some(key.clone()),
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Nothing => "Single runs".to_owned(),
            Self::Repetitions => "Repetitions".to_owned(),
            Self::Key(key) => format!("by {key}"),
        }
    }
}

/// Runs that are drawn as one.
pub struct Lot<'a> {
    pub key: String,
    name: String,
    pub color: Color32,
    members: Vec<&'a Run>,
}

impl Lot<'_> {
    /// Name and how many runs it is.
    pub fn title(&self) -> String {
        format!("{} (N = {})", self.name, self.members.len())
    }
}

/// The curves of one group in one plot.
pub struct Curves {
    title: String,
    color: Color32,
    solid: Vec<Band>,
    dashed: Vec<Band>,
}

impl Plots {
    /// The groups of `shown`; none while single runs are drawn.
    pub(super) fn lots<'a>(&self, ui: &Ui, shown: &[Shown<'a>]) -> Vec<Lot<'a>> {
        let mut found: Vec<(String, Vec<&'a Run>)> = Vec::new();
        match self.grouped_by() {
            GroupBy::Nothing => return Vec::new(),
            _ if shown.len() < 2 => return Vec::new(),
            GroupBy::Repetitions => {
                let runs: Vec<&Run> = shown.iter().map(|s| s.run).collect();
                let all = groups(&runs);
                // Single runs, each in its own colour, as everywhere else.
                if all.iter().all(|group| group.runs.len() == 1) {
                    return Vec::new();
                }
                found.extend(all.into_iter().map(|group| (group.name, group.runs)));
            }
            GroupBy::Key(key) => {
                let short = key.rsplit('.').next().unwrap_or(key);
                for s in shown {
                    let values = s.run.config.values();
                    let value = values.into_iter().find(|(k, _)| k == key);
                    let value = value.map_or_else(|| ABSENT.to_owned(), |(_, value)| value);
                    let name = format!("{short} = {value}");
                    match found.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, members)) => members.push(s.run),
                        None => found.push((name, vec![s.run])),
                    }
                }
            }
        }
        let dark = ui.visuals().dark_mode;
        (found.into_iter().enumerate())
            .map(|(at, (name, members))| Lot {
                key: format!("group {at} {name}"),
                name,
                color: on_ground(OKABE_ITO[at % OKABE_ITO.len()], dark),
                members,
            })
            .collect()
    }

    /// The curves of all groups in one plot.
    pub(super) fn curves(
        &self,
        lots: &[Lot],
        shown: &[Shown],
        which: &Which,
        view: &View,
    ) -> Vec<Curves> {
        let solid = |lot: &Lot| match which {
            Which::Loss if self.hidden.contains(TRAINING) => Vec::new(),
            Which::Loss => self.training_bands(lot, shown, view),
            _ => self.validation_bands(lot, |run, at, _| self.value(run, which, at)),
        };
        let dashed = |lot: &Lot| match which {
            Which::Loss if !self.hidden.contains(VALIDATION) => {
                self.validation_bands(lot, |_, _, v| Some(v.loss))
            }
            _ => Vec::new(),
        };
        lots.iter()
            .map(|lot| Curves {
                title: lot.title(),
                color: lot.color,
                solid: solid(lot),
                dashed: dashed(lot),
            })
            .collect()
    }

    /// The smoothed training loss of the members, averaged at places along the x axis.
    fn training_bands(&self, lot: &Lot, shown: &[Shown], view: &View) -> Vec<Band> {
        let whole = extent(self.along, shown);
        let (low, high) = view
            .range
            .map_or(whole, |(from, to)| (from.max(whole.0), to.min(whole.1)));
        let at = |x: f64| -> Vec<f64> {
            let of = |run: &&Run| {
                let place = |p: &crate::run::StepPoint| self.along.place(run, p.step, p.secs);
                let after = run.steps.partition_point(|p| place(p) <= x);
                // A run that has ended is not drawn on as a constant.
                if after == run.steps.len() && place(run.steps.last()?) < x {
                    return None;
                }
                self.series.get(&run.id)?.smoothed(after.checked_sub(1)?)
            };
            lot.members.iter().filter_map(of).collect()
        };
        (0..=PLACES)
            .map(|place| low + (high - low) * place as f64 / PLACES as f64)
            .filter_map(|x| band(x, &at(x), self.spread))
            .collect()
    }

    /// A value of the members' validations, averaged where they were validated at the same step.
    fn validation_bands(
        &self,
        lot: &Lot,
        value: impl Fn(&Run, usize, &Validation) -> Option<f64>,
    ) -> Vec<Band> {
        let mut by_step: BTreeMap<u64, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
        for run in &lot.members {
            for (at, validation) in run.validations.iter().enumerate() {
                if let Some(y) = value(run, at, validation).filter(|y| y.is_finite()) {
                    let x = self.along.place(run, validation.step, validation.secs);
                    let (xs, ys) = by_step.entry(validation.step).or_default();
                    xs.push(x);
                    ys.push(y);
                }
            }
        }
        (by_step.into_values())
            .filter_map(|(xs, ys)| {
                let x = xs.iter().sum::<f64>() / xs.len() as f64;
                band(x, &ys, self.spread)
            })
            .collect()
    }
}

impl Curves {
    /// Its lines with their bands, for a chart outside the window.
    pub fn lines(&self, color: [u8; 3], view: &View) -> Vec<Line> {
        let line = |bands: &[Band], dashed: bool| Line {
            name: if dashed {
                String::new()
            } else {
                self.title.clone()
            },
            color,
            points: bands.iter().map(|b| (b.x, view.height(b.mean))).collect(),
            band: (bands.iter())
                .filter(|b| b.count > 1 && !dashed)
                .map(|b| (b.x, view.height(floor(b, view)), view.height(b.high)))
                .filter(|(_, low, high)| low.is_finite() && high.is_finite())
                .collect(),
            dashed,
            faint: false,
            dots: false,
        };
        vec![line(&self.solid, false), line(&self.dashed, true)]
    }
}

/// On a logarithmic axis a band that reaches below zero ends three decades down.
fn floor(b: &Band, view: &View) -> f64 {
    if view.log {
        b.low.max(b.mean * 1e-3)
    } else {
        b.low
    }
}

/// Lines and areas that draw `curves`.
pub fn drawn(curves: &[Curves], view: &View) -> (Vec<Area>, Vec<Stroke>) {
    let (mut areas, mut strokes) = (Vec::new(), Vec::new());
    for curve in curves {
        for (bands, dashed) in [(&curve.solid, false), (&curve.dashed, true)] {
            let rows: Vec<[f64; 4]> = (bands.iter())
                .map(|b| {
                    [
                        b.x,
                        view.height(floor(b, view)),
                        view.height(b.mean),
                        view.height(b.high),
                    ]
                })
                .filter(|row| row.iter().all(|v| v.is_finite()))
                .collect();
            if bands.iter().any(|b| b.count > 1) && !dashed {
                areas.push(Area {
                    color: curve.color.gamma_multiply(0.22),
                    x: rows.iter().map(|row| row[0]).collect(),
                    low: rows.iter().map(|row| row[1]).collect(),
                    high: rows.iter().map(|row| row[3]).collect(),
                });
            }
            let points: Vec<[f64; 2]> = rows.iter().map(|row| [row[0], row[2]]).collect();
            strokes.push(Stroke::line(curve.color, points, dashed));
        }
    }
    (areas, strokes)
}

/// What the curves say at `x`.
pub fn entries(curves: &[Curves], x: f64) -> Vec<Entry> {
    let said = |bands: &[Band]| {
        let at = nearest(bands, x, |b| b.x)?;
        let b = &bands[at];
        let mut text = short(b.mean);
        if b.count > 1 {
            text = format!("{text} [{}, {}]", short(b.low), short(b.high));
        }
        // The name says how many there are; not all of them may have come this far.
        if bands.iter().any(|other| other.count != b.count) {
            text = format!("{text}, N = {}", b.count);
        }
        Some(text)
    };
    (curves.iter())
        .filter_map(|curve| {
            let value = match (said(&curve.solid), said(&curve.dashed)) {
                (Some(solid), Some(dashed)) => format!("{solid} · val {dashed}"),
                (one, other) => one.or(other)?,
            };
            Some(Entry {
                color: curve.color,
                name: curve.title.clone(),
                value,
            })
        })
        .collect()
}
