//! What the X-ray shows as files.

use egui::{Color32, ColorImage};

use super::{OTHER, RIGHT, Shown, State, WRONG, curves, thumbs};
use crate::app::view::offer::Offer;
use crate::doctor::curves::{Curve, Motion, Point};
use crate::doctor::look::Slope;
use crate::doctor::xray::{Bar, Xray};
use crate::export::chart::{self, Bars, Chart, Line};
use crate::lab::freezing::{Asked as Question, WhatIf};
use crate::lab::responding::Laid;
use crate::train::frozen::Reading;

const SIZE: (u32, u32) = (620, 400);

/// Everything that is shown now.
pub fn offers<'a>(state: &'a State, shown: &'a Shown<'a>, xray: &'a Xray) -> Vec<Offer<'a>> {
    let mut offers = vec![
        Offer::figure("Answers", move || bars(xray)),
        Offer::pictures("Pictures of the answers", move || {
            thumbs::images(xray, shown.colors)
        }),
        Offer::table("Losses of the answers", move || answers(xray)),
        Offer::table("Facts", move || facts(xray)),
        Offer::table("Who is heard", move || shares(xray)),
    ];
    if let Some(slope) = shown.slope {
        let panes = move || pushed(state, xray, slope, shown.colors);
        offers.push(Offer::pictures("Where it pushes", panes));
    }
    for motion in Motion::ALL {
        let curves = curves::of_motion(shown.laid, motion);
        if curves.is_empty() {
            continue;
        }
        for (what, value) in [
            ("loss", loss as fn(&Point) -> f64),
            ("push", push as fn(&Point) -> f64),
        ] {
            let (name, curves) = (title(motion, what), curves.clone());
            offers.push(Offer::figure(name, move || {
                response(motion, what, &curves, shown.laid, value)
            }));
        }
    }
    if !shown.laid.is_empty() {
        offers.push(Offer::table("Responses", move || responses(shown.laid)));
    }
    if let WhatIf::Frozen(question) = shown.what_if
        && let Some(Ok(answered)) = &question.now
    {
        offers.push(Offer::table("What if", move || {
            what_if(question, &answered.reading)
        }));
        let panes = move || (state.what_if).images(&question.frozen, &answered.slope, shown.colors);
        offers.push(Offer::pictures("Where these settings would push", panes));
    }
    offers
}

fn loss(point: &Point) -> f64 {
    point.loss
}

fn push(point: &Point) -> f64 {
    point.gradient
}

fn title(motion: Motion, what: &str) -> String {
    let word = match motion {
        Motion::Probability => "probability",
        Motion::Size => "size",
        Motion::Shift => "place",
        Motion::Rarest => "share found of the rarest class",
    };
    let mut what = what.to_owned();
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{what} by {word}")
}

fn rgb(color: Color32) -> [u8; 3] {
    [color.r(), color.g(), color.b()]
}

fn color(xray: &Xray, bar: &Bar) -> Color32 {
    let preferred = xray.violations.iter().any(|v| v.preferred == bar.name);
    match (preferred, bar.name.as_str()) {
        (true, _) => WRONG,
        (false, "perfect" | "confident") => RIGHT,
        _ => OTHER,
    }
}

fn bars(xray: &Xray) -> Bars {
    let title = match xray.violations.first() {
        None => "This loss prefers right answers to wrong ones".to_owned(),
        Some(worst) => worst.message.clone(),
    };
    let bar = |bar: &Bar| chart::Bar {
        name: bar.title.clone(),
        value: bar.loss,
        color: rgb(color(xray, bar)),
    };
    Bars {
        title,
        unit: "loss of each answer, the best answer first; upright: what the perfect one scores"
            .to_owned(),
        bars: xray.oracles.iter().map(bar).collect(),
        line: Some(xray.floor),
    }
}

fn row(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn answers(xray: &Xray) -> Vec<Vec<String>> {
    let mut rows = vec![row(&["name", "answer", "loss", "worth", "preferred over"])];
    rows.extend(xray.oracles.iter().map(|bar| {
        let over = xray.violations.iter().find(|v| v.preferred == bar.name);
        vec![
            bar.name.clone(),
            bar.title.clone(),
            bar.loss.to_string(),
            bar.quality.to_string(),
            over.map_or_else(String::new, |v| v.over.clone()),
        ]
    }));
    rows
}

fn facts(xray: &Xray) -> Vec<Vec<String>> {
    let mut rows = vec![row(&["fact", "value"])];
    let theory = xray.theory.as_ref().map(|theory| theory.value);
    for (name, value) in [
        ("lowest loss", Some(xray.lowest)),
        ("highest loss", Some(xray.highest)),
        ("floor", Some(xray.floor)),
        ("untrained", Some(xray.initial)),
        ("untrained, in theory", theory),
        (
            "share of the range that missing the rarest class costs",
            xray.rarest_cost,
        ),
        (
            "share of the range that the next class costs",
            Some(xray.next_class_cost),
        ),
        (
            "share of pixels pushed one way for all classes",
            Some(xray.one_sign_pixels),
        ),
    ] {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        rows.push(vec![name.to_owned(), value]);
    }
    rows
}

fn shares(xray: &Xray) -> Vec<Vec<String>> {
    let mut rows = vec![row(&["class", "pixels", "loss", "gradient"])];
    rows.extend(xray.class_shares.iter().map(|share| {
        let parts = [share.pixels, share.loss, share.gradient].map(|part| part.to_string());
        std::iter::once(share.class.clone()).chain(parts).collect()
    }));
    rows
}

fn pushed(
    state: &State,
    xray: &Xray,
    slope: &Slope,
    colors: &[[u8; 3]],
) -> Vec<(String, ColorImage)> {
    let mut panes: Vec<_> = thumbs::truth_image(xray, colors)
        .map(|image| ("truth".to_owned(), image))
        .into_iter()
        .collect();
    let names: Vec<&str> = xray.class_shares.iter().map(|s| s.class.as_str()).collect();
    panes.extend(state.picture.image(slope, &names));
    panes
}

fn response(
    motion: Motion,
    what: &str,
    curves: &[(usize, &Curve)],
    laid: &[Laid],
    value: fn(&Point) -> f64,
) -> Chart {
    let line = |(place, curve): &(usize, &Curve)| Line {
        name: laid
            .get(*place)
            .map_or_else(String::new, |one| one.name.clone()),
        color: rgb(curves::COLORS[*place]),
        points: curve.points.iter().map(|p| (p.at, value(p))).collect(),
        dashed: *place > 0,
        ..Line::default()
    };
    let subject = curves.first().map_or("", |(_, curve)| curve.title.as_str());
    Chart {
        title: format!("{}: {subject}", title(motion, what)),
        x: motion.axis().to_owned(),
        size: SIZE,
        lines: curves.iter().map(line).collect(),
        legend: true,
        ..Chart::default()
    }
}

fn responses(laid: &[Laid]) -> Vec<Vec<String>> {
    let mut rows = vec![row(&["settings", "of", "axis", "at", "loss", "push"])];
    for one in laid {
        for curve in one.curves.iter().flatten() {
            rows.extend(curve.points.iter().map(|point| {
                let mut row = row(&[&one.name, &curve.title, curve.axis]);
                row.extend([point.at, point.loss, point.gradient].map(|v| v.to_string()));
                row
            }));
        }
    }
    rows
}

fn what_if(question: &Question, now: &Reading) -> Vec<Vec<String>> {
    let own = &question.own;
    let mut rows = vec![row(&[
        "of the same answers",
        "the run's loss",
        "these settings",
    ])];
    let mut add = |name: String, own: f64, now: f64| {
        rows.push(vec![name, own.to_string(), now.to_string()]);
    };
    add("loss".to_owned(), own.loss, now.loss);
    add("push".to_owned(), own.gradient, now.gradient);
    for (own, now) in own.classes.iter().zip(&now.classes) {
        let name = format!("share of the push for {}", now.class);
        add(name, own.gradient, now.gradient);
    }
    rows
}
