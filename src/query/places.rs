//! Countries and networks of addresses, by databases that the user brings.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{PathElement, Reader, WithinOptions};

use crate::traffic::country_name;

use super::QueryError;

/// Records of a database that are looked at to tell what is in it.
const SAMPLE: usize = 1_000;

const CODES: [&[&str]; 2] = [
    &["country", "iso_code"],
    &["registered_country", "iso_code"],
];
const NAMES: [&[&str]; 2] = [
    &["country", "names", "en"],
    &["registered_country", "names", "en"],
];
const NUMBER: &[&str] = &["autonomous_system_number"];
const ORGANISATION: &[&str] = &["autonomous_system_organization"];

/// What databases tell of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its country.
    pub countries: bool,
    /// Its network (autonomous system).
    pub networks: bool,
}

/// Databases of addresses in the format of `MaxMind`, with the fields of `GeoLite2`'s and DB-IP's Country, City
/// and ASN. Holds the whole files in memory.
#[derive(Debug)]
pub struct Places(Vec<Database>);

#[derive(Debug)]
struct Database {
    reader: Reader<Vec<u8>>,
    known: Known,
}

impl Places {
    /// Reads databases; where several tell of an address, the first counts.
    ///
    /// # Errors
    /// [`QueryError::Places`] for a file that cannot be read, is no such database, or tells of neither
    /// countries nor networks.
    pub fn open(files: &[PathBuf]) -> Result<Self, QueryError> {
        let open = |path: &PathBuf| Database::open(path);
        Ok(Self(files.iter().map(open).collect::<Result<_, _>>()?))
    }

    /// What is known of addresses.
    pub fn known(&self) -> Known {
        Known {
            countries: self.0.iter().any(|one| one.known.countries),
            networks: self.0.iter().any(|one| one.known.networks),
        }
    }

    /// The code of an address's country, two letters.
    pub(super) fn country(&self, address: &str) -> Option<String> {
        self.first(address, |one, address| one.text(address, &CODES))
    }

    /// The English name of an address's country.
    pub(super) fn country_name(&self, address: &str) -> Option<String> {
        self.first(address, |one, address| {
            let named = one.text(address, &NAMES);
            named.or_else(|| {
                let code = one.text(address, &CODES)?;
                Some(country_name(&code).map_or(code, str::to_owned))
            })
        })
    }

    /// The number of the network (autonomous system) of an address.
    pub(super) fn asn(&self, address: &str) -> Option<i64> {
        self.first(address, |one, address| {
            one.value::<u32>(address, NUMBER).map(i64::from)
        })
    }

    /// Whose network that is.
    pub(super) fn network_name(&self, address: &str) -> Option<String> {
        self.first(address, |one, address| one.text(address, &[ORGANISATION]))
    }

    fn first<T>(&self, address: &str, look: impl Fn(&Database, IpAddr) -> Option<T>) -> Option<T> {
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        self.0.iter().find_map(|one| look(one, address))
    }
}

impl Database {
    fn open(path: &Path) -> Result<Self, QueryError> {
        let failed = |what: &str| QueryError::Places(format!("{}: {what}", path.display()));
        let reader = Reader::open_readfile(path).map_err(|error| failed(&error.to_string()))?;
        let records = reader.networks(WithinOptions::default());
        let records = records.map_err(|error| failed(&error.to_string()))?;
        let mut known = Known::default();
        for record in records.take(SAMPLE) {
            let record = record.map_err(|error| failed(&error.to_string()))?;
            let has =
                |path: &[&str]| matches!(record.decode_path::<&str>(&keys(path)), Ok(Some(_)));
            known.countries |= CODES.iter().any(|path| has(path));
            known.networks |= has(ORGANISATION);
        }
        if known == Known::default() {
            return Err(failed("it tells of neither countries nor networks"));
        }
        Ok(Self { reader, known })
    }

    fn text(&self, address: IpAddr, paths: &[&[&str]]) -> Option<String> {
        let mut found = paths.iter().map(|path| self.value::<&str>(address, path));
        found.find_map(|text| text).map(str::to_owned)
    }

    /// A value of the record of an address. What is damaged is not there.
    fn value<'a, T: serde::Deserialize<'a>>(&'a self, address: IpAddr, path: &[&str]) -> Option<T> {
        let found = self.reader.lookup(address).ok()?;
        found.decode_path(&keys(path)).ok()?
    }
}

fn keys<'a>(path: &[&'a str]) -> Vec<PathElement<'a>> {
    path.iter().map(|key| PathElement::Key(key)).collect()
}
