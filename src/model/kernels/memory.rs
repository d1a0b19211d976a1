//! Memory of the kernels: outputs that are written once and never filled with zeros first, scratch
//! that each thread keeps between calls, and pointers that tasks share.
#![expect(
    unsafe_code,
    reason = "memory that is written before it is read, by several threads in separate places"
)]

use std::cell::RefCell;
use std::mem::MaybeUninit;

/// A buffer that tasks write each in its own place.
pub struct Output<T> {
    buffer: Vec<MaybeUninit<T>>,
}

impl<T: Copy> Output<T> {
    /// # Panics
    /// When the system refuses the memory: the trainer turns a panic into the run's message, where
    /// a failed allocation would end the process.
    pub fn new(len: usize) -> Self {
        let mut buffer: Vec<MaybeUninit<T>> = Vec::new();
        if buffer.try_reserve_exact(len).is_err() {
            let bytes = len.saturating_mul(size_of::<T>());
            panic!("out of memory: {bytes} bytes are not to be had");
        }
        // SAFETY: elements that may be uninitialised need no initialisation.
        unsafe { buffer.set_len(len) };
        Self { buffer }
    }

    pub fn pointer(&mut self) -> Shared<T> {
        Shared(self.buffer.as_mut_ptr().cast())
    }

    /// # Safety
    /// Every element has been written.
    pub unsafe fn finish(self) -> Vec<T> {
        let mut buffer = std::mem::ManuallyDrop::new(self.buffer);
        // SAFETY: same allocation, same layout; the caller promises that it is initialised.
        unsafe { Vec::from_raw_parts(buffer.as_mut_ptr().cast(), buffer.len(), buffer.capacity()) }
    }
}

/// A pointer that may go to other threads: what is written through it is up to the user.
#[derive(Debug)]
pub struct Shared<T>(*mut T);

impl<T> Shared<T> {
    /// A buffer that tasks change each in its own place.
    pub fn new(buffer: &mut [T]) -> Self {
        Self(buffer.as_mut_ptr())
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Shared<T> {}

// SAFETY: only a number until it is used, and each use is an `unsafe` block that says why no two
// threads touch the same element.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Where element `index` is.
    ///
    /// # Safety
    /// `index` is within the buffer, or one beyond.
    pub unsafe fn at(self, index: usize) -> *mut T {
        // SAFETY: as promised.
        unsafe { self.0.add(index) }
    }

    /// The same from element `index` on.
    ///
    /// # Safety
    /// As for [`Shared::at`].
    pub unsafe fn offset(self, index: usize) -> Self {
        // SAFETY: as promised.
        Self(unsafe { self.0.add(index) })
    }

    /// # Safety
    /// The range is within the buffer, is used by one thread at a time, and is written before it
    /// is read.
    pub unsafe fn slice<'a>(self, from: usize, len: usize) -> &'a mut [T] {
        // SAFETY: as promised.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(from), len) }
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers to a cache line.
const LINE: usize = 16;

/// Calls `work` with `len` numbers of any value that start at a cache line. What a thread once
/// used, it keeps.
pub fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < len + LINE {
        buffer = vec![0.0; len + LINE];
    }
    let skip = buffer
        .as_ptr()
        .align_offset(LINE * size_of::<f32>())
        .min(LINE);
    let result = work(&mut buffer[skip..skip + len]);
    SCRATCH.with_borrow_mut(|kept| kept.push(buffer));
    result
}
