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

fn terminal(width: u16) -> (terminal::Terminal, Screen) {
    let screen = Screen {
        width,
        drawn: Arc::default(),
    };
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let screens = MultiProgress::with_draw_target(target);
    let renderer = terminal::Terminal::new(screens, Arc::default(), Palette::PLAIN);
    (renderer, screen)
}

#[test]
fn live_lines_fit_the_terminal() {
    for width in [40, 80, 120] {
        let (renderer, screen) = terminal(width);
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
            if drawn.contains("RUN make all") && drawn.contains("/1023 MiB") && is_wide {
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

#[test]
fn a_transfer_shows_bytes_rate_and_the_time_that_is_left() {
    let (renderer, screen) = terminal(100);
    let (begin, mut current) = (Instant::now(), 0);
    // A megabyte each twentieth of a second or later, of five hundred.
    let line = loop {
        current += 1024 * 1024;
        renderer.event(RunEvent::Progress {
            what: "upload of 0123456789ab",
            current,
            total: Some(500 * 1024 * 1024),
        });
        std::thread::sleep(Duration::from_millis(50));
        let drawn = screen.drawn.lock().unwrap().clone();
        let line = drawn.lines().rev().find(|line| line.contains("s left"));
        if let Some(line) = line.filter(|_| begin.elapsed() > Duration::from_secs(1)) {
            break line.to_owned();
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{drawn}");
    };
    assert!(line.contains("upload of 0123456789ab"), "{line}");
    assert!(line.contains("/500 MiB") && line.contains("MiB/s"), "{line}");
    // Twenty megabytes a second at most, so that it is not done before 22 s have passed.
    let (_, left) = line.trim_end().rsplit_once("MiB/s ").unwrap();
    let mut seconds = 0;
    for part in left.strip_suffix(" left").unwrap().split(' ') {
        let (number, factor) = match (part.strip_suffix('m'), part.strip_suffix('s')) {
            (Some(minutes), _) => (minutes, 60),
            (_, Some(seconds)) => (seconds, 1),
            _ => (part.strip_suffix('h').unwrap(), 3600),
        };
        seconds += number.parse::<u64>().unwrap() * factor;
    }
    assert!(seconds >= 15, "{line}");
    renderer.finish();
}
