//! Presets of the user's own, beside those that come with the program.

use std::path::Path;

use super::{Answer, Jobs};
use crate::experiment::Preset;

impl Jobs {
    pub fn list_presets(&self) {
        let home = self.home.clone();
        self.spawn("list presets", move |answer| answer(presets(&home)));
    }

    pub fn save_preset(&self, preset: Preset) {
        let home = self.home.clone();
        self.spawn("save preset", move |answer| {
            let saved = preset.save(&home.join("presets"));
            answer(Answer::Done(saved.map(|path| {
                format!("preset “{}” saved as {}", preset.name, path.display())
            })));
            answer(presets(&home));
        });
    }

    pub fn delete_preset(&self, name: &str) {
        let (home, name) = (self.home.clone(), name.to_owned());
        self.spawn("delete preset", move |answer| {
            let deleted = Preset::delete(&home.join("presets"), &name);
            answer(Answer::Done(
                deleted.map(|()| format!("preset “{name}” deleted")),
            ));
            answer(presets(&home));
        });
    }
}

fn presets(home: &Path) -> Answer {
    let (own, problems) = Preset::list(&home.join("presets"));
    let mut presets = Preset::bundled();
    presets.extend(own);
    Answer::Presets { presets, problems }
}
