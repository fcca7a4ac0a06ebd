//! SQL functions that logs need.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, Int64Array, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::cast::{as_date32_array, as_int64_array, as_string_view_array};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use crate::schema::values::url_decode;
use crate::traffic::{agent_family, crawler, edge, ip_prefix, is_asset, is_bot, url_host};

/// A function of a text. What it gives for null is null.
#[derive(Clone, Copy)]
enum Body {
    Text(fn(&str) -> Option<Cow<'_, str>>),
    Flag(fn(&str) -> bool),
    /// Of a text and, if given, a number.
    Network,
    /// Of an address, a user agent and a day.
    Visitor,
}

/// What is known of a function.
#[derive(Clone, Copy)]
struct Listed {
    name: &'static str,
    about: &'static str,
    body: Body,
}

const FUNCTIONS: [Listed; 11] = [
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
        about: "crawler_purpose(user_agent): search, ai, preview, marketing or service",
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
        body: Body::Flag(is_asset),
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
        name: "ip_prefix",
        about: "ip_prefix(address[, bits]): its network, by default /24 or, for IPv6, /48",
        body: Body::Network,
    },
];

/// Names and meanings of the functions.
pub(super) fn described() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS.iter().map(|one| (one.name, one.about))
}

pub(super) fn all() -> impl Iterator<Item = ScalarUDF> {
    FUNCTIONS
        .iter()
        .map(|one| ScalarUDF::from(Function::new(*one)))
}

struct Function {
    listed: Listed,
    signature: Signature,
}

impl Function {
    fn new(listed: Listed) -> Self {
        let text = || TypeSignature::Exact(vec![DataType::Utf8View]);
        let signature = match listed.body {
            Body::Text(_) | Body::Flag(_) => text(),
            Body::Network => TypeSignature::OneOf(vec![
                text(),
                TypeSignature::Exact(vec![DataType::Utf8View, DataType::Int64]),
            ]),
            Body::Visitor => TypeSignature::Exact(vec![
                DataType::Utf8View,
                DataType::Utf8View,
                DataType::Date32,
            ]),
        };
        Self {
            listed,
            signature: Signature::new(signature, Volatility::Immutable),
        }
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
            Body::Flag(_) => DataType::Boolean,
            Body::Visitor => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = as_string_view_array(&arrays[0])?;
        let result: ArrayRef = match self.listed.body {
            Body::Text(body) => Arc::new(once_each(texts, body, StringViewArray::from_iter)),
            Body::Flag(body) => {
                let flag = |text| Some(body(text));
                Arc::new(once_each(texts, flag, BooleanArray::from_iter))
            }
            Body::Network => {
                let bits = arrays.get(1).map(|bits| as_int64_array(bits)).transpose()?;
                Arc::new(networks(texts, bits))
            }
            Body::Visitor => {
                let agents = as_string_view_array(&arrays[1])?;
                Arc::new(visitors(texts, agents, as_date32_array(&arrays[2])?))
            }
        };
        Ok(ColumnarValue::Array(result))
    }
}

/// What a function gives for each text; the same text is looked at once. Logs repeat their values, and a
/// user agent costs a microsecond.
fn once_each<'a, T: Clone, A>(
    texts: &'a StringViewArray,
    function: impl Fn(&'a str) -> Option<T>,
    collect: impl FnOnce(Vec<Option<T>>) -> A,
) -> A {
    let mut known: HashMap<&str, Option<T>> = HashMap::new();
    let mut value = |text: &'a str| known.entry(text).or_insert_with(|| function(text)).clone();
    collect(texts.iter().map(|text| value(text?)).collect())
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

/// The key with which visitors are hashed; nobody can tell an address from its number.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

fn visitors(
    addresses: &StringViewArray,
    agents: &StringViewArray,
    days: &Date32Array,
) -> Int64Array {
    let rows = addresses.iter().zip(agents).zip(days);
    let number = |((address, agent), day): ((Option<&str>, Option<&str>), Option<i32>)| {
        KEY.hash_one((address, agent, day)).cast_signed()
    };
    rows.map(number).map(Some).collect()
}
