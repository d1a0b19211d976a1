//! Numbers on their way from a device.
//!
//! Reading a tensor waits for everything that computes it, and while the host waits it gives a GPU
//! nothing more to do. So a step's numbers are asked for at once, which copies them as soon as they
//! are there, and waited for only after the next step's images and kernels are on their way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::{ExecutionError, TensorData, Transaction};

use super::device::traffic;

type Answer = Result<Vec<TensorData>, ExecutionError>;

/// A transaction that the device has been asked for.
pub struct Reading {
    state: State,
}

enum State {
    Here(Answer),
    OnTheWay(Pin<Box<dyn Future<Output = Answer>>>),
}

impl Reading {
    /// Asks the device, and does not wait for its answer.
    #[must_use]
    pub fn start(transaction: Transaction) -> Self {
        traffic::read_back();
        let mut answer: Pin<Box<dyn Future<Output = Answer>>> =
            Box::pin(transaction.execute_async());
        // The first poll asks. It tells nobody when there is more: whoever waits polls anew.
        let state = match answer
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(answer) => State::Here(answer),
            Poll::Pending => State::OnTheWay(answer),
        };
        Self { state }
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// What went wrong on the device since it was last waited for.
    pub fn wait(self) -> Answer {
        match self.state {
            State::Here(answer) => answer,
            State::OnTheWay(answer) => pollster::block_on(answer),
        }
    }
}
