use super::*;
use crate::data::Progress;
use crate::data::config::Normalize;

fn loader(seed: u64) -> Loader {
    let config = DataConfig {
        width: 32,
        height: 32,
        ..DataConfig::default()
    };
    let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
    Loader::new(dataset, &config, 8, seed).unwrap()
}

#[test]
fn a_batch_depends_on_seed_and_step_alone() {
    let (a, b) = (loader(1), loader(1));
    let first = a.train_batch(7).unwrap();
    b.train_batch(3).unwrap();
    assert_eq!(b.train_batch(7).unwrap(), first);
    assert_ne!(loader(2).train_batch(7).unwrap().items, first.items);
}

#[test]
fn an_epoch_shows_every_item_once_and_never_a_validation_item() {
    let loader = loader(1);
    let steps = loader.steps_per_epoch();
    let mut seen: Vec<usize> = (0..steps)
        .flat_map(|step| loader.train_batch(step).unwrap().items)
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, loader.dataset.split.train);
    let next: Vec<usize> = loader.train_batch(steps).unwrap().items;
    assert_ne!(next, loader.train_batch(0).unwrap().items, "another order");
    let val: Vec<usize> = (0..loader.val_batches())
        .flat_map(|index| loader.val_batch(index).unwrap().items)
        .collect();
    assert_eq!(val, loader.dataset.split.val);
}

#[test]
fn a_batch_larger_than_the_set_is_refused_by_number() {
    let config = DataConfig::default();
    let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
    let train = dataset.split.train.len();
    let message = Loader::new(dataset, &config, 5000, 1)
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("5000") && message.contains(&train.to_string()),
        "{message}"
    );
}

fn with(change: impl Fn(&mut DataConfig)) -> Loader {
    let mut config = DataConfig {
        width: 32,
        height: 32,
        ..DataConfig::default()
    };
    change(&mut config);
    let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
    Loader::new(dataset, &config, 8, 1).unwrap()
}

fn crops(config: &mut DataConfig) {
    config.sampling = Sampling::Crop;
    config.augment.flip_horizontal = false;
}

/// Every way to sample, with everything random switched on.
fn all_ways() -> Vec<Loader> {
    let vary = |config: &mut DataConfig| {
        config.augment.rotate = true;
        config.augment.zoom = 0.3;
        config.augment.gamma = 0.2;
        config.class_sampling = 0.5;
    };
    vec![
        with(vary),
        with(|config| {
            crops(config);
            vary(config);
            config.normalize = Normalize::Dataset;
        }),
        with(|config| {
            crops(config);
            config.normalize = Normalize::Image;
        }),
    ]
}

#[test]
fn batches_are_the_same_on_any_number_of_cores_in_any_order_and_cache() {
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    };
    for (a, b) in all_ways().into_iter().zip(all_ways()) {
        let forwards: Vec<Batch> =
            pool(1).install(|| (0..6).map(|step| a.train_batch(step).unwrap()).collect());
        let val = a.val_batch(0).unwrap();
        pool(3).install(|| {
            assert_eq!(b.val_batch(0).unwrap(), val);
            for step in (0..6).rev() {
                b.forget();
                assert_eq!(b.train_batch(step).unwrap(), forwards[step as usize]);
            }
        });
        assert_ne!(forwards[0], forwards[1]);
    }
}

#[test]
fn a_mask_is_only_ever_nearest_neighbour_or_an_exact_copy() {
    // Classes 1 and 3 only: whatever is averaged, blended or interpolated shows as another number.
    let dir = tempfile::tempdir().unwrap();
    for folder in ["images", "masks"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    for at in 0..12_u32 {
        let odd = |x: u32, y: u32| (x * 7 + y * 3 + at) % 5 < 2;
        let image = image::RgbImage::from_fn(57, 41, |x, y| {
            image::Rgb(if odd(x, y) {
                [200, 30, 90]
            } else {
                [0, 255, 10]
            })
        });
        image
            .save(dir.path().join(format!("images/{at}.png")))
            .unwrap();
        let mask =
            image::GrayImage::from_fn(57, 41, |x, y| image::Luma([if odd(x, y) { 3 } else { 1 }]));
        mask.save(dir.path().join(format!("masks/{at}.png")))
            .unwrap();
    }
    let path = dir.path().display().to_string();
    for sampling in [Sampling::Resize, Sampling::Crop] {
        let loader = with(|config| {
            config.path.clone_from(&path);
            config.sampling = sampling;
            config.augment.rotate = true;
            config.augment.flip_vertical = true;
            config.augment.zoom = 0.5;
        });
        let of: Vec<u32> = (loader.dataset.classes.classes.iter())
            .flat_map(|class| class.values.clone())
            .collect();
        assert_eq!(of, [1, 3]);
        let loader = Loader { batch: 4, ..loader };
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..8 {
            seen.extend(loader.train_batch(step).unwrap().labels);
        }
        for batch in 0..loader.val_batches() {
            seen.extend(loader.val_batch(batch).unwrap().labels);
        }
        seen.remove(&crate::data::IGNORE);
        assert_eq!(seen.into_iter().collect::<Vec<u8>>(), [0, 1], "{sampling}");
    }
}

#[test]
fn crops_are_pieces_of_the_image_at_its_own_resolution() {
    let loader = with(|config| {
        crops(config);
        config.normalize = Normalize::Fixed;
    });
    let batch = loader.train_batch(0).unwrap();
    let plane = 32 * 32;
    for slot in 0..8 {
        let full = loader.dataset.load(batch.items[slot]).unwrap();
        let labels = &batch.labels[slot * plane..(slot + 1) * plane];
        let side = full.labels.width;
        let is_at = |left: usize, top: usize| {
            (0..32).all(|y| {
                let row = (top + y) * side + left;
                labels[y * 32..(y + 1) * 32] == full.labels.labels[row..row + 32]
            })
        };
        let places = side - 32;
        let found = (0..=places).any(|top| (0..=places).any(|left| is_at(left, top)));
        assert!(
            found,
            "slot {slot} is no piece of item {}",
            batch.items[slot]
        );
    }
}

#[test]
fn validation_windows_count_each_pixel_once() {
    let loader = with(crops);
    let mut pixels = vec![0_u64; loader.dataset.classes.len()];
    for index in 0..loader.val_batches() {
        for label in loader.val_batch(index).unwrap().labels {
            if label != crate::data::IGNORE {
                pixels[usize::from(label)] += 1;
            }
        }
    }
    assert_eq!(pixels, loader.dataset.census.val_pixels);
}

#[test]
fn a_third_of_the_crops_are_laid_around_rare_classes() {
    // Share of the samples that hold the class with fewest pixels.
    let share = |loader: &Loader| {
        let pixels = &loader.dataset.census.train_pixels;
        let rare = (0..pixels.len())
            .min_by_key(|&class| pixels[class])
            .unwrap() as u8;
        let (mut with, mut all) = (0, 0);
        for step in 0..60 {
            for labels in loader.train_batch(step).unwrap().labels.chunks(32 * 32) {
                with += usize::from(labels.contains(&rare));
                all += 1;
            }
        }
        f64::from(u32::try_from(with).unwrap()) / f64::from(all)
    };
    let free = share(&with(|config| {
        crops(config);
        config.crop_foreground = 0.0;
    }));
    let forced = share(&with(crops));
    assert!(forced > free + 0.05, "{forced} against {free}");
}

#[test]
fn class_aware_draws_show_images_of_few_classes_more_often() {
    let aware = with(|config| config.class_sampling = 1.0);
    let plain = with(|config| config.class_sampling = 0.0);
    let images = &plain.dataset.census.train_images;
    let rare = (0..images.len())
        .min_by_key(|&class| images[class])
        .unwrap();
    let share = |loader: &Loader| {
        let items: Vec<usize> = (0..60)
            .flat_map(|step| loader.train_batch(step).unwrap().items)
            .collect();
        let holds = |item: &&usize| loader.dataset.counts[**item].pixels(rare as u8) > 0;
        items.iter().filter(holds).count() as f64 / items.len() as f64
    };
    // Every class but the commonest is drawn as often, and then an image that holds it.
    let classes = aware.order.by_class().len() as f64;
    let expected: f64 = (aware.order.by_class().iter())
        .map(|items| {
            let with = items
                .iter()
                .filter(|i| plain.dataset.counts[**i].pixels(rare as u8) > 0);
            with.count() as f64 / items.len() as f64 / classes
        })
        .sum();
    let found = share(&aware);
    assert!((found - expected).abs() < 0.06, "{found} of {expected}");
    assert!(found > share(&plain), "{found} against {}", share(&plain));
}

#[test]
fn the_training_sets_own_moments_make_zero_mean_and_unit_deviation() {
    let loader = with(|config| {
        config.normalize = Normalize::Dataset;
        config.augment.flip_horizontal = false;
    });
    let (mut sum, mut square, mut count) = ([0.0; 3], [0.0; 3], 0.0);
    for step in 0..loader.steps_per_epoch() {
        let batch = loader.train_batch(step).unwrap();
        for (at, plane) in batch.images.chunks(32 * 32).enumerate() {
            for &value in plane {
                sum[at % 3] += f64::from(value);
                square[at % 3] += f64::from(value).powi(2);
            }
        }
        count += 8.0 * 32.0 * 32.0;
    }
    for channel in 0..3 {
        let mean: f64 = sum[channel] / count;
        let deviation = (square[channel] / count - mean * mean).sqrt();
        assert!(mean.abs() < 0.02, "{channel}: {mean}");
        assert!((deviation - 1.0).abs() < 0.02, "{channel}: {deviation}");
    }
}

#[test]
fn a_padded_last_batch_shows_every_image_once_an_epoch_and_ignores_what_fills_it() {
    const BATCH: usize = 5;
    let open = |last_batch| {
        let config = DataConfig {
            width: 32,
            height: 32,
            last_batch,
            ..DataConfig::default()
        };
        let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
        Loader::new(dataset, &config, BATCH, 1).unwrap()
    };
    let (dropped, padded) = (open(LastBatch::Drop), open(LastBatch::Pad));
    let images = padded.dataset.split.train.len();
    assert_ne!(images % BATCH, 0, "nothing is left over");
    let steps = padded.steps_per_epoch();
    assert_eq!(steps, dropped.steps_per_epoch() + 1);
    let plane = 32 * 32;
    for epoch in 0..2 {
        let mut seen = Vec::new();
        for step in epoch * steps..(epoch + 1) * steps {
            let batch = padded.train_batch(step).unwrap();
            assert_eq!(batch.shape, [BATCH, 3, 32, 32]);
            let ignored = |slot: &usize| {
                let own = &batch.labels[slot * plane..(slot + 1) * plane];
                own.iter().all(|label| *label == crate::data::IGNORE)
            };
            let last = step + 1 == (epoch + 1) * steps;
            let shown: Vec<usize> = (0..BATCH).filter(|slot| !ignored(slot)).collect();
            assert_eq!(shown.len(), if last { images % BATCH } else { BATCH });
            seen.extend(shown.iter().map(|slot| batch.items[*slot]));
        }
        seen.sort_unstable();
        let mut all = padded.dataset.split.train.clone();
        all.sort_unstable();
        assert_eq!(seen, all);
    }
}

#[test]
fn memory_stays_within_the_budget_and_a_disk_gives_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    crate::data::synthetic::write(folder.path(), 1).unwrap();
    let open = |cache_mb: u64, cache_dir: &Path| {
        with(|config| {
            config.path = folder.path().display().to_string();
            config.cache_mb = cache_mb;
            config.cache_dir = cache_dir.display().to_string();
            config.width = 128;
            config.height = 128;
        })
    };
    let small = open(1, Path::new(""));
    let first = small.train_batch(0).unwrap();
    for step in 0..small.steps_per_epoch() {
        small.train_batch(step).unwrap();
    }
    let (samples, bytes) = small.cached();
    assert!(
        samples >= 10 && bytes <= 1 << 20,
        "{samples} samples, {bytes} bytes"
    );
    assert_eq!(open(64, kept.path()).train_batch(0).unwrap(), first);
    let files = || {
        let of = |entry: std::io::Result<walkdir::DirEntry>| entry.unwrap();
        let entries = walkdir::WalkDir::new(kept.path()).into_iter();
        let files = entries.map(|e| of(e.map_err(std::io::Error::from)));
        files
            .filter(|e| e.file_type().is_file())
            .collect::<Vec<_>>()
    };
    assert_eq!(files().len(), 8);
    assert_eq!(
        open(64, kept.path()).train_batch(0).unwrap(),
        first,
        "from disk"
    );
    // A file that was cut off is made anew.
    let victim = files()[0].path().to_owned();
    let bytes = std::fs::read(&victim).unwrap();
    std::fs::write(&victim, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(open(64, kept.path()).train_batch(0).unwrap(), first);
    assert_eq!(std::fs::read(&victim).unwrap(), bytes);
    // Another image under the same name is another sample.
    let item = small.dataset.items[first.items[0]].image.clone();
    image::RgbImage::new(128, 128)
        .save(folder.path().join(item))
        .unwrap();
    assert_ne!(open(64, kept.path()).train_batch(0).unwrap(), first);
}
