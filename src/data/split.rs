//! Which items train and which validate.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::layout::Part;
use super::{DataConfig, Split};

/// The dataset's own split where it has one and the configuration wants it, else by ratio.
pub(super) fn split(parts: &[Option<Part>], origin: Option<&str>, config: &DataConfig) -> Split {
    if config.own_split
        && let Some(origin) = origin
    {
        let of = |part| -> Vec<usize> {
            (0..parts.len())
                .filter(|&i| parts[i] == Some(part))
                .collect()
        };
        let (train, val, test) = (of(Part::Train), of(Part::Val), of(Part::Test));
        let val = if val.is_empty() { test } else { val };
        if !train.is_empty() && !val.is_empty() {
            return Split {
                train,
                val,
                origin: origin.to_owned(),
            };
        }
    }
    by_ratio(parts.len(), config)
}

/// A seeded draw; at least one item on each side where there are two.
fn by_ratio(items: usize, config: &DataConfig) -> Split {
    let mut order: Vec<usize> = (0..items).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(config.seed));
    let wanted = (items as f64 * config.val_fraction).round() as usize;
    let count = wanted.clamp(usize::from(items > 1), items.saturating_sub(1));
    let mut val = order.split_off(items - count);
    order.sort_unstable();
    val.sort_unstable();
    Split {
        train: order,
        val,
        origin: format!(
            "a draw with seed {}: {:.0} % validate",
            config.seed,
            config.val_fraction * 100.0
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_seeded_disjoint_and_complete() {
        let config = DataConfig::default();
        let split = by_ratio(50, &config);
        assert_eq!((split.train.len(), split.val.len()), (40, 10));
        let mut all: Vec<usize> = split.train.iter().chain(&split.val).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
        assert_eq!(by_ratio(50, &config), split);
        let other = DataConfig { seed: 2, ..config };
        assert_ne!(by_ratio(50, &other), split);
    }

    #[test]
    fn two_items_give_one_to_each_side() {
        let config = DataConfig {
            val_fraction: 0.05,
            ..DataConfig::default()
        };
        let split = by_ratio(2, &config);
        assert_eq!((split.train.len(), split.val.len()), (1, 1));
        assert_eq!(by_ratio(1, &config).train, [0]);
    }

    #[test]
    fn the_test_part_validates_only_without_a_val_part() {
        let parts = [Some(Part::Train), Some(Part::Test), Some(Part::Val)];
        let own = split(&parts, Some("lists"), &DataConfig::default());
        assert_eq!((own.train, own.val), (vec![0], vec![2]));
        let own = split(&parts[..2], Some("lists"), &DataConfig::default());
        assert_eq!((own.train, own.val), (vec![0], vec![1]));
    }
}
