//! Live lines in terminals of several widths.

use std::time::Instant;

use indicatif::{ProgressDrawTarget, TermLike};

use super::*;

/// A terminal that keeps what is drawn: a line of the record for each line, whatever is drawn over.
#[derive(Debug, Clone)]
struct Screen {
    width: u16,
    drawn: Arc<Mutex<String>>,
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.width
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        self.write_str("")
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        self.write_str("")
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        self.write_str("")
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    /// Gets each line in one piece, and what fills it up in another.
    fn write_str(&self, text: &str) -> io::Result<()> {
        *self.drawn.lock().unwrap() += &format!("{text}\n");
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn live_lines_fit_the_terminal() {
    for width in [40, 80, 120] {
        let screen = Screen {
            width,
            drawn: Arc::default(),
        };
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let renderer = terminal::Terminal::new(
            MultiProgress::with_draw_target(target),
            Arc::default(),
            Palette::PLAIN,
        );
        start(
            &renderer,
            1,
            &format!("[build 2/4] RUN {}", "make all ".repeat(40)),
        );
        renderer.event(RunEvent::Progress {
            what: "upload of 0123456789ab",
            current: 1_070_000_000,
            total: Some(1_073_000_000),
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        let drawn = loop {
            output(&renderer, 1, format!("{}\n", "compiling ".repeat(40)).as_bytes());
            let drawn = screen.drawn.lock().unwrap().clone();
            let is_wide = width == 40 || drawn.contains("compiling");
            if drawn.contains("RUN make all") && drawn.contains("/1023.29 MiB") && is_wide {
                break drawn;
            }
            assert!(Instant::now() < deadline, "{drawn}");
            std::thread::sleep(Duration::from_millis(20));
        };
        for line in drawn.lines() {
            assert!(
                line.trim_end().chars().count() <= usize::from(width),
                "{width}: {line}"
            );
        }
        renderer.finish();
    }
}
