//! What a run predicted at each validation, kept as small PNGs in its folder, within a budget.
//!
//! `previews/images.json` names the validation images in split order; `previews/truth/0003.png` is
//! the truth of the fourth, `previews/000120/0003.png` what was predicted for it at step 120, and
//! `0003.doubt.png` beside it how unsure the network was. It knows neither networks nor windows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Folder of the pictures in a run's own.
pub const FOLDER: &str = "previews";
const NAMES: &str = "images.json";
const TRUTH: &str = "truth";
/// Kept whatever the budget says, unless it is 0.
const FEW: usize = 4;
/// Raw bytes that one validation may hold in memory until they are written.
const RAW_MOST: usize = 64 << 20;
/// Bytes per pixel of labels and doubt together, before any were measured.
const GUESS: f64 = 0.4;

/// One image as a network sees it, with its truth; all maps are `[H, W]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Place of the image in the validation split.
    pub position: usize,
    pub width: usize,
    pub height: usize,
    pub truth: Vec<u8>,
    pub labels: Vec<u8>,
    /// Entropy in 0..=255 of its maximum.
    pub doubt: Vec<u8>,
}

/// Writes the pictures of one run and watches the budget.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    names: Vec<String>,
    palette: Vec<[u8; 3]>,
    /// Bytes that may still be written.
    left: u64,
    /// Validations that are still to come.
    validations: u64,
    /// How many images are kept; it shrinks when pictures turn out larger than thought, and never
    /// grows, so that what is kept at the end was kept all along.
    count: usize,
}

impl Shelf {
    /// For a run in `dir` with validation images `names` (in split order), of `pixels` each, that
    /// will be validated `validations` times; all pictures together may take `budget` bytes.
    #[must_use]
    pub fn new(
        dir: &Path,
        names: Vec<String>,
        palette: Vec<[u8; 3]>,
        pixels: usize,
        validations: u64,
        budget: u64,
    ) -> Self {
        let share = budget as f64 / validations.max(1) as f64;
        let fitting = (share / (pixels.max(1) as f64 * GUESS)) as usize;
        let raw = (RAW_MOST / (3 * pixels.max(1))).max(1);
        let count = match budget {
            0 => 0,
            _ => fitting.max(FEW).min(raw).min(names.len()),
        };
        Self {
            folder: dir.join(FOLDER),
            names,
            palette,
            left: budget,
            validations,
            count,
        }
    }

    /// Places in the split that are kept at the next validation, ascending.
    #[must_use]
    pub fn wanted(&self) -> Vec<usize> {
        let mut wanted = spread(self.names.len());
        wanted.truncate(self.count);
        wanted.sort_unstable();
        wanted
    }

    /// Writes the pictures of the validation at `step`.
    ///
    /// # Errors
    /// Naming the file that can't be written.
    pub fn write(&mut self, step: u64, kept: &[Kept]) -> Result<(), String> {
        if kept.is_empty() {
            return Ok(());
        }
        let names = self.folder.join(NAMES);
        let folder = self.folder.join(format!("{step:06}"));
        let truth = self.folder.join(TRUTH);
        for dir in [&folder, &truth] {
            fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        if !names.exists() {
            let text = serde_json::to_vec(&Names {
                images: self.names.clone(),
            })
            .map_err(|e| format!("{}: {e}", names.display()))?;
            crate::files::write_atomically(&names, &text)
                .map_err(|e| format!("{}: {e}", names.display()))?;
        }
        let mut bytes = 0;
        for one in kept {
            let size = (one.width, one.height);
            let file = |dir: &Path, end: &str| dir.join(format!("{:04}{end}.png", one.position));
            let path = file(&truth, "");
            if !path.exists() {
                bytes += write(&path, size, &one.truth, Some(&self.palette))?;
            }
            bytes += write(&file(&folder, ""), size, &one.labels, Some(&self.palette))?;
            bytes += write(&file(&folder, ".doubt"), size, &one.doubt, None)?;
        }
        self.spend(bytes, kept.len());
        Ok(())
    }

    /// Takes up the pictures of a run that goes on after `step`: what was kept later goes, what was
    /// kept before counts as it did when it was written.
    ///
    /// # Errors
    /// Naming the file that can't be read or taken away.
    pub fn take_up(&mut self, step: u64) -> Result<(), String> {
        let named = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let size = |path: PathBuf| fs::metadata(&path).map_or(0, |data| data.len());
        let mut seen = BTreeSet::new();
        for (at, places) in Album::open_folder(&self.folder).steps {
            let folder = self.folder.join(format!("{at:06}"));
            if at > step {
                fs::remove_dir_all(&folder).map_err(|e| named(&folder, &e))?;
                continue;
            }
            let mut bytes = 0;
            for place in &places {
                let file = |dir: &Path, end: &str| dir.join(format!("{place:04}{end}.png"));
                bytes += size(file(&folder, "")) + size(file(&folder, ".doubt"));
                if seen.insert(*place) {
                    bytes += size(file(&self.folder.join(TRUTH), ""));
                }
            }
            self.spend(bytes, places.len());
        }
        Ok(())
    }

    /// One validation has taken `bytes` for the pictures of so many images.
    fn spend(&mut self, bytes: u64, images: usize) {
        self.left = self.left.saturating_sub(bytes);
        self.validations = self.validations.saturating_sub(1);
        let each = bytes as f64 / images.max(1) as f64;
        let fitting = self.left as f64 / self.validations.max(1) as f64 / each.max(1.0);
        // What is left is spent on fewer images to the very end, at least on one.
        self.count = self.count.min((fitting as usize).max(1));
        if self.left == 0 {
            self.count = 0;
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Names {
    images: Vec<String>,
}

/// 0..n in an order of which every beginning is spread evenly over the whole.
fn spread(n: usize) -> Vec<usize> {
    let bits = usize::BITS - n.saturating_sub(1).leading_zeros();
    (0..1usize << bits)
        .map(|at| {
            if bits == 0 {
                0
            } else {
                at.reverse_bits() >> (usize::BITS - bits)
            }
        })
        .filter(|at| *at < n)
        .collect()
}

/// Writes one map; indexed with `palette`, else grey. Returns the file's size.
fn write(
    path: &Path,
    (width, height): (usize, usize),
    map: &[u8],
    palette: Option<&[[u8; 3]]>,
) -> Result<u64, String> {
    let error = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    match palette {
        Some(colors) => {
            encoder.set_color(png::ColorType::Indexed);
            let mut table = vec![0; 256 * 3];
            for (index, color) in colors.iter().take(255).enumerate() {
                table[index * 3..index * 3 + 3].copy_from_slice(color);
            }
            // The colour that Pascal VOC shows for "void".
            table[255 * 3..].copy_from_slice(&[224, 224, 192]);
            encoder.set_palette(table);
        }
        None => encoder.set_color(png::ColorType::Grayscale),
    }
    let mut writer = encoder.write_header().map_err(|e| error(&e))?;
    (writer.write_image_data(map))
        .and_then(|()| writer.finish())
        .map_err(|e| error(&e))?;
    fs::write(path, &bytes).map_err(|e| error(&e))?;
    Ok(bytes.len() as u64)
}

/// A map that was read back, `[H, W]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
}

fn read(path: &Path) -> Result<Plane, String> {
    let error = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(|e| error(&e))?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    // Indices, not colours.
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(|e| error(&e))?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| error(&"the picture is too large"))?;
    let mut data = vec![0; size];
    let info = reader.next_frame(&mut data).map_err(|e| error(&e))?;
    let (width, height) = (info.width as usize, info.height as usize);
    if info.bit_depth != png::BitDepth::Eight || data.len() != width * height {
        return Err(error(&"expected one byte per pixel"));
    }
    Ok(Plane {
        width,
        height,
        data,
    })
}

/// Which pictures a run has: names of the validation images, and steps with the places kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Album {
    folder: PathBuf,
    /// Validation images in split order.
    pub names: Vec<String>,
    /// Step → places in `names`, ascending.
    pub steps: BTreeMap<u64, Vec<usize>>,
}

impl Album {
    /// Looks into the folder of a run; nothing is decoded. A run without pictures is empty.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        Self::open_folder(&dir.join(FOLDER))
    }

    fn open_folder(folder: &Path) -> Self {
        let names = fs::read(folder.join(NAMES))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Names>(&bytes).ok())
            .map_or_else(Vec::new, |names| names.images);
        let mut steps = BTreeMap::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Some(step) = entry.file_name().to_str().and_then(|s| s.parse().ok()) else {
                continue;
            };
            let mut places: Vec<usize> = (fs::read_dir(entry.path()).into_iter().flatten())
                .flatten()
                .filter_map(|file| {
                    let name = file.file_name();
                    name.to_str()?.strip_suffix(".png")?.parse().ok()
                })
                .filter(|place| *place < names.len())
                .collect();
            places.sort_unstable();
            if !places.is_empty() {
                steps.insert(step, places);
            }
        }
        Self {
            folder: folder.to_path_buf(),
            names,
            steps,
        }
    }

    /// The step at or before `step` at which a picture of `position` was kept; else the first after.
    #[must_use]
    pub fn nearest(&self, step: u64, position: usize) -> Option<u64> {
        let has = |(_, places): &(&u64, &Vec<usize>)| places.binary_search(&position).is_ok();
        let before = self.steps.range(..=step).rev().find(has);
        let after = || self.steps.range(step..).find(has);
        before.or_else(after).map(|(step, _)| *step)
    }

    /// # Errors
    /// Naming the file that can't be read.
    pub fn truth(&self, position: usize) -> Result<Plane, String> {
        read(&self.truth_file(position))
    }

    /// Indexed PNG in the classes' colours.
    #[must_use]
    pub fn truth_file(&self, position: usize) -> PathBuf {
        self.folder.join(TRUTH).join(format!("{position:04}.png"))
    }

    /// Indexed PNG in the classes' colours.
    #[must_use]
    pub fn labels_file(&self, step: u64, position: usize) -> PathBuf {
        self.file(step, position, "")
    }

    /// # Errors
    /// Naming the file that can't be read.
    pub fn labels(&self, step: u64, position: usize) -> Result<Plane, String> {
        read(&self.file(step, position, ""))
    }

    /// # Errors
    /// Naming the file that can't be read.
    pub fn doubt(&self, step: u64, position: usize) -> Result<Plane, String> {
        read(&self.file(step, position, ".doubt"))
    }

    fn file(&self, step: u64, position: usize, end: &str) -> PathBuf {
        (self.folder.join(format!("{step:06}"))).join(format!("{position:04}{end}.png"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(position: usize) -> Kept {
        let map = |salt: usize| -> Vec<u8> { (0..12).map(|i| ((i * salt) % 3) as u8).collect() };
        Kept {
            position,
            width: 4,
            height: 3,
            truth: map(1),
            labels: map(2),
            doubt: (0..12).map(|i| i * 20).collect(),
        }
    }

    fn shelf(dir: &Path, images: usize, pixels: usize, validations: u64, budget: u64) -> Shelf {
        let names = (0..images).map(|i| format!("image {i}")).collect();
        Shelf::new(dir, names, vec![[9; 3]; 3], pixels, validations, budget)
    }

    #[test]
    fn what_was_kept_is_read_back_pixel_for_pixel() {
        let dir = tempfile::tempdir().unwrap();
        let mut shelf = shelf(dir.path(), 6, 12, 3, 1 << 20);
        assert_eq!(shelf.wanted(), [0, 1, 2, 3, 4, 5]);
        for step in [10, 20] {
            shelf.write(step, &[kept(1), kept(5)]).unwrap();
        }
        let album = Album::open(dir.path());
        assert_eq!(album.names.len(), 6);
        assert_eq!(
            album.steps,
            BTreeMap::from([(10, vec![1, 5]), (20, vec![1, 5])])
        );
        let one = kept(5);
        assert_eq!(album.truth(5).unwrap().data, one.truth);
        assert_eq!(album.labels(20, 5).unwrap().data, one.labels);
        let doubt = album.doubt(20, 5).unwrap();
        assert_eq!((doubt.width, doubt.height), (4, 3));
        assert_eq!(doubt.data, one.doubt);
        assert_eq!(album.nearest(15, 5), Some(10));
        assert_eq!(album.nearest(3, 5), Some(10));
        assert_eq!(album.nearest(99, 1), Some(20));
        assert_eq!(album.nearest(10, 2), None);
        assert!(album.labels(20, 2).unwrap_err().contains("0002.png"));
        assert_eq!(Album::open(&dir.path().join("none")).steps.len(), 0);
    }

    #[test]
    fn the_budget_is_kept_and_what_is_kept_last_was_kept_all_along() {
        let dir = tempfile::tempdir().unwrap();
        let size = 64;
        let noise = |salt: u32| -> Vec<u8> {
            let at = |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(salt) >> 13) as u8;
            (0..size * size).map(at).collect()
        };
        let budget = 400_000;
        let mut shelf = shelf(dir.path(), 50, 64 * 64, 10, budget);
        let mut before = shelf.wanted();
        assert!(before.len() > FEW && before.len() < 50, "{}", before.len());
        for step in 1..=10 {
            let wanted = shelf.wanted();
            assert!(wanted.iter().all(|at| before.contains(at)), "step {step}");
            let pictures: Vec<Kept> = (wanted.iter())
                .map(|&position| Kept {
                    position,
                    width: 64,
                    height: 64,
                    truth: vec![0; 4096],
                    labels: noise(1),
                    doubt: noise(2),
                })
                .collect();
            shelf.write(step, &pictures).unwrap();
            before = wanted;
        }
        let total: u64 = walkdir::WalkDir::new(dir.path())
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.metadata().ok().filter(|m| m.is_file()))
            .map(|m| m.len())
            .sum();
        // Noise is larger than was guessed: the first validation tells, the rest makes up for it.
        assert!(total < budget * 3 / 2, "{total}");
        assert_eq!(Album::open(dir.path()).steps.len(), 10);
    }

    /// A run that goes on keeps as many as one that was never cut off.
    #[test]
    fn a_shelf_taken_up_again_is_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        // Too small for what comes: the count shrinks on the way.
        let new = || shelf(dir.path(), 20, 12, 6, 80_000);
        let mut first = new();
        let write = |shelf: &mut Shelf, step: u64| {
            let kept: Vec<Kept> = shelf.wanted().into_iter().map(kept).collect();
            shelf.write(step, &kept).unwrap();
        };
        write(&mut first, 10);
        write(&mut first, 20);
        let at_20 = format!("{first:?}");
        write(&mut first, 30);
        assert_ne!(format!("{first:?}"), at_20);
        let mut again = new();
        again.take_up(20).unwrap();
        assert_eq!(format!("{again:?}"), at_20);
        let steps: Vec<u64> = Album::open(dir.path()).steps.into_keys().collect();
        assert_eq!(steps, [10, 20]);
    }

    #[test]
    fn a_budget_of_nothing_keeps_nothing_and_a_small_one_a_few() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(shelf(dir.path(), 9, 100, 10, 0).wanted(), [] as [usize; 0]);
        assert_eq!(shelf(dir.path(), 9, 1 << 20, 10, 1).wanted().len(), FEW);
        assert_eq!(shelf(dir.path(), 2, 100, 10, 1 << 20).wanted(), [0, 1]);
    }

    #[test]
    fn every_beginning_is_spread_over_the_whole() {
        assert_eq!(spread(8), [0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!(spread(1), [0]);
        assert_eq!(spread(0), [] as [usize; 0]);
        for n in [3, 10, 101] {
            let mut all = spread(n);
            all.sort_unstable();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
        }
    }
}
