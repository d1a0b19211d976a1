//! Mask values → classes.

use std::collections::HashMap;

use super::{Kind, RawMask, Values, is_grey, unpacked};
use crate::data::{ClassMap, Coding, IGNORE, LabelMap};

/// Mask value → class index, for one class map.
#[derive(Debug, Clone)]
pub struct Lookup {
    coding: Coding,
    exact: HashMap<u32, u8>,
    classes: usize,
    /// Colours of the classes, when damaged colours may be read as their nearest class.
    nearest: Option<Vec<(u32, u8)>>,
}

/// Euclidean distance in RGB beyond which a colour is not "nearly" another.
const NEAREST_LIMIT: u32 = 96;
/// Ids of classes that lie at least this far apart may be told by the nearer one.
const APART: u32 = 24;

impl Lookup {
    /// `nearest_color` reads off-table colours as the nearest class within a limit.
    #[must_use]
    pub fn new(map: &ClassMap, nearest_color: bool) -> Self {
        let pairs: Vec<(u32, u8)> = map
            .classes
            .iter()
            .enumerate()
            .flat_map(|(index, class)| class.values.iter().map(move |&v| (v, index as u8)))
            .collect();
        let mut exact: HashMap<u32, u8> = pairs.iter().copied().collect();
        for &value in &map.ignore {
            exact.insert(value, IGNORE);
        }
        // Ids are only "near" one another where classes lie far apart, as 0 and 255 do.
        let mut ids: Vec<u32> = pairs.iter().map(|(value, _)| *value).collect();
        ids.sort_unstable();
        let apart = ids.windows(2).all(|pair| pair[1] - pair[0] >= APART);
        let usable = map.coding == Coding::Colors || (apart && ids.len() > 1);
        let nearest = (nearest_color && usable).then_some(pairs);
        Self {
            coding: map.coding,
            exact,
            classes: map.len(),
            nearest,
        }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The class of a value; `None` where no class claims it.
    #[must_use]
    pub fn class(&self, value: u32) -> Option<u8> {
        if let Some(&class) = self.exact.get(&value) {
            return Some(class);
        }
        let nearest = self.nearest.as_ref()?;
        if self.coding == Coding::Ids {
            let near = nearest
                .iter()
                .map(|&(id, class)| (id.abs_diff(value), class));
            return near
                .min()
                .filter(|(d, _)| *d <= 255)
                .map(|(_, class)| class);
        }
        let distance = |a: u32, b: u32| -> u32 {
            let (a, b) = (unpacked(a), unpacked(b));
            (0..3).map(|i| u32::from(a[i].abs_diff(b[i])).pow(2)).sum()
        };
        nearest
            .iter()
            .map(|&(color, class)| (distance(color, value), class))
            .min()
            .filter(|(d, _)| *d <= NEAREST_LIMIT * NEAREST_LIMIT)
            .map(|(_, class)| class)
    }

    /// Class index per pixel; unknown values become [`IGNORE`].
    #[must_use]
    pub fn apply(&self, mask: RawMask) -> LabelMap {
        let grey = match (&mask.kind, &mask.values) {
            (Kind::Rgb, Values::Words(words)) => words.iter().all(|color| is_grey(*color)),
            _ => false,
        };
        let label = |value: u32| {
            let value = mask.kind.under(value, self.coding, grey);
            self.class(value).unwrap_or(IGNORE)
        };
        let labels = match mask.values {
            Values::Bytes(mut bytes) => {
                let table: [u8; 256] = std::array::from_fn(|value| label(value as u32));
                for byte in &mut bytes {
                    *byte = table[usize::from(*byte)];
                }
                bytes
            }
            Values::Words(words) => {
                let mut labels = Vec::with_capacity(words.len());
                for run in words.chunk_by(|a, b| a == b) {
                    labels.resize(labels.len() + run.len(), label(run[0]));
                }
                labels
            }
        };
        LabelMap {
            width: mask.width,
            height: mask.height,
            labels,
        }
    }
}
