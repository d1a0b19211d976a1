//! Opening a dataset: layout, scan, class map, split, census, in this order.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::{self, Part};
use super::mask::{Kind, Lookup, RawMask, Values};
use super::reading::Reading;
use super::scan::{Scanned, scan};
use super::tally::count;
use super::turn::{Lent, next_turn, turn};
use super::{
    Census, ClassMap, DataConfig, DataError, Dataset, IGNORE, Item, ItemCounts, LabelMap, Progress,
    Sample, Source, infer, remarks, split, suspects, synthetic,
};

/// What `data.path` holds for the generated dataset.
pub const SAMPLE: &str = "sample";

/// An item as it is trained on, and its mask's values as they are stored.
pub type LentPicture = Lent<(Sample, Arc<RawMask>)>;

impl Dataset {
    /// Opens what `config.path` names (a folder, or `sample` for the generated dataset), counts its
    /// masks in parallel and applies the configuration's split and class map.
    ///
    /// # Errors
    /// When the folder is missing or holds no pairs, or `progress` was cancelled. Bad files are
    /// findings, not errors.
    pub fn open(config: &DataConfig, progress: &Progress) -> Result<Self, DataError> {
        if config.path == SAMPLE {
            return generated(config);
        }
        let root = PathBuf::from(&config.path);
        let found = layout::detect(&root, config, progress)?;
        let mut findings = found.findings;
        let (scanned, pool, faults) = scan(&root, found.pairs, progress)?;
        findings.extend(faults);
        if scanned.is_empty() {
            let message = findings
                .iter()
                .map(|f| format!("{}. {}", f.message, f.remedy).trim_end().to_owned())
                .collect::<Vec<_>>()
                .join(" ");
            return Err(DataError::NoPairs {
                path: config.path.clone(),
                message,
            });
        }
        let classes = match &config.classes {
            Some(classes) => classes.clone(),
            None => {
                let (classes, more) = infer::class_map(&scanned, pool, found.table.as_ref())?;
                findings.extend(more);
                classes
            }
        };
        if classes.is_empty() {
            let ignored: Vec<String> = classes.ignore.iter().map(u32::to_string).collect();
            return Err(DataError::Invalid(format!(
                "{}: the masks hold nothing but {}, which is ignored: no class is left to be learned",
                config.path,
                ignored.join(", ")
            )));
        }
        if classes.len() > 254 {
            return Err(DataError::Invalid(format!(
                "{}: {} classes, expected 1 to 254",
                config.path,
                classes.len()
            )));
        }
        let given = split::Given {
            parts: scanned.iter().map(|s| s.pair.part).collect(),
            origin: found.split_origin,
        };
        let lookup = Lookup::new(&classes, config.nearest_color);
        let (counts, unknown) = count(&root, &scanned, &lookup, classes.coding, progress)?;
        findings.extend(remarks::unknown_values(&unknown, classes.coding));
        let (channels, differ) = remarks::channels(&root, &scanned);
        findings.extend(differ);
        let items = items(&scanned);
        findings.extend(remarks::odd_sizes(&items, &counts));
        let split = split::split(&items, &counts, &given, config)?;
        let census = Census::of(&counts, &split, classes.len());
        findings.extend(remarks::absent_classes(&classes, &census));
        findings.extend(suspects::suspects(&items, &split, config));
        let fingerprint = fingerprint(&scanned, &classes);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(Self {
            root,
            layout: found.layout,
            reason: found.reason,
            classes,
            items,
            mask_kinds: found.kinds,
            channels,
            split,
            census,
            counts,
            given,
            cache: Arc::default(),
            findings,
            fingerprint,
            source: Source::Files {
                nearest_color: config.nearest_color,
                readings: Arc::new(scanned.into_iter().map(|one| one.pair.reading).collect()),
            },
        })
    }

    /// Decodes one item at full size, mask values already turned into class indices.
    ///
    /// # Errors
    /// Naming the file, when it can't be read or image and mask differ in size.
    pub fn load(&self, index: usize) -> Result<Sample, DataError> {
        self.with(index, |sample| sample)
    }

    /// As [`Dataset::load`], for who needs the pixels only until `use_it` returns: until then, other
    /// threads wait before they decode more large pictures than memory has room for. It may not wait for
    /// another thread, nor load anything itself.
    ///
    /// # Errors
    /// As [`Dataset::load`].
    pub fn with<T>(&self, index: usize, use_it: impl FnOnce(Sample) -> T) -> Result<T, DataError> {
        match self.source {
            Source::Generated(ref samples) => self.at(samples, index).cloned().map(use_it),
            Source::Files {
                nearest_color,
                ref readings,
            } => {
                let reading = self.at(readings, index)?;
                let _turn = turn(self.pixels(index), self.channels);
                // Labels first: a mask as stored may take four times their room.
                let raw = self.raw(index, reading)?;
                let labels = Lookup::new(&self.classes, nearest_color).apply(raw);
                self.sample(index, labels, reading).map(use_it)
            }
        }
    }

    /// As [`Dataset::load`], with the mask's values as they are stored, for who looks at them for long: a
    /// large picture is taken back, and `gone` called, when another thread needs room for one.
    ///
    /// # Errors
    /// As [`Dataset::load`].
    pub fn lend(
        &self,
        index: usize,
        gone: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Arc<LentPicture>, DataError> {
        let turn = next_turn(self.pixels(index), self.channels);
        let (sample, raw) = match self.source {
            Source::Generated(ref samples) => {
                let sample = self.at(samples, index)?.clone();
                let labels = &sample.labels;
                let values = labels.labels.iter().map(|&label| self.value(label));
                let raw = RawMask {
                    width: labels.width,
                    height: labels.height,
                    values: Values::Words(values.collect()),
                    kind: Kind::Grey(8),
                };
                (sample, raw)
            }
            Source::Files {
                nearest_color,
                ref readings,
            } => {
                let reading = self.at(readings, index)?;
                let raw = self.raw(index, reading)?;
                let labels = Lookup::new(&self.classes, nearest_color).apply(raw.clone());
                (self.sample(index, labels, reading)?, raw)
            }
        };
        let bytes = sample.image.pixels.len() + sample.labels.labels.len() + raw.values.bytes();
        Ok(Lent::new((sample, Arc::new(raw)), bytes, turn, gone))
    }

    /// Whether every item of both loads to the same pixels and labels.
    #[must_use]
    pub fn same_pixels(&self, other: &Self) -> bool {
        let nearest = |dataset: &Self| match dataset.source {
            Source::Files { nearest_color, .. } => Some(nearest_color),
            Source::Generated(_) => None,
        };
        self.root == other.root
            && self.fingerprint == other.fingerprint
            && self.classes.coding == other.classes.coding
            && self.classes.ignore == other.classes.ignore
            && nearest(self) == nearest(other)
    }

    /// A mask value that means this label.
    fn value(&self, label: u8) -> u32 {
        let class = self.classes.classes.get(usize::from(label));
        let value = class.and_then(|class| class.values.first().copied());
        value.unwrap_or(u32::from(label))
    }

    pub(super) fn pixels(&self, index: usize) -> usize {
        let counts = self.counts.get(index);
        counts.map_or(0, |counts| counts.size.iter().product())
    }

    fn at<'a, T>(&self, list: &'a [T], index: usize) -> Result<&'a T, DataError> {
        list.get(index).ok_or_else(|| {
            DataError::Invalid(format!(
                "there is no item {index}: expected 0 to {}",
                self.items.len().max(1) - 1
            ))
        })
    }

    fn raw(&self, index: usize, reading: &Reading) -> Result<RawMask, DataError> {
        let path = &self.at(&self.items, index)?.mask;
        let raw = reading.mask(&self.root, path);
        raw.map_err(|message| fail(&self.root.join(path), message))
    }

    fn sample(
        &self,
        index: usize,
        labels: LabelMap,
        reading: &Reading,
    ) -> Result<Sample, DataError> {
        let item = self.at(&self.items, index)?;
        let path = self.root.join(&item.image);
        let image = reading
            .image(&self.root, &item.image)
            .map_err(|message| fail(&path, message))?;
        if (image.width, image.height) != (labels.width, labels.height) {
            let message = format!(
                "is {} × {}, its mask {} × {}",
                image.width, image.height, labels.width, labels.height
            );
            return Err(fail(&path, message));
        }
        Ok(Sample {
            id: item.id.clone(),
            image: Arc::new(image),
            labels: Arc::new(labels),
        })
    }
}

fn fail(path: &Path, message: String) -> DataError {
    DataError::File {
        path: path.display().to_string(),
        message,
    }
}

fn generated(config: &DataConfig) -> Result<Dataset, DataError> {
    let drawn = synthetic::samples(config.seed);
    let classes = config.classes.clone().unwrap_or_else(synthetic::class_map);
    let (samples, fingerprint) = under_map(drawn, &classes, config.seed);
    let (train, _) = synthetic::split_point();
    let part = |index| {
        Some(if index < train {
            Part::Train
        } else {
            Part::Val
        })
    };
    let given = split::Given {
        parts: (0..samples.len()).map(part).collect(),
        origin: Some("the first 80 % train, the rest validate".to_owned()),
    };
    let counts: Vec<ItemCounts> = samples
        .iter()
        .map(|sample| {
            let mut pixels = [0_u64; 256];
            for &label in &sample.labels.labels {
                pixels[usize::from(label)] += 1;
            }
            let each = (0..=u8::MAX).zip(pixels);
            let claimed = |label: u8| Some(label).filter(|l| usize::from(*l) < classes.len());
            let size = [sample.labels.width, sample.labels.height];
            ItemCounts::new(size, each.map(|(label, count)| (claimed(label), count)))
        })
        .collect();
    let items: Vec<Item> = samples
        .iter()
        .map(|sample| Item {
            id: sample.id.clone(),
            image: PathBuf::from(format!("{}.png", sample.id)),
            mask: PathBuf::from(format!("{}.png", sample.id)),
        })
        .collect();
    let split = split::split(&items, &counts, &given, config)?;
    Ok(Dataset {
        census: Census::of(&counts, &split, classes.len()),
        root: PathBuf::new(),
        layout: "generated sample".to_owned(),
        reason: format!(
            "{} microscope-like pictures drawn from seed {}: cells, rings, fibres and rare specks.",
            samples.len(),
            config.seed
        ),
        classes,
        items,
        mask_kinds: Vec::new(),
        channels: 3,
        split,
        counts,
        given,
        cache: Arc::default(),
        findings: Vec::new(),
        fingerprint,
        source: Source::Generated(Arc::new(samples)),
    })
}

/// The generated samples as an edited class map reads them, and what tells them from others.
fn under_map(drawn: Vec<Sample>, classes: &ClassMap, seed: u64) -> (Vec<Sample>, String) {
    let values = |map: &ClassMap| -> Vec<Vec<u32>> {
        map.classes
            .iter()
            .map(|class| class.values.clone())
            .collect()
    };
    let own = values(classes);
    if own == values(&synthetic::class_map()) {
        return (drawn, format!("sample-{seed}"));
    }
    let lookup = Lookup::new(classes, false);
    let labels: Vec<u8> = (0..=u8::MAX)
        .map(|label| lookup.class(u32::from(label)).unwrap_or(IGNORE))
        .collect();
    let mapped = drawn.into_iter().map(|sample| {
        let map = &sample.labels;
        let mapped = map.labels.iter().map(|label| labels[usize::from(*label)]);
        let map = LabelMap {
            width: map.width,
            height: map.height,
            labels: mapped.collect(),
        };
        Sample {
            labels: Arc::new(map),
            ..sample
        }
    });
    let hash = blake3::hash(format!("{own:?}").as_bytes()).to_hex();
    (mapped.collect(), format!("sample-{seed}-{}", &hash[..8]))
}

fn items(scanned: &[Scanned]) -> Vec<Item> {
    let id = |path: &Path| path.with_extension("").to_string_lossy().replace('\\', "/");
    let mut seen = HashSet::new();
    scanned
        .iter()
        .map(|one| {
            let mut short = id(&one.pair.image);
            if let Some(slice) = one.pair.reading.image_slice {
                // Slices of one stack sort by number as text.
                short = format!("{short}#{:04}", slice.index);
            }
            // `a.png` and `a.jpg` side by side: the ending tells them apart.
            let unique = if seen.insert(short.clone()) {
                short
            } else {
                let slice = short.rsplit_once('#').map_or("", |(_, slice)| slice);
                let path = one.pair.image.to_string_lossy().replace('\\', "/");
                format!("{path}{}{slice}", if slice.is_empty() { "" } else { "#" })
            };
            Item {
                id: unique,
                image: one.pair.image.clone(),
                mask: one.pair.mask.clone(),
            }
        })
        .collect()
}

fn fingerprint(scanned: &[Scanned], classes: &ClassMap) -> String {
    let mut hasher = blake3::Hasher::new();
    for one in scanned {
        hasher.update(one.pair.image.to_string_lossy().as_bytes());
        hasher.update(&one.facts.bytes[0].to_le_bytes());
        hasher.update(&one.facts.bytes[1].to_le_bytes());
        one.facts.tally.fingerprint(&mut hasher);
    }
    for class in &classes.classes {
        for value in &class.values {
            hasher.update(&value.to_le_bytes());
        }
        hasher.update(&[IGNORE]);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
