//! The numbers of a mask, no wider than its file has them.

/// One number per pixel, row by row. Most masks hold bytes; a large one in 32 bits would take four times
/// the memory.
#[derive(Debug, Clone)]
pub enum Values {
    Bytes(Vec<u8>),
    Words(Vec<u32>),
}

impl Values {
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Words(words) => words.len(),
        }
    }

    /// Memory that they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Words(words) => size_of_val(words.as_slice()),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub fn get(&self, at: usize) -> Option<u32> {
        match self {
            Self::Bytes(bytes) => bytes.get(at).map(|byte| u32::from(*byte)),
            Self::Words(words) => words.get(at).copied(),
        }
    }

    #[must_use]
    pub fn to_vec(&self) -> Vec<u32> {
        self.iter().collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).map_while(|at| self.get(at))
    }
}

/// By number, however wide they are kept.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}
