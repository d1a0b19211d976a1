//! What all masks hold together: which numbers and colours, stored how. Counting only; what they mean
//! is decided in `infer` and `mismatch`.

use std::collections::{BTreeMap, BTreeSet};

use super::mask::{Kind, is_grey, packed};
use super::scan::Scanned;
use super::tally::Pool;
use crate::finding::{Finding, Severity, counted};

pub(super) struct Evidence {
    /// Pixels per stored number of masks that hold ids (grey or palette).
    pub ids: BTreeMap<u32, u64>,
    /// Pixels per stored number of grey masks alone.
    pub greys: BTreeMap<u32, u64>,
    /// Pixels per colour, palettes looked up.
    pub colors: BTreeMap<u32, u64>,
    /// The longest palette.
    pub palette: Vec<u32>,
    /// Colours of the palettes' indices that occur.
    pub indexed_colors: BTreeMap<u32, BTreeSet<u32>>,
    /// Masks of each kind.
    pub rgb: usize,
    pub indexed: usize,
    pub grey: usize,
    pub lossy: usize,
    /// Masks whose ids are 0 and 1 to their own last one, without a gap.
    pub consecutive: usize,
    /// Distinct last ids of such masks.
    pub lasts: usize,
}

pub(super) fn gather(scanned: &[Scanned], pool: Pool) -> Evidence {
    let mut e = Evidence {
        ids: pool.ids.clone(),
        greys: pool.ids,
        colors: pool.colors,
        palette: Vec::new(),
        indexed_colors: BTreeMap::new(),
        rgb: 0,
        indexed: 0,
        grey: 0,
        lossy: 0,
        consecutive: 0,
        lasts: 0,
    };
    for (&id, &count) in &e.greys {
        *e.colors.entry(packed([id.min(255) as u8; 3])).or_default() += count;
    }
    let mut lasts = std::collections::BTreeSet::new();
    for one in scanned {
        // JPEG holds greys or colours; one value beyond a byte tells.
        let lossy_colors = one.facts.kind == Kind::Lossy && one.facts.tally.last() > 255;
        for (value, count) in one.facts.tally.kept() {
            let color = match &one.facts.kind {
                Kind::Lossy if lossy_colors => Some(value),
                Kind::Palette(palette) => palette.get(value as usize).copied(),
                Kind::Grey(_) => Some(packed([value.min(255) as u8; 3])),
                Kind::Rgb => Some(value),
                Kind::Lossy => None,
            };
            if let (Kind::Palette(_), Some(color)) = (&one.facts.kind, color) {
                e.indexed_colors.entry(value).or_default().insert(color);
            }
            if let Some(color) = color {
                *e.colors.entry(color).or_default() += count;
            }
            if one.facts.kind != Kind::Rgb && !lossy_colors {
                *e.ids.entry(value).or_default() += count;
            }
            if matches!(one.facts.kind, Kind::Grey(_)) {
                *e.greys.entry(value).or_default() += count;
            }
        }
        match &one.facts.kind {
            Kind::Palette(palette) => {
                e.indexed += 1;
                if palette.len() > e.palette.len() {
                    e.palette.clone_from(palette);
                }
            }
            Kind::Grey(_) => {
                e.grey += 1;
                let (last, above) = (one.facts.tally.last(), one.facts.tally.above());
                if above as u64 == u64::from(last) && last > 2 {
                    e.consecutive += 1;
                    lasts.insert(last);
                }
            }
            Kind::Rgb => e.rgb += 1,
            Kind::Lossy => {
                e.lossy += 1;
                e.rgb += usize::from(lossy_colors);
            }
        }
    }
    e.lasts = lasts.len();
    e
}

impl Evidence {
    /// Whether masks with palettes mean different colours by the same number.
    pub fn palettes_differ(&self) -> bool {
        self.indexed_colors.values().any(|colors| colors.len() > 1)
    }

    /// Whether most masks are of a lossy format.
    pub fn mostly_lossy(&self) -> bool {
        self.lossy * 2 > self.rgb.max(self.lossy) + self.indexed + self.grey
    }

    /// Whether every colour has equal channels.
    pub fn is_grey(&self) -> bool {
        self.colors.keys().all(|&color| is_grey(color))
    }

    /// Colours on more than this share of all pixels, commonest first.
    pub fn common_colors(&self, share: f64) -> Vec<u32> {
        let total: u64 = self.colors.values().sum();
        let mut common: Vec<(u32, u64)> = self
            .colors
            .iter()
            .map(|(c, n)| (*c, *n))
            .filter(|(_, n)| *n as f64 >= total as f64 * share)
            .collect();
        common.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        common.into_iter().map(|(color, _)| color).collect()
    }

    /// Share of the pixels whose colour is one of these.
    pub fn covered(&self, colors: &[u32]) -> f64 {
        let total: u64 = self.colors.values().sum();
        let known = colors.iter().filter_map(|c| self.colors.get(c));
        known.sum::<u64>() as f64 / total.max(1) as f64
    }

    /// What is worth knowing about how masks are stored.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.lossy > 0 {
            findings.push(
                Finding::new(
                    "lossy-mask",
                    Severity::Warning,
                    format!(
                        "{} JPEG or lossy WebP: compression invents values along every edge",
                        counted(self.lossy, ["mask is", "masks are"])
                    ),
                )
                .remedy("Export the masks as PNG from their source."),
            );
        }
        let kinds = [
            (self.rgb, "in colour"),
            (self.indexed, "with a palette"),
            (self.grey, "grey"),
        ];
        let there: Vec<String> = kinds
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        if there.len() > 1 {
            findings.push(
                Finding::new(
                    "mixed-encodings",
                    Severity::Hint,
                    format!(
                        "masks are stored in several ways: {}; each is read in its own",
                        there.join(", ")
                    ),
                )
                .remedy("`dicebench convert` writes them all alike."),
            );
        }
        findings
    }
}
