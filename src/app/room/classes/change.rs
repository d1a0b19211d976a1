//! Changes of a class map: every mask value stays claimed exactly once, or ignored.

use super::super::super::view::color::OKABE_ITO;
use crate::data::mask::unpacked;
use crate::data::{Class, ClassMap, Coding};

/// One change that a row asks for.
pub(super) enum Change {
    Move(usize, usize),
    Merge(usize, usize),
    Ignore(usize),
    Restore(u32),
}

/// Carries a change out.
pub(super) fn apply(map: &mut ClassMap, change: &Change) {
    let count = map.classes.len();
    match *change {
        Change::Move(from, to) if from < count && to < count => {
            let class = map.classes.remove(from);
            map.classes.insert(to, class);
        }
        Change::Merge(from, into) if from < count && into < count && from != into => {
            let values = map.classes[from].values.clone();
            map.classes[into].values.extend(values);
            map.classes[into].values.sort_unstable();
            map.classes.remove(from);
        }
        // A map without classes means nothing: the last one stays.
        Change::Ignore(at) if at < count && count > 1 => {
            let class = map.classes.remove(at);
            map.ignore.extend(class.values);
            map.ignore.sort_unstable();
        }
        Change::Restore(value) => {
            map.ignore.retain(|other| *other != value);
            let color = match map.coding {
                Coding::Colors => unpacked(value),
                Coding::Ids => OKABE_ITO[count % OKABE_ITO.len()],
            };
            map.classes.push(Class {
                name: format!("value {}", value_text(map.coding, value)),
                color,
                values: vec![value],
            });
        }
        _ => {}
    }
}

pub(super) fn value_text(coding: Coding, value: u32) -> String {
    match coding {
        Coding::Ids => value.to_string(),
        Coding::Colors => {
            let [r, g, b] = unpacked(value);
            format!("{r},{g},{b}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> ClassMap {
        let class = |name: &str, values: &[u32]| Class {
            name: name.to_owned(),
            color: [1, 2, 3],
            values: values.to_vec(),
        };
        ClassMap {
            coding: Coding::Ids,
            classes: vec![class("a", &[0]), class("b", &[3, 1]), class("c", &[2])],
            ignore: vec![255],
        }
    }

    fn all_values(map: &ClassMap) -> Vec<u32> {
        let mut all: Vec<u32> = map.classes.iter().flat_map(|c| c.values.clone()).collect();
        all.extend(&map.ignore);
        all.sort_unstable();
        all
    }

    #[test]
    fn every_change_keeps_every_value_exactly_once() {
        let before = all_values(&map());
        for change in [
            Change::Move(0, 2),
            Change::Merge(2, 0),
            Change::Merge(0, 1),
            Change::Ignore(1),
            Change::Restore(255),
            Change::Move(0, 9),
            Change::Merge(1, 1),
        ] {
            let mut map = map();
            apply(&mut map, &change);
            assert_eq!(all_values(&map), before);
        }
        let mut map = map();
        for _ in 0..5 {
            apply(&mut map, &Change::Ignore(0));
        }
        assert_eq!(map.classes.len(), 1, "one class stays");
    }

    #[test]
    fn merging_gives_the_values_to_the_other_class_and_moving_reorders() {
        let names = |map: &ClassMap| -> Vec<String> {
            map.classes.iter().map(|c| c.name.clone()).collect()
        };
        let mut merged = map();
        apply(&mut merged, &Change::Merge(2, 1));
        assert_eq!(names(&merged), ["a", "b"]);
        assert_eq!(merged.classes[1].values, [1, 2, 3]);
        let mut moved = map();
        apply(&mut moved, &Change::Move(2, 0));
        assert_eq!(names(&moved), ["c", "a", "b"]);
    }
}
