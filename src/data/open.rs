//! Opening a dataset: layout, scan, class map, split, census, in this order.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::{self, some_of};
use super::mask::{self, Kind, Lookup, packed};
use super::scan::{MaskFacts, Scanned, scan};
use super::{
    Census, ClassMap, Coding, DataConfig, DataError, Dataset, IGNORE, Item, Progress, Sample,
    Source, decode, infer, split, synthetic,
};
use crate::finding::{Finding, Severity};

/// What `data.path` holds for the generated dataset.
pub const SAMPLE: &str = "sample";

impl Dataset {
    /// Opens what `config.path` names (a folder, or `sample` for the generated dataset), counts its
    /// masks in parallel and applies the configuration's split and class map.
    ///
    /// # Errors
    /// When the folder is missing or holds no pairs, or `progress` was cancelled. Bad files are
    /// findings, not errors.
    pub fn open(config: &DataConfig, progress: &Progress) -> Result<Self, DataError> {
        if config.path == SAMPLE {
            return Ok(generated(config));
        }
        let root = PathBuf::from(&config.path);
        let found = layout::detect(&root, progress)?;
        let mut findings = found.findings;
        let (scanned, faults) = scan(&root, found.pairs, progress)?;
        findings.extend(faults);
        if scanned.is_empty() {
            let message = findings
                .iter()
                .map(|f| f.message.as_str())
                .collect::<Vec<_>>()
                .join("; ");
            return Err(DataError::NoPairs {
                path: config.path.clone(),
                message,
            });
        }
        let classes = match &config.classes {
            Some(classes) => classes.clone(),
            None => {
                let (classes, more) = infer::class_map(&scanned, found.table.as_ref())?;
                findings.extend(more);
                classes
            }
        };
        if classes.is_empty() || classes.len() > 254 {
            return Err(DataError::Invalid(format!(
                "{}: {} classes, expected 1 to 254",
                config.path,
                classes.len()
            )));
        }
        let parts: Vec<_> = scanned.iter().map(|s| s.pair.part).collect();
        let split = split::split(&parts, found.split_origin.as_deref(), config);
        let lookup = Lookup::new(&classes, config.nearest_color);
        let (rows, unknown) = count(&scanned, &lookup, classes.coding);
        findings.extend(unknown_values(&unknown, classes.coding));
        let mut census = Census::new(classes.len());
        for (indices, train) in [(&split.train, true), (&split.val, false)] {
            for &index in indices {
                census.add(&rows[index], train);
            }
        }
        findings.extend(absent_classes(&classes, &census));
        let items = items(&scanned);
        let fingerprint = fingerprint(&scanned, &classes);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(Self {
            root,
            layout: found.layout,
            reason: found.reason,
            classes,
            items,
            split,
            census,
            findings,
            fingerprint,
            source: Source::Files {
                nearest_color: config.nearest_color,
            },
        })
    }

    /// Decodes one item at full size, mask values already turned into class indices.
    ///
    /// # Errors
    /// Naming the file, when it can't be read or image and mask differ in size.
    pub fn load(&self, index: usize) -> Result<Sample, DataError> {
        let Some(item) = self.items.get(index) else {
            return Err(DataError::Invalid(format!(
                "there is no item {index}: expected 0 to {}",
                self.items.len().max(1) - 1
            )));
        };
        let nearest_color = match &self.source {
            Source::Generated(samples) => return Ok(samples[index].clone()),
            Source::Files { nearest_color } => *nearest_color,
        };
        let (image_path, mask_path) = (self.root.join(&item.image), self.root.join(&item.mask));
        let fail = |path: &Path, message: String| DataError::File {
            path: path.display().to_string(),
            message,
        };
        let image = decode::read(&image_path).map_err(|e| fail(&image_path, e))?;
        let raw = mask::read(&mask_path).map_err(|e| fail(&mask_path, e))?;
        let labels = Lookup::new(&self.classes, nearest_color).apply(raw);
        if (image.width, image.height) != (labels.width, labels.height) {
            return Err(fail(
                &image_path,
                format!(
                    "is {} × {}, its mask {} × {}",
                    image.width, image.height, labels.width, labels.height
                ),
            ));
        }
        Ok(Sample {
            id: item.id.clone(),
            image: Arc::new(image),
            labels: Arc::new(labels),
        })
    }
}

fn generated(config: &DataConfig) -> Dataset {
    let samples = synthetic::samples(config.seed);
    let classes = config.classes.clone().unwrap_or_else(synthetic::class_map);
    let (train, _) = synthetic::split_point();
    let split = super::Split {
        train: (0..train).collect(),
        val: (train..samples.len()).collect(),
        origin: "the first 80 % train, the rest validate".to_owned(),
    };
    let mut census = Census::new(classes.len());
    for (index, sample) in samples.iter().enumerate() {
        let mut row = Row::new(classes.len());
        for &label in &sample.labels.labels {
            row.add(Some(label), 1);
        }
        census.add(&row, index < train);
    }
    let items = samples
        .iter()
        .map(|sample| Item {
            id: sample.id.clone(),
            image: PathBuf::from(format!("{}.png", sample.id)),
            mask: PathBuf::from(format!("{}.png", sample.id)),
        })
        .collect();
    Dataset {
        root: PathBuf::new(),
        layout: "generated sample".to_owned(),
        reason: format!(
            "{} microscope-like pictures drawn from seed {}: cells, rings, fibres and rare specks.",
            samples.len(),
            config.seed
        ),
        classes,
        items,
        split,
        census,
        findings: Vec::new(),
        fingerprint: format!("sample-{}", config.seed),
        source: Source::Generated(Arc::new(samples)),
    }
}

/// Pixels per class of one mask.
struct Row {
    pixels: Vec<u64>,
    ignored: u64,
}

impl Row {
    fn new(classes: usize) -> Self {
        Self {
            pixels: vec![0; classes],
            ignored: 0,
        }
    }

    fn add(&mut self, class: Option<u8>, count: u64) {
        match class.and_then(|class| self.pixels.get_mut(usize::from(class))) {
            Some(pixels) => *pixels += count,
            None => self.ignored += count,
        }
    }
}

impl Census {
    fn new(classes: usize) -> Self {
        Self {
            train_pixels: vec![0; classes],
            val_pixels: vec![0; classes],
            train_images: vec![0; classes],
            val_images: vec![0; classes],
            train_presence_pixels: vec![0; classes],
            ignored_train: 0,
            ignored_val: 0,
        }
    }

    fn add(&mut self, row: &Row, train: bool) {
        let all: u64 = row.pixels.iter().sum();
        let (pixels, images, ignored) = if train {
            (
                &mut self.train_pixels,
                &mut self.train_images,
                &mut self.ignored_train,
            )
        } else {
            (
                &mut self.val_pixels,
                &mut self.val_images,
                &mut self.ignored_val,
            )
        };
        *ignored += row.ignored;
        for (class, &count) in row.pixels.iter().enumerate() {
            pixels[class] += count;
            if count > 0 {
                images[class] += 1;
                if train {
                    self.train_presence_pixels[class] += all;
                }
            }
        }
    }
}

/// Unknown value → pixels, and the masks that hold it.
type Unknown = BTreeMap<u32, (u64, Vec<String>)>;

fn count(scanned: &[Scanned], lookup: &Lookup, coding: Coding) -> (Vec<Row>, Unknown) {
    let classes = lookup.classes();
    let mut unknown = Unknown::new();
    let rows = scanned
        .iter()
        .map(|one| {
            let mut row = Row::new(classes);
            for (&stored, &count) in &one.facts.counts {
                let value = under(&one.facts, stored, coding);
                let class = lookup.class(value);
                if class.is_none() {
                    let entry = unknown.entry(value).or_default();
                    entry.0 += count;
                    entry.1.push(one.pair.mask.display().to_string());
                }
                row.add(class, count);
            }
            row
        })
        .collect();
    (rows, unknown)
}

/// As [`mask::RawMask::under`], for one value.
fn under(facts: &MaskFacts, value: u32, coding: Coding) -> u32 {
    match (coding, &facts.kind) {
        (Coding::Colors, Kind::Palette(palette)) => {
            palette.get(value as usize).copied().unwrap_or(value)
        }
        (Coding::Colors, Kind::Grey(_)) => packed([value.min(255) as u8; 3]),
        (Coding::Ids, Kind::Rgb) if facts.is_grey() => value & 0xFF,
        _ => value,
    }
}

fn unknown_values(unknown: &Unknown, coding: Coding) -> Option<Finding> {
    if unknown.is_empty() {
        return None;
    }
    let mut values: Vec<(u32, u64)> = unknown.iter().map(|(v, (n, _))| (*v, *n)).collect();
    values.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let shown: Vec<String> = values
        .iter()
        .map(|(value, count)| {
            let [r, g, b] = mask::unpacked(*value);
            match coding {
                Coding::Ids => format!("{value} ({count} px)"),
                Coding::Colors => format!("{r},{g},{b} ({count} px)"),
            }
        })
        .collect();
    let pixels: u64 = values.iter().map(|(_, n)| n).sum();
    let files: HashSet<&String> = unknown.values().flat_map(|(_, files)| files).collect();
    let mut files: Vec<String> = files.into_iter().cloned().collect();
    files.sort();
    let (code, what, remedy) = match coding {
        Coding::Ids => (
            "unknown-label",
            "values",
            "Give the values to a class or to “ignored” in the class map.",
        ),
        Coding::Colors => (
            "unknown-color",
            "colours",
            "Colours near a class come from interpolation or JPEG: set `data.nearest_color` to read \
             them as the nearest class, or add them to the class map.",
        ),
    };
    let message = format!(
        "{} {what} that no class claims, {pixels} pixels in {} masks, are ignored: {}",
        values.len(),
        files.len(),
        some_of(&shown)
    );
    Some(
        Finding::new(code, Severity::Warning, message)
            .remedy(remedy)
            .files(files),
    )
}

fn absent_classes(classes: &ClassMap, census: &Census) -> Vec<Finding> {
    let names = |pixels: &[u64]| -> Vec<String> {
        let empty = classes.classes.iter().zip(pixels).filter(|(_, n)| **n == 0);
        empty
            .map(|(class, _)| format!("`{}`", class.name))
            .collect()
    };
    let mut findings = Vec::new();
    let missing = names(&census.train_pixels);
    if !missing.is_empty() {
        findings.push(
            Finding::new(
                "class-not-in-training",
                Severity::Warning,
                format!(
                    "no training pixel is {}: it can't be learned",
                    missing.join(", ")
                ),
            )
            .remedy("Take the class out of the class map, or split so that training has it."),
        );
    }
    let unseen: Vec<String> = names(&census.val_pixels)
        .into_iter()
        .filter(|name| !missing.contains(name))
        .collect();
    if !unseen.is_empty() {
        findings.push(
            Finding::new(
                "class-not-in-validation",
                Severity::Hint,
                format!(
                    "no validation pixel is {}: its Dice can't be measured",
                    unseen.join(", ")
                ),
            )
            .remedy("Validate on more images, or with another seed of the split."),
        );
    }
    findings
}

fn items(scanned: &[Scanned]) -> Vec<Item> {
    let id = |path: &Path| path.with_extension("").to_string_lossy().replace('\\', "/");
    let mut seen = HashSet::new();
    scanned
        .iter()
        .map(|one| {
            let short = id(&one.pair.image);
            // `a.png` and `a.jpg` side by side: the ending tells them apart.
            let unique = if seen.insert(short.clone()) {
                short
            } else {
                one.pair.image.to_string_lossy().replace('\\', "/")
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
        for (value, count) in &one.facts.counts {
            hasher.update(&value.to_le_bytes());
            hasher.update(&count.to_le_bytes());
        }
    }
    for class in &classes.classes {
        for value in &class.values {
            hasher.update(&value.to_le_bytes());
        }
        hasher.update(&[IGNORE]);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
