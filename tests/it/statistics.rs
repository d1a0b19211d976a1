//! The comparison of paired scores against SciPy's: `tests/data/statistics/make.py` made the numbers.

use std::collections::BTreeMap;

use dicebench::run::statistics::paired;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    a: Vec<f64>,
    b: Vec<f64>,
    mean: f64,
    /// Wilcoxon's p-value, all outcomes counted; only where nothing is tied.
    exact: Option<f64>,
    /// The same by the normal approximation.
    approx: Option<f64>,
    interval: [f64; 2],
    /// Bootstrap standard error of the mean.
    standard_error: f64,
}

#[test]
fn paired_scores_are_judged_as_scipy_judges_them() {
    let golden: Golden =
        serde_json::from_str(include_str!("../data/statistics/scipy.json")).unwrap();
    let (mut exact, mut approximate) = (0, 0);
    for (name, case) in &golden.cases {
        let found = paired(&case.a, &case.b);
        assert!((found.difference - case.mean).abs() < 1e-12, "{name}: mean");
        let p_value = match (case.exact, case.approx) {
            (Some(p), _) => {
                exact += 1;
                p
            }
            (None, Some(p)) => {
                approximate += 1;
                p
            }
            (None, None) => 1.0,
        };
        let error = (found.p_value - p_value).abs();
        assert!(
            error < 1e-9,
            "{name}: {} instead of {p_value}",
            found.p_value
        );
        // Both are random: 10,000 resamples find an end of the interval within some 4 % of the
        // standard error (one standard deviation); 15 % are nearly four of those.
        for (found, expected) in found.interval.iter().zip(case.interval) {
            assert!(
                (found - expected).abs() < 0.15 * case.standard_error,
                "{name}: {found} instead of {expected}"
            );
        }
    }
    assert!(exact > 0 && approximate > 0, "both ways are tried");
}
