//! The rows of the table.

mod build;
mod deploy;
mod destination;
mod gate;
mod identity;
mod naming;
mod run;
mod steps;

use super::Input;

/// All inputs, in the order of the help.
pub static INPUTS: &[Input] = &ALL;

const PARTS: [&[Input]; 8] = [
    destination::ROWS,
    identity::ROWS,
    build::ROWS,
    steps::ROWS,
    gate::ROWS,
    naming::ROWS,
    deploy::ROWS,
    run::ROWS,
];

const COUNT: usize = {
    let (mut part, mut count) = (0, 0);
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
};

static ALL: [Input; COUNT] = {
    let mut all = [destination::ROWS[0]; COUNT];
    let (mut part, mut count) = (0, 0);
    while part < PARTS.len() {
        let mut row = 0;
        while row < PARTS[part].len() {
            all[count] = PARTS[part][row];
            (row, count) = (row + 1, count + 1);
        }
        part += 1;
    }
    all
};
