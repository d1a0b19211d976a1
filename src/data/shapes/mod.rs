//! Masks that are drawn rather than stored: polygons, run lengths, circles, lines, small bitmaps.
//! Geometry in, ids out; where shapes come from (JSON) is not known here.

mod fill;
pub mod rle;

use std::io::Cursor;

use super::decode::MAX_PIXELS;
use super::mask::{Kind, RawMask, Values};

/// Shapes of one picture, in the order in which they are drawn: a later one covers an earlier one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drawing {
    pub width: usize,
    pub height: usize,
    pub shapes: Vec<Shape>,
}

/// One shape and the id that it paints.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub value: u32,
    pub form: Form,
}

/// Points are `[x, y]` in pixels; the centre of the first pixel is at (0.5, 0.5). They may lie outside
/// the picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// Rings, filled together by the even-odd rule per ring union: each ring adds to the shape.
    /// `outline` paints the pixels under the ring as well, as LabelMe does.
    Rings {
        rings: Vec<Vec<[f64; 2]>>,
        outline: bool,
    },
    /// Centre and radius.
    Circle { center: [f64; 2], radius: f64 },
    /// An open line, this many pixels wide.
    Line { points: Vec<[f64; 2]>, width: f64 },
    /// Run lengths down the columns, first off, then on (COCO), of a picture of the drawing's size.
    Runs(Vec<u32>),
    /// A PNG whose non-zero pixels paint, with its left upper corner.
    Bitmap { left: i64, top: i64, png: Vec<u8> },
}

impl Drawing {
    /// Pixels that a shape covers, to order shapes by size. Rings count by their area.
    #[must_use]
    pub fn area(form: &Form) -> f64 {
        match form {
            Form::Rings { rings, .. } => rings.iter().map(|ring| fill::area(ring)).sum(),
            Form::Circle { radius, .. } => std::f64::consts::PI * radius * radius,
            Form::Line { points, width } => {
                let pairs = points.windows(2);
                let length = |p: &[[f64; 2]]| (p[0][0] - p[1][0]).hypot(p[0][1] - p[1][1]);
                pairs.map(length).sum::<f64>() * width
            }
            Form::Runs(runs) => runs.iter().skip(1).step_by(2).map(|n| f64::from(*n)).sum(),
            Form::Bitmap { .. } => 0.0,
        }
    }

    /// Paints all shapes over 0.
    ///
    /// # Errors
    /// When the declared size is beyond the limit, or a shape can't be drawn.
    pub fn paint(&self) -> Result<RawMask, String> {
        let (width, height) = (self.width, self.height);
        let pixels = width.checked_mul(height).filter(|n| *n <= MAX_PIXELS);
        let Some(pixels) = pixels.filter(|n| *n > 0) else {
            return Err(format!(
                "declares {width} × {height}, expected 1 to {MAX_PIXELS} pixels"
            ));
        };
        let mut canvas = Canvas {
            width,
            height,
            values: vec![0; pixels],
        };
        for shape in &self.shapes {
            canvas.draw(shape)?;
        }
        Ok(RawMask {
            width,
            height,
            values: Values::Words(canvas.values),
            kind: Kind::Grey(8),
        })
    }
}

struct Canvas {
    width: usize,
    height: usize,
    values: Vec<u32>,
}

impl Canvas {
    fn draw(&mut self, shape: &Shape) -> Result<(), String> {
        let value = shape.value;
        match &shape.form {
            Form::Rings { rings, outline } => {
                for ring in rings {
                    fill::ring(ring, self.width, self.height, |y, from, to| {
                        self.values[y * self.width + from..y * self.width + to].fill(value);
                    });
                    if *outline {
                        let mut closed = ring.clone();
                        closed.extend(ring.first());
                        self.trace(&closed, value);
                    }
                }
            }
            Form::Circle { center, radius } => {
                let ring = fill::circle(*center, *radius);
                fill::ring(&ring, self.width, self.height, |y, from, to| {
                    self.values[y * self.width + from..y * self.width + to].fill(value);
                });
            }
            Form::Line { points, width } => {
                for ring in fill::stroke(points, *width) {
                    fill::ring(&ring, self.width, self.height, |y, from, to| {
                        self.values[y * self.width + from..y * self.width + to].fill(value);
                    });
                }
                self.trace(points, value);
            }
            Form::Runs(runs) => {
                let (width, height) = (self.width, self.height);
                rle::each_run(runs, width * height, |from, to| {
                    for at in from..to {
                        self.values[at % height * width + at / height] = value;
                    }
                })?;
            }
            Form::Bitmap { left, top, png } => self.stamp(*left, *top, png, value)?,
        }
        Ok(())
    }

    /// The pixels that a line passes through, one per step.
    fn trace(&mut self, points: &[[f64; 2]], value: u32) {
        let (width, height) = (self.width, self.height);
        if let [only] = points {
            fill::pixels([*only, *only], width, height, |x, y| {
                self.values[y * width + x] = value;
            });
        }
        for pair in points.windows(2) {
            fill::pixels([pair[0], pair[1]], width, height, |x, y| {
                self.values[y * width + x] = value;
            });
        }
    }

    fn stamp(&mut self, left: i64, top: i64, png: &[u8], value: u32) -> Result<(), String> {
        let mut reader = image::ImageReader::new(Cursor::new(png));
        reader.set_format(image::ImageFormat::Png);
        let mut limits = image::Limits::default();
        limits.max_alloc = Some(MAX_PIXELS as u64);
        reader.limits(limits);
        let stamp = reader
            .decode()
            .map_err(|e| format!("holds a mask that can't be read: {e}"))?
            .to_luma8();
        for (x, y, pixel) in stamp.enumerate_pixels() {
            let at = |start: i64, offset: u32, limit: usize| {
                let place = start.checked_add(i64::from(offset))?;
                usize::try_from(place).ok().filter(|p| *p < limit)
            };
            if pixel.0[0] > 0
                && let (Some(x), Some(y)) = (at(left, x, self.width), at(top, y, self.height))
            {
                self.values[y * self.width + x] = value;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(form: Form, width: usize, height: usize) -> Vec<u32> {
        let shapes = vec![Shape { value: 1, form }];
        let drawing = Drawing {
            width,
            height,
            shapes,
        };
        drawing.paint().unwrap().values.to_vec()
    }

    fn ring(points: &[[f64; 2]]) -> Form {
        Form::Rings {
            rings: vec![points.to_vec()],
            outline: false,
        }
    }

    #[test]
    fn a_ring_fills_the_pixels_whose_centres_it_holds() {
        let square = ring(&[[1.0, 0.0], [3.0, 0.0], [3.0, 2.0], [1.0, 2.0]]);
        assert_eq!(painted(square, 4, 3), [0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
        // Half outside: cut off, not wrapped.
        let outside = ring(&[[-5.0, -5.0], [1.0, -5.0], [1.0, 9.0], [-5.0, 9.0]]);
        assert_eq!(painted(outside, 2, 2), [1, 0, 1, 0]);
        let far = ring(&[[1e300, 0.0], [f64::INFINITY, 3.0], [0.0, f64::NAN]]);
        assert_eq!(painted(far, 2, 2), [0; 4]);
    }

    #[test]
    fn later_shapes_cover_earlier_ones() {
        let whole = ring(&[[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]);
        let left = ring(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]);
        let shapes = [(5, whole), (7, left)].map(|(value, form)| Shape { value, form });
        let drawing = Drawing {
            width: 2,
            height: 1,
            shapes: shapes.to_vec(),
        };
        assert_eq!(drawing.paint().unwrap().values.to_vec(), [7, 5]);
    }

    #[test]
    fn circles_lines_points_runs_and_bitmaps_are_drawn() {
        let circle = Form::Circle {
            center: [2.5, 2.5],
            radius: 1.2,
        };
        let cross = [
            0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(painted(circle, 5, 5), cross);
        let line = Form::Line {
            points: vec![[0.5, 0.5], [2.5, 2.5]],
            width: 1.0,
        };
        assert_eq!(painted(line, 3, 3), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
        // Two columns of three: off 1, on 2, off 2, on 1.
        assert_eq!(
            painted(Form::Runs(vec![1, 2, 2, 1]), 2, 3),
            [0, 0, 1, 0, 1, 1]
        );
        let mut png = Vec::new();
        let stamp = image::GrayImage::from_fn(2, 1, |x, _| image::Luma([x as u8]));
        stamp
            .write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png)
            .unwrap();
        let stamped = Form::Bitmap {
            left: -1,
            top: 1,
            png,
        };
        assert_eq!(painted(stamped, 2, 2), [0, 0, 1, 0]);
    }

    #[test]
    fn sizes_beyond_the_limit_are_refused() {
        let drawing = Drawing {
            width: usize::MAX,
            height: 2,
            shapes: Vec::new(),
        };
        assert!(drawing.paint().unwrap_err().contains("declares"));
        let short = Form::Runs(vec![0, 9]);
        let shapes = vec![Shape {
            value: 1,
            form: short,
        }];
        let drawing = Drawing {
            width: 2,
            height: 2,
            shapes,
        };
        assert!(drawing.paint().unwrap_err().contains("9"));
    }
}
