//! The command `tagship`.

use std::process::ExitCode;

use tagship::{cli, inputs::Environment, ui};

fn main() -> ExitCode {
    ui::install_panic_message();
    // The one provider of cryptography; a second installation would be a bug of ours and changes nothing.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    cli::main(std::env::args_os(), Environment::of_process())
}
