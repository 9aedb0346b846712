//! `docs/limits.md` is made from the table of limits; a stale one fails here.
//!
//! `cargo xtask generate` writes it anew.

use std::fmt::Write as _;

use tagship::limits::LIMITS;

use crate::inputs_generated::is_fresh;

#[test]
fn the_page_of_limits_is_what_the_table_says() {
    let mut page = "\
<!-- Made from the table of limits: cargo xtask generate -->
# Limits

Nothing is waited for without end, and no answer is read without end. What a peer may take, and how much it may say:

| peer | what | at most |
|---|---|--:|
"
    .to_owned();
    for limit in LIMITS {
        writeln!(page, "| {} | {} | {} |", limit.peer, limit.what, limit.bound).unwrap();
    }
    page.push_str(
        "
A build may say nothing and move no byte for as long as `stall-timeout` says, an hour unless it is given; meanwhile the engine
is asked over the same connection whether it is there (HTTP/2 pings), and an engine that is not ends the run. `timeout` bounds
building and pushing together. An upload may take as long as it moves. A run that is interrupted (SIGINT,
SIGTERM) ends within 7 seconds, whatever it waits for, with all outputs written.

`AWS_RETRY_MODE` and `AWS_MAX_ATTEMPTS`, also of the profile, count within these bounds; `legacy` is read as `standard`.
",
    );
    is_fresh("docs/limits.md", &page);
}
