//! Which training items an epoch shows, in which order.

use std::sync::{Arc, Mutex, PoisonError};

use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::Dataset;

/// The training items, shuffled anew for each epoch by one seed.
pub(super) struct Order {
    seed: u64,
    train: Vec<usize>,
    /// Training items by class, for class-aware draws; classes that occur, but the commonest.
    by_class: Vec<Vec<usize>>,
    /// Share of the draws that are class-aware, 0..=1.
    class_sampling: f64,
    last: Mutex<Option<(u64, Arc<Vec<usize>>)>>,
}

impl Order {
    /// `common` is the class that needs no help: that with most pixels.
    pub fn new(dataset: &Dataset, class_sampling: f64, common: Option<u8>, seed: u64) -> Self {
        Self {
            seed,
            train: dataset.split.train.clone(),
            by_class: by_class(dataset, common),
            class_sampling,
            last: Mutex::new(None),
        }
    }

    /// The items of an epoch, each once.
    pub fn epoch(&self, epoch: u64) -> Arc<Vec<usize>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, order)) = &*last
            && *of == epoch
        {
            return Arc::clone(order);
        }
        let mut order = self.train.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // Stream 0 of a seed initialises weights; streams from the top down order the epochs.
        rng.set_stream(u64::MAX - epoch);
        order.shuffle(&mut rng);
        let order = Arc::new(order);
        *last = Some((epoch, Arc::clone(&order)));
        order
    }

    /// Whether draws look at classes.
    pub fn is_class_aware(&self) -> bool {
        self.class_sampling > 0.0 && !self.by_class.is_empty()
    }

    /// Class-aware: in the configured share of cases another item than `item`, of a class drawn first.
    pub fn chosen(&self, item: usize, rng: &mut ChaCha8Rng) -> usize {
        let (choose, class, of): (f64, f64, f64) = (
            rng.random_range(0.0..1.0),
            rng.random_range(0.0..1.0),
            rng.random_range(0.0..1.0),
        );
        if choose >= self.class_sampling {
            return item;
        }
        let nth = |share: f64, of: usize| ((share * of as f64) as usize).min(of.saturating_sub(1));
        let class = self.by_class.get(nth(class, self.by_class.len()));
        class
            .and_then(|items| items.get(nth(of, items.len())))
            .copied()
            .unwrap_or(item)
    }

    /// Classes that a class-aware draw chooses among, by their items.
    #[cfg(test)]
    pub fn by_class(&self) -> &[Vec<usize>] {
        &self.by_class
    }
}

fn by_class(dataset: &Dataset, common: Option<u8>) -> Vec<Vec<usize>> {
    let mut by_class = vec![Vec::new(); dataset.classes.len()];
    for &item in &dataset.split.train {
        for &(class, _) in dataset
            .counts
            .get(item)
            .into_iter()
            .flat_map(|c| &c.present)
        {
            if Some(class) != common
                && let Some(items) = by_class.get_mut(usize::from(class))
            {
                items.push(item);
            }
        }
    }
    by_class.retain(|items| !items.is_empty());
    by_class
}
