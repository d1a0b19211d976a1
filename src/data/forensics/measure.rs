//! The facts about one item, from its decoded pixels.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::{ClassFacts, ItemFacts, fit, objects, shift};
use crate::data::reading::{Reading, Truth};
use crate::data::volume::Slice;
use crate::data::{Dataset, IGNORE, Image, LabelMap, Sample, Source};

/// Content hash of the image file and of everything that makes its mask; of the pixels where there
/// is no file. An unreadable file hashes as empty: decoding names it.
pub(super) fn hash(dataset: &Dataset, index: usize) -> [String; 2] {
    let short = |hasher: blake3::Hasher| hasher.finalize().to_hex()[..32].to_owned();
    let (mut image, mut mask) = (blake3::Hasher::new(), blake3::Hasher::new());
    if let Source::Generated(samples) = &dataset.source {
        if let Some(sample) = samples.get(index) {
            image.update(&sample.image.pixels);
            mask.update(&sample.labels.labels);
        }
        return [short(image), short(mask)];
    }
    let item = &dataset.items[index];
    let reading = match &dataset.source {
        Source::Files { readings, .. } => readings.get(index).cloned().unwrap_or_default(),
        Source::Generated(_) => Reading::default(),
    };
    let add = |hasher: &mut blake3::Hasher, path: &Path, slice: Option<Slice>| {
        let path = dataset.root.join(path);
        if let Some(slice) = slice {
            // A stack is asked for slice by slice: its date and size stand for its bytes.
            let about = std::fs::metadata(&path);
            let about = about.map(|m| (m.len(), m.modified().ok())).ok();
            hasher.update(format!("{path:?} {about:?} {slice:?}").as_bytes());
        } else if let Ok(file) = std::fs::File::open(path) {
            let _ = hasher.update_reader(file);
        }
    };
    for path in [&item.image].into_iter().chain(&reading.channels) {
        add(&mut image, path, reading.image_slice);
    }
    image.update(&[u8::from(reading.upright)]);
    match &reading.truth {
        Truth::File | Truth::Alpha => add(&mut mask, &item.mask, reading.mask_slice),
        Truth::Objects(files) => files.iter().for_each(|path| add(&mut mask, path, None)),
        Truth::Segments(known) => {
            add(&mut mask, &item.mask, None);
            mask.update(format!("{known:?}").as_bytes());
        }
        // One file may hold the shapes of all pictures.
        Truth::Drawn(drawing) => {
            mask.update(format!("{drawing:?}").as_bytes());
        }
    }
    [short(image), short(mask)]
}

/// # Errors
/// Why the item can't be decoded.
pub(super) fn item(
    dataset: &Dataset,
    index: usize,
    hash: [String; 2],
) -> Result<ItemFacts, String> {
    let facts = dataset.with(index, |sample| facts(&sample, hash));
    facts.map_err(|error| error.to_string())
}

fn facts(sample: &Sample, hash: [String; 2]) -> ItemFacts {
    let (image, labels) = (&*sample.image, &*sample.labels);
    let mut classes: BTreeMap<u8, ClassFacts> = BTreeMap::new();
    for (class, pixels) in objects::regions(labels) {
        let facts = classes.entry(class).or_insert_with(|| ClassFacts {
            class,
            pixels: 0,
            core: 0,
            objects: Vec::new(),
        });
        let size = pixels.ilog2() as usize;
        if facts.objects.len() <= size {
            facts.objects.resize(size + 1, 0);
        }
        facts.objects[size] += 1;
        facts.pixels += u64::from(pixels);
    }
    let (core, border) = edges_of(labels);
    for (class, core) in (0..=u8::MAX).zip(core) {
        if let Some(facts) = classes.get_mut(&class) {
            facts.core = core;
        }
    }
    let grey = Grey::new(image);
    ItemFacts {
        hash,
        size: [labels.width, labels.height],
        classes: classes.into_values().collect(),
        ignored: labels.labels.iter().filter(|l| **l == IGNORE).count() as u64,
        border,
        contrast: grey.deviation(),
        look: grey.look(),
        edges: [fit::image_edges(&grey), fit::mask_edges(labels)],
        slide: shift::slide(&grey, labels),
    }
}

/// Per class, pixels whose four neighbours are alike; and all pixels that have another neighbour.
fn edges_of(labels: &LabelMap) -> ([u64; 256], u64) {
    let (width, height) = (labels.width, labels.height);
    let mut core = [0_u64; 256];
    let mut border = 0;
    for y in 0..height {
        let row = &labels.labels[y * width..][..width];
        let up = &labels.labels[y.saturating_sub(1) * width..][..width];
        let down = &labels.labels[(y + 1).min(height - 1) * width..][..width];
        for x in 0..width {
            let own = row[x];
            let alike = own == up[x]
                && own == down[x]
                && own == row[x.saturating_sub(1)]
                && own == row[(x + 1).min(width - 1)];
            if alike {
                core[usize::from(own)] += 1;
            } else {
                border += 1;
            }
        }
    }
    (core, border)
}

/// Brightness, `[H, W]`, 0..=255.
pub(super) struct Grey<'a> {
    pub width: usize,
    pub height: usize,
    pub pixels: Cow<'a, [u8]>,
}

impl<'a> Grey<'a> {
    fn new(image: &'a Image) -> Self {
        let pixels = match image.channels {
            1 => Cow::Borrowed(image.pixels.as_slice()),
            channels => image
                .pixels
                .chunks_exact(channels.max(1))
                .map(|p| (p.iter().map(|v| u32::from(*v)).sum::<u32>() / p.len() as u32) as u8)
                .collect(),
        };
        Self {
            width: image.width,
            height: image.height,
            pixels,
        }
    }

    fn deviation(&self) -> f64 {
        let n = self.pixels.len().max(1) as f64;
        let (sum, squares) = self.pixels.iter().fold((0_u64, 0_u64), |(s, q), v| {
            let v = u64::from(*v);
            (s + v, q + v * v)
        });
        let mean = sum as f64 / n;
        (squares as f64 / n - mean * mean).max(0.0).sqrt()
    }

    /// Mean brightness of the cells of a `columns` × `rows` grid.
    pub fn cells(&self, columns: usize, rows: usize) -> Vec<f64> {
        let mut sums = vec![(0.0, 0_u32); columns * rows];
        for y in 0..self.height {
            let row = y * rows / self.height;
            for x in 0..self.width {
                let cell = &mut sums[row * columns + x * columns / self.width];
                cell.0 += f64::from(self.pixels[y * self.width + x]);
                cell.1 += 1;
            }
        }
        sums.iter()
            .map(|(s, n)| s / f64::from((*n).max(1)))
            .collect()
    }

    /// Whether each cell of a 16 × 16 grid is darker than its right neighbour (a difference hash):
    /// scale, compression and brightness hardly change it.
    fn look(&self) -> [u64; 4] {
        let cells = self.cells(17, 16);
        let mut bits = [0_u64; 4];
        for row in 0..16 {
            for column in 0..16 {
                let at = row * 17 + column;
                if cells[at] < cells[at + 1] {
                    bits[row / 4] |= 1 << (row % 4 * 16 + column);
                }
            }
        }
        bits
    }
}
