//! COCO's run lengths: a list of counts, or the same in its compressed letters.
//!
//! Source: `rleFrString` of pycocotools' `maskApi.c`.

/// Counts of a compressed string: each number is a difference to the one before the last, in groups
/// of five bits, lowest first, 48 added to each.
///
/// # Errors
/// When a letter is out of range or a number never ends.
pub fn counts(text: &str) -> Result<Vec<u32>, String> {
    let mut counts: Vec<i64> = Vec::new();
    let mut letters = text.bytes();
    while let Some(mut letter) = letters.next() {
        let (mut value, mut shift) = (0_i64, 0);
        loop {
            let bits = i64::from(letter) - 48;
            if !(0..64).contains(&bits) || shift > 40 {
                return Err(format!(
                    "holds run lengths with `{}`",
                    char::from(letter).escape_default()
                ));
            }
            value |= (bits & 0x1F) << shift;
            shift += 5;
            if bits & 0x20 == 0 {
                if bits & 0x10 != 0 {
                    value |= -1 << shift;
                }
                break;
            }
            letter = letters
                .next()
                .ok_or_else(|| "holds run lengths that are cut off".to_owned())?;
        }
        if counts.len() > 2 {
            value += counts[counts.len() - 2];
        }
        counts.push(value);
    }
    let whole =
        |count: &i64| u32::try_from(*count).map_err(|_| format!("holds a run of {count} pixels"));
    counts.iter().map(whole).collect()
}

/// Calls `run(from, to)` for each run that is on.
pub(super) fn each_run(
    runs: &[u32],
    pixels: usize,
    mut run: impl FnMut(usize, usize),
) -> Result<(), String> {
    let mut at = 0_usize;
    for (index, &count) in runs.iter().enumerate() {
        let end = at + count as usize;
        if end > pixels {
            return Err(format!(
                "holds runs of {end} pixels, its picture has {pixels}"
            ));
        }
        if index % 2 == 1 {
            run(at, end);
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_counts_are_differences_in_groups_of_five_bits() {
        // 0..=15 are one letter from `0` on; larger ones set bit 5 and go on.
        assert_eq!(counts("05").unwrap(), [0, 5]);
        // 33 = 1 + 32: low five bits 1 with the flag (48 + 33 = Q), then 1.
        assert_eq!(counts("Q1").unwrap(), [33]);
        // From the fourth on, differences to the one before the last: 4 + 2.
        assert_eq!(counts("1432").unwrap(), [1, 4, 3, 6]);
        // A negative difference: -1 is 31 with the sign in its bit 4.
        assert_eq!(counts("143O").unwrap(), [1, 4, 3, 3]);
        assert!(counts("P").unwrap_err().contains("cut off"));
        assert!(counts(" ").is_err());
        assert!(counts("O").unwrap_err().contains("-1"));
    }
}
