//! How far it is and how fast: a bar on a terminal, a line now and then elsewhere.

use std::time::Duration;

use batch::Progress;
use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::info;

use crate::cli::ShowArguments;
use crate::observe::terminal;

/// How often a line is written where there is no bar.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// How often the bar is drawn.
pub const REFRESH: Duration = Duration::from_millis(200);

/// Shows how far the job is.
#[derive(Debug)]
pub struct Meter {
    bar: ProgressBar,
    kind: Kind,
    start: Option<Start>,
}

#[derive(Debug)]
enum Kind {
    Bar,
    Lines { next_at: Duration, last: Progress },
    Nothing,
}

/// What an earlier run had done says nothing of the speed of this one.
#[derive(Debug, Clone, Copy)]
struct Start {
    at: Duration,
    ended: u64,
    bytes_in: u64,
}

impl Meter {
    /// A meter as these flags and the terminal want it.
    #[must_use]
    pub fn new(show: &ShowArguments) -> Self {
        let (bar, kind) = if terminal::wants_bar(show) {
            (ProgressBar::new(0).with_style(style()), Kind::Bar)
        } else if show.quiet || show.no_progress {
            (ProgressBar::hidden(), Kind::Nothing)
        } else {
            let kind = Kind::Lines { next_at: LINE_INTERVAL, last: Progress::default() };
            (ProgressBar::hidden(), kind)
        };
        Self { bar, kind, start: None }
    }

    /// The bar, for lines that have to pass above it.
    #[must_use]
    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Shows the state at `now`, the time since the start.
    pub fn show(&mut self, now: Duration, progress: &Progress) {
        let (ended, bytes_in) = (progress.ended(), progress.bytes_in);
        let start = *self.start.get_or_insert(Start { at: now, ended, bytes_in });
        match &mut self.kind {
            Kind::Bar => {
                self.bar.set_length(progress.total);
                self.bar.set_position(progress.ended());
                self.bar.set_message(line(progress, start, now));
            }
            Kind::Lines { next_at, last } if now >= *next_at && *last != *progress => {
                *next_at = now + LINE_INTERVAL;
                *last = *progress;
                let text = line(progress, start, now);
                info!("{} of {} images: {text}", progress.ended(), progress.total);
            }
            Kind::Lines { .. } | Kind::Nothing => {}
        }
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:20.cyan/blue} {pos}/{len} {wide_msg}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn line(progress: &Progress, start: Start, now: Duration) -> String {
    let Progress { done, failed, retrying, running, .. } = progress;
    let mut text = format!("{done} done, {failed} failed, {retrying} to retry, {running} running");
    if let Some(wait) = only_waits(progress, now) {
        let wait = humantime::format_duration(Duration::from_secs(wait.as_secs()));
        return format!("{text}, the next try in {wait}");
    }
    let seconds = now.saturating_sub(start.at).as_secs_f64();
    let ended = progress.ended().saturating_sub(start.ended);
    if seconds < 0.5 || ended == 0 {
        return text;
    }
    let images = rate(ended, seconds);
    let bytes = rate(progress.bytes_in.saturating_sub(start.bytes_in), seconds);
    text += &format!(", {images:.1} images/s, {}/s", size(bytes));
    if progress.list_ended && progress.ended() < progress.total {
        let left = rate(progress.total - progress.ended(), images);
        text += &format!(", {} left", whole_seconds(left));
    }
    text
}

/// How long nothing will happen, as what is left was tried and is not due again: speed says nothing
/// then.
fn only_waits(progress: &Progress, now: Duration) -> Option<Duration> {
    let is_idle = progress.running == 0 && progress.pending == 0;
    let wait = progress.next_retry?.saturating_sub(now);
    (is_idle && wait >= Duration::from_secs(1)).then_some(wait)
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn size(bytes: f64) -> ByteSize {
    ByteSize::b(bytes as u64)
}

fn whole_seconds(seconds: f64) -> humantime::FormattedDuration {
    let time = Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(Duration::MAX);
    humantime::format_duration(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            total: 40,
            done: 18,
            failed: 2,
            running: 4,
            pending: 15,
            retrying: 1,
            bytes_in: 3 << 20,
            list_ended: true,
            ..Progress::default()
        }
    }

    #[test]
    fn speed_and_the_time_left_count_from_this_run() {
        let start = Start { at: Duration::from_secs(1), ended: 10, bytes_in: 1 << 20 };
        assert_eq!(
            line(&progress(), start, Duration::from_secs(3)),
            "18 done, 2 failed, 1 to retry, 4 running, 5.0 images/s, 1.0 MiB/s, 4s left"
        );
    }

    #[test]
    fn who_waits_for_patience_is_told_how_long() {
        let next_retry = Some(Duration::from_secs(3_000));
        let waiting = Progress { running: 0, pending: 0, retrying: 20, next_retry, ..progress() };
        let start = Start { at: Duration::ZERO, ended: 0, bytes_in: 0 };
        let told = |waiting| line(waiting, start, Duration::from_secs(60));
        let text = "18 done, 2 failed, 20 to retry, 0 running, the next try in 49m";
        assert_eq!(told(&waiting), text);
        assert!(!told(&Progress { running: 1, ..waiting }).contains("next try"));
    }

    #[test]
    fn nothing_is_said_of_speed_before_there_is_any() {
        let start = Start { at: Duration::ZERO, ended: 20, bytes_in: 0 };
        let text = line(&progress(), start, Duration::from_secs(9));
        assert_eq!(text, "18 done, 2 failed, 1 to retry, 4 running");
    }
}
