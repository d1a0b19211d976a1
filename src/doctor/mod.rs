//! What is wrong with an experiment: oracles, rules, evidence and fixes.
