//! From facts to findings: each rule says nothing, or one thing with numbers, files and a remedy.

use super::{ItemFacts, Report, doubles, fit, shift};
use crate::data::Dataset;
use crate::data::layout::some_of;
use crate::finding::{Finding, Severity, counted};

/// What rules judge from.
pub(super) struct Facts<'a> {
    dataset: &'a Dataset,
    report: &'a Report,
    /// Items that could not be decoded: image, and why.
    broken: &'a [(String, String)],
    /// Where enough items can be compared.
    fit: Option<fit::Fit>,
}

/// Says nothing, or one thing.
type Rule = fn(&Facts) -> Option<Finding>;

/// Each rule by the code of what it finds.
pub(super) const RULES: [(&str, Rule); 12] = [
    ("undecodable", undecodable),
    ("constant-mask", constant_masks),
    ("blank-image", blank_images),
    ("much-ignored", ignored),
    ("interpolated-edges", slivers),
    ("same-image", same_images),
    ("duplicate-across-splits", across_splits),
    ("shifted-masks", shifted_masks),
    ("turned-masks", turned),
    ("misaligned", misaligned),
    ("misplaced-mask", misplaced),
    ("class-share-shift", shifted_shares),
];

pub(super) fn judge(
    dataset: &Dataset,
    report: &Report,
    broken: &[(String, String)],
) -> Vec<Finding> {
    let facts = Facts {
        dataset,
        report,
        broken,
        fit: fit::fit(&report.items),
    };
    let found = RULES.iter().filter_map(|(code, rule)| {
        let finding = rule(&facts)?;
        debug_assert_eq!(finding.code, *code);
        Some(finding)
    });
    found.collect()
}

fn image(dataset: &Dataset, index: usize) -> String {
    dataset.items[index].image.display().to_string()
}

fn mask(dataset: &Dataset, index: usize) -> String {
    dataset.items[index].mask.display().to_string()
}

fn undecodable(facts: &Facts) -> Option<Finding> {
    let broken = facts.broken;
    let (_, message) = broken.first()?;
    Some(
        Finding::new(
            "undecodable",
            Severity::Error,
            format!(
                "{}: {message}",
                counted(
                    broken.len(),
                    [
                        "image or mask can't be decoded to its end",
                        "images or masks can't be decoded to their end",
                    ]
                )
            ),
        )
        .remedy("Replace the files by whole copies, or delete them.")
        .files(broken.iter().map(|(file, _)| file.clone()).collect()),
    )
}

fn constant_masks(facts: &Facts) -> Option<Finding> {
    let Facts {
        dataset, report, ..
    } = facts;
    let facts = report.items.iter().enumerate();
    // Where there is one class, what is ignored stands beside it.
    let alone = |f: &ItemFacts| dataset.classes.len() > 1 || f.ignored == 0;
    let constant: Vec<usize> = facts
        .filter(|(_, f)| (f.as_ref()).is_some_and(|f| f.classes.len() <= 1 && alone(f)))
        .map(|(index, _)| index)
        .collect();
    if constant.is_empty() {
        return None;
    }
    let all = constant.len() == report.items.iter().flatten().count();
    let files: Vec<String> = constant.iter().map(|&i| mask(dataset, i)).collect();
    let message = format!(
        "{} of {} a single class from edge to edge: {}",
        constant.len(),
        match constant.len() {
            1 => format!("{} holds", counted(dataset.items.len(), ["mask", "masks"])),
            _ => format!("{} masks hold", dataset.items.len()),
        },
        some_of(&files)
    );
    let (severity, remedy) = if all {
        (
            Severity::Error,
            "Nothing can be learned from masks without a border: check that these are masks, and that \
             the class map names their values.",
        )
    } else {
        (
            Severity::Hint,
            "Fine where the object really is absent; a whole folder of them is an export that went wrong.",
        )
    };
    Some(
        Finding::new("constant-mask", severity, message)
            .remedy(remedy)
            .files(files),
    )
}

fn blank_images(facts: &Facts) -> Option<Finding> {
    let Facts {
        dataset, report, ..
    } = facts;
    let facts = report.items.iter().enumerate();
    let files: Vec<String> = facts
        .filter(|(_, f)| f.as_ref().is_some_and(|f| f.contrast < 0.5))
        .map(|(index, _)| image(dataset, index))
        .collect();
    (!files.is_empty()).then(|| {
        let message = format!(
            "{}: {}",
            counted(
                files.len(),
                ["image is of one colour", "images are of one colour"]
            ),
            some_of(&files)
        );
        Finding::new("blank-image", Severity::Warning, message)
            .remedy("Delete them with their masks: the network would learn a mask for nothing.")
            .files(files)
    })
}

fn ignored(facts: &Facts) -> Option<Finding> {
    let Facts {
        dataset, report, ..
    } = facts;
    let mut mostly = Vec::new();
    let (mut ignored, mut all) = (0, 0);
    for (index, facts) in report.items.iter().enumerate() {
        let Some(facts) = facts else { continue };
        let pixels = (facts.size[0] * facts.size[1]) as u64;
        ignored += facts.ignored;
        all += pixels;
        if facts.ignored * 10 > pixels * 9 {
            mostly.push(mask(dataset, index));
        }
    }
    let share = ignored as f64 / all.max(1) as f64;
    if share <= 0.3 && mostly.is_empty() {
        return None;
    }
    let mut message = format!("{:.1} % of all pixels are ignored", share * 100.0);
    if !mostly.is_empty() {
        message.push_str(&format!(
            "; {}: {}",
            counted(
                mostly.len(),
                [
                    "mask is ignored almost whole",
                    "masks are ignored almost whole"
                ]
            ),
            some_of(&mostly)
        ));
    }
    Some(
        Finding::new("much-ignored", Severity::Warning, message)
            .remedy(
                "Check that the ignored values are not a class, often the background: move them to a class \
                 in the class map.",
            )
            .files(mostly),
    )
}

/// A class that is never more than an edge wide, between its neighbours in number, comes from
/// stretching a mask smoothly.
fn slivers(facts: &Facts) -> Option<Finding> {
    let Facts {
        dataset, report, ..
    } = facts;
    let classes = dataset.classes.classes.iter().zip(&report.classes);
    let thin: Vec<String> = classes
        .enumerate()
        .filter(|(index, (_, sum))| {
            let between = *index > 0 && *index + 1 < dataset.classes.len();
            between && sum.pixels >= 100 && (sum.pixels - sum.edge) * 200 < sum.pixels
        })
        .map(|(_, (class, _))| format!("`{}`", class.name))
        .collect();
    (!thin.is_empty()).then(|| {
        Finding::new(
            "interpolated-edges",
            Severity::Warning,
            format!(
                "{} only along edges of other classes, never more than a line wide: values that appear \
                 when a mask is resized smoothly",
                match thin.as_slice() {
                    [one] => format!("{one} lies"),
                    many => format!("{} lie", some_of(many)),
                }
            ),
        )
        .remedy(
            "Resize masks by nearest neighbour, from their source; or, if the class really is a line, \
             pass over this.",
        )
    })
}

fn same_images(facts: &Facts) -> Option<Finding> {
    let Facts {
        dataset, report, ..
    } = facts;
    let groups = doubles::same(&report.items);
    let first = groups.first()?;
    let masks_differ = groups.iter().any(|group| {
        let of = |i: usize| report.items[i].as_ref().map(|f| &f.hash[1]);
        group.iter().any(|&i| of(i) != of(group[0]))
    });
    let files: Vec<String> = groups
        .iter()
        .flatten()
        .map(|&i| image(dataset, i))
        .collect();
    let shown: Vec<String> = first.iter().map(|&i| image(dataset, i)).collect();
    let message = format!(
        "{} in the set more than once, such as {}{}",
        counted(groups.len(), ["image is", "images are"]),
        some_of(&shown),
        if masks_differ {
            "; their masks differ"
        } else {
            ""
        }
    );
    Some(
        Finding::new("same-image", Severity::Hint, message)
            .remedy("Keep one of each; doubles weigh twice in training and in scores.")
            .files(files),
    )
}

fn across_splits(facts: &Facts) -> Option<Finding> {
    let Facts {
        dataset, report, ..
    } = facts;
    let pairs = doubles::across(&report.items, &dataset.split.train, &dataset.split.val);
    if pairs.is_empty() {
        return None;
    }
    let shown: Vec<String> = pairs
        .iter()
        .map(|&(train, val)| {
            format!(
                "{} looks like {}",
                image(dataset, val),
                image(dataset, train)
            )
        })
        .collect();
    let files = pairs
        .iter()
        .flat_map(|&(train, val)| [image(dataset, val), image(dataset, train)])
        .collect();
    let message = format!(
        "{} of {} a near double among the training images, so that scores are too good: {}",
        pairs.len(),
        match pairs.len() {
            1 => format!(
                "{} has",
                counted(
                    dataset.split.val.len(),
                    ["validation image", "validation images"]
                )
            ),
            _ => format!("{} validation images have", dataset.split.val.len()),
        },
        some_of(&shown)
    );
    Some(
        Finding::new("duplicate-across-splits", Severity::Warning, message)
            .remedy(
                "Split so that frames of one film, or crops of one picture, stay together \
                 (`data.group_by`), or delete the doubles.",
            )
            .files(files),
    )
}

/// All masks a few pixels beside their images: an export with another origin, a crop, a resampling.
fn shifted_masks(facts: &Facts) -> Option<Finding> {
    let shift = shift::common(&facts.report.items)?;
    let [here, moved] = shift.edge;
    let message = format!(
        "masks lie beside the edges of their images: moved by {} they would lie on {:.0} % stronger edges \
         ({} compared)",
        shift.words(),
        (moved / here.max(1e-9) - 1.0) * 100.0,
        shift.items
    );
    Some(
        Finding::new("shifted-masks", Severity::Warning, message).remedy(
            "Look at a few overlays; export the masks again from their source, or move them by this much.",
        ),
    )
}

/// How well edges agree, in numbers.
fn agreement(fit: &fit::Fit) -> String {
    format!(
        "edges of masks agree with edges of their own images by r = {:.2}, with those of other images \
         by {:.2}",
        fit.own, fit.strangers
    )
}

fn turned(facts: &Facts) -> Option<Finding> {
    let fit = facts.fit.as_ref()?;
    let (how, _) = fit.turned?;
    let message = format!(
        "masks fit their images better when {how} ({} compared; {})",
        fit.items,
        agreement(fit)
    );
    Some(
        Finding::new("turned-masks", Severity::Warning, message).remedy(
            "Look at a few overlays; export the masks again in the orientation of the images.",
        ),
    )
}

fn misaligned(facts: &Facts) -> Option<Finding> {
    let fit = facts.fit.as_ref()?;
    if fit.turned.is_some() || fit.beyond >= 2.0 || fit.items < 20 {
        return None;
    }
    let message = format!(
        "nothing shows that masks belong to their images: {}",
        agreement(fit)
    );
    Some(
        Finding::new("misaligned", Severity::Warning, message).remedy(
            "Look at a few overlays: are images and masks paired as they should be? Textures without \
             edges can also look like this.",
        ),
    )
}

fn misplaced(facts: &Facts) -> Option<Finding> {
    let odd = &facts.fit.as_ref()?.odd;
    if odd.is_empty() {
        return None;
    }
    let files: Vec<String> = odd.iter().map(|&i| mask(facts.dataset, i)).collect();
    let message = format!(
        "{}: {}",
        counted(
            files.len(),
            [
                "mask fits the edges of other images better than those of its own",
                "masks fit the edges of other images better than those of their own",
            ]
        ),
        some_of(&files)
    );
    Some(
        Finding::new("misplaced-mask", Severity::Hint, message)
            .remedy("Look at them: a mask of another image, or one that was shifted.")
            .files(files),
    )
}

/// A class whose share differs by this factor between the sides is named.
const SHIFT: f64 = 3.0;

fn shifted_shares(facts: &Facts) -> Option<Finding> {
    let dataset = facts.dataset;
    let census = &dataset.census;
    if dataset.split.train.len() < 5 || dataset.split.val.len() < 5 {
        return None;
    }
    let total = |pixels: &[u64], ignored: u64| (pixels.iter().sum::<u64>() + ignored).max(1) as f64;
    let train = total(&census.train_pixels, census.ignored_train);
    let val = total(&census.val_pixels, census.ignored_val);
    let mut shifted: Vec<(f64, String)> = Vec::new();
    for (index, class) in dataset.classes.classes.iter().enumerate() {
        let a = census.train_pixels[index] as f64 / train;
        let b = census.val_pixels[index] as f64 / val;
        let factor = a.max(b) / a.min(b).max(1e-12);
        if a > 0.0 && b > 0.0 && factor >= SHIFT && a.max(b) >= 1e-3 {
            let text = format!("`{}` {:.2} % to {:.2} %", class.name, a * 100.0, b * 100.0);
            shifted.push((factor, text));
        }
    }
    shifted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shown: Vec<String> = shifted.into_iter().map(|(_, text)| text).collect();
    (!shown.is_empty()).then(|| {
        Finding::new(
            "class-share-shift",
            Severity::Warning,
            format!(
                "class shares differ by a factor of {SHIFT} or more from training to validation: {}",
                some_of(&shown)
            ),
        )
        .remedy(
            "Validation then measures something else than training learns: draw the split by class \
             (`data.split` = ratio with `data.stratify`), grouped if frames belong together.",
        )
        .settings(&[("data.split", "ratio"), ("data.stratify", "true")])
    })
}
