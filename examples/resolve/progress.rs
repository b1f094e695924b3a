//! How far the work is, on the terminal, for anything that takes over a second.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cdm_core::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How long the work may take before anything is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// The stage at work, by the name that the library gives it.
type Stage = Arc<Mutex<&'static str>>;

/// One bar that shows the stage at work; taken from the terminal when dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    stage: Stage,
}

impl Bar {
    /// A bar that appears by itself after a second, whether or not the work has reported by then.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::hidden());
        let stage = Stage::default();
        let shown = Arc::clone(&stage);
        // A key rather than a message, so that stage and position change in one frame.
        let write_stage = move |_: &ProgressState, to: &mut dyn fmt::Write| {
            // A frame without a name is no reason to fail.
            let _ = to.write_str(in_words(&lock(&shown)));
        };
        let template = "{spinner} {stage:24} [{bar:30}] {percent:>3} %  {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style = style.with_key("stage", write_stage);
            bar.set_style(style.progress_chars("=> ").tick_chars("|/-\\ "));
        }
        let waiting = bar.downgrade();
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            if let Some(bar) = waiting.upgrade().filter(|bar| !bar.is_finished()) {
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Self { bar, stage }
    }

    /// What moves the bar.
    pub(crate) fn watcher(&self) -> impl Fn(Progress) + Send + Sync + 'static {
        let (bar, current) = (self.bar.clone(), Arc::clone(&self.stage));
        move |Progress { stage, done, total }| {
            bar.update(|state| {
                *lock(&current) = stage;
                state.set_len(total.max(1));
                state.set_pos(done.min(total));
            });
        }
    }
}

fn lock(stage: &Stage) -> MutexGuard<'_, &'static str> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A stage as a person would call it.
fn in_words(stage: &str) -> &str {
    match stage {
        "" => "Starting",
        "read" => "Reading files",
        "normalize" => "Cleaning values",
        "keys" => "Making match keys",
        "infer blocking" | "block" => "Choosing which records to compare",
        "learn" | "fit" => "Learning from pairs",
        "rules" => "Applying rules",
        "match" => "Matching records",
        "cluster" => "Gathering entities",
        "write entities" => "Writing entities",
        "write golden records" => "Writing golden records",
        "write lineage" => "Writing lineage",
        "write links" => "Writing links",
        other => other,
    }
}
