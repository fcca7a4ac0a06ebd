//! One object: which versions of it there are, as far as the rows tell, and what state that is.

use super::Action;

/// What is shown of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It is not there: not yet, or no longer.
    #[default]
    Absent,
    /// It can be read.
    Present,
    /// Its data is there, under a delete marker.
    Marked,
    /// Its data is gone: a delete marker is left of it, or in a bucket without versions lifecycle has
    /// removed it.
    Expired,
}

impl State {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Absent, Self::Present, Self::Marked, Self::Expired];

    /// The state of two bits.
    pub(super) fn of_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Absent,
            1 => Self::Present,
            2 => Self::Marked,
            _ => Self::Expired,
        }
    }
}

/// An object as the rows so far tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    state: State,
    /// Versions with data. Of those from before the first row one is known at most.
    versions: u64,
}

impl Life {
    /// What an object was before its first row. What is deleted, marked or moved was there. What lifecycle
    /// expires in a versioned bucket had a marker: that is how it goes unless versions are overwritten.
    pub fn before(first: Action, versioned: bool) -> Self {
        let state = match first {
            Action::Held | Action::HeldMarked | Action::Create => State::Absent,
            Action::Expire if versioned => State::Marked,
            _ => State::Present,
        };
        let versions = u64::from(state != State::Absent);
        Self { state, versions }
    }

    /// What is shown of it.
    pub fn state(self) -> State {
        self.state
    }

    /// Takes one row.
    pub fn take(&mut self, action: Action, versioned: bool) {
        match action {
            Action::Held => self.add(true),
            Action::HeldMarked => self.mark(),
            Action::Create => self.add(versioned),
            Action::Move => {}
            Action::Mark => {
                // Lifecycle marks what is there, whatever the rows have told.
                self.versions = self.versions.max(1);
                self.mark();
            }
            Action::Delete if versioned => self.mark(),
            Action::DeleteVersion if versioned => self.remove(),
            Action::Delete | Action::DeleteVersion => *self = Self::default(),
            // The current version is never expired: it gets a marker first.
            Action::Expire if versioned && self.state == State::Present => {
                self.versions = self.versions.saturating_sub(1).max(1);
            }
            Action::Expire if versioned => self.remove(),
            Action::Expire => {
                self.state = State::Expired;
                self.versions = 0;
            }
        }
    }

    fn add(&mut self, versioned: bool) {
        self.versions = if versioned { self.versions + 1 } else { 1 };
        self.state = State::Present;
    }

    fn mark(&mut self) {
        self.state = if self.versions > 0 {
            State::Marked
        } else {
            State::Expired
        };
    }

    /// Removes a version with data, or the marker if there is none.
    fn remove(&mut self) {
        if self.versions == 0 {
            self.state = State::Absent;
            return;
        }
        self.versions -= 1;
        if self.versions == 0 {
            self.state = if self.state == State::Marked {
                State::Expired
            } else {
                State::Absent
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Create, Delete, DeleteVersion, Expire, Held, HeldMarked, Mark, Move};
    use State::{Absent, Expired, Marked, Present};

    /// The state before the first row and after each.
    fn states(versioned: bool, actions: &[Action]) -> Vec<State> {
        let mut life = Life::before(actions[0], versioned);
        let mut states = vec![life.state()];
        for action in actions {
            life.take(*action, versioned);
            states.push(life.state());
        }
        states
    }

    #[test]
    fn a_versioned_bucket() {
        for (actions, expected) in [
            // Lifecycle from the beginning to the end.
            (
                vec![Create, Move, Mark, Expire, Expire],
                vec![Absent, Present, Present, Marked, Expired, Absent],
            ),
            // Overwritten: old versions expire under the current one and under the marker.
            (
                vec![Create, Create, Expire, Mark, Expire, Expire],
                vec![Absent, Present, Present, Present, Marked, Expired, Absent],
            ),
            (
                vec![Create, Create, Mark, Expire, Expire, Expire],
                vec![Absent, Present, Present, Marked, Marked, Expired, Absent],
            ),
            // Its old version is from before the log.
            (vec![Create, Expire], vec![Absent, Present, Present]),
            // A delete is a marker; a new version lies on top of it.
            (
                vec![Create, Delete, Create],
                vec![Absent, Present, Marked, Present],
            ),
            // Emptied version by version, with and without a marker.
            (
                vec![Create, DeleteVersion, DeleteVersion],
                vec![Absent, Present, Absent, Absent],
            ),
            (
                vec![Create, Delete, DeleteVersion, DeleteVersion],
                vec![Absent, Present, Marked, Expired, Absent],
            ),
            // A marker over nothing.
            (
                vec![Create, DeleteVersion, Delete],
                vec![Absent, Present, Absent, Expired],
            ),
            // Known by what becomes of it only.
            (vec![Mark], vec![Present, Marked]),
            (vec![Move], vec![Present, Present]),
            (vec![Delete], vec![Present, Marked]),
            (vec![Expire, Expire], vec![Marked, Expired, Absent]),
            // By an inventory.
            (
                vec![Held, Held, Mark, Expire],
                vec![Absent, Present, Present, Marked, Marked],
            ),
            (
                vec![Held, HeldMarked, Expire],
                vec![Absent, Present, Marked, Expired],
            ),
            (vec![HeldMarked, Expire], vec![Absent, Expired, Absent]),
        ] {
            assert_eq!(states(true, &actions), expected, "{actions:?}");
        }
    }

    #[test]
    fn a_bucket_without_versions() {
        for (actions, expected) in [
            (
                vec![Create, Create, Delete, Create, Expire],
                vec![Absent, Present, Present, Absent, Present, Expired],
            ),
            (vec![Delete], vec![Present, Absent]),
            (vec![Expire, Create], vec![Present, Expired, Present]),
            (vec![DeleteVersion], vec![Present, Absent]),
            (vec![Held, Delete], vec![Absent, Present, Absent]),
        ] {
            assert_eq!(states(false, &actions), expected, "{actions:?}");
        }
    }

    #[test]
    fn states_are_two_bits() {
        for state in State::ALL {
            assert_eq!(State::of_bits(state as u64), state);
        }
    }
}
