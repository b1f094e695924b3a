//! How far the work is, on the terminal, for anything that takes over a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cdm_core::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long the work may take before anything is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// One bar that shows the stage at work; taken from the terminal when dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar that appears by itself after a second, whether or not the work has reported by then.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template = "{spinner} {msg:<24} [{bar:30}] {percent:>3} %  {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> ").tick_chars("|/-\\ "));
        }
        bar.set_message("Starting");
        let waiting = bar.downgrade();
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            if let Some(bar) = waiting.upgrade().filter(|bar| !bar.is_finished()) {
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Self(bar)
    }

    /// What moves the bar.
    pub(crate) fn watcher(&self) -> impl Fn(Progress) + Send + Sync + 'static {
        let bar = self.0.clone();
        let shown: Arc<Mutex<&'static str>> = Arc::default();
        move |Progress { stage, done, total }| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            if *shown != stage {
                *shown = stage;
                bar.set_message(in_words(stage));
            }
            bar.update(|state| {
                state.set_len(total.max(1));
                state.set_pos(done.min(total));
            });
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A stage as a person would call it.
fn in_words(stage: &'static str) -> &'static str {
    match stage {
        "read" => "Reading files",
        "normalize" => "Cleaning values",
        "keys" => "Making match keys",
        "match" => "Matching records",
        "write entities" => "Writing entities",
        "write golden records" => "Writing golden records",
        "write lineage" => "Writing lineage",
        "write links" => "Writing links",
        other => other,
    }
}
