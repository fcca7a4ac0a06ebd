//! SQL functions that logs need.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int64Array, StringViewArray, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::cast::{
    as_date32_array, as_int64_array, as_string_view_array, as_timestamp_microsecond_array,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::schema::values::url_decode;
use crate::traffic::{agent_family, crawler, edge, ip_prefix, is_asset, is_bot, url_host};
use crate::units::Day;

use super::{Places, total};

/// A function of a text. What it gives for null is null.
#[derive(Clone, Copy)]
enum Body {
    Text(fn(&str) -> Option<Cow<'_, str>>),
    Flag(fn(&str) -> bool),
    /// Is quicker than to look up whether the text was there before.
    QuickFlag(fn(&str) -> bool),
    /// Of a text and, if given, a number.
    Network,
    /// Of a text.
    Key,
    /// Of an address, a user agent and a day.
    Visitor,
    /// Of an instant.
    Hour,
    /// Of a day.
    Month,
    /// Of an address, by databases that the user brings.
    Place(Asked),
}

/// What is asked of an address.
#[derive(Clone, Copy)]
enum Asked {
    Country,
    CountryName,
    Asn,
    NetworkName,
}

/// What is known of a function.
#[derive(Clone, Copy)]
struct Listed {
    name: &'static str,
    about: &'static str,
    body: Body,
}

const FUNCTIONS: [Listed; 18] = [
    Listed {
        name: "url_decode",
        about: "url_decode(text): the text with %XX decoded once",
        body: Body::Text(|text| Some(url_decode(text))),
    },
    Listed {
        name: "edge_city",
        about: "edge_city(x_edge_location): the city of a CloudFront edge location",
        body: Body::Text(|text| edge(text).map(|edge| edge.city.into())),
    },
    Listed {
        name: "edge_country",
        about: "edge_country(x_edge_location): the country of a CloudFront edge location",
        body: Body::Text(|text| edge(text).map(|edge| edge.country.into())),
    },
    Listed {
        name: "is_bot",
        about: "is_bot(user_agent): whether it is a program's and not a person's browser",
        body: Body::Flag(is_bot),
    },
    Listed {
        name: "crawler",
        about: "crawler(user_agent): the name of a known crawler",
        body: Body::Text(|text| crawler(text).map(|one| one.name.into())),
    },
    Listed {
        name: "crawler_purpose",
        about: "crawler_purpose(user_agent): search, ai, preview, marketing, service, scanner, archive or research",
        body: Body::Text(|text| crawler(text).map(|one| one.purpose.name().into())),
    },
    Listed {
        name: "agent_family",
        about: "agent_family(user_agent): the browser, crawler or library",
        body: Body::Text(|text| Some(agent_family(text).into())),
    },
    Listed {
        name: "is_asset",
        about: "is_asset(path): whether it is an image, script, font or the like, by its ending",
        body: Body::QuickFlag(is_asset),
    },
    Listed {
        name: "url_host",
        about: "url_host(url): its host in lower case",
        body: Body::Text(|text| url_host(text).map(Cow::Owned)),
    },
    Listed {
        name: "visitor",
        about: "visitor(address, user_agent, dt): a number for the three that differs from run to run",
        body: Body::Visitor,
    },
    Listed {
        name: "text_key",
        about: "text_key(text): a number for the text that differs from run to run",
        body: Body::Key,
    },
    Listed {
        name: "hour_start",
        about: "hour_start(ts): the beginning of its hour, in any year",
        body: Body::Hour,
    },
    Listed {
        name: "month_start",
        about: "month_start(dt): the first day of its month, in any year",
        body: Body::Month,
    },
    Listed {
        name: "ip_prefix",
        about: "ip_prefix(address[, bits]): its network, by default /24 or, for IPv6, /48",
        body: Body::Network,
    },
    Listed {
        name: "country",
        about: "country(address): the code of its country, by --geoip",
        body: Body::Place(Asked::Country),
    },
    Listed {
        name: "country_name",
        about: "country_name(address): the name of its country, by --geoip",
        body: Body::Place(Asked::CountryName),
    },
    Listed {
        name: "asn",
        about: "asn(address): the number of its network (autonomous system), by --geoip",
        body: Body::Place(Asked::Asn),
    },
    Listed {
        name: "network_name",
        about: "network_name(address): whose network it is, by --geoip",
        body: Body::Place(Asked::NetworkName),
    },
];

/// Names and meanings of the functions.
pub(super) fn described() -> impl Iterator<Item = (&'static str, &'static str)> {
    let functions = FUNCTIONS.iter().map(|one| (one.name, one.about));
    functions.chain([total::DESCRIBED])
}

pub(super) fn all() -> impl Iterator<Item = ScalarUDF> {
    let rest = FUNCTIONS.iter().filter(|one| !one.is_of_places());
    let rest = rest.map(|one| ScalarUDF::from(Function::new(*one, None)));
    rest.chain(located(None))
}

/// The functions of addresses.
pub(super) fn located(places: Option<&Arc<Places>>) -> impl Iterator<Item = ScalarUDF> {
    let some = FUNCTIONS.iter().filter(|one| one.is_of_places());
    some.map(move |one| ScalarUDF::from(Function::new(*one, places.map(Arc::clone))))
}

impl Listed {
    fn is_of_places(&self) -> bool {
        matches!(self.body, Body::Place(_))
    }
}

struct Function {
    listed: Listed,
    places: Option<Arc<Places>>,
    signature: Signature,
}

impl Function {
    fn new(listed: Listed, places: Option<Arc<Places>>) -> Self {
        let text = || TypeSignature::Exact(vec![DataType::Utf8View]);
        let signature = match listed.body {
            Body::Text(_) | Body::Flag(_) | Body::QuickFlag(_) | Body::Key | Body::Place(_) => {
                text()
            }
            Body::Network => TypeSignature::OneOf(vec![
                text(),
                TypeSignature::Exact(vec![DataType::Utf8View, DataType::Int64]),
            ]),
            Body::Hour => TypeSignature::Exact(vec![instant()]),
            Body::Month => TypeSignature::Exact(vec![DataType::Date32]),
            Body::Visitor => TypeSignature::Exact(vec![
                DataType::Utf8View,
                DataType::Utf8View,
                DataType::Date32,
            ]),
        };
        Self {
            listed,
            places,
            signature: Signature::new(signature, Volatility::Immutable),
        }
    }
}

impl Function {
    /// Databases that know it. Null instead would look like an address that nobody knows.
    fn places(&self, asked: Asked) -> Result<&Places> {
        let places = self.places.as_deref();
        let (what, known) = match asked {
            Asked::Country | Asked::CountryName => {
                ("countries", places.filter(|one| one.known().countries))
            }
            Asked::Asn | Asked::NetworkName => {
                ("networks", places.filter(|one| one.known().networks))
            }
        };
        known.ok_or_else(|| {
            let name = self.listed.name;
            DataFusionError::Plan(format!(
                "{name} needs a database of {what}: name one with --geoip FILE.mmdb"
            ))
        })
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.listed.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.listed.name == other.listed.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.listed.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.listed.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.listed.body {
            Body::Text(_) | Body::Network => DataType::Utf8View,
            Body::Flag(_) | Body::QuickFlag(_) => DataType::Boolean,
            Body::Key | Body::Visitor => DataType::Int64,
            Body::Hour => instant(),
            Body::Month => DataType::Date32,
            Body::Place(asked) => {
                self.places(asked)?;
                match asked {
                    Asked::Asn => DataType::Int64,
                    _ => DataType::Utf8View,
                }
            }
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = || as_string_view_array(&arrays[0]);
        let result: ArrayRef = match self.listed.body {
            Body::Hour => hours(&arrays[0])?,
            Body::Month => months(&arrays[0])?,
            Body::Text(body) => once_each(texts()?, body, names)?,
            Body::Flag(body) => once_each(texts()?, |text| Some(body(text)), flags)?,
            Body::QuickFlag(body) => {
                let flags = texts()?.iter().map(|text| text.map(body));
                Arc::new(flags.collect::<BooleanArray>())
            }
            Body::Network => {
                let bits = arrays.get(1).map(|bits| as_int64_array(bits)).transpose()?;
                Arc::new(networks(texts()?, bits))
            }
            Body::Place(asked) => located_at(texts()?, self.places(asked)?, asked)?,
            Body::Key => Arc::new(keys(texts()?)),
            Body::Visitor => {
                let agents = as_string_view_array(&arrays[1])?;
                Arc::new(visitors(texts()?, agents, as_date32_array(&arrays[2])?))
            }
        };
        Ok(ColumnarValue::Array(result))
    }
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

/// `date_trunc` counts nanoseconds, and so knows the years 1678 to 2261 alone.
fn hours(instants: &ArrayRef) -> Result<ArrayRef> {
    let instants = as_timestamp_microsecond_array(instants)?;
    let hour = |micros: i64| micros - micros.rem_euclid(3_600_000_000);
    let hours = instants.unary::<_, TimestampMicrosecondType>(hour);
    Ok(Arc::new(hours.with_timezone("+00:00")))
}

fn months(days: &ArrayRef) -> Result<ArrayRef> {
    let first = |day| Day(day).month_start().0;
    let months = as_date32_array(days)?.unary::<_, Date32Type>(first);
    Ok(Arc::new(months))
}

/// What a function gives for each text; the same text is looked at once. Logs repeat their values, and a
/// user agent costs a microsecond. Values of one dictionary are views of the same bytes, which tells without a
/// look at them.
fn once_each<'a, T>(
    texts: &'a StringViewArray,
    function: impl Fn(&'a str) -> Option<T>,
    collect: impl FnOnce(Vec<Option<T>>) -> ArrayRef,
) -> Result<ArrayRef> {
    let (mut by_view, mut by_text) = (HashMap::with_capacity(texts.len()), HashMap::new());
    let mut values = Vec::new();
    let mut of_text = |text: &'a str| {
        *by_text.entry(text).or_insert_with(|| {
            values.push(function(text));
            u32::try_from(values.len() - 1).unwrap_or(u32::MAX)
        })
    };
    let mut of_row = |(row, view): (usize, &u128)| {
        let new = || of_text(texts.value(row));
        let place = || *by_view.entry(*view).or_insert_with(new);
        texts.is_valid(row).then(place)
    };
    let rows = texts.views().iter().enumerate();
    let places: UInt32Array = rows.map(&mut of_row).collect();
    Ok(take(&collect(values), &places, None)?)
}

fn names<T: AsRef<str>>(names: Vec<Option<T>>) -> ArrayRef {
    Arc::new(names.into_iter().collect::<StringViewArray>())
}

fn flags(flags: Vec<Option<bool>>) -> ArrayRef {
    Arc::new(BooleanArray::from(flags))
}

fn numbers(numbers: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from(numbers))
}

fn located_at(texts: &StringViewArray, places: &Places, asked: Asked) -> Result<ArrayRef> {
    match asked {
        Asked::Country => once_each(texts, |address| places.country(address), names),
        Asked::CountryName => once_each(texts, |address| places.country_name(address), names),
        Asked::NetworkName => once_each(texts, |address| places.network_name(address), names),
        Asked::Asn => once_each(texts, |address| places.asn(address), numbers),
    }
}

fn networks(texts: &StringViewArray, bits: Option<&Int64Array>) -> StringViewArray {
    let network = |(row, text): (usize, Option<&str>)| {
        let Some(bits) = bits else {
            return ip_prefix(text?, None);
        };
        let bits = bits.is_valid(row).then(|| bits.value(row))?;
        ip_prefix(text?, Some(u8::try_from(bits).ok()?))
    };
    texts.iter().enumerate().map(network).collect()
}

/// The key of this run: its numbers tell nothing of those of another one, and cannot be foreseen.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::default);

fn keys(texts: &StringViewArray) -> Int64Array {
    let key = &*KEY;
    let number = |text: &str| key.hash_one(text).cast_signed();
    texts.iter().map(|text| text.map(number)).collect()
}

fn visitors(
    addresses: &StringViewArray,
    agents: &StringViewArray,
    days: &Date32Array,
) -> Int64Array {
    let key = &*KEY;
    let rows = addresses.iter().zip(agents).zip(days);
    rows.map(|visitor| Some(key.hash_one(visitor).cast_signed()))
        .collect()
}
