//! `dicebench replay`: train a bundled run again, and say at which step it first comes out different.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{failed, no_dataset, print_json, usage};
use crate::data::{Dataset, Progress};
use crate::export::bundle::{Bundle, Measured};
use crate::run::store::Store;
use crate::run::{Outcome, RunEvent};
use crate::train::device;
use crate::train::handle::{Control, Job, TrainerEvent, TrainerHandle};

/// Train a bundled run again and compare every step. Exit code 0: the same to the last bit; 3: it
/// differs.
#[derive(Debug, Clone, clap::Args)]
pub struct Replay {
    /// A file that `dicebench runs export --format bundle` wrote.
    bundle: PathBuf,
    /// Folder of the dataset, where it lies elsewhere than when the run was recorded.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// `auto`, `cpu`, or a name that `dicebench devices` lists.
    #[arg(long)]
    device: Option<String>,
    /// Folder for the replayed run's folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

const DIFFERS: u8 = 3;

/// How far a replay came, and where it left the recorded path.
#[derive(Default)]
struct Replayed {
    /// Steps and validations that came out as recorded.
    same: usize,
    /// First step that differs, and how.
    first: Option<(u64, String)>,
    failed: Option<String>,
}

pub fn run(args: &Replay) -> ExitCode {
    let read = Bundle::read(&args.bundle).and_then(|bundle| Ok((bundle.config()?, bundle)));
    let (mut config, bundle) = match read {
        Ok(read) => read,
        Err(message) => return usage(&message),
    };
    if let Some(data) = &args.data {
        config.data.path.clone_from(data);
    }
    if let Some(asked) = &args.device {
        if let Err(message) = device::exists(asked) {
            return usage(&message);
        }
        config.train.device.clone_from(asked);
    }
    let dataset = match Dataset::open(&config.data, &Progress::default()) {
        Ok(dataset) => Arc::new(dataset),
        Err(error) => return no_dataset(&error),
    };
    let recorded = bundle.dataset();
    let other_data = recorded
        .as_ref()
        .filter(|then| **then != dataset.fingerprint);
    if let Some(then) = other_data {
        eprintln!(
            "warning: the data is not the same: its fingerprint was {then} and is {}",
            dataset.fingerprint
        );
    }
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    let job = Job {
        name: format!("{}, replayed", bundle.name),
        config,
        dataset: Arc::clone(&dataset),
        resume: None,
    };
    let expected = bundle.measured();
    let replayed = match replay(job, &expected, store) {
        Ok(replayed) => replayed,
        Err(message) => return failed(&message),
    };
    if let Some(message) = &replayed.failed {
        return failed(message);
    }
    let same = replayed.first.is_none();
    if args.json {
        print_json(&json!({
            "same": same, "compared": replayed.same, "recorded": expected.len(),
            "first_difference": replayed.first.as_ref()
                .map(|(step, what)| json!({ "step": step, "what": what })),
            "same_data": other_data.is_none(),
        }));
    } else {
        match &replayed.first {
            None => println!(
                "the same: all {} recorded steps and validations came out to the last bit",
                replayed.same
            ),
            Some((step, what)) => println!("differs first at step {step}: {what}"),
        }
    }
    if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERS)
    }
}

/// Trains until everything recorded was compared, or something differs.
fn replay(job: Job, expected: &[Measured], store: Store) -> Result<Replayed, String> {
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    trainer.start(vec![job], store)?;
    let mut found = Replayed::default();
    let mut stopping = false;
    loop {
        let event = match trainer.wait(Duration::from_millis(100)) {
            Some(TrainerEvent::Run { event, .. }) => event,
            Some(TrainerEvent::Idle) => break,
            _ => continue,
        };
        if let RunEvent::Finished {
            outcome: Outcome::Failed { message },
            ..
        } = &event
        {
            found.failed = Some(message.clone());
        }
        let open = found.first.is_none() && found.same < expected.len();
        if let (true, Some(now)) = (open, Measured::of(&event)) {
            match expected[found.same].difference(&now) {
                None => found.same += 1,
                Some(what) => found.first = Some((now.step, what)),
            }
        }
        if !stopping && (found.first.is_some() || found.same == expected.len()) {
            stopping = true;
            trainer.control(Control::Stop);
        }
    }
    if found.first.is_none() && found.same < expected.len() {
        let step = expected[found.same].step;
        found.first = Some((step, "the replay ended before it".to_owned()));
    }
    Ok(found)
}
