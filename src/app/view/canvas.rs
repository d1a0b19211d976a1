//! Where [`Table`]s are drawn: in a grid, in a swipe; textures are painted within the frame as far as it
//! has time, else beside the window, and what is shown stays until there is better.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{
    Color32, ColorImage, Context, Rect, Sense, Stroke, TextureHandle, TextureOptions, Ui, Vec2,
    pos2, vec2,
};

use super::captions::{self, TITLE};
use super::easel::Easel;
use super::lens::Lens;
use super::paint::{self, Overlay, Palette};
use super::panes;
use super::versus::{Ground, Layer, Look, Show, Table};

/// Textures that are not drawn are kept this many, so that a slider moved back is not painted again.
const KEPT: usize = 96;
/// Places of the easel for what is not shown yet.
const BEFORE_SHOWN: usize = 1 << 16;
/// Pixels that a frame has time to paint; what goes beyond is painted beside the window.
const AT_ONCE: usize = 1 << 18;

/// Lens and textures, kept between frames.
pub struct Canvas {
    pub lens: Lens,
    textures: HashMap<u64, (TextureHandle, u64)>,
    frame: u64,
    /// How many pictures were painted since the start.
    painted: u64,
    /// Pixels that may still be painted in this frame.
    left: usize,
    easel: Easel<usize, Work, Made>,
    /// What was asked of it last, by place.
    asked: HashMap<usize, u64>,
    /// What is shown, by place: it stays until what is to come is painted.
    fronts: HashMap<usize, Front>,
}

/// What is shown in a place.
#[derive(Clone)]
struct Front {
    /// Whose picture it is, whatever its moment.
    subject: u64,
    texture: TextureHandle,
    size: [usize; 2],
    notes: Vec<String>,
}

/// A picture that is painted beside the window.
struct Work {
    key: u64,
    layer: Layer,
    scene: Arc<Scene>,
    /// Longest side of a texture.
    most: usize,
}

/// What became of it.
type Made = (u64, Option<ColorImage>);

/// What a [`Table`] lends, kept.
struct Scene {
    ground: Ground,
    looks: Vec<Look>,
    palette: Palette,
    classes: usize,
    overlay: Overlay,
}

impl Scene {
    fn of(table: &Table) -> Arc<Self> {
        Arc::new(Self {
            ground: table.ground.clone(),
            looks: table.looks.to_vec(),
            palette: table.palette.clone(),
            classes: table.classes,
            overlay: table.overlay,
        })
    }
}

impl Work {
    fn paint(&self) -> Made {
        let Scene { ground, looks, .. } = &*self.scene;
        let table = Table {
            ground,
            looks,
            palette: &self.scene.palette,
            classes: self.scene.classes,
            overlay: self.scene.overlay,
        };
        let picture = table.size().and_then(|size| table.paint(self.layer, size));
        let picture = picture.map(|picture| paint::fitted(picture, self.most));
        (self.key, picture)
    }
}

impl Default for Canvas {
    fn default() -> Self {
        Self {
            lens: Lens::default(),
            textures: HashMap::new(),
            frame: 0,
            painted: 0,
            left: AT_ONCE,
            easel: Easel::new(Work::paint),
            asked: HashMap::new(),
            fronts: HashMap::new(),
        }
    }
}

impl Canvas {
    /// Pictures painted so far; grows only when something new is shown.
    #[must_use]
    pub fn painted(&self) -> u64 {
        self.painted
    }

    /// All pictures closer or further away.
    pub fn zoom(&mut self, factor: f32) {
        self.lens.zoom_by(factor);
    }

    /// What is seen of all pictures moves by a share of it.
    pub fn pan(&mut self, share: Vec2) {
        self.lens.move_by(share);
    }

    /// All pictures as a whole.
    pub fn reset(&mut self) {
        self.lens = Lens::default();
    }

    /// Call once a frame, before drawing.
    pub fn begin(&mut self, ctx: &Context) {
        self.frame += 1;
        self.left = AT_ONCE;
        for (place, (key, picture)) in self.easel.take() {
            let Some(picture) = picture else { continue };
            self.put(ctx, key, picture);
            if self.asked.get(&place) == Some(&key) {
                self.asked.remove(&place);
            }
        }
        if self.textures.len() > KEPT {
            let mut used: Vec<u64> = self.textures.values().map(|(_, used)| *used).collect();
            used.sort_unstable();
            let oldest = used[used.len() - KEPT];
            self.textures.retain(|_, (_, used)| *used >= oldest);
        }
    }

    fn put(&mut self, ctx: &Context, key: u64, picture: ColorImage) {
        let texture = ctx.load_texture("prediction", picture, TextureOptions::NEAREST);
        self.painted += 1;
        self.textures.insert(key, (texture, self.frame));
    }

    /// The texture of a layer in this place, where it is painted; otherwise it will be.
    fn texture(
        &mut self,
        ui: &Ui,
        place: usize,
        table: &Table,
        layer: Layer,
    ) -> Option<TextureHandle> {
        let size = table.size().filter(|_| table.has(layer))?;
        let key = table.key(layer);
        let most = ui.input(|input| input.max_texture_side);
        if !self.textures.contains_key(&key) {
            let pixels = size[0] * size[1];
            if pixels > self.left {
                if self.asked.insert(place, key) != Some(key) {
                    let work = Work {
                        key,
                        layer,
                        scene: Scene::of(table),
                        most,
                    };
                    self.easel.ask(place, work, ui.ctx());
                }
                return None;
            }
            self.left -= pixels;
            let picture = paint::fitted(table.paint(layer, size)?, most);
            self.put(ui.ctx(), key, picture);
        }
        let (texture, used) = self.textures.get_mut(&key)?;
        *used = self.frame;
        Some(texture.clone())
    }

    /// Has these painted before they are shown.
    pub fn prepare(&mut self, ui: &Ui, table: &Table, layers: &[Layer]) {
        for (at, layer) in layers.iter().enumerate() {
            self.texture(ui, BEFORE_SHOWN + at, table, *layer);
        }
    }

    /// What is to be seen of a layer in this place: what was there until there is better.
    fn front(&mut self, ui: &Ui, place: usize, table: &Table, layer: Layer) -> Option<Front> {
        let subject = table.subject(layer);
        if let Some(texture) = self.texture(ui, place, table, layer) {
            let front = Front {
                subject,
                texture,
                size: table.size()?,
                notes: table.notes(layer).to_vec(),
            };
            self.fronts.insert(place, front);
        } else if !table.has(layer) && !table.pending(layer) {
            self.fronts.remove(&place);
        }
        let front = self.fronts.get(&place);
        front.filter(|front| front.subject == subject).cloned()
    }

    /// One layer with its title in `whole`; returns the point under the pointer, in 0..1.
    fn pane(
        &mut self,
        ui: &Ui,
        at: usize,
        whole: Rect,
        table: &Table,
        layer: Layer,
    ) -> Option<Vec2> {
        let front = self.front(ui, at, table, layer);
        let notes = (front.as_ref()).map_or(table.notes(layer), |front| &front.notes);
        let rect = head(ui, whole, table, layer, notes);
        let Some(front) = front else {
            note(ui, rect, table.missing(layer));
            return None;
        };
        let mut title = table.name(layer);
        for note in &front.notes {
            title += &format!(" · {note}");
        }
        let Front { texture, size, .. } = &front;
        panes::draw(ui, at, rect, texture, *size, &mut self.lens, &title).1
    }

    /// All `layers` beside one another in the space there is; returns the point under the pointer.
    pub fn grid(
        &mut self,
        ui: &mut Ui,
        space: Vec2,
        table: &Table,
        layers: &[Layer],
    ) -> Option<Vec2> {
        let (area, _) = ui.allocate_exact_size(space, Sense::hover());
        let [w, h] = table.size().unwrap_or([1, 1]);
        let cells = panes::cells(area, layers.len(), w as f32 / h.max(1) as f32, TITLE);
        let mut pointed = None;
        for (at, (layer, whole)) in layers.iter().zip(&cells).enumerate() {
            if let Some(under) = self.pane(ui, at, *whole, table, *layer) {
                pointed = Some((at, under));
            }
        }
        let (here, under) = pointed?;
        if let Some(size) = table.size() {
            for (at, whole) in cells.into_iter().enumerate() {
                if at != here {
                    let picture = Rect::from_min_max(whole.min + vec2(0.0, TITLE), whole.max);
                    panes::cross(ui, picture, size, &self.lens, under);
                }
            }
        }
        Some(under)
    }

    /// `left` and `right` of a line at `share` of the width, which can be dragged.
    pub fn swipe(
        &mut self,
        ui: &mut Ui,
        space: Vec2,
        table: &Table,
        [left, right]: [Layer; 2],
        share: &mut f32,
    ) -> Option<Vec2> {
        let (area, _) = ui.allocate_exact_size(space, Sense::hover());
        let title = format!("{}  |  {}", table.name(left), table.name(right));
        captions::head(ui, area, &[&title], 0, &[]);
        let rect = Rect::from_min_max(pos2(area.left(), area.top() + TITLE), area.max);
        ui.painter()
            .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
        let fronts = (
            self.front(ui, 0, table, left),
            self.front(ui, 1, table, right),
        );
        let (Some(a), Some(b)) = fronts else {
            let lacking = [left, right].map(|layer| table.missing(layer));
            note(
                ui,
                rect,
                if lacking[0].is_empty() {
                    lacking[1]
                } else {
                    lacking[0]
                },
            );
            return None;
        };
        let size = b.size;
        let under = panes::draw(ui, 0, rect, &b.texture, size, &mut self.lens, &title).1;
        let placed = self.lens.place(rect, size);
        let seen = placed.intersect(rect);
        let x = seen.left() + seen.width() * share.clamp(0.0, 1.0);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let clip = Rect::from_min_max(rect.min, pos2(x, rect.max.y));
        // The ground hides what lies below: A may be narrower than nothing at all.
        ui.painter()
            .with_clip_rect(clip.intersect(ui.clip_rect()))
            .image(a.texture.id(), placed, whole, Color32::WHITE);
        for (width, color) in [(4.0, Color32::BLACK), (2.0, Color32::WHITE)] {
            ui.painter()
                .vline(x, seen.y_range(), Stroke::new(width, color));
        }
        let handle = Rect::from_center_size(pos2(x, seen.center().y), vec2(14.0, seen.height()));
        let id = ui.make_persistent_id("swipe line");
        let response = ui.interact(handle, id, Sense::click_and_drag());
        response.widget_info(|| {
            let percent = f64::from(*share) * 100.0;
            egui::WidgetInfo::slider(true, percent, "Swipe line, percent of A")
        });
        if response.hovered() || response.dragged() {
            ui.set_cursor_icon(egui::CursorIcon::ResizeHorizontal);
        }
        if let Some(pointer) = response
            .interact_pointer_pos()
            .filter(|_| response.dragged())
        {
            *share = ((pointer.x - seen.left()) / seen.width().max(1.0)).clamp(0.0, 1.0);
        }
        under
    }
}

/// Draws the title; returns what is left below it.
fn head(ui: &Ui, whole: Rect, table: &Table, layer: Layer, notes: &[String]) -> Rect {
    let mut line = whole;
    if let Some(color) = table.color(layer) {
        let swatch = Rect::from_min_size(whole.min + vec2(1.0, 4.0), vec2(10.0, 10.0));
        ui.painter().rect_filled(swatch, 2.0, color);
        line.min.x += 15.0;
    }
    // What the names of all have in common need not be read in each of them.
    let show = match layer {
        Layer::Run(_, show) => show,
        _ => Show::Prediction,
    };
    let all: Vec<String> = match layer {
        Layer::Run(..) => (0..table.looks.len())
            .map(|at| table.name(Layer::Run(at, show)))
            .collect(),
        _ => vec![table.name(layer)],
    };
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let at = match layer {
        Layer::Run(at, _) => at,
        _ => 0,
    };
    captions::head(ui, line, &all, at, notes);
    let rect = Rect::from_min_max(pos2(whole.left(), whole.top() + TITLE), whole.max);
    ui.painter()
        .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
    rect
}

fn note(ui: &Ui, rect: Rect, text: &str) {
    let font = egui::FontId::proportional(13.0);
    let color = ui.visuals().weak_text_color();
    let wide = (rect.width() - 16.0).max(40.0);
    let galley = ui.painter().layout(text.to_owned(), font, color, wide);
    let at = rect.center() - galley.size() / 2.0;
    ui.painter().galley(at, galley, color);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::run::pictures::Plane;

    /// One frame of one run's prediction; what is said over it where it is drawn.
    fn frame(
        ctx: &Context,
        canvas: &mut Canvas,
        side: usize,
        step: u64,
        pending: bool,
    ) -> Option<String> {
        let plane = Arc::new(Plane {
            width: side,
            height: side,
            data: vec![0; side * side],
        });
        let ground = Ground {
            photo: None,
            truth: None,
            key: 1,
        };
        let looks = [Look {
            name: "run".to_owned(),
            notes: vec![format!("step {step}")],
            color: Color32::RED,
            key: step,
            labels: (!pending).then_some(plane),
            doubt: None,
            missing: String::new(),
            pending,
        }];
        let palette = Palette::default();
        let table = Table {
            ground: &ground,
            looks: &looks,
            palette: &palette,
            classes: 2,
            overlay: Overlay {
                opacity: 1.0,
                contours: false,
            },
        };
        let mut said = None;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            canvas.begin(ui.ctx());
            let layer = Layer::Run(0, Show::Prediction);
            let front = canvas.front(ui, 0, &table, layer);
            said = front.map(|front| front.notes.join(" "));
        });
        output.textures_delta.clear();
        said
    }

    #[test]
    fn a_large_picture_is_painted_beside_the_window_and_the_one_before_it_stays_till_then() {
        let ctx = Context::default();
        let mut canvas = Canvas::default();
        let said = |step: u64| Some(format!("step {step}"));
        assert_eq!(frame(&ctx, &mut canvas, 64, 1, false), said(1), "at once");
        // It is read, then painted; neither leaves the place empty.
        assert_eq!(frame(&ctx, &mut canvas, 513, 2, true), said(1));
        assert_eq!(frame(&ctx, &mut canvas, 513, 2, false), said(1));
        assert_eq!(canvas.painted(), 1);
        let start = Instant::now();
        while frame(&ctx, &mut canvas, 513, 2, false) != said(2) {
            assert!(start.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
        }
        // Back and forth paints nothing anew.
        assert_eq!(frame(&ctx, &mut canvas, 64, 1, false), said(1));
        assert_eq!(frame(&ctx, &mut canvas, 513, 2, false), said(2));
        assert_eq!(canvas.painted(), 2);
    }
}
