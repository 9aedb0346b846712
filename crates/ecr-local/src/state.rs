//! What the emulator keeps, in memory and on disk: the lowest floor.

pub(crate) mod clock;
pub(crate) mod data_folder;
mod emulator;
pub(crate) mod faults;
pub(crate) mod iam;
pub(crate) mod journal;
pub(crate) mod private_files;
pub(crate) mod quirks;
pub(crate) mod scan_orders;
pub(crate) mod store;
pub(crate) mod throttle;
pub(crate) mod uploads;

pub(crate) use emulator::EmulatorState;
