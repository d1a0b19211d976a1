//! What is read from recorded runs, and what is changed in them.

use std::path::PathBuf;

use rayon::prelude::*;

use super::{Answer, Jobs};
use crate::doctor::formula::of_run;
use crate::export::parcel::Parcel;
use crate::lab::{reading, verdicts};
use crate::run::Run;
use crate::run::label::Label;
use crate::run::outlines::Outlines;
use crate::run::pictures::Album;
use crate::run::store::{Store, StoreError};

impl Jobs {
    /// Runs with their curves, each answered as soon as it is there.
    pub fn read_runs(&self, store: &Store, ids: Vec<String>) {
        let store = store.clone();
        self.spawn("read runs", move |answer| {
            // Whole groups at a time: plots are drawn anew as rarely as can be.
            for ids in ids.chunks(16) {
                let load = |id: &String| {
                    let result = store.load(id).map(Box::new).map_err(|e| e.to_string());
                    let id = id.clone();
                    Answer::Curves { id, result }
                };
                let read: Vec<Answer> = reading::apart(|| ids.par_iter().map(load).collect());
                read.into_iter().for_each(answer);
            }
        });
    }

    pub fn judge(&self, key: Vec<(String, usize)>, runs: Vec<Run>) {
        self.spawn("compare runs", move |answer| {
            let sentences = verdicts::judge(&runs);
            answer(Answer::Judged { key, sentences });
        });
    }

    /// Takes a run's loss apart on the pictures that it kept last.
    pub fn formula(&self, store: &Store, key: (String, usize), run: Run) {
        let folder = store.dir(&key.0);
        self.spawn("formula of a run", move |answer| {
            let result = crate::train::lane::guarded(|| of_run(&run, &Album::open(&folder)));
            answer(Answer::Formula { key, result });
        });
    }

    /// Measures the pictures that a run kept at a step.
    pub fn outlines(&self, store: &Store, key: (String, u64), classes: usize) {
        let folder = store.dir(&key.0);
        self.spawn("measure outlines", move |answer| {
            let result = Outlines::of(&Album::open(&folder), key.1, classes);
            answer(Answer::Outlined { key, result });
        });
    }

    pub fn label_run(&self, store: &Store, id: &str, label: Label) {
        let (store, id) = (store.clone(), id.to_owned());
        self.spawn("label run", move |answer| {
            if let Err(error) = store.label(&id, &label) {
                answer(Answer::Done(Err(error.to_string())));
            }
        });
    }

    pub fn rename_run(&self, store: &Store, id: &str, name: &str) {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.change_runs(store, move |store| store.rename(&id, &name));
    }

    pub fn delete_run(&self, store: &Store, id: &str) {
        let id = id.to_owned();
        self.change_runs(store, move |store| store.delete(&id));
    }

    pub fn restore_run(&self, store: &Store, id: &str) {
        let id = id.to_owned();
        self.change_runs(store, move |store| store.restore(&id));
    }

    /// What is wished for of these runs, into `to` or else a new folder of the home.
    pub fn take_home(&self, store: &Store, mut wish: Parcel, to: Option<PathBuf>) {
        let store = store.clone();
        let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let to = to.unwrap_or_else(|| self.home.join("exports").join(stamp));
        self.spawn("take home", move |answer| {
            let read = wish.subjects.iter_mut().try_for_each(|subject| {
                if subject.run.is_brief() {
                    subject.run = store.load(&subject.run.id).map_err(|e| e.to_string())?;
                }
                Ok(())
            });
            let done = read.and_then(|()| wish.write(&to));
            answer(Answer::Done(
                done.map(|path| format!("taken home: {}", path.display())),
            ));
        });
    }

    fn change_runs(
        &self,
        store: &Store,
        change: impl FnOnce(&Store) -> Result<(), StoreError> + Send + 'static,
    ) {
        let store = store.clone();
        self.spawn("change runs", move |answer| {
            let changed = change(&store).map_err(|error| error.to_string());
            answer(Answer::RunsChanged(changed));
        });
    }
}
