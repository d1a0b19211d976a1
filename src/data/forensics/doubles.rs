//! Images that are the same or nearly so, by content hash and perceptual hash.

use std::collections::HashMap;

use rayon::prelude::*;

use super::ItemFacts;
use super::fit::correlation;

/// Of 256 bits: a re-encoded, resized or slightly shifted copy stays below, another scene is near
/// 128.
const NEAR: u32 = 20;
/// Correlation of edge maps that a re-encoded or resized copy stays above.
const SAME_EDGES: f64 = 0.97;

/// Pairs of items on different sides: `(train, val)`, each validation item at most once, with its
/// nearest.
pub(super) fn across(
    items: &[Option<ItemFacts>],
    train: &[usize],
    val: &[usize],
) -> Vec<(usize, usize)> {
    let look = |index: usize| {
        let facts = items.get(index)?.as_ref()?;
        // A nearly flat or tiny picture looks like every other one.
        let telling = facts.contrast > 4.0 && facts.size[0].min(facts.size[1]) >= 24;
        telling.then_some((index, facts))
    };
    let train: Vec<_> = train.iter().filter_map(|&i| look(i)).collect();
    val.par_iter()
        .filter_map(|&i| look(i))
        .filter_map(|(own, facts)| {
            let near = train
                .iter()
                .map(|(i, other)| (distance(&facts.look, &other.look), *i, *other));
            // Pictures of one kind (the retina, say) are alike in light and dark: a double also has
            // its edges in the same places.
            near.filter(|(distance, _, _)| *distance <= NEAR)
                .filter(|(_, _, other)| correlation(&facts.edges[0], &other.edges[0]) >= SAME_EDGES)
                .min_by_key(|(distance, i, _)| (*distance, *i))
                .map(|(_, other, _)| (other, own))
        })
        .collect()
}

/// Groups of items with the very same image file, two or more each.
pub(super) fn same(items: &[Option<ItemFacts>]) -> Vec<Vec<usize>> {
    let mut groups: HashMap<(&str, u64), Vec<usize>> = HashMap::new();
    for (index, facts) in items.iter().enumerate() {
        if let Some(facts) = facts {
            let key = (facts.hash[0].as_str(), facts.look[0]);
            groups.entry(key).or_default().push(index);
        }
    }
    let mut groups: Vec<_> = groups.into_values().filter(|g| g.len() > 1).collect();
    groups.sort_unstable();
    groups
}

fn distance(a: &[u64; 4], b: &[u64; 4]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}
