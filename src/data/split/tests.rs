use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::*;
use crate::data::config::GroupBy;

fn named(names: &[String]) -> Vec<Item> {
    let item = |name: &String| Item {
        id: name.trim_end_matches(".png").to_owned(),
        image: PathBuf::from(name),
        mask: PathBuf::from(name),
    };
    names.iter().map(item).collect()
}

fn numbered(count: usize) -> Vec<Item> {
    named(&(0..count).map(|i| format!("{i}.png")).collect::<Vec<_>>())
}

/// Counts of items that hold these classes, a pixel of each.
fn holding(classes: &[&[u8]]) -> Vec<ItemCounts> {
    let counts = |held: &&[u8]| ItemCounts::new([8, 8], held.iter().map(|&c| (Some(c), 1)));
    classes.iter().map(counts).collect()
}

fn ratio() -> DataConfig {
    DataConfig {
        split: SplitBy::Ratio,
        ..DataConfig::default()
    }
}

fn drawn(items: &[Item], counts: &[ItemCounts], config: &DataConfig) -> Split {
    split(items, counts, &Given::default(), config).unwrap()
}

fn complete(split: &Split, items: usize) {
    let mut all: Vec<usize> = split.train.iter().chain(&split.val).copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..items).collect::<Vec<_>>(), "each item once");
}

#[test]
fn a_draw_is_seeded_disjoint_and_complete() {
    let items = numbered(50);
    for stratify in [false, true] {
        let config = DataConfig {
            stratify,
            ..ratio()
        };
        let split = drawn(&items, &[], &config);
        assert_eq!((split.train.len(), split.val.len()), (40, 10));
        complete(&split, 50);
        assert_eq!(drawn(&items, &[], &config), split);
        let other = DataConfig { seed: 2, ..config };
        assert_ne!(drawn(&items, &[], &other).val, split.val);
    }
}

#[test]
fn two_items_give_one_to_each_side() {
    for stratify in [false, true] {
        let config = DataConfig {
            val_ratio: 0.05,
            stratify,
            ..ratio()
        };
        let split = drawn(&numbered(2), &holding(&[&[0], &[0]]), &config);
        assert_eq!((split.train.len(), split.val.len()), (1, 1));
        assert_eq!(drawn(&numbered(1), &[], &config).train, [0]);
    }
}

#[test]
fn the_test_part_validates_only_without_a_val_part() {
    let given = |parts: &[Part]| Given {
        parts: parts.iter().copied().map(Some).collect(),
        origin: Some("lists".to_owned()),
    };
    let own = |parts: &[Part]| {
        let items = numbered(parts.len());
        split(&items, &[], &given(parts), &DataConfig::default()).unwrap()
    };
    let all = own(&[Part::Train, Part::Test, Part::Val]);
    assert_eq!((all.train, all.val), (vec![0], vec![2]));
    let two = own(&[Part::Train, Part::Test]);
    assert_eq!((two.train, two.val), (vec![0], vec![1]));
    // `ratio` draws although the dataset brings a split.
    let items = numbered(3);
    let parts = given(&[Part::Train, Part::Train, Part::Test]);
    let drawn = split(&items, &[], &parts, &ratio()).unwrap();
    complete(&drawn, 3);
    assert!(drawn.origin.starts_with("a draw"), "{}", drawn.origin);
}

#[test]
fn no_group_lies_on_both_sides() {
    let mut names = Vec::new();
    for child in 1..=14 {
        for eye in ["L", "R"] {
            names.push(format!("site{}/Image_{child:02}{eye}.jpg", child % 4));
        }
    }
    let items = named(&names);
    let key = |by: GroupBy, name: &str| match by {
        GroupBy::Folder => name[..5].to_owned(),
        GroupBy::Number => name[12..14].to_owned(),
        GroupBy::Prefix => name[6..14].to_owned(),
        GroupBy::None => name.to_owned(),
    };
    for by in [GroupBy::Folder, GroupBy::Number, GroupBy::Prefix] {
        for stratify in [false, true] {
            for seed in 0..20 {
                let config = DataConfig {
                    group_by: by,
                    prefix_chars: 8,
                    stratify,
                    seed,
                    ..ratio()
                };
                let split = drawn(&items, &[], &config);
                complete(&split, items.len());
                let of = |side: &[usize]| -> BTreeSet<String> {
                    side.iter().map(|&i| key(by, &names[i])).collect()
                };
                let (train, val) = (of(&split.train), of(&split.val));
                assert!(train.is_disjoint(&val), "{by} {seed}: {train:?} {val:?}");
                assert!(!train.is_empty() && !val.is_empty());
            }
        }
    }
}

#[test]
fn a_prefix_without_length_ends_at_the_first_separator() {
    let items = named(&["a_1.png", "a-2.png", "b 3.png", "c.png"].map(str::to_owned));
    let groups = group::of(&items, GroupBy::Prefix, 0);
    assert_eq!(groups, [vec![0, 1], vec![2], vec![3]]);
}

/// A set of 60 items: class 0 everywhere, class `c` in every (3·c)-th, class 9 in two items only.
fn long_tailed() -> Vec<ItemCounts> {
    let held: Vec<Vec<u8>> = (0..60)
        .map(|i| {
            let mut held: Vec<u8> = (1..=6).filter(|c| i % (3 * usize::from(*c)) == 0).collect();
            held.insert(0, 0);
            if i == 11 || i == 47 {
                held.push(9);
            }
            held
        })
        .collect();
    holding(&held.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn stratified_draws_keep_rare_classes_on_both_sides_and_in_proportion() {
    let (items, counts) = (numbered(60), long_tailed());
    let images = |side: &[usize]| {
        let mut images = BTreeMap::new();
        for &item in side {
            for &(class, _) in &counts[item].present {
                *images.entry(class).or_insert(0.0) += 1.0;
            }
        }
        images
    };
    let mut plain_misses = 0;
    for seed in 0..50 {
        let config = DataConfig { seed, ..ratio() };
        let split = drawn(&items, &counts, &config);
        complete(&split, 60);
        assert!(split.val.len().abs_diff(12) <= 1, "{}", split.val.len());
        let (train, val) = (images(&split.train), images(&split.val));
        for class in [0, 1, 2, 3, 4, 5, 6, 9_u8] {
            let (t, v) = (
                train.get(&class).copied().unwrap_or(0.0),
                val.get(&class).copied().unwrap_or(0.0),
            );
            assert!(t > 0.0 && v > 0.0, "seed {seed}: class {class}: {t} + {v}");
            let off: f64 = v - 0.2 * (t + v);
            assert!(
                off.abs() <= 2.0,
                "seed {seed}: class {class}: {v} of {}",
                t + v
            );
        }
        let plain = DataConfig {
            stratify: false,
            ..config
        };
        let split = drawn(&items, &counts, &plain);
        if !images(&split.val).contains_key(&9) {
            plain_misses += 1;
        }
    }
    assert!(
        plain_misses > 5,
        "without it, class 9 is missed: {plain_misses} of 50"
    );
}

#[test]
fn random_sets_never_lose_a_class_that_many_items_hold() {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    for round in 0..100 {
        let count = rng.random_range(20..80);
        let held: Vec<Vec<u8>> = (0..count)
            .map(|_| (0..8_u8).filter(|_| rng.random_range(0..10) < 2).collect())
            .collect();
        let counts = holding(&held.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let config = DataConfig {
            seed: round,
            ..ratio()
        };
        let split = drawn(&numbered(count), &counts, &config);
        for class in 0..8 {
            let on = |side: &[usize]| side.iter().any(|&i| held[i].contains(&class));
            let holders = held.iter().filter(|h| h.contains(&class)).count();
            if holders >= 4 {
                assert!(on(&split.train) && on(&split.val), "{round}: class {class}");
            }
        }
    }
}

#[test]
fn a_list_names_what_validates_however_it_spells_it() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["in/a.png", "in/b.png", "out/c.png", "out/d e.png", "x.png"];
    let items = named(&names.map(str::to_owned));
    let list = dir.path().join("val.txt");
    std::fs::write(
        &list,
        "# remark\n\nin/a\n/elsewhere/out/c.png /elsewhere/masks/c.png\nd e.png\nnothing\n",
    )
    .unwrap();
    let config = DataConfig {
        split: SplitBy::List,
        val_list: list.display().to_string(),
        ..DataConfig::default()
    };
    let named = drawn(&items, &[], &config);
    assert_eq!((named.train, named.val), (vec![1, 4], vec![0, 2, 3]));
    assert!(
        named.origin.contains("1 line names no image"),
        "{}",
        named.origin
    );
    std::fs::write(&list, "zebra\n").unwrap();
    let fail = |config: &DataConfig| {
        let error = split(&items, &[], &Given::default(), config).unwrap_err();
        error.to_string()
    };
    let message = fail(&config);
    assert!(
        message.contains("val.txt") && message.contains("in/a"),
        "{message}"
    );
    let message = fail(&DataConfig {
        val_list: String::new(),
        ..config
    });
    assert!(message.contains("data.val_list"), "{message}");
}
