//! Frames drawn without a screen, and how long they take: opening a folder and scrolling through its
//! images as fast as a wheel turns. Everything but the graphics card's part.

use std::path::Path;
use std::time::{Duration, Instant};

use egui::{
    Event, Modifiers, MouseWheelSource, MouseWheelUnit, RawInput, Rect, TouchPhase, pos2, vec2,
};

use super::{App, Tab};
use crate::lab::Opened;

/// Points that the wheel turns per frame: a few rows.
const TURN: f32 = -240.0;
/// A folder that takes longer to open is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was measured; times in milliseconds.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Frames {
    /// From the start of the program to the first frame with the dataset's card.
    pub card_ms: f64,
    /// Frames drawn while scrolling, while pictures are read in the background.
    pub frames: usize,
    pub median_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Small pictures read and kept at the end, and their bytes.
    pub pictures: usize,
    pub picture_bytes: usize,
}

/// Opens `path` and scrolls through its images for `frames` frames in a window of 1280×800.
///
/// # Errors
/// When the folder can't be opened.
pub fn scroll(path: &Path, home: &Path, frames: usize) -> Result<Frames, String> {
    let ctx = egui::Context::default();
    let start = Instant::now();
    let mut app = App::new(&ctx, home.to_owned(), Some(path.to_owned()));
    app.tab = Tab::Data;
    loop {
        frame(&ctx, &mut app, Vec::new());
        match &app.lab.dataset {
            Opened::Ready(_) => break,
            Opened::Failed { message, .. } => return Err(message.clone()),
            Opened::Opening { .. } if start.elapsed() > PATIENCE => {
                return Err(format!("{}: not open after {PATIENCE:?}", path.display()));
            }
            Opened::Opening { .. } => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    frame(&ctx, &mut app, Vec::new());
    let card_ms = millis(start.elapsed());
    // The close look reads every file once more: scrolling is measured without it.
    app.lab.stop_looking();
    let over = Event::PointerMoved(pos2(900.0, 600.0));
    frame(&ctx, &mut app, vec![over]);
    let mut times: Vec<f64> = (0..frames.max(1))
        .map(|_| {
            let turn = Event::MouseWheel {
                unit: MouseWheelUnit::Point,
                delta: vec2(0.0, TURN),
                phase: TouchPhase::Move,
                source: MouseWheelSource::Wheel,
                modifiers: Modifiers::NONE,
            };
            let start = Instant::now();
            frame(&ctx, &mut app, vec![turn]);
            let took = start.elapsed();
            // As a screen of 60 Hz would: the readers get their time.
            std::thread::sleep(Duration::from_millis(16).saturating_sub(took));
            millis(took)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (pictures, picture_bytes) = app.lab.pictures.kept();
    Ok(Frames {
        card_ms,
        frames: times.len(),
        median_ms: times[times.len() / 2],
        p99_ms: times[times.len() * 99 / 100],
        max_ms: times[times.len() - 1],
        pictures,
        picture_bytes,
    })
}

pub(super) fn frame(ctx: &egui::Context, app: &mut App, events: Vec<Event>) {
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1280.0, 800.0))),
        events,
        focused: true,
        ..RawInput::default()
    };
    let mut output = ctx.run_ui(input, |ui| app.draw(ui));
    let shapes = std::mem::take(&mut output.shapes);
    let drawn = ctx.tessellate(shapes, output.pixels_per_point);
    std::hint::black_box(drawn);
    // There is no graphics card to hand them to.
    output.textures_delta.clear();
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
