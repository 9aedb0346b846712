//! The command `tagship`.

use std::process::ExitCode;

use tagship::{cli, inputs::Environment};

fn main() -> ExitCode {
    cli::install_panic_handler();
    // The one provider of cryptography; a second installation would be a bug of ours and changes nothing.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    cli::main(std::env::args_os(), Environment::of_process())
}
