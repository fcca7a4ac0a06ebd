//! Where requests come from: sections that need a database of addresses.

use crate::query::Known;

use super::{Chart, Section};

/// Countries, then networks.
const CLOUDFRONT: [Section; 2] = [
    Section {
        id: "countries",
        title: "Countries",
        sql: "SELECT country, name, sum(n) AS requests, sum(sent) AS bytes, count(who) AS visitors FROM (\
              SELECT country(c_ip) AS country, country_name(c_ip) AS name, visitor(c_ip, cs_user_agent, dt) AS who, count(*) AS n, \
              total(sc_bytes) AS sent FROM {rows} GROUP BY 1, 2, 3) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "networks",
        title: "Networks",
        sql: "SELECT network, name, sum(n) AS requests, sum(sent) AS bytes, count(who) AS visitors FROM (\
              SELECT 'AS' || asn(c_ip) AS network, network_name(c_ip) AS name, visitor(c_ip, cs_user_agent, dt) AS who, count(*) AS n, \
              total(sc_bytes) AS sent FROM {rows} GROUP BY 1, 2, 3) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
];

const S3_ACCESS: [Section; 2] = [
    Section {
        id: "countries",
        title: "Countries",
        sql: "SELECT country, name, sum(n) AS requests, sum(sent) AS bytes, count(who) AS addresses FROM (\
              SELECT country(remote_ip) AS country, country_name(remote_ip) AS name, remote_ip AS who, count(*) AS n, \
              total(bytes_sent) AS sent FROM {rows} GROUP BY 1, 2, 3) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "networks",
        title: "Networks",
        sql: "SELECT network, name, sum(n) AS requests, sum(sent) AS bytes, count(who) AS addresses FROM (\
              SELECT 'AS' || asn(remote_ip) AS network, network_name(remote_ip) AS name, remote_ip AS who, count(*) AS n, \
              total(bytes_sent) AS sent FROM {rows} GROUP BY 1, 2, 3) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
];

/// Those that can be filled.
pub(super) fn sections(table: &str, known: Known) -> impl Iterator<Item = &'static Section> {
    let all: &'static [Section] = match table {
        "cloudfront" => &CLOUDFRONT,
        "s3_access" => &S3_ACCESS,
        _ => &[],
    };
    let wanted = [known.countries, known.networks];
    let both = all.iter().zip(wanted);
    both.filter_map(|(section, wanted)| wanted.then_some(section))
}
