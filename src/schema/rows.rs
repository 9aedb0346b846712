//! The rows of the table.

mod build;
mod destination;
mod gate;
mod naming;
mod steps;

use super::Input;

/// All inputs, in the order of the help.
pub static INPUTS: &[Input] = &ALL;

const PARTS: [&[Input]; 5] = [
    destination::ROWS,
    build::ROWS,
    steps::ROWS,
    gate::ROWS,
    naming::ROWS,
];

const COUNT: usize = {
    let [first, second, third, fourth, fifth] = PARTS;
    first.len() + second.len() + third.len() + fourth.len() + fifth.len()
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
