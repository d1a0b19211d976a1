//! Which images of a dataset are looked at, and in which order. Plain values: the window's grid, the
//! command line and tests ask the same question.

use std::collections::{BTreeMap, HashMap};

use crate::data::Dataset;
use crate::finding::Severity;

crate::choices! {
    /// Which side of the split.
    pub enum Side {
        All = "all": "Training and validation images, and those that are not used.",
        Train = "train": "Images that train.",
        Val = "validate": "Images that validate.",
        Unused = "not used": "Images on neither side.",
    }
}

crate::choices! {
    /// The order of the images.
    pub enum Order {
        Name = "name": "In the order of the dataset.",
        Share = "class share": "Largest share of the chosen class first; without one, of the rarest class.",
        Classes = "classes": "Most classes first.",
        Size = "size": "Largest picture first.",
        Ignored = "ignored": "Largest share of ignored pixels first.",
    }
}

/// What images must have in common to be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Part of the image's name, whatever its case.
    pub text: String,
    /// A class that must occur.
    pub class: Option<usize>,
    pub side: Side,
    /// Place of a finding (in `Dataset::findings`) that must name the image.
    pub finding: Option<usize>,
    pub size: Option<[usize; 2]>,
    pub order: Order,
    pub reversed: bool,
}

impl Filter {
    /// Whether anything is left out.
    #[must_use]
    pub fn is_active(&self) -> bool {
        let Self {
            text,
            class,
            side,
            finding,
            size,
            order: _,
            reversed: _,
        } = self;
        !text.trim().is_empty()
            || class.is_some()
            || *side != Side::All
            || finding.is_some()
            || size.is_some()
    }
}

/// What can be filtered by, found once per dataset.
#[derive(Debug, Clone, Default)]
pub struct Facets {
    /// The side of each item.
    pub sides: Vec<Side>,
    /// Sizes in pixels and the number of images of each, most frequent first.
    pub sizes: Vec<([usize; 2], usize)>,
    /// Findings that name each item, by their place in `Dataset::findings`.
    pub findings: HashMap<usize, Vec<usize>>,
    /// Item of each file that a finding names.
    pub files: HashMap<String, usize>,
    /// The rarest class that occurs.
    pub rarest: Option<usize>,
}

impl Facets {
    #[must_use]
    pub fn of(dataset: &Dataset) -> Self {
        let mut sides = vec![Side::Unused; dataset.items.len()];
        for (list, side) in [
            (&dataset.split.train, Side::Train),
            (&dataset.split.val, Side::Val),
        ] {
            for &item in list {
                if let Some(place) = sides.get_mut(item) {
                    *place = side;
                }
            }
        }
        let mut sizes: BTreeMap<[usize; 2], usize> = BTreeMap::new();
        for counts in &dataset.counts {
            *sizes.entry(counts.size).or_default() += 1;
        }
        let mut sizes: Vec<_> = sizes.into_iter().collect();
        sizes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let pixels = |class: usize| {
            let census = &dataset.census;
            census.train_pixels.get(class).copied().unwrap_or(0)
                + census.val_pixels.get(class).copied().unwrap_or(0)
        };
        let (findings, files) = named(dataset);
        Self {
            sides,
            sizes,
            findings,
            files,
            rarest: (0..dataset.classes.len())
                .filter(|&class| pixels(class) > 0)
                .min_by_key(|&class| pixels(class)),
        }
    }

    /// The worst severity among the findings about an item.
    #[must_use]
    pub fn worst(&self, dataset: &Dataset, item: usize) -> Option<Severity> {
        let findings = self.findings.get(&item)?.iter();
        findings
            .filter_map(|&at| dataset.findings.get(at))
            .map(|finding| finding.severity)
            .max()
    }
}

/// Item → findings that name its image, its mask or itself; and file → item.
fn named(dataset: &Dataset) -> (HashMap<usize, Vec<usize>>, HashMap<String, usize>) {
    let mut found: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut files = HashMap::new();
    if dataset.findings.iter().all(|f| f.files.is_empty()) {
        return (found, files);
    }
    let slashes = |path: &std::path::Path| path.to_string_lossy().replace('\\', "/");
    let mut items: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, item) in dataset.items.iter().enumerate() {
        let mut names = vec![item.id.clone(), slashes(&item.image), slashes(&item.mask)];
        names.sort();
        names.dedup();
        for name in names {
            items.entry(name).or_default().push(index);
        }
    }
    for (at, finding) in dataset.findings.iter().enumerate() {
        for file in &finding.files {
            for &item in items.get(&file.replace('\\', "/")).into_iter().flatten() {
                files.entry(file.clone()).or_insert(item);
                let of = found.entry(item).or_default();
                if of.last() != Some(&at) {
                    of.push(at);
                }
            }
        }
    }
    (found, files)
}

/// The items that pass, in order.
#[must_use]
pub fn select(dataset: &Dataset, facets: &Facets, filter: &Filter) -> Vec<usize> {
    let text = filter.text.trim().to_lowercase();
    let counts = |item: usize| dataset.counts.get(item);
    let share = |item: usize, class: usize| {
        let class = u8::try_from(class).ok();
        class
            .and_then(|class| Some(counts(item)?.share(class)))
            .unwrap_or(0.0)
    };
    let passes = |item: &usize| {
        let item = *item;
        (filter.side == Side::All || facets.sides.get(item) == Some(&filter.side))
            && filter.class.is_none_or(|class| share(item, class) > 0.0)
            && filter
                .size
                .is_none_or(|size| counts(item).is_some_and(|c| c.size == size))
            && filter.finding.is_none_or(|finding| {
                let of = facets.findings.get(&item);
                of.is_some_and(|of| of.contains(&finding))
            })
            && (text.is_empty() || dataset.items[item].id.to_lowercase().contains(&text))
    };
    let mut chosen: Vec<usize> = (0..dataset.items.len()).filter(passes).collect();
    let key = |item: usize| -> f64 {
        let Some(counts) = counts(item) else {
            return 0.0;
        };
        match filter.order {
            Order::Name => 0.0,
            Order::Share => match filter.class.or(facets.rarest) {
                Some(class) => share(item, class),
                None => 0.0,
            },
            Order::Classes => counts.present.len() as f64,
            Order::Size => (counts.size[0] * counts.size[1]) as f64,
            Order::Ignored => {
                let all = counts.claimed() + counts.ignored;
                counts.ignored as f64 / all.max(1) as f64
            }
        }
    };
    if filter.order != Order::Name {
        // Stable: equal items stay in the dataset's order.
        chosen.sort_by(|&a, &b| key(b).total_cmp(&key(a)));
    }
    if filter.reversed {
        chosen.reverse();
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, Progress};
    use crate::finding::Finding;

    fn sample() -> Dataset {
        let mut dataset = Dataset::open(&DataConfig::default(), &Progress::default()).unwrap();
        let files = vec![dataset.items[3].image.display().to_string()];
        dataset.findings =
            vec![Finding::new("made-up", Severity::Warning, "something").files(files)];
        dataset
    }

    fn chosen(dataset: &Dataset, filter: &Filter) -> Vec<usize> {
        select(dataset, &Facets::of(dataset), filter)
    }

    #[test]
    fn each_filter_leaves_what_it_names() {
        let dataset = sample();
        let all = chosen(&dataset, &Filter::default());
        assert_eq!(all, (0..dataset.items.len()).collect::<Vec<_>>());
        let val = chosen(
            &dataset,
            &Filter {
                side: Side::Val,
                ..Filter::default()
            },
        );
        assert_eq!(val, dataset.split.val);
        let rarest = Facets::of(&dataset).rarest.unwrap();
        let with = chosen(
            &dataset,
            &Filter {
                class: Some(rarest),
                ..Filter::default()
            },
        );
        let images = dataset.census.train_images[rarest] + dataset.census.val_images[rarest];
        assert_eq!(with.len() as u64, images);
        assert!(with.len() < all.len(), "the rarest class is not everywhere");
        let found = chosen(
            &dataset,
            &Filter {
                finding: Some(0),
                ..Filter::default()
            },
        );
        assert_eq!(found, [3]);
        let named = chosen(
            &dataset,
            &Filter {
                text: dataset.items[7].id.to_uppercase(),
                ..Filter::default()
            },
        );
        assert!(named.contains(&7) && named.len() < all.len());
        let other_size = Filter {
            size: Some([1, 1]),
            ..Filter::default()
        };
        assert!(other_size.is_active() && chosen(&dataset, &other_size).is_empty());
    }

    #[test]
    fn sorting_by_share_puts_the_largest_first_and_turns_round() {
        let dataset = sample();
        let filter = Filter {
            class: Some(1),
            order: Order::Share,
            ..Filter::default()
        };
        let shares = |items: &[usize]| -> Vec<f64> {
            items.iter().map(|&i| dataset.counts[i].share(1)).collect()
        };
        let sorted = shares(&chosen(&dataset, &filter));
        assert!(sorted.windows(2).all(|pair| pair[0] >= pair[1]));
        assert!(sorted[0] > sorted[sorted.len() - 1]);
        let turned = Filter {
            reversed: true,
            ..filter
        };
        let mut turned = shares(&chosen(&dataset, &turned));
        turned.reverse();
        assert_eq!(turned, sorted);
    }
}
