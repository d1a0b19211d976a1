//! A run as a TensorBoard event file: scalars only, written by hand so that no protobuf is needed.
//!
//! The format is a list of TFRecords (length, masked CRC-32C, bytes, masked CRC-32C), each an `Event`
//! message of `tensorboard/compat/proto/event.proto`.

use std::path::{Path, PathBuf};

use crate::files;
use crate::run::Run;

/// Writes the run's event file into `folder`, which TensorBoard shows as one run.
///
/// # Errors
/// Naming the file that can't be written.
pub fn write(run: &Run, folder: &Path) -> Result<PathBuf, String> {
    // TensorBoard takes for an event file what has `tfevents` in its name.
    let path = folder.join(format!("events.out.tfevents.{}.dicebench", run.unix_secs));
    files::write_atomically(&path, &encode(run))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// The bytes of the event file.
#[must_use]
pub fn encode(run: &Run) -> Vec<u8> {
    let start = run.unix_secs as f64;
    let mut file = Vec::new();
    let mut version = Vec::new();
    double(&mut version, 1, start);
    bytes(&mut version, 3, b"brain.Event:2");
    record(&mut file, &version);
    for point in &run.steps {
        let values = [
            ("train/loss".to_owned(), point.loss),
            ("train/learning_rate".to_owned(), point.learning_rate),
            ("train/grad_norm".to_owned(), point.grad_norm),
        ];
        record(&mut file, &event(start + point.secs, point.step, &values));
    }
    for validation in &run.validations {
        let mut values = vec![("validation/loss".to_owned(), validation.loss)];
        if let Some(dice) = validation.mean_dice {
            values.push(("validation/mean_dice".to_owned(), dice));
        }
        for (class, dice) in run.classes.iter().zip(&validation.dice) {
            if let Some(dice) = dice {
                values.push((format!("validation/dice/{class}"), *dice));
            }
        }
        record(
            &mut file,
            &event(start + validation.secs, validation.step, &values),
        );
    }
    file
}

/// `Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }`.
fn event(wall: f64, step: u64, values: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut one = Vec::new();
        bytes(&mut one, 1, tag.as_bytes());
        one.push(2 << 3 | 5);
        one.extend((*value as f32).to_le_bytes());
        bytes(&mut summary, 1, &one);
    }
    let mut event = Vec::new();
    double(&mut event, 1, wall);
    event.push(2 << 3);
    varint(&mut event, step);
    bytes(&mut event, 5, &summary);
    event
}

fn double(to: &mut Vec<u8>, field: u8, value: f64) {
    to.push(field << 3 | 1);
    to.extend(value.to_le_bytes());
}

fn bytes(to: &mut Vec<u8>, field: u8, value: &[u8]) {
    to.push(field << 3 | 2);
    varint(to, value.len() as u64);
    to.extend(value);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn record(to: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    to.extend(length);
    to.extend(masked(&length).to_le_bytes());
    to.extend(data);
    to.extend(masked(data).to_le_bytes());
}

/// TFRecord's mask: a checksum of data that holds checksums is weak otherwise.
fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's polynomial, bit by bit: event files are small.
fn crc32c(data: &[u8]) -> u32 {
    let byte = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let low = crc & 1;
            (crc >> 1) ^ (0x82f6_3b78 * low)
        })
    };
    !data.iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_has_the_check_value_of_its_definition() {
        // RFC 3720, B.4, and the catalogue's check value of "123456789".
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn numbers_are_written_as_protobuf_does() {
        let mut found = Vec::new();
        varint(&mut found, 300);
        assert_eq!(found, [0xac, 0x02]);
    }
}
