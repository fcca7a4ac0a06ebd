//! `CloudFront`: web traffic.

use super::{Chart, Section};

/// Visitors are counted as groups of groups, which go on on disk where `count(DISTINCT …)` would not.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        id: "totals",
        title: "Totals",
        sql: "SELECT requests, bytes, visitors, addresses, hit_share, error_share, bot_share, first, last FROM (\
              SELECT count(*) AS requests, coalesce(sum(sc_bytes), 0) AS bytes, \
              avg(CASE WHEN x_edge_result_type IN ('Hit', 'RefreshHit', 'OriginShieldHit') THEN 1.0 ELSE 0.0 END) AS hit_share, \
              avg(CASE WHEN sc_status >= 400 THEN 1.0 ELSE 0.0 END) AS error_share, \
              avg(CASE WHEN is_bot(cs_user_agent) THEN 1.0 ELSE 0.0 END) AS bot_share, \
              min(ts) AS first, max(ts) AS last FROM {rows}) CROSS JOIN (\
              SELECT count(*) AS visitors FROM (SELECT DISTINCT visitor(c_ip, cs_user_agent, dt) FROM {rows})) CROSS JOIN (\
              SELECT count(c_ip) AS addresses FROM (SELECT DISTINCT c_ip FROM {rows}))",
        chart: Chart::Figures,
    },
    Section {
        id: "time",
        title: "Over time",
        sql: "SELECT time, sum(n) AS requests, sum(sent) AS bytes, count(*) AS visitors FROM (\
              SELECT {time} AS time, visitor(c_ip, cs_user_agent, dt) AS visitor, \
              count(*) AS n, sum(sc_bytes) AS sent FROM {rows} GROUP BY 1, 2) GROUP BY 1 ORDER BY 1",
        chart: Chart::Series,
    },
    Section {
        id: "hours",
        title: "Weekdays and hours (UTC)",
        sql: "SELECT date_part('dow', ts) AS weekday, date_part('hour', ts) AS hour, \
              count(*) AS requests FROM {rows} GROUP BY 1, 2 ORDER BY 1, 2",
        chart: Chart::Heat,
    },
    Section {
        id: "pages",
        title: "Pages",
        // Visitors of the first pages alone: pairs of all pages and visitors would be many.
        sql: "SELECT page, requests, bytes, count(*) AS visitors FROM (\
              SELECT DISTINCT page, requests, bytes, visitor(c_ip, cs_user_agent, dt) AS visitor FROM (\
              SELECT CASE WHEN cs_uri_stem = '/' THEN '/' ELSE rtrim(cs_uri_stem, '/') END AS own, \
              c_ip, cs_user_agent, dt FROM {rows} WHERE NOT is_asset(cs_uri_stem) AND sc_status < 400) JOIN (\
              SELECT CASE WHEN cs_uri_stem = '/' THEN '/' ELSE rtrim(cs_uri_stem, '/') END AS page, \
              count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} WHERE NOT is_asset(cs_uri_stem) AND sc_status < 400 \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}) ON own IS NOT DISTINCT FROM page) \
              GROUP BY 1, 2, 3 ORDER BY 2 DESC, 1",
        chart: Chart::Bars,
    },
    Section {
        id: "assets",
        title: "Assets",
        sql: "SELECT cs_uri_stem AS asset, count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} WHERE is_asset(cs_uri_stem) AND sc_status < 400 \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "referers",
        title: "Referers, own hosts left out",
        // Hosts are left out of the groups and not of the rows: there are few of them.
        sql: "SELECT referer, requests FROM (\
              SELECT url_host(cs_referer) AS referer, count(*) AS requests FROM {rows} GROUP BY 1) \
              WHERE referer IS NOT NULL AND referer NOT IN (SELECT own FROM (\
              SELECT DISTINCT url_host('https://' || x_host_header) AS own FROM {rows} UNION \
              SELECT DISTINCT url_host('https://' || cs_host) FROM {rows}) WHERE own IS NOT NULL) \
              ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "edges",
        title: "Edge locations",
        sql: "SELECT substr(x_edge_location, 1, 3) AS edge, edge_city(x_edge_location) AS city, \
              edge_country(x_edge_location) AS country, count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "statuses",
        title: "Statuses",
        sql: "SELECT CASE WHEN sc_status = 0 THEN '000 viewer left' \
              WHEN sc_status BETWEEN 100 AND 599 THEN CAST(sc_status / 100 AS VARCHAR) || 'xx' ELSE 'other' END AS status, count(*) AS requests \
              FROM {rows} GROUP BY 1 ORDER BY 1",
        chart: Chart::Bars,
    },
    Section {
        id: "not_found",
        title: "Not found",
        sql: "SELECT path, requests, count(*) AS visitors FROM (\
              SELECT DISTINCT path, requests, visitor(c_ip, cs_user_agent, dt) AS visitor \
              FROM (SELECT * FROM {rows} WHERE sc_status = 404) JOIN (\
              SELECT cs_uri_stem AS path, count(*) AS requests FROM {rows} WHERE sc_status = 404 \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}) ON cs_uri_stem IS NOT DISTINCT FROM path) \
              GROUP BY 1, 2 ORDER BY 2 DESC, 1",
        chart: Chart::Bars,
    },
    Section {
        id: "cache",
        title: "How the edge answered",
        sql: "SELECT x_edge_result_type AS result, count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "misses",
        title: "Misses, by requests",
        sql: "SELECT cs_uri_stem AS path, count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} WHERE x_edge_result_type = 'Miss' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "miss_bytes",
        title: "Misses, by bytes",
        sql: "SELECT cs_uri_stem AS path, sum(sc_bytes) AS bytes, count(*) AS requests \
              FROM {rows} WHERE x_edge_result_type = 'Miss' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "agents",
        title: "Browsers and programs",
        sql: "SELECT agent_family(cs_user_agent) AS agent, count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "bots",
        title: "People and bots",
        sql: "SELECT CASE WHEN is_bot(cs_user_agent) THEN coalesce('bots: ' || crawler_purpose(cs_user_agent), 'bots: other') \
              ELSE 'people' END AS kind, count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "ai",
        title: "AI crawlers",
        sql: "SELECT crawler(cs_user_agent) AS crawler, count(*) AS requests, sum(sc_bytes) AS bytes \
              FROM {rows} WHERE crawler_purpose(cs_user_agent) = 'ai' \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "protocols",
        title: "Protocols",
        sql: "SELECT coalesce(cs_protocol_version, '-') AS protocol, coalesce(ssl_protocol, 'no TLS') AS tls, \
              count(*) AS requests FROM {rows} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "slowest",
        title: "Slowest pages, by the 95th of a hundred",
        sql: "SELECT * FROM (SELECT CASE WHEN cs_uri_stem = '/' THEN '/' ELSE rtrim(cs_uri_stem, '/') END AS page, \
              percentile_cont(time_taken, 0.95) AS p95, percentile_cont(time_taken, 0.5) AS p50, \
              percentile_cont(time_taken, 0.99) AS p99, count(*) AS requests \
              FROM {rows} WHERE NOT is_asset(cs_uri_stem) AND time_taken IS NOT NULL GROUP BY 1) \
              WHERE requests >= 20 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
];
