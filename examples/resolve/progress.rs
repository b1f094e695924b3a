//! How far the work is, on the terminal, for anything that takes over a second.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use cdm_core::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// How long a stage may take before it is shown.
const PATIENCE: Duration = Duration::from_secs(1);

struct Stage {
    name: &'static str,
    started: Instant,
    bar: Option<ProgressBar>,
}

/// A watcher that shows a bar for each stage that takes over a second.
pub(crate) fn watcher() -> impl Fn(Progress) + Send + Sync + 'static {
    let stage: Mutex<Option<Stage>> = Mutex::new(None);
    move |Progress { stage: name, done, total }| {
        let Ok(mut current) = stage.lock() else { return };
        if current.as_ref().is_none_or(|stage| stage.name != name) {
            if let Some(bar) = current.take().and_then(|stage| stage.bar) {
                bar.finish_and_clear();
            }
            *current = Some(Stage { name, started: Instant::now(), bar: None });
        }
        let Some(stage) = current.as_mut() else { return };
        if stage.bar.is_none() && stage.started.elapsed() > PATIENCE && done < total {
            let bar = ProgressBar::new(total);
            let style = ProgressStyle::with_template("{msg:>22} [{bar:40}] {percent:>3} %");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(name);
            stage.bar = Some(bar);
        }
        match &stage.bar {
            Some(bar) if done >= total => bar.finish_and_clear(),
            Some(bar) => bar.set_position(done),
            None => {}
        }
    }
}
