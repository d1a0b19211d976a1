//! What the doctor shows as files.

use super::super::theme;
use crate::app::view::color::OKABE_ITO;
use crate::app::view::offer::Offer;
use crate::doctor::Diagnosis;
use crate::doctor::rules::Picture;
use crate::export::chart::{Bar, Bars, Chart, Line};
use crate::lab::Lab;
use crate::lab::consulting::Heart;

const SIZE: (u32, u32) = (620, 400);
/// Of a bar that the finding is not about.
const PLAIN: [u8; 3] = [150, 150, 150];

/// Everything that is shown now.
pub fn offers(lab: &Lab) -> Vec<Offer<'_>> {
    let mut offers = vec![Offer::table("Findings", move || findings(lab))];
    let consultation = &lab.consultation;
    if !consultation.gates.is_empty() {
        offers.push(Offer::table("Gates", move || gates(lab)));
    }
    if let Heart::Tried {
        result: Ok(result), ..
    } = &consultation.heart
    {
        offers.push(Offer::figure("One batch by heart", move || {
            by_heart(&result.losses)
        }));
        offers.push(Offer::table("Losses on the one batch", move || {
            let mut rows = vec![vec!["step".to_owned(), "loss".to_owned()]];
            let steps = result.losses.iter().enumerate();
            rows.extend(steps.map(|(at, loss)| vec![(at + 1).to_string(), loss.to_string()]));
            rows
        }));
    }
    for diagnosis in lab.diagnoses.iter().chain(&consultation.of_run) {
        let Some(picture) = &diagnosis.picture else {
            continue;
        };
        let name = format!("Picture of {}", diagnosis.finding.code);
        let title = move || diagnosis.finding.message.clone();
        offers.push(match picture {
            Picture::Bars { unit, bars } => Offer::figure(name.clone(), move || Bars {
                title: title(),
                unit: unit.clone(),
                bars: (bars.iter())
                    .map(|bar| Bar {
                        name: bar.name.clone(),
                        value: bar.value,
                        color: if bar.marked {
                            theme::BAD_ON_LIGHT
                        } else {
                            PLAIN
                        },
                    })
                    .collect(),
                line: None,
            }),
            Picture::Lines { lines } => Offer::figure(name.clone(), move || Chart {
                title: title(),
                x: "step".to_owned(),
                size: SIZE,
                lines: (lines.iter().enumerate())
                    .map(|(at, line)| Line {
                        name: line.name.clone(),
                        color: on_white(at),
                        points: line.points.iter().map(|p| (p[0], p[1])).collect(),
                        ..Line::default()
                    })
                    .collect(),
                legend: true,
                ..Chart::default()
            }),
        });
        offers.push(Offer::table(
            format!("Numbers of {}", diagnosis.finding.code),
            move || numbers(picture),
        ));
    }
    offers
}

fn on_white(at: usize) -> [u8; 3] {
    let color = crate::app::view::color::on_ground(OKABE_ITO[at % OKABE_ITO.len()], false);
    [color.r(), color.g(), color.b()]
}

fn by_heart(losses: &[f64]) -> Chart {
    let points = losses.iter().enumerate();
    Chart {
        title: "One batch learned by heart".to_owned(),
        x: "step".to_owned(),
        y_name: "loss on the batch".to_owned(),
        size: SIZE,
        lines: vec![Line {
            color: on_white(0),
            points: points.map(|(at, loss)| (at as f64 + 1.0, *loss)).collect(),
            ..Line::default()
        }],
        ..Chart::default()
    }
}

fn findings(lab: &Lab) -> Vec<Vec<String>> {
    let heading = [
        "about",
        "severity",
        "code",
        "what was seen",
        "why it matters",
        "certain",
        "met in",
        "fix",
        "remedy",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut add = |about: &str, d: &Diagnosis| {
        let fix = d.fix.as_ref().map(|fix| {
            let settings = fix
                .settings
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            settings.collect::<Vec<_>>().join(" ")
        });
        rows.push(vec![
            about.to_owned(),
            d.finding.severity.name().to_owned(),
            d.finding.code.clone(),
            d.finding.message.clone(),
            d.why.clone(),
            d.certain.to_string(),
            d.met.clone(),
            fix.unwrap_or_default(),
            d.finding.remedy.clone(),
        ]);
    };
    for diagnosis in &lab.diagnoses {
        add("the settings", diagnosis);
    }
    let run = lab.active_run().map_or("", |run| run.name.as_str());
    for diagnosis in &lab.consultation.of_run {
        add(run, diagnosis);
    }
    rows
}

fn gates(lab: &Lab) -> Vec<Vec<String>> {
    let mut rows = vec![["gate", "holds", "message"].map(str::to_owned).to_vec()];
    rows.extend(lab.consultation.gates.iter().map(|gate| {
        let holds = gate.passed.map(|passed| passed.to_string());
        vec![
            gate.name.to_owned(),
            holds.unwrap_or_default(),
            gate.message.clone(),
        ]
    }));
    rows
}

fn numbers(picture: &Picture) -> Vec<Vec<String>> {
    match picture {
        Picture::Bars { unit, bars } => {
            let mut rows = vec![vec!["name".to_owned(), unit.clone(), "marked".to_owned()]];
            rows.extend(bars.iter().map(|bar| {
                vec![
                    bar.name.clone(),
                    bar.value.to_string(),
                    bar.marked.to_string(),
                ]
            }));
            rows
        }
        Picture::Lines { lines } => {
            let mut rows = vec![["line", "step", "value"].map(str::to_owned).to_vec()];
            for line in lines {
                rows.extend(line.points.iter().map(|[step, value]| {
                    vec![line.name.clone(), step.to_string(), value.to_string()]
                }));
            }
            rows
        }
    }
}
