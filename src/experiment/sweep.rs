//! "Vary these parameters over these values": a list of configurations that differ in nothing else.

use super::ExperimentConfig;

/// One parameter and the values it takes, from `loss.gamma=1,2,5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    pub key: String,
    pub values: Vec<String>,
}

impl Axis {
    /// Reads `key=value,value,…`. A value that holds commas itself stands in brackets: `[1,2],[1,5]`.
    ///
    /// # Errors
    /// Where no key or no value stands.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}`: expected key=value,value,…");
        let (key, values) = text.split_once('=').ok_or_else(expected)?;
        let values = split(values);
        if key.trim().is_empty() || values.iter().any(String::is_empty) {
            return Err(expected());
        }
        Ok(Self {
            key: key.trim().to_owned(),
            values,
        })
    }
}

/// At the commas outside brackets; brackets around a whole value are taken off.
fn split(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut depth = 0i32;
    for c in text.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = values.last_mut() {
            last.push(c);
        }
    }
    let bare = |value: &String| {
        let value = value.trim();
        let inner = value.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
        inner.unwrap_or(value).to_owned()
    };
    values.iter().map(bare).collect()
}

/// Every combination of the axes' values, the last axis fastest, each with a name that says it:
/// `kind=dice, smooth_numerator=1`.
///
/// # Errors
/// Naming the key, the value and what was expected.
pub fn grid(
    base: &ExperimentConfig,
    axes: &[Axis],
) -> Result<Vec<(String, ExperimentConfig)>, String> {
    let mut lanes = vec![(String::new(), base.clone())];
    for axis in axes {
        let short = axis.key.rsplit('.').next().unwrap_or(&axis.key);
        let mut longer = Vec::with_capacity(lanes.len() * axis.values.len());
        for (name, config) in &lanes {
            for value in &axis.values {
                let mut config = config.clone();
                config
                    .set(&axis.key, value)
                    .map_err(|error| error.to_string())?;
                let comma = if name.is_empty() { "" } else { ", " };
                longer.push((format!("{name}{comma}{short}={value}"), config));
            }
        }
        lanes = longer;
    }
    for (name, config) in &lanes {
        config
            .validate()
            .map_err(|problems| format!("{name}: {}", problems.join("; ")))?;
    }
    Ok(lanes)
}

/// Keys that differ between configurations and decide where a network starts and what it sees: with
/// any of them, more differs than was meant to be compared.
#[must_use]
pub fn unequal_start(configs: &[&ExperimentConfig]) -> Vec<String> {
    let decides = |key: &str| {
        key.starts_with("model.")
            || key.starts_with("data.")
            || key == "train.batch"
            || key == "train.seed"
    };
    super::differences(configs)
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| decides(key))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_every_combination_and_nothing_else_differs() {
        let axes = ["loss.kind=dice,focal", "train.learning_rate=0.1,0.01,0.001"]
            .map(|text| Axis::parse(text).unwrap());
        let lanes = grid(&ExperimentConfig::default(), &axes).unwrap();
        let names: Vec<&str> = lanes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), 6);
        assert_eq!(names[0], "kind=dice, learning_rate=0.1");
        assert_eq!(names[4], "kind=focal, learning_rate=0.01");
        assert_eq!(lanes[4].1.loss.kind(), "focal");
        let mut same = lanes[4].1.clone();
        same.loss = ExperimentConfig::default().loss;
        same.train.learning_rate = ExperimentConfig::default().train.learning_rate;
        assert_eq!(same, ExperimentConfig::default());
    }

    #[test]
    fn what_decides_the_start_is_told_from_what_is_compared() {
        let base = ExperimentConfig::default();
        let mut other = base.clone();
        other.set("loss.kind", "focal").unwrap();
        other.set("train.learning_rate", "0.5").unwrap();
        assert_eq!(unequal_start(&[&base, &other]), Vec::<String>::new());
        other.set("model.depth", "2").unwrap();
        other.set("train.seed", "9").unwrap();
        assert_eq!(
            unequal_start(&[&base, &other, &other]),
            ["model.depth", "train.seed"]
        );
    }

    #[test]
    fn values_with_commas_stand_in_brackets() {
        let axis = Axis::parse("class_weights.manual=[1,2],[1,5]").unwrap();
        assert_eq!(axis.values, ["1,2", "1,5"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for wrong in ["loss.kind", "=dice", "loss.kind=dice,,focal"] {
            assert!(Axis::parse(wrong).unwrap_err().contains(wrong));
        }
        let axis = Axis::parse("loss.kind=dice,nonsense").unwrap();
        let error = grid(&ExperimentConfig::default(), &[axis]).unwrap_err();
        assert!(error.contains("nonsense"), "{error}");
    }
}
