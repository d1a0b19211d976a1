//! Every parameter of the default experiment is inside its own range.

use dicebench::experiment::TrainConfig;

#[test]
fn default_training_parameters_are_in_range() {
    let mut config = TrainConfig::default();
    for param in config.params() {
        param.check().unwrap();
    }
}
