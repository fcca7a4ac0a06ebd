//! S3 server access: who does what with a bucket.

use super::{Chart, Part, Section};

pub(super) const PARTS: &[Part] = &[
    Part {
        name: "hours",
        sql: "SELECT hour_start(ts) AS ts, min(dt) AS dt, count(*) AS n, total(bytes_sent) AS sent, \
              min(ts) AS first, max(ts) AS last FROM {rows} GROUP BY hour_start(ts)",
    },
    Part {
        name: "kinds",
        sql: "SELECT bucket, operation, authentication_type, signature_version, tls_version, count(*) AS n, total(bytes_sent) AS sent \
              FROM {rows} GROUP BY 1, 2, 3, 4, 5",
    },
    Part {
        name: "prefixes",
        sql: "SELECT coalesce(bucket, '') || '/' || CASE WHEN strpos(key, '/') > 0 THEN substr(key, 1, strpos(key, '/')) ELSE '' END AS prefix, \
              count(*) AS n, count(bytes_sent) AS measured, total(bytes_sent) AS sent, max(ts) AS last FROM {rows} WHERE key IS NOT NULL GROUP BY 1",
    },
];

pub(super) const SECTIONS: &[Section] = &[
    Section {
        id: "totals",
        title: "Totals",
        sql: "SELECT requests, bytes, keys, addresses, error_share, unauthenticated_share, first, last FROM (\
              SELECT count(*) AS requests, total(bytes_sent) AS bytes, \
              avg(CASE WHEN http_status >= 400 THEN 1.0 WHEN http_status IS NOT NULL THEN 0.0 END) AS error_share, \
              avg(CASE WHEN requester IS NULL THEN 1.0 ELSE 0.0 END) AS unauthenticated_share FROM {rows}) CROSS JOIN (\
              SELECT min(first) AS first, max(last) AS last FROM {hours}) CROSS JOIN (\
              SELECT count(key) AS keys FROM (SELECT DISTINCT bucket, key FROM {rows})) CROSS JOIN (\
              SELECT count(remote_ip) AS addresses FROM (SELECT DISTINCT remote_ip FROM {rows}))",
        chart: Chart::Figures,
    },
    Section {
        id: "time",
        title: "Over time",
        sql: "SELECT {time} AS time, sum(n) AS requests, sum(sent) AS bytes FROM {hours} GROUP BY 1 ORDER BY 1",
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
        id: "buckets",
        title: "Buckets",
        sql: "SELECT bucket, sum(n) AS requests, sum(sent) AS bytes \
              FROM {kinds} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "operations",
        title: "Operations",
        sql: "SELECT operation, sum(n) AS requests, sum(sent) AS bytes \
              FROM {kinds} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "requesters",
        title: "Requesters",
        sql: "SELECT coalesce(requester, 'unauthenticated') AS requester, count(*) AS requests, \
              total(bytes_sent) AS bytes FROM {rows} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "authentication",
        title: "Authentication",
        sql: "SELECT coalesce(authentication_type, 'none') AS authentication, \
              coalesce(signature_version, '-') AS signature, coalesce(tls_version, '-') AS tls, \
              sum(n) AS requests FROM {kinds} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "errors",
        title: "Errors",
        sql: "SELECT coalesce(error_code, '-') AS error, CAST(http_status AS VARCHAR) AS status, count(*) AS requests \
              FROM {rows} WHERE http_status >= 400 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "error_keys",
        title: "Keys with errors",
        sql: "SELECT coalesce(bucket, '') || '/' || key AS key, coalesce(error_code, '-') AS error, count(*) AS requests FROM {rows} \
              WHERE http_status >= 400 AND key IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "denied",
        title: "Denied",
        sql: "SELECT operation, coalesce(requester, 'unauthenticated') AS requester, count(*) AS requests \
              FROM {rows} WHERE http_status = 403 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "unauthenticated",
        title: "Read without authentication",
        sql: "SELECT bucket, operation, count(*) AS requests, total(bytes_sent) AS bytes FROM {rows} \
              WHERE requester IS NULL AND http_status < 400 AND operation LIKE '%GET%' \
              GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "hottest",
        title: "Hottest prefixes",
        sql: "SELECT prefix, n AS requests, sent AS bytes FROM {prefixes} ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "coldest",
        title: "Coldest prefixes",
        sql: "SELECT prefix, n AS requests, sent AS bytes, last FROM {prefixes} ORDER BY 2, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "prefix_bytes",
        title: "Prefixes by bytes",
        sql: "SELECT prefix, sent AS bytes, measured AS requests FROM {prefixes} WHERE measured > 0 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
    Section {
        id: "agents",
        title: "Programs",
        sql: "SELECT agent_family(user_agent) AS agent, count(*) AS requests, total(bytes_sent) AS bytes \
              FROM {rows} WHERE user_agent IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {top}",
        chart: Chart::Bars,
    },
];
