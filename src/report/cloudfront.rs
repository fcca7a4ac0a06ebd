//! `CloudFront`: web traffic.

use super::{Chart, Part, Section};

pub(super) const PARTS: &[Part] = &[
    Part {
        name: "paths",
        sql: "SELECT cs_uri_stem, sc_status, x_edge_result_type, count(*) AS n, total(sc_bytes) AS sent \
              FROM {rows} GROUP BY 1, 2, 3",
    },
    Part {
        name: "pages",
        sql: "SELECT cs_uri_stem AS stem, CASE WHEN cs_uri_stem = '/' THEN '/' ELSE rtrim(cs_uri_stem, '/') END AS page, \
              sum(n) AS n, sum(sent) AS sent FROM {paths} WHERE NOT is_asset(cs_uri_stem) AND sc_status BETWEEN 100 AND 399 GROUP BY 1, 2",
    },
    Part {
        name: "agents",
        sql: "SELECT cs_user_agent, count(*) AS n, total(sc_bytes) AS sent FROM {rows} GROUP BY 1",
    },
    Part {
        name: "hours",
        sql: "SELECT hour_start(ts) AS ts, min(dt) AS dt, count(*) AS n, total(sc_bytes) AS sent, \
              min(ts) AS first, max(ts) AS last FROM {rows} GROUP BY hour_start(ts)",
    },
    Part {
        name: "kinds",
        sql: "SELECT x_edge_location, cs_protocol_version, ssl_protocol, cs_protocol, x_host_header, cs_host, count(*) AS n, \
              total(sc_bytes) AS sent FROM {rows} GROUP BY 1, 2, 3, 4, 5, 6",
    },
    Part {
        name: "visitors",
        sql: "SELECT DISTINCT {time} AS time, visitor(c_ip, cs_user_agent, dt) AS visitor FROM {rows}",
    },
];

/// Visitors are counted as groups of groups, which go on on disk where `count(DISTINCT …)` would not.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        id: "totals",
        title: "Totals",
        sql: "SELECT requests, bytes, visitors, addresses, hit_share, error_share, bot_share, first, last FROM (\
              SELECT coalesce(sum(n), 0) AS requests, sum(sent) AS bytes, \
              CAST(sum(CASE WHEN x_edge_result_type IN ('Hit', 'RefreshHit', 'OriginShieldHit') THEN n ELSE 0 END) AS DOUBLE) / sum(CASE WHEN x_edge_result_type IS NOT NULL THEN n END) AS hit_share, \
              CAST(sum(CASE WHEN sc_status >= 400 THEN n ELSE 0 END) AS DOUBLE) / sum(CASE WHEN sc_status IS NOT NULL THEN n END) AS error_share FROM {paths}) CROSS JOIN (\
              SELECT CAST(sum(CASE WHEN is_bot(cs_user_agent) THEN n ELSE 0 END) AS DOUBLE) / sum(CASE WHEN cs_user_agent IS NOT NULL THEN n END) AS bot_share FROM {agents}) CROSS JOIN (\
              SELECT min(first) AS first, max(last) AS last FROM {hours}) CROSS JOIN (\
              SELECT count(*) AS visitors FROM (SELECT DISTINCT visitor FROM {visitors})) CROSS JOIN (\
              SELECT count(c_ip) AS addresses FROM (SELECT DISTINCT c_ip FROM {rows}))",
        chart: Chart::Figures,
    },
    Section {
        id: "time",
        title: "Over time",
        sql: "SELECT time, requests, bytes, visitors FROM (\
              SELECT {time} AS time, sum(n) AS requests, sum(sent) AS bytes FROM {hours} GROUP BY 1) JOIN (\
              SELECT time AS of, count(*) AS visitors FROM {visitors} GROUP BY 1) ON time = of ORDER BY 1",
        chart: Chart::Series,
    },
    Section {
        id: "hours",
        title: "Weekdays and hours (UTC)",
        sql: "SELECT date_part('dow', ts) AS weekday, date_part('hour', ts) AS hour, \
              sum(n) AS requests FROM {hours} GROUP BY 1, 2 ORDER BY 1, 2",
        chart: Chart::Heat,
    },
    Section {
        id: "pages",
        title: "Pages",
        // Visitors of the first pages alone: pairs of all pages and visitors would be many. Of a join the first side is
        // held in memory, and what it has is looked for while the other is read, which a second condition would slow down.
        sql: "SELECT page, requests, bytes, count(visitor) AS visitors FROM (\
              SELECT DISTINCT page, requests, bytes, CASE WHEN sc_status BETWEEN 100 AND 399 THEN visitor(c_ip, cs_user_agent, dt) END AS visitor FROM (\
              SELECT stem, page, requests, bytes FROM (\
              SELECT page, sum(n) AS requests, sum(sent) AS bytes FROM {pages} \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}) JOIN (SELECT stem, page AS own FROM {pages}) ON own = page) JOIN (\
              SELECT cs_uri_stem, c_ip, cs_user_agent, dt, sc_status FROM {rows}) ON cs_uri_stem = stem) \
              GROUP BY 1, 2, 3 ORDER BY 2 DESC, 1",
        chart: Chart::Bars,
    },
    Section {
        id: "assets",
        title: "Assets",
        sql: "SELECT cs_uri_stem AS asset, sum(n) AS requests, sum(sent) AS bytes \
              FROM {paths} WHERE is_asset(cs_uri_stem) AND sc_status BETWEEN 100 AND 399 \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "referers",
        title: "Referers, own hosts left out",
        // Hosts are left out of the groups and not of the rows: there are few of them.
        sql: "SELECT referer, requests FROM (\
              SELECT DISTINCT url_host('https://' || host) AS own FROM (\
              SELECT x_host_header AS host FROM {kinds} UNION SELECT cs_host FROM {kinds})) RIGHT JOIN (\
              SELECT url_host(cs_referer) AS referer, count(*) AS requests FROM {rows} GROUP BY 1) ON own = referer \
              WHERE own IS NULL AND referer IS NOT NULL ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "edges",
        title: "Edge locations",
        sql: "SELECT substr(x_edge_location, 1, 3) AS edge, edge_city(x_edge_location) AS city, \
              edge_country(x_edge_location) AS country, sum(n) AS requests, sum(sent) AS bytes \
              FROM {kinds} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "statuses",
        title: "Statuses",
        sql: "SELECT CASE WHEN sc_status = 0 THEN '000 viewer left' \
              WHEN sc_status BETWEEN 100 AND 599 THEN CAST(sc_status / 100 AS VARCHAR) || 'xx' ELSE 'other' END AS status, sum(n) AS requests \
              FROM {paths} GROUP BY 1 ORDER BY 1",
        chart: Chart::Bars,
    },
    Section {
        id: "not_found",
        title: "Not found",
        sql: "SELECT path, requests, count(*) AS visitors FROM (\
              SELECT DISTINCT path, requests, visitor(c_ip, cs_user_agent, dt) AS visitor FROM (\
              SELECT cs_uri_stem AS path, sum(n) AS requests FROM {paths} WHERE sc_status = 404 \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}) JOIN (\
              SELECT * FROM {rows} WHERE sc_status = 404) ON cs_uri_stem IS NOT DISTINCT FROM path) \
              GROUP BY 1, 2 ORDER BY 2 DESC, 1",
        chart: Chart::Bars,
    },
    Section {
        id: "cache",
        title: "How the edge answered",
        sql: "SELECT x_edge_result_type AS result, sum(n) AS requests, sum(sent) AS bytes \
              FROM {paths} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "misses",
        title: "Misses, by requests",
        sql: "SELECT cs_uri_stem AS path, sum(n) AS requests, sum(sent) AS bytes \
              FROM {paths} WHERE x_edge_result_type = 'Miss' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "miss_bytes",
        title: "Misses, by bytes",
        sql: "SELECT cs_uri_stem AS path, sum(sent) AS bytes, sum(n) AS requests \
              FROM {paths} WHERE x_edge_result_type = 'Miss' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "agents",
        title: "Browsers and programs",
        sql: "SELECT agent_family(cs_user_agent) AS agent, sum(n) AS requests, sum(sent) AS bytes \
              FROM {agents} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "bots",
        title: "People and bots",
        sql: "SELECT CASE WHEN cs_user_agent IS NULL THEN 'no user agent' WHEN is_bot(cs_user_agent) THEN coalesce('bots: ' || crawler_purpose(cs_user_agent), 'bots: other') \
              ELSE 'people' END AS kind, sum(n) AS requests, sum(sent) AS bytes \
              FROM {agents} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "ai",
        title: "AI crawlers",
        sql: "SELECT crawler(cs_user_agent) AS crawler, sum(n) AS requests, sum(sent) AS bytes \
              FROM {agents} WHERE crawler_purpose(cs_user_agent) = 'ai' \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "protocols",
        title: "Protocols",
        sql: "SELECT coalesce(cs_protocol_version, '-') AS protocol, \
              CASE WHEN ssl_protocol IS NULL AND cs_protocol IN ('http', 'ws') THEN 'no TLS' ELSE coalesce(ssl_protocol, '-') END AS tls, \
              sum(n) AS requests FROM {kinds} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "slowest",
        title: "Slowest pages of 20 requests or more, by the 95th of a hundred",
        // Between the two values around the place, as `percentile_cont` does; that one holds all values in memory.
        // Pages are numbers until there are few rows, which are sorted sooner than texts.
        sql: "SELECT page, lo95 + (hi95 - lo95) * (0.95 * (requests - 1) - floor(0.95 * (requests - 1))) AS p95, \
              lo50 + (hi50 - lo50) * (0.5 * (requests - 1) - floor(0.5 * (requests - 1))) AS p50, \
              lo99 + (hi99 - lo99) * (0.99 * (requests - 1) - floor(0.99 * (requests - 1))) AS p99, requests FROM (\
              SELECT key, max(n) AS requests, min(CASE WHEN upto > floor(0.95 * (n - 1)) THEN taken END) AS lo95, min(CASE WHEN upto > ceil(0.95 * (n - 1)) THEN taken END) AS hi95, \
              min(CASE WHEN upto > floor(0.5 * (n - 1)) THEN taken END) AS lo50, min(CASE WHEN upto > ceil(0.5 * (n - 1)) THEN taken END) AS hi50, \
              min(CASE WHEN upto > floor(0.99 * (n - 1)) THEN taken END) AS lo99, min(CASE WHEN upto > ceil(0.99 * (n - 1)) THEN taken END) AS hi99 FROM (\
              SELECT key, taken, sum(k) OVER (PARTITION BY key ORDER BY taken) AS upto, sum(k) OVER (PARTITION BY key) AS n FROM (\
              SELECT text_key(CASE WHEN cs_uri_stem = '/' THEN '/' ELSE rtrim(cs_uri_stem, '/') END) AS key, time_taken AS taken, count(*) AS k \
              FROM {rows} WHERE NOT is_asset(cs_uri_stem) AND time_taken IS NOT NULL GROUP BY 1, 2)) \
              GROUP BY 1 HAVING max(n) >= 20) JOIN (\
              SELECT page, text_key(page) AS of FROM (\
              SELECT DISTINCT CASE WHEN cs_uri_stem = '/' THEN '/' ELSE rtrim(cs_uri_stem, '/') END AS page \
              FROM {paths} WHERE NOT is_asset(cs_uri_stem))) ON key = of ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
];
