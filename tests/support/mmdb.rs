//! Writes databases of addresses, by the description of the format:
//! <https://maxmind.github.io/MaxMind-DB/>.

use std::net::IpAddr;

/// A value of a record.
pub enum Value {
    Text(&'static str),
    Number(u32),
    Short(u16),
    Long(u64),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

/// No node and no data.
const NOTHING: u32 = u32::MAX;

/// Set in a record that leads to data; the rest is its place among the values.
const DATA: u32 = 1 << 31;

/// A database of networks (`192.0.2.0/24`) and their records.
pub fn database(networks: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[NOTHING; 2]];
    let mut data = Vec::new();
    for (network, record) in networks {
        let place = u32::try_from(data.len()).expect("a small database");
        encode(record, &mut data);
        insert(network, place, &mut nodes);
    }
    let count = u32::try_from(nodes.len()).expect("a small database");
    let mut bytes = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match *record {
            NOTHING => count,
            data if data & DATA != 0 => count + 16 + (data & !DATA),
            node => node,
        };
        bytes.extend_from_slice(&number.to_be_bytes()[1..]);
    }
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    encode(&metadata(count), &mut bytes);
    bytes
}

fn metadata(nodes: u32) -> Value {
    Value::Map(vec![
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(0)),
        ("database_type", Value::Text("s3logs-Test")),
        ("description", Value::Map(vec![])),
        ("ip_version", Value::Short(6)),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("node_count", Value::Number(nodes)),
        ("record_size", Value::Short(24)),
    ])
}

/// IPv4 lies at `::/96`.
fn insert(network: &str, place: u32, nodes: &mut Vec<[u32; 2]>) {
    let (address, bits) = network.split_once('/').expect("a network");
    let bits: u32 = bits.parse().expect("a number of bits");
    let (address, bits) = match address.parse().expect("an address") {
        IpAddr::V4(address) => (u128::from(u32::from(address)), bits + 96),
        IpAddr::V6(address) => (u128::from(address), bits),
    };
    let mut node = 0;
    for bit in 0..bits {
        let side = usize::from(address >> (127 - bit) & 1 == 1);
        if bit + 1 == bits {
            nodes[node][side] = DATA | place;
        } else if nodes[node][side] == NOTHING {
            nodes[node][side] = u32::try_from(nodes.len()).expect("a small database");
            nodes.push([NOTHING; 2]);
        }
        node = nodes[node][side] as usize;
    }
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            head(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Short(number) => {
            head(5, 2, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Number(number) => {
            head(6, 4, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Long(number) => {
            head(9, 8, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::List(values) => {
            head(11, values.len(), out);
            for value in values {
                encode(value, out);
            }
        }
        Value::Map(pairs) => {
            head(7, pairs.len(), out);
            for (name, value) in pairs {
                encode(&Value::Text(name), out);
                encode(value, out);
            }
        }
    }
}

/// Type and size.
fn head(kind: u8, size: usize, out: &mut Vec<u8>) {
    let first = if kind < 8 { kind << 5 } else { 0 };
    let short = u8::try_from(size).expect("a small value");
    out.push(first | short.min(29));
    if kind >= 8 {
        out.push(kind - 7);
    }
    if short >= 29 {
        out.push(short - 29);
    }
}
