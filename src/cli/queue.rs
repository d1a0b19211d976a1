//! `dicebench queue`: races that wait for their turn, and are still there after a restart.

use std::process::ExitCode;

use super::race::Told;
use super::{failed, no_dataset, print_json, race, usage};
use crate::data::Opened;
use crate::experiment::plan::Lane;
use crate::run::queue::{self, Change, Waiting};
use crate::run::store::{Store, home};

/// Races that wait; the window has the same queue.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Put a race behind those that wait; described as for `dicebench race`.
    Add(Box<race::Race>),
    /// What waits, first in front.
    List {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Train what waits, to the end or until Ctrl+C; what is not done stays, and goes on next time
    /// where its last saved state is.
    Run {
        /// Print one JSON object per event, with `lane` and `name`.
        #[arg(long)]
        json: bool,
    },
    /// Take a race out, by its number.
    Rm {
        id: u64,
        /// Print what waits afterwards as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Take all out.
    Clear {
        /// Print what waits afterwards as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

pub fn run(command: &Command) -> ExitCode {
    match command {
        Command::Add(args) => {
            let plan = match race::plan(args) {
                Ok(plan) => plan,
                Err(message) => return usage(&message),
            };
            // What can't begin must not wait: the queue would stop at it when nobody is looking.
            if let Err(error) = race::open(&plan, &mut Opened::default()) {
                return no_dataset(&error);
            }
            race::warn(&plan);
            tell(Change::Add(plan.races()), args.json)
        }
        Command::List { json } => tell(Change::Look, *json),
        Command::Run { json } => train(*json),
        Command::Rm { id, json } => {
            let known = queue::update(&home(), Change::Look);
            if known.is_ok_and(|queue| queue.races.iter().all(|race| race.id != *id)) {
                return usage(&format!(
                    "no race {id} waits: `dicebench queue list` shows those that do"
                ));
            }
            tell(Change::Remove(*id), *json)
        }
        Command::Clear { json } => tell(Change::Clear, *json),
    }
}

/// Makes a change and prints what waits after it.
fn tell(change: Change, json: bool) -> ExitCode {
    match queue::update(&home(), change) {
        Err(message) => failed(&message),
        Ok(queue) if json => print_json(&queue),
        Ok(queue) => {
            if queue.races.is_empty() {
                println!("nothing waits; `dicebench queue add` takes what `dicebench race` does");
            }
            for race @ Waiting { id, lanes, .. } in &queue.races {
                let name = |(lane, run): (&Lane, Option<String>)| match run {
                    Some(_) => format!("{} (begun)", lane.name),
                    None => lane.name.clone(),
                };
                let names: Vec<String> = lanes.iter().zip(race.runs()).map(name).collect();
                println!("{id:>4}  {} lanes: {}", lanes.len(), names.join("; "));
            }
            ExitCode::SUCCESS
        }
    }
}

fn train(json: bool) -> ExitCode {
    let home = home();
    let _right = match queue::Runner::claim(&home) {
        Ok(right) => right,
        Err(message) => return failed(&message),
    };
    let mut runner = race::Runner::new(Store::new(Store::default_root()), json);
    loop {
        // Read each time: others may add and take out while this trains.
        let queue = match queue::update(&home, Change::Look) {
            Ok(queue) => queue,
            Err(message) => return failed(&message),
        };
        let Some(waiting) = queue.races.into_iter().next() else {
            break;
        };
        let id = waiting.id;
        let mut lost = None;
        let result = runner.race(&waiting.lanes, waiting.runs(), |told| {
            let change = match told {
                Told::Begun { lane, run } => Change::LaneBegun(id, lane.to_owned(), run.to_owned()),
                Told::Done { lane } => Change::LaneDone(id, lane.to_owned()),
            };
            lost = queue::update(&home, change).err().or(lost.take());
        });
        if let Some(message) = result.err().or(lost) {
            return failed(&format!("race {id} of the queue: {message}"));
        }
        if runner.is_stopped() {
            break;
        }
    }
    runner.sum_up()
}
