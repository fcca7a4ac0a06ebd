//! What operations of S3 access logs do to an object.

/// What a row does to the object it names, in the order in which it is taken where several rows of an
/// object carry the same second, which is all that the logs tell of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// An inventory lists a version with data.
    Held,
    /// An inventory lists a delete marker as the latest version.
    HeldMarked,
    /// A request put the object there, or a new version of it.
    Create,
    /// Lifecycle moved it to another storage class.
    Move,
    /// Lifecycle put a delete marker over it.
    Mark,
    /// A request deleted it; in a versioned bucket that puts a delete marker over it.
    Delete,
    /// A request deleted one version, or a marker, for good.
    DeleteVersion,
    /// Lifecycle removed it; in a versioned bucket a version that is not current, or the last marker.
    Expire,
}

impl Action {
    /// All, in the order in which they are taken within a second.
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::HeldMarked,
        Self::Create,
        Self::Move,
        Self::Mark,
        Self::Delete,
        Self::DeleteVersion,
        Self::Expire,
    ];

    /// Its place in [`ALL`](Self::ALL).
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The action at a place in [`ALL`](Self::ALL).
    pub fn of_code(code: i8) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}

/// Operations that change an object, and how. A delete that names a version is
/// [`Action::DeleteVersion`]. `REST.POST.UPLOAD` completes an upload of several parts;
/// `REST.COPY.OBJECT_GET`, the other half of a copy, only reads.
pub const OPERATIONS: [(&str, Action); 8] = [
    ("REST.PUT.OBJECT", Action::Create),
    ("REST.POST.OBJECT", Action::Create),
    ("REST.COPY.OBJECT", Action::Create),
    ("REST.POST.UPLOAD", Action::Create),
    ("S3.CREATE.DELETEMARKER", Action::Mark),
    ("REST.DELETE.OBJECT", Action::Delete),
    ("BATCH.DELETE.OBJECT", Action::Delete),
    ("S3.EXPIRE.OBJECT", Action::Expire),
];

/// How the names of all operations begin that are [`Action::Move`]: there is one for each storage class.
pub const TRANSITIONS: &str = "S3.TRANSITION";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_places() {
        for (at, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(action.code()), at);
            let code = i8::try_from(action.code()).expect("a small number");
            assert_eq!(Action::of_code(code), Some(action));
        }
        assert_eq!((Action::of_code(-1), Action::of_code(8)), (None, None));
    }
}
