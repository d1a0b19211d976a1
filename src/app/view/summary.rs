//! A run in a few words and numbers, the same in every table.

use crate::run::{Outcome, Run};

/// How a run ended: a word, and the whole story.
#[must_use]
pub fn outcome(run: &Run) -> (String, String) {
    let word = run.ending().unwrap_or("unfinished");
    let story = match (&run.outcome, run.why_ended()) {
        (None, _) => "Still training, or cut off before its end.".to_owned(),
        (Some(Outcome::Diverged { at_step, .. }), Some(why)) => {
            format!("The loss was not finite at step {at_step}: {why}")
        }
        (Some(_), Some(why)) => why.to_owned(),
        (Some(_), None) => "All its steps were done.".to_owned(),
    };
    (word.to_owned(), story)
}

/// Whether a run ended badly.
#[must_use]
pub fn bad(run: &Run) -> bool {
    matches!(
        run.outcome,
        Some(Outcome::Diverged { .. } | Outcome::Failed { .. })
    )
}

#[must_use]
pub fn best_dice(run: &Run) -> Option<f64> {
    run.in_brief().best.as_ref()?.mean_dice
}

#[must_use]
pub fn steps(run: &Run) -> u64 {
    run.in_brief().step
}

/// Seconds spent, pauses left out.
#[must_use]
pub fn seconds(run: &Run) -> f64 {
    run.in_brief().secs
}

/// The run's name, with a number where older ones of those that are shown beside it have the same:
/// two runs are never called alike.
#[must_use]
pub fn distinct(run: &Run, shown: &[&Run]) -> String {
    let older = |other: &&&Run| other.name == run.name && other.id < run.id;
    let number = match shown.iter().filter(older).count() {
        0 => return run.name.clone(),
        older => older + 1,
    };
    let names = (number..).map(|number| format!("{} ({number})", run.name));
    // A name may end in such a number by itself.
    let is_free = |name: &String| shown.iter().all(|other| other.name != *name);
    names.into_iter().find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_name_are_numbered_by_age() {
        let run = |id: &str, name: &str| Run {
            id: id.to_owned(),
            name: name.to_owned(),
            ..Run::default()
        };
        let names = |all: &[Run]| -> Vec<String> {
            let shown: Vec<&Run> = all.iter().collect();
            all.iter().map(|run| distinct(run, &shown)).collect()
        };
        let all = [run("3", "a"), run("2", "b"), run("1", "a")];
        assert_eq!(names(&all), ["a (2)", "b", "a"]);
        let all = [run("3", "a"), run("2", "a (2)"), run("1", "a")];
        assert_eq!(names(&all), ["a (3)", "a (2)", "a"]);
    }
}
