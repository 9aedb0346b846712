use std::io::Write as _;

use tagship_domain::error::Kind;

/// Makes every panic end the process with exit code 70 and a message that asks for a report.
///
/// The panic's own text is left out, because it may hold a value that is secret. The process ends here: the release
/// build aborts after a panic, and an abort has an exit code that says nothing.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "an abort would follow, and no caller is left to return a code to"
)]
pub fn install_panic_message() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()))
            .unwrap_or_default();
        writeln!(
            std::io::stderr(),
            "error: Tagship {} stopped{place}: this is a bug\n\nhint: report it at {}/issues, with this line",
            crate::build_stamp::VERSION,
            env!("CARGO_PKG_REPOSITORY"),
        )
        .ok();
        std::process::exit(i32::from(Kind::Bug.exit_code()));
    }));
}
