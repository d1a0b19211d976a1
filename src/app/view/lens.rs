//! Zoom and pan of a picture in a pane: arithmetic on rectangles.

use egui::{Pos2, Rect, Vec2, vec2};

/// Largest zoom.
const MOST: f32 = 64.0;

/// Zoom and place, the same in all panes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    /// 1 shows the whole picture.
    pub zoom: f32,
    /// The point of the picture in the middle of a pane, in 0..1.
    pub center: Vec2,
}

impl Default for Lens {
    fn default() -> Self {
        Self {
            zoom: 1.0,
            center: vec2(0.5, 0.5),
        }
    }
}

impl Lens {
    /// Where a picture of `size` pixels is drawn, so that its visible part fills `pane`.
    #[must_use]
    pub fn place(&self, pane: Rect, size: [usize; 2]) -> Rect {
        let size = vec2(size[0].max(1) as f32, size[1].max(1) as f32);
        let fit = (pane.width() / size.x)
            .min(pane.height() / size.y)
            .max(1e-3);
        let size = size * fit * self.zoom;
        Rect::from_min_size(pane.center() - size * self.center, size)
    }

    /// Turns the wheel by `factor` over `pointer`: what is under it stays there.
    pub fn zoom_at(&mut self, factor: f32, pointer: Pos2, pane: Rect, size: [usize; 2]) {
        let before = self.place(pane, size);
        let under = (pointer - before.min) / before.size();
        self.zoom = (self.zoom * factor).clamp(1.0, MOST);
        let after = self.place(pane, size).size();
        self.center = under - (pointer - pane.center()) / after;
        self.settle(pane, size);
    }

    pub fn pan(&mut self, by: Vec2, pane: Rect, size: [usize; 2]) {
        self.center -= by / self.place(pane, size).size();
        self.settle(pane, size);
    }

    /// Closer or further away, about the middle.
    pub fn zoom_by(&mut self, factor: f32) {
        self.zoom = (self.zoom * factor).clamp(1.0, MOST);
    }

    /// Moves what is seen by a `share` of it.
    pub fn move_by(&mut self, share: Vec2) {
        self.center += share / self.zoom;
    }

    /// Keeps the picture in the pane.
    pub fn settle(&mut self, pane: Rect, size: [usize; 2]) {
        let drawn = self.place(pane, size).size();
        for axis in 0..2 {
            let half = (pane.size()[axis] / drawn[axis] / 2.0).min(0.5);
            self.center[axis] = self.center[axis].clamp(half, 1.0 - half);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    const PANE: Rect = Rect {
        min: Pos2::new(10.0, 20.0),
        max: Pos2::new(210.0, 120.0),
    };

    #[test]
    fn the_whole_picture_fits_and_what_is_under_the_wheel_stays() {
        let mut lens = Lens::default();
        let placed = lens.place(PANE, [50, 50]);
        assert_eq!(
            (placed.size(), placed.center()),
            (vec2(100.0, 100.0), PANE.center())
        );
        let pointer = pos2(120.0, 80.0);
        let under = |lens: &Lens| {
            let placed = lens.place(PANE, [50, 50]);
            (pointer - placed.min) / placed.size()
        };
        let before = under(&lens);
        lens.zoom_at(4.0, pointer, PANE, [50, 50]);
        assert!((under(&lens) - before).length() < 1e-4);
        // However far it is pulled, the picture fills the pane.
        lens.pan(vec2(1e5, -1e5), PANE, [50, 50]);
        assert!(lens.place(PANE, [50, 50]).contains_rect(PANE));
        lens.zoom_at(1e-3, pointer, PANE, [50, 50]);
        assert_eq!(lens, Lens::default());
    }
}
