//! What can stand in the table of runs: a title, a text, and what it is sorted by.

use std::cmp::Ordering;

use super::values::Values;
use crate::app::view::readout::{score, short};
use crate::app::view::series::duration;
use crate::app::view::summary::{bad, outcome};
use crate::experiment::ABSENT;
use crate::finding::Severity;
use crate::run::Run;

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Column {
    Name,
    Loss,
    Outcome,
    BestDice,
    BestStep,
    LastDice,
    /// Best minus last: what stopping at the end lost.
    Fall,
    /// Best Dice minus that of the baseline.
    Difference,
    TrainLoss,
    ValidationLoss,
    Steps,
    Time,
    Started,
    Device,
    Data,
    Tags,
    Note,
    Findings,
    /// Settings that differ from the baseline's.
    Settings,
    /// Best Dice of a class.
    Class(String),
    /// A setting.
    Param(String),
}

/// What a cell shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub text: String,
    pub tip: String,
    pub sort: Sort,
    pub bad: bool,
}

/// What rows are ordered by; what is missing comes last, whichever way round.
#[derive(Debug, Clone, PartialEq)]
pub enum Sort {
    Missing,
    Number(f64),
    Text(String),
}

impl Sort {
    /// Order of two cells; numbers before text.
    pub fn compare(&self, other: &Self, down: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Missing, Self::Missing) => return Ordering::Equal,
            (Self::Missing, _) => return Ordering::Greater,
            (_, Self::Missing) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if down { order.reverse() } else { order }
    }
}

const FIXED: [(&str, Column); 19] = [
    ("name", Column::Name),
    ("loss", Column::Loss),
    ("outcome", Column::Outcome),
    ("best_dice", Column::BestDice),
    ("difference", Column::Difference),
    ("last_dice", Column::LastDice),
    ("fall", Column::Fall),
    ("best_step", Column::BestStep),
    ("train_loss", Column::TrainLoss),
    ("validation_loss", Column::ValidationLoss),
    ("steps", Column::Steps),
    ("time", Column::Time),
    ("started", Column::Started),
    ("device", Column::Device),
    ("data", Column::Data),
    ("tags", Column::Tags),
    ("note", Column::Note),
    ("findings", Column::Findings),
    ("settings", Column::Settings),
];

impl Column {
    /// Columns that are always the same ones.
    pub fn fixed() -> impl Iterator<Item = Self> {
        FIXED.into_iter().map(|(_, column)| column)
    }

    /// What is shown until something else is chosen.
    pub fn usual() -> Vec<Self> {
        vec![
            Self::Name,
            Self::Loss,
            Self::Outcome,
            Self::BestDice,
            Self::Difference,
            Self::Steps,
            Self::Time,
            Self::Findings,
            Self::Tags,
            Self::Settings,
        ]
    }

    /// Its name in the settings file.
    pub fn key(&self) -> String {
        match self {
            Self::Class(name) => format!("class:{name}"),
            Self::Param(key) => format!("param:{key}"),
            fixed => (FIXED.iter())
                .find(|(_, column)| column == fixed)
                .map_or_else(String::new, |(key, _)| (*key).to_owned()),
        }
    }

    pub fn of_key(key: &str) -> Option<Self> {
        if let Some(name) = key.strip_prefix("class:") {
            return Some(Self::Class(name.to_owned()));
        }
        if let Some(key) = key.strip_prefix("param:") {
            return Some(Self::Param(key.to_owned()));
        }
        let found = FIXED.iter().find(|(known, _)| *known == key);
        found.map(|(_, column)| column.clone())
    }

    pub fn title(&self) -> String {
        let fixed = match self {
            Self::Name => "Name",
            Self::Loss => "Loss",
            Self::Outcome => "Outcome",
            Self::BestDice => "Best Dice",
            Self::BestStep => "Best at",
            Self::LastDice => "Last Dice",
            Self::Fall => "Best − last",
            Self::Difference => "To baseline",
            Self::TrainLoss => "Train loss",
            Self::ValidationLoss => "Val loss",
            Self::Steps => "Steps",
            Self::Time => "Time",
            Self::Started => "Started",
            Self::Device => "Device",
            Self::Data => "Data",
            Self::Tags => "Tags",
            Self::Note => "Note",
            Self::Findings => "Doctor",
            Self::Settings => "Settings that differ",
            Self::Class(name) => return format!("Dice {name}"),
            Self::Param(key) => return key.rsplit('.').next().unwrap_or(key).to_owned(),
        };
        fixed.to_owned()
    }

    pub fn help(&self) -> String {
        let fixed = match self {
            Self::Name => "Name of the run; a double click renames it.",
            Self::Loss => "Kind of loss it was trained with.",
            Self::Outcome => "How it ended.",
            Self::BestDice => {
                "Best mean Dice over the validation images, 0 to 1: the mean of the classes that \
                 occur, each from one confusion matrix over all images, as torchmetrics' DiceScore \
                 (global, macro) reports it."
            }
            Self::BestStep => "Step of the validation with the best mean Dice.",
            Self::LastDice => "Mean Dice of the last validation, 0 to 1.",
            Self::Fall => "Best minus last mean Dice: what was lost by training on.",
            Self::Difference => {
                "Best mean Dice minus that of the baseline; whether it is more than luck is said \
                 under Scores. A run's menu makes it the baseline."
            }
            Self::TrainLoss => "Training loss of the last step, in the loss's own unit.",
            Self::ValidationLoss => "Loss of the last validation, in the loss's own unit.",
            Self::Steps => "Training steps done.",
            Self::Time => "Time spent training, pauses left out.",
            Self::Started => "When it was started, in local time.",
            Self::Device => "What it was trained on.",
            Self::Data => "Folder of the dataset.",
            Self::Tags => "Tags, as given in the run's menu.",
            Self::Note => "Note, as given in the run's menu.",
            Self::Findings => "What the doctor found while it trained: errors and warnings.",
            Self::Settings => {
                "Settings that differ from the baseline's; without a baseline, from the defaults."
            }
            Self::Class(name) => {
                return format!("Dice of “{name}” at the best validation, 0 to 1.");
            }
            Self::Param(key) => return format!("The setting `{key}`."),
        };
        fixed.to_owned()
    }

    /// Width in points: at first, and at least.
    pub fn width(&self) -> [f32; 2] {
        match self {
            Self::Name => [150.0, 90.0],
            Self::Settings => [170.0, 80.0],
            Self::Note | Self::Data => [150.0, 50.0],
            Self::Device | Self::Started => [110.0, 50.0],
            // “stopped on error”
            Self::Outcome => [104.0, 50.0],
            Self::Loss | Self::Difference => [80.0, 50.0],
            // with the arrow of what the table is sorted by
            Self::BestDice | Self::LastDice => [88.0, 50.0],
            _ => [68.0, 44.0],
        }
    }

    /// Numbers are looked at from the best down, words from the start of the alphabet.
    pub fn down_first(&self) -> bool {
        !matches!(
            self,
            Self::Name
                | Self::Loss
                | Self::Outcome
                | Self::Device
                | Self::Data
                | Self::Tags
                | Self::Note
                | Self::Settings
                | Self::Param(_)
        )
    }

    /// Whether its cells need the run's settings.
    pub fn needs_values(&self) -> bool {
        matches!(self, Self::Settings | Self::Param(_))
    }

    pub fn cell(&self, run: &Run, baseline: Option<&Run>, values: &mut Values) -> Cell {
        let brief = run.in_brief();
        let best = brief.best.as_ref();
        let last = brief.last.as_ref();
        let dice = |value: Option<f64>, tip: &str| Cell::number(value, score(value), tip);
        let best_dice = best.and_then(|best| best.mean_dice);
        let last_dice = last.and_then(|last| last.mean_dice);
        let help = || self.help();
        match self {
            Self::Name => Cell::text(&run.name, &run.name),
            Self::Loss => Cell::text(run.config.loss.kind(), &help()),
            Self::Outcome => {
                let (word, story) = outcome(run);
                let mut cell = Cell::text(&word, &story);
                cell.bad = bad(run);
                cell
            }
            Self::BestDice => dice(best_dice, &help()),
            Self::BestStep => {
                let step = best.map(|best| best.step);
                let text = step.map_or_else(absent, |step| step.to_string());
                Cell::number(step.map(|step| step as f64), text, &help())
            }
            Self::LastDice => dice(last_dice, &help()),
            Self::Fall => {
                let fall = best_dice.zip(last_dice).map(|(best, last)| best - last);
                Cell::number(fall, signed(fall), &help())
            }
            Self::Difference => {
                let base = baseline.and_then(|base| base.in_brief().best.as_ref()?.mean_dice);
                let by = best_dice.zip(base).map(|(own, base)| own - base);
                match baseline {
                    Some(base) if base.id == run.id => Cell::number(by, "baseline".into(), &help()),
                    _ => Cell::number(by, signed(by), &help()),
                }
            }
            Self::TrainLoss => loss(brief.train_loss, &help()),
            Self::ValidationLoss => loss(last.and_then(|last| last.loss), &help()),
            Self::Steps => {
                let tip = format!("{} steps of {}", brief.step, run.total_steps);
                Cell::number(Some(brief.step as f64), brief.step.to_string(), &tip)
            }
            Self::Time => Cell::number(Some(brief.secs), duration(brief.secs), &help()),
            Self::Started => {
                let at = jiff::Timestamp::from_second(run.unix_secs as i64).ok();
                let text = at.filter(|_| run.unix_secs > 0).map_or_else(absent, |at| {
                    let local = at.to_zoned(jiff::tz::TimeZone::system());
                    local.strftime("%Y-%m-%d %H:%M").to_string()
                });
                Cell::number(Some(run.unix_secs as f64), text, &run.id)
            }
            Self::Device => Cell::text(&run.device, &run.device),
            Self::Data => Cell::text(&run.config.data.path, &run.config.data.path),
            Self::Tags => Cell::text(&run.label.tags.join(", "), &help()),
            Self::Note => Cell::text(&run.label.note.replace('\n', " "), &run.label.note),
            Self::Findings => findings(run),
            Self::Settings => {
                let text = values.differences(run, baseline);
                let tip = if text.is_empty() {
                    "None".to_owned()
                } else {
                    text.replace(", ", "\n")
                };
                Cell::text(&text, &tip)
            }
            Self::Class(name) => {
                let at = run.classes.iter().position(|class| class == name);
                let value = at.and_then(|at| best?.dice.get(at).copied()?);
                dice(value, &help())
            }
            Self::Param(key) => {
                let text = values.get(run, key).unwrap_or_else(absent);
                let tip = format!("{key} = {text}");
                match text.parse::<f64>() {
                    Ok(number) => Cell::number(Some(number), text, &tip),
                    Err(_) if text == ABSENT => Cell::number(None, text, &tip),
                    Err(_) => Cell::text(&text, &tip),
                }
            }
        }
    }
}

impl Cell {
    fn text(text: &str, tip: &str) -> Self {
        Self {
            text: text.to_owned(),
            tip: tip.to_owned(),
            sort: if text.is_empty() {
                Sort::Missing
            } else {
                Sort::Text(text.to_lowercase())
            },
            bad: false,
        }
    }

    fn number(value: Option<f64>, text: String, tip: &str) -> Self {
        Self {
            text,
            tip: tip.to_owned(),
            sort: value.map_or(Sort::Missing, Sort::Number),
            bad: false,
        }
    }
}

fn absent() -> String {
    ABSENT.to_owned()
}

fn loss(value: Option<f64>, tip: &str) -> Cell {
    Cell::number(value, value.map_or_else(absent, short), tip)
}

fn signed(value: Option<f64>) -> String {
    match value {
        Some(value) if value < 0.0 => format!("−{:.3}", -value),
        Some(value) => format!("+{value:.3}"),
        None => absent(),
    }
}

/// How many errors and warnings, as badges; the messages in the tip.
fn findings(run: &Run) -> Cell {
    let count = |severity| {
        let all = run.findings.iter();
        all.filter(|(_, finding)| finding.severity == severity)
            .count()
    };
    let badges: Vec<String> = [(Severity::Error, "✖"), (Severity::Warning, "⚠")]
        .into_iter()
        .map(|(severity, badge)| (count(severity), badge))
        .filter(|(n, _)| *n > 0)
        .map(|(n, badge)| format!("{badge} {n}"))
        .collect();
    let tips: Vec<String> = (run.findings.iter())
        .map(|(step, f)| format!("{} at step {step}: {}", f.severity.name(), f.message))
        .collect();
    let weight = (100 * count(Severity::Error) + count(Severity::Warning)) as f64;
    let tip = if tips.is_empty() {
        "The doctor found nothing.".to_owned()
    } else {
        tips.join("\n")
    };
    Cell {
        text: badges.join(" "),
        tip,
        sort: Sort::Number(weight),
        bad: count(Severity::Error) > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_key_again() {
        let own = [
            Column::Class("a:b".to_owned()),
            Column::Param("loss.x".to_owned()),
        ];
        for column in Column::fixed().chain(own) {
            assert_eq!(Column::of_key(&column.key()), Some(column));
        }
        assert_eq!(Column::of_key("nonsense"), None);
    }

    #[test]
    fn what_is_missing_comes_last_whichever_way_round() {
        let mut cells = [Sort::Missing, Sort::Number(1.0), Sort::Number(2.0)];
        for (down, first) in [(false, 1.0), (true, 2.0)] {
            cells.sort_by(|a, b| a.compare(b, down));
            assert_eq!(cells[0], Sort::Number(first));
            assert_eq!(cells[2], Sort::Missing);
        }
    }
}
