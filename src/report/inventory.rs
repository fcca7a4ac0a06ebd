//! What an inventory tells beside the logs: objects that nobody reads.

use serde_json::{Value, json};

use super::{Cell, Chart, Filled, Section};

/// Requests that read an object: S3 User Guide, "Amazon S3 server access log format", operations.
macro_rules! reads {
    () => {
        "operation IN ('REST.GET.OBJECT', 'WEBSITE.GET.OBJECT', 'REST.COPY.OBJECT_GET', 'REST.COPY.PART_GET', \
         'REST.SELECT.OBJECT', 'REST.GET.OBJECT_TORRENT') AND http_status < 400 AND key IS NOT NULL"
    };
}

/// Each current object of a bucket that the logs know, and whether it was read. A group of both lists goes on
/// on disk where a join would not.
macro_rules! objects {
    () => {
        concat!(
            "(SELECT CASE WHEN strpos(key, '/') > 0 THEN substr(key, 1, strpos(key, '/')) ELSE '(top level)' END AS prefix, \
             max(size) AS size, max(modified) AS modified, max(class) AS class, sum(read) AS reads FROM (\
             SELECT bucket, key, coalesce(size, 0) AS size, last_modified_date AS modified, storage_class AS class, 1 AS listed, 0 AS read \
             FROM inventory WHERE is_latest AND NOT is_delete_marker AND bucket IN ({buckets}) \
             UNION ALL SELECT bucket, key, 0, CAST(NULL AS TIMESTAMP), CAST(NULL AS VARCHAR), 0, 1 FROM {rows} WHERE ",
            reads!(),
            ") GROUP BY bucket, key HAVING sum(listed) > 0)"
        )
    };
}

/// The table whose rows tell of reads.
pub(super) const TABLE: &str = "s3_access";

/// Days of logs without a read after which [`GLACIER_IR`](storage_class) costs less than `STANDARD_IA`.
const QUARTER: i64 = 90;

/// Where to move what was not read for so many days.
pub(super) fn storage_class(days: i64) -> &'static str {
    if days < QUARTER {
        "STANDARD_IA"
    } else {
        "GLACIER_IR"
    }
}

pub(super) const SECTIONS: &[Section] = &[
    Section {
        id: "never_read",
        title: "Objects never read, by the inventory",
        sql: concat!(
            "SELECT prefix, sum(CASE WHEN reads = 0 THEN size ELSE 0 END) AS bytes, \
             sum(CASE WHEN reads = 0 THEN 1 ELSE 0 END) AS objects, \
             avg(CASE WHEN reads = 0 THEN 1.0 ELSE 0.0 END) AS object_share, \
             max(CASE WHEN reads = 0 THEN modified END) AS last FROM ",
            objects!(),
            " GROUP BY 1 HAVING sum(CASE WHEN reads = 0 THEN 1 ELSE 0 END) > 0 ORDER BY 2 DESC, 3 DESC, 1 LIMIT {top}"
        ),
        chart: Chart::Bars,
    },
    Section {
        id: RULES,
        title: "What a lifecycle rule would move: prefixes of which nothing was read",
        // A bucket can have 1,000 rules. S3 moves objects of 128 KiB and more, and to STANDARD_IA after 30 days at the earliest. What is read
        // less than once in a quarter is cheaper in GLACIER_IR: S3 User Guide, "Transitioning objects using
        // Amazon S3 Lifecycle".
        sql: concat!(
            "SELECT prefix, sum(size) AS bytes, count(size) AS objects, '{class}' AS storage_class FROM (\
             SELECT prefix, CASE WHEN coalesce(class, 'STANDARD') = 'STANDARD' AND size >= 131072 THEN size END AS size, \
             reads FROM ",
            objects!(),
            ") GROUP BY 1 HAVING sum(reads) = 0 AND sum(size) > 0 AND prefix LIKE '%/' \
             ORDER BY 2 DESC, 1 LIMIT 1000"
        ),
        chart: Chart::Bars,
    },
];

/// The buckets that the logs tell of: an inventory of another one says nothing about what is read.
pub(super) const BUCKETS: Section = Section {
    id: "logged_buckets",
    title: "Buckets with logs",
    sql: "SELECT DISTINCT bucket FROM {rows} WHERE bucket IS NOT NULL",
    chart: Chart::Bars,
};

/// The section of prefixes that a rule would move.
pub(super) const RULES: &str = "lifecycle";

/// Days after which rules move objects.
const AGE: u32 = 30;

/// Rules that move what is in a filled section [`RULES`], as `aws s3api put-bucket-lifecycle-configuration`
/// takes them; `None` if there is nothing in it.
pub(super) fn rules(section: &Filled) -> Option<Value> {
    let rule = |row: &Vec<Cell>| {
        let [Cell::Text(prefix), _, _, Cell::Text(class)] = &row[..] else {
            return None;
        };
        Some(json!({
            "ID": format!("not read: {}", prefix.chars().take(200).collect::<String>()),
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": prefix, "ObjectSizeGreaterThan": 131_071}},
            "Transitions": [{"Days": AGE, "StorageClass": class}],
        }))
    };
    let rules: Vec<Value> = section.rows.iter().filter_map(rule).collect();
    (!rules.is_empty()).then(|| json!({ "Rules": rules }))
}
