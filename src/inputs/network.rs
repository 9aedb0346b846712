//! What the environment says of the network.

use super::Environment;
use super::problem::{Origin, Problem};
use crate::network::{Network, NetworkError, Place, VARIABLES};

/// Reads by which proxy servers are reached, and whose certificates count.
pub fn network(environment: &Environment) -> Result<Network, NetworkError> {
    let unreadable = VARIABLES.into_iter().find(|name| environment.is_not_utf8(name));
    if let Some(name) = unreadable {
        return Err(NetworkError::Setting {
            place: Place::Variable(name),
            problem: "is not UTF-8 text".to_owned(),
            hint: "set it anew",
        });
    }
    Network::read(&|name| environment.get(name))
}

/// What keeps the run from the network, before anything is asked there.
pub(super) fn problem(environment: &Environment) -> Option<Problem> {
    match network(environment).err()? {
        NetworkError::Setting { place, problem, hint } => Some(Problem {
            origin: match place {
                Place::Variable(name) => Origin::Variable(name.to_owned()),
                Place::Line { path, line } => Origin::File {
                    path,
                    line,
                    column: 1,
                },
            },
            message: problem,
            hint: Some(hint.to_owned()),
        }),
        NetworkError::Client(_) => None,
    }
}
