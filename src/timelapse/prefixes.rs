//! Parts of the keys that name large stretches of the picture.

/// Stretches that are remembered; of more the largest.
const KEPT: usize = 64;

/// Objects whose keys go on alike after what all keys have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// How they go on, to the next `/`.
    pub name: String,
    /// The first of them.
    pub first: u64,
    /// How many there are.
    pub objects: u64,
}

/// Finds them as keys go by in order. Takes some kilobytes however many there are.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// Bytes that all keys begin with.
    shared: usize,
    current: Option<(Vec<u8>, u64, u64)>,
    kept: Vec<Prefix>,
}

/// Bytes of a name that are compared.
const LONGEST: usize = 256;

impl Prefixes {
    /// The prefixes of keys that lie between these two.
    pub(super) fn between(first: &[u8], last: &[u8]) -> Self {
        let alike = first.iter().zip(last).take_while(|(a, b)| a == b).count();
        let shared = first[..alike].iter().rposition(|byte| *byte == b'/');
        Self {
            shared: shared.map_or(0, |slash| slash + 1),
            ..Self::default()
        }
    }

    pub(super) fn take(&mut self, key: &[u8], object: u64) {
        let rest = key.get(self.shared..).unwrap_or_default();
        let slash = rest.iter().position(|byte| *byte == b'/');
        let name = &rest[..slash.map_or(rest.len(), |slash| slash + 1).min(LONGEST)];
        match &mut self.current {
            Some((current, _, objects)) if current == name => *objects += 1,
            _ => {
                self.close();
                self.current = Some((name.to_owned(), object, 1));
            }
        }
    }

    fn close(&mut self) {
        let Some((name, first, objects)) = self.current.take() else {
            return;
        };
        let name = String::from_utf8_lossy(&name).into_owned();
        self.kept.push(Prefix {
            name,
            first,
            objects,
        });
        if self.kept.len() > KEPT {
            let least = (0..self.kept.len()).min_by_key(|at| self.kept[*at].objects);
            self.kept.remove(least.unwrap_or_default());
        }
    }

    /// The largest, in the order of keys.
    pub(super) fn finish(mut self) -> Vec<Prefix> {
        self.close();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keys: &[&str]) -> Vec<(String, u64, u64)> {
        let ends = [keys[0], keys[keys.len() - 1]].map(str::as_bytes);
        let mut prefixes = Prefixes::between(ends[0], ends[1]);
        for (object, key) in (0..).zip(keys) {
            prefixes.take(key.as_bytes(), object);
        }
        let all = prefixes.finish().into_iter();
        all.map(|one| (one.name, one.first, one.objects)).collect()
    }

    #[test]
    fn names_go_on_after_what_all_keys_share() {
        let of = |name: &str, first, objects| (name.to_owned(), first, objects);
        assert_eq!(
            found(&["logs/a/1", "logs/a/2/3", "logs/b/1", "logs/bare"]),
            [of("a/", 0, 2), of("b/", 2, 1), of("bare", 3, 1)]
        );
        assert_eq!(found(&["a/1", "b/1"]), [of("a/", 0, 1), of("b/", 1, 1)]);
        assert_eq!(found(&["same/x"]), [of("x", 0, 1)]);
    }

    #[test]
    fn of_many_the_largest_are_kept() {
        let mut keys: Vec<String> = (0..500).map(|n| format!("{n:03}/x")).collect();
        keys.extend((0..3).map(|n| format!("250/y{n}")));
        keys.sort();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = found(&keys);
        assert_eq!(found.len(), KEPT);
        assert!(found.contains(&("250/".to_owned(), 250, 4)), "{found:?}");
        assert!(found.windows(2).all(|two| two[0].1 < two[1].1));
    }
}
