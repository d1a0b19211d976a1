//! Colours of 16 bits a channel as those of 8 that they are.

/// Takes samples one after the other: numbers below 256, or bytes that were stretched by repeating or
/// shifting them. Others are refused: rounding them would make colours that are not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrow {
    small: bool,
    repeated: bool,
    shifted: bool,
}

impl Default for Narrow {
    fn default() -> Self {
        Self {
            small: true,
            repeated: true,
            shifted: true,
        }
    }
}

impl Narrow {
    /// The byte of a sample. As long as a lower byte is what counts, one that is 0 means 0 in either
    /// half, so that what was given before the first shifted sample stays right.
    pub fn byte(&mut self, sample: u16) -> u8 {
        let [high, low] = sample.to_be_bytes();
        self.small &= high == 0;
        self.repeated &= high == low;
        self.shifted &= low == 0;
        if self.small || self.repeated {
            low
        } else {
            high
        }
    }

    /// # Errors
    /// When the samples were of no one kind.
    pub fn check(self) -> Result<(), String> {
        if self.small || self.repeated || self.shifted {
            return Ok(());
        }
        Err(
            "holds colours of 16 bits a channel, expected numbers below 256 or colours of 8 bits"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[u16]) -> Option<Vec<u8>> {
        let mut narrow = Narrow::default();
        let bytes = samples.iter().map(|v| narrow.byte(*v)).collect();
        narrow.check().ok().map(|()| bytes)
    }

    #[test]
    fn bytes_come_back_however_they_were_stretched_and_others_are_refused() {
        assert_eq!(of(&[0, 7, 255]), Some(vec![0, 7, 255]));
        assert_eq!(of(&[0, 0x0707, 0xFFFF]), Some(vec![0, 7, 255]));
        assert_eq!(of(&[0, 0x0700, 0xFF00]), Some(vec![0, 7, 255]));
        assert_eq!(of(&[0, 0x0708]), None);
        assert_eq!(of(&[7, 0x0700]), None);
        assert_eq!(of(&[0x0700, 7]), None);
        assert_eq!(of(&[0x0707, 0x0700]), None);
    }
}
