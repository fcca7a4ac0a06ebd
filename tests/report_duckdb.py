#!/usr/bin/env python3
"""Checks every section of `s3logs report` against queries of DuckDB over the same Parquet files.

usage: S3LOGS=target/debug/s3logs tests/report_duckdb.py [DATASET]

Without DATASET it makes one of the fixtures. Needs duckdb from PyPI. What agents and addresses are is asked of s3logs, one by
one; its own tests hold that. All else is DuckDB's, in other words than those of the report.
"""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse

import duckdb

S3LOGS = os.path.abspath(os.environ["S3LOGS"])
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLACES = ("--geoip", os.path.join(TOP, "fixtures", "addresses.mmdb"))
ENDINGS = (
    "avif|bmp|css|eot|gif|ico|jpeg|jpg|js|json|map|mjs|mp3|mp4|ogg|otf|png|svg|ttf|wasm|wav|webm|webmanifest|webp|woff|woff2"
    "|xml|txt"
)
ASSET = f"regexp_matches(cs_uri_stem, '(^|/)[^/]*\\.({ENDINGS})$', 'i')"
PAGE = "regexp_replace(cs_uri_stem, '(.)/+$', '\\1')"
HOST = "lower(regexp_extract(cs_referer, '^(?i:https?)://([^/?#@]*@)?(\\[[^\\]]*\\]|[^/?#:]+)', 2))"
VISITORS = "count(DISTINCT (coalesce(c_ip, ''), coalesce(cs_user_agent, ''), dt))::BIGINT"
PREFIX = "coalesce(bucket, '') || '/' || coalesce(nullif(regexp_extract(key, '^([^/]*/)', 1), ''), '')"


def top(select, group, order, where="true", having="true", limit=10):
    keys = ", ".join(str(number + 1) for number in range(group))
    return f"SELECT {select} FROM rows WHERE {where} GROUP BY {keys} HAVING {having} ORDER BY {order} LIMIT {limit}"


CLOUDFRONT = {
    "totals": f"""SELECT count(*), sum(sc_bytes)::BIGINT, {VISITORS}, count(DISTINCT c_ip),
        count(*) FILTER (x_edge_result_type IN ('Hit', 'RefreshHit', 'OriginShieldHit')) / count(x_edge_result_type),
        count(*) FILTER (sc_status >= 400) / count(sc_status), count(*) FILTER (bot) / count(cs_user_agent), min(ts), max(ts)
        FROM rows LEFT JOIN agents ON agent = cs_user_agent""",
    "time": f"SELECT STEP, count(*), sum(sc_bytes)::BIGINT, {VISITORS} FROM rows GROUP BY 1 ORDER BY 1",
    "hours": "SELECT dayofweek(ts), hour(ts), count(*) FROM rows GROUP BY 1, 2 ORDER BY 1, 2",
    "pages": top(f"{PAGE}, count(*), sum(sc_bytes)::BIGINT, {VISITORS}", 1, "2 DESC, 1", f"NOT {ASSET} AND sc_status >= 100 AND sc_status < 400"),
    "assets": top("cs_uri_stem, count(*), sum(sc_bytes)::BIGINT", 1, "2 DESC, 1", f"{ASSET} AND sc_status >= 100 AND sc_status < 400"),
    "referers": top(
        f"{HOST}, count(*)", 1, "2 DESC, 1",
        f"nullif({HOST}, '') IS NOT NULL AND {HOST} NOT IN ("
        "SELECT lower(split_part(x_host_header, ':', 1)) FROM rows WHERE x_host_header IS NOT NULL UNION "
        "SELECT lower(split_part(cs_host, ':', 1)) FROM rows WHERE cs_host IS NOT NULL)",
    ),
    "edges": """SELECT left(x_edge_location, 3), any_value(city), any_value(country), count(*), sum(sc_bytes)::BIGINT
        FROM rows LEFT JOIN edges ON location = x_edge_location GROUP BY 1 ORDER BY 4 DESC, 1 LIMIT 10""",
    "statuses": """SELECT CASE sc_status WHEN 0 THEN '000 viewer left' ELSE left(sc_status::VARCHAR, 1) || 'xx' END, count(*)
        FROM rows GROUP BY 1 ORDER BY 1""",
    "not_found": top(f"cs_uri_stem, count(*), {VISITORS}", 1, "2 DESC, 1", "sc_status = 404"),
    "cache": top("x_edge_result_type, count(*), sum(sc_bytes)::BIGINT", 1, "2 DESC, 1"),
    "misses": top("cs_uri_stem, count(*), sum(sc_bytes)::BIGINT", 1, "2 DESC, 1", "x_edge_result_type = 'Miss'"),
    "miss_bytes": top("cs_uri_stem, sum(sc_bytes)::BIGINT, count(*)", 1, "2 DESC, 1", "x_edge_result_type = 'Miss'"),
    "agents": """SELECT family, count(*), sum(sc_bytes)::BIGINT FROM rows LEFT JOIN agents ON agent = cs_user_agent
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10""",
    "bots": """SELECT CASE WHEN bot THEN 'bots: ' || coalesce(purpose, 'other') WHEN bot IS NULL THEN 'no user agent' ELSE 'people' END, count(*), sum(sc_bytes)::BIGINT
        FROM rows LEFT JOIN agents ON agent = cs_user_agent GROUP BY 1 ORDER BY 2 DESC, 1""",
    "ai": """SELECT crawler, count(*), sum(sc_bytes)::BIGINT FROM rows JOIN agents ON agent = cs_user_agent
        WHERE purpose = 'ai' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10""",
    "protocols": top(
        "coalesce(cs_protocol_version, '-'), coalesce(ssl_protocol, if(cs_protocol IN ('http', 'ws'), 'no TLS', '-')), count(*)", 2, "3 DESC, 1, 2"
    ),
    "slowest": top(
        f"""{PAGE}, quantile_cont(time_taken, 0.95), quantile_cont(time_taken, 0.5), quantile_cont(time_taken, 0.99), count(*)""",
        1, "2 DESC, 1", f"NOT {ASSET} AND time_taken IS NOT NULL", "count(*) >= 20",
    ),
}

S3_ACCESS = {
    "totals": """SELECT count(*), sum(bytes_sent)::BIGINT, count(DISTINCT (bucket, key)) FILTER (key IS NOT NULL), count(DISTINCT remote_ip),
        count(*) FILTER (http_status >= 400) / count(http_status), count(*) FILTER (requester IS NULL) / count(*), min(ts), max(ts) FROM rows""",
    "time": "SELECT STEP, count(*), sum(bytes_sent)::BIGINT FROM rows GROUP BY 1 ORDER BY 1",
    "hours": CLOUDFRONT["hours"],
    "buckets": top("bucket, count(*), sum(bytes_sent)::BIGINT", 1, "2 DESC, 1"),
    "operations": top("operation, count(*), sum(bytes_sent)::BIGINT", 1, "2 DESC, 1"),
    "requesters": top("coalesce(requester, 'unauthenticated'), count(*), sum(bytes_sent)::BIGINT", 1, "2 DESC, 1"),
    "authentication": top(
        "coalesce(authentication_type, 'none'), coalesce(signature_version, '-'), coalesce(tls_version, '-'), count(*)",
        3, "4 DESC, 1, 2, 3",
    ),
    "errors": top("coalesce(error_code, '-'), http_status::VARCHAR, count(*)", 2, "3 DESC, 1, 2", "http_status >= 400"),
    "error_keys": top("coalesce(bucket, '') || '/' || key, coalesce(error_code, '-'), count(*)", 2, "3 DESC, 1, 2", "http_status >= 400 AND key IS NOT NULL"),
    "denied": top("operation, coalesce(requester, 'unauthenticated'), count(*)", 2, "3 DESC, 1, 2", "http_status = 403"),
    "unauthenticated": top(
        "bucket, operation, count(*), sum(bytes_sent)::BIGINT", 2, "3 DESC, 1, 2",
        "requester IS NULL AND http_status < 400 AND contains(operation, 'GET')",
    ),
    "hottest": top(f"{PREFIX}, count(*), sum(bytes_sent)::BIGINT", 1, "2 DESC, 1", "key IS NOT NULL"),
    "coldest": top(f"{PREFIX}, count(*), sum(bytes_sent)::BIGINT, max(ts)", 1, "2, 1", "key IS NOT NULL"),
    "prefix_bytes": top(
        f"{PREFIX}, sum(bytes_sent)::BIGINT, count(*)", 1, "2 DESC, 1", "key IS NOT NULL AND bytes_sent IS NOT NULL"
    ),
    "agents": """SELECT family, count(*), sum(bytes_sent)::BIGINT FROM rows JOIN agents ON agent = user_agent
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10""",
}

READ = """operation IN ('REST.GET.OBJECT', 'WEBSITE.GET.OBJECT', 'REST.COPY.OBJECT_GET', 'REST.COPY.PART_GET',
    'REST.SELECT.OBJECT', 'REST.GET.OBJECT_TORRENT') AND http_status < 400"""
LISTED = f"""listed AS (SELECT coalesce(nullif(regexp_extract(key, '^([^/]*/)', 1), ''), '(top level)') AS prefix, size, modified, class, EXISTS (
    FROM rows WHERE rows.bucket = inventory.bucket AND rows.key = inventory.key AND {READ}) AS is_read FROM inventory
    WHERE latest AND NOT marker AND bucket IN (SELECT bucket FROM rows))"""
INVENTORY = {
    "never_read": f"""WITH {LISTED} SELECT prefix, sum(size)::BIGINT, count(*), any_value(unread), max(modified)
        FROM listed JOIN (SELECT prefix, avg((NOT is_read)::INT) AS unread FROM listed GROUP BY 1) USING (prefix)
        WHERE NOT is_read GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1 LIMIT 10""",
    "lifecycle": f"""WITH {LISTED} SELECT prefix, sum(size)::BIGINT, count(*), 'STANDARD_IA' FROM listed
        WHERE size >= 131072 AND class = 'STANDARD' AND prefix LIKE '%/'
        AND prefix NOT IN (SELECT prefix FROM listed WHERE is_read) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10""",
}


for sections, address, sent, who in (
    (CLOUDFRONT, "c_ip", "sc_bytes", VISITORS),
    (S3_ACCESS, "remote_ip", "bytes_sent", "count(DISTINCT remote_ip)"),
):
    for name, columns in ("countries", "country, country_name"), ("networks", "'AS' || asn, network_name"):
        sections[name] = f"""SELECT {columns}, count(*), sum({sent})::BIGINT, {who}
            FROM rows LEFT JOIN addresses ON address = {address} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 10"""


def run(*arguments):
    return subprocess.run([S3LOGS, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def asked(dataset, sql, *options):
    return list(csv.reader(io.StringIO(run("query", dataset, sql, "--output", "csv", *options))))[1:]


def prepare(base, dataset, table, column, address):
    base.execute(f"CREATE OR REPLACE VIEW rows AS SELECT * FROM read_parquet('{dataset}/{table}/**/*.parquet', hive_partitioning = true)")
    base.execute("CREATE OR REPLACE TABLE agents (agent VARCHAR, bot BOOLEAN, family VARCHAR, crawler VARCHAR, purpose VARCHAR)")
    known = asked(
        dataset,
        f"SELECT DISTINCT {column}, is_bot({column}), agent_family({column}), crawler({column}), crawler_purpose({column})"
        f" FROM {table} WHERE {column} IS NOT NULL",
    )
    for agent, bot, family, crawler, purpose in known:
        base.execute("INSERT INTO agents VALUES (?, ?, ?, ?, ?)", [agent, bot == "true", family, crawler or None, purpose or None])
    base.execute(
        "CREATE OR REPLACE TABLE addresses (address VARCHAR, country VARCHAR, country_name VARCHAR, asn INTEGER, network_name VARCHAR)"
    )
    known = asked(
        dataset,
        f"SELECT DISTINCT {address}, country({address}), country_name({address}), asn({address}), network_name({address})"
        f" FROM {table} WHERE {address} IS NOT NULL",
        *PLACES,
    )
    for row in known:
        base.execute("INSERT INTO addresses VALUES (?, ?, ?, ?, ?)", [value or None for value in row])
    if table == "cloudfront":
        base.execute("CREATE OR REPLACE TABLE edges (location VARCHAR, city VARCHAR, country VARCHAR)")
        places = asked(
            dataset,
            "SELECT DISTINCT x_edge_location, edge_city(x_edge_location), edge_country(x_edge_location) FROM cloudfront"
            " WHERE x_edge_location IS NOT NULL",
        )
        for location, city, country in places:
            base.execute("INSERT INTO edges VALUES (?, ?, ?)", [location, city or None, country or None])


def list_objects(base, dataset, folder):
    """An inventory of half of the keys that the logs know and of some that they do not, and its table in DuckDB."""
    base.execute(f"""CREATE TABLE inventory AS WITH rows AS (FROM read_parquet('{dataset}/s3_access/**/*.parquet')),
        known AS (SELECT DISTINCT bucket, key FROM rows WHERE key IS NOT NULL AND hash(key) % 2 = 0),
        others AS (SELECT bucket, 'unread' || n % 7 || '/' || n || ' +%.bin' AS key FROM range(500) AS r(n),
            (SELECT DISTINCT bucket FROM rows) UNION ALL SELECT 'elsewhere', 'some' || '/' || n FROM range(9) AS r(n)),
        listed AS (FROM known UNION ALL FROM others)
        SELECT bucket, key, hash(key) % 400000 AS size, hash(key) % 11 <> 3 AS latest, hash(key) % 13 = 4 AS marker,
            TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds((hash(key) % 1000000)::BIGINT) AS modified,
            CASE hash(key) % 5 WHEN 0 THEN 'GLACIER_IR' ELSE 'STANDARD' END AS class FROM listed""")
    os.makedirs(os.path.join(folder, "daily", "data"))
    os.makedirs(os.path.join(folder, "daily", "2026-03-04T01-00Z"))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for bucket, key, latest, marker, size, modified, storage in base.execute(
        "SELECT bucket, key, latest, marker, size, strftime(modified, '%Y-%m-%dT%H:%M:%S.000Z'), class FROM inventory"
    ).fetchall():
        key = urllib.parse.quote_plus(key, safe="/*")
        writer.writerow([bucket, key, str(latest).lower(), str(marker).lower(), size, modified, storage])
    with gzip.open(os.path.join(folder, "daily", "data", "1.csv.gz"), "wt") as file:
        file.write(text.getvalue())
    size = os.path.getsize(os.path.join(folder, "daily", "data", "1.csv.gz"))
    manifest = {
        "sourceBucket": "example-assets", "fileFormat": "CSV", "files": [{"key": "x/data/1.csv.gz", "size": size}],
        "fileSchema": "Bucket, Key, IsLatest, IsDeleteMarker, Size, LastModifiedDate, StorageClass",
    }
    with open(os.path.join(folder, "daily", "2026-03-04T01-00Z", "manifest.json"), "w") as file:
        json.dump(manifest, file)
    return os.path.join(folder, "daily")


def step(base):
    (days,) = base.execute("SELECT date_diff('day', min(dt::DATE), max(dt::DATE)) + 1 FROM rows").fetchone()
    return "date_trunc('hour', ts)" if days <= 3 else "dt::DATE" if days <= 100 else "date_trunc('month', ts)"


def plain(value):
    if hasattr(value, "isoformat"):
        text = value.isoformat().replace("+00:00", "")
        text = text if "T" in text else text + "T00:00:00"
        return text.split(".")[0] + "Z"
    return round(value, 6) if isinstance(value, float) else value


def same(one, other):
    if isinstance(one, str) and isinstance(other, str):
        return one.split(".")[0].rstrip("Z") == other.split(".")[0].rstrip("Z") if one[:4].isdigit() else one == other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= 1e-6 * max(1, abs(one))
    return one == other


def check(base, dataset, table, queries, columns, *options):
    prepare(base, dataset, table, *columns)
    command = ["report", dataset, "--json", "--table", table, *PLACES, *options]
    events = [json.loads(line) for line in run(*command).splitlines()]
    sections = {event["id"]: event for event in events if event["event"] == "section"}
    differing = sorted(set(sections) ^ set(queries))
    for name in sorted(set(sections) & set(queries)):
        columns = [column["name"] for column in sections[name]["columns"]]
        reported = [[plain(row[column]) for column in columns] for row in sections[name]["rows"]]
        found = base.execute(queries[name].replace("STEP", step(base))).fetchall()
        found = [[plain(value) for value in row] for row in found]
        alike = len(reported) == len(found) and all(
            len(one) == len(other) and all(map(same, one, other)) for one, other in zip(reported, found)
        )
        print(f"{'ok  ' if alike else 'FAIL'} {table}.{name}: {len(reported)} rows")
        if not alike:
            differing.append(name)
            print("  report:", reported, "\n  duckdb:", found)
    return differing


def main():
    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'")
    with tempfile.TemporaryDirectory() as folder:
        dataset = sys.argv[1] if len(sys.argv) > 1 else os.path.join(folder, "dataset")
        if len(sys.argv) == 1:
            run("sync", "-q", os.path.join(TOP, "fixtures", "logs"), dataset)
        differing = []
        if os.path.isdir(os.path.join(dataset, "cloudfront")):
            differing += check(base, dataset, "cloudfront", CLOUDFRONT, ("cs_user_agent", "c_ip"))
        if os.path.isdir(os.path.join(dataset, "s3_access")):
            listed = list_objects(base, dataset, folder)
            columns = ("user_agent", "remote_ip")
            differing += check(base, dataset, "s3_access", S3_ACCESS | INVENTORY, columns, "--inventory", listed)
    if differing:
        sys.exit(f"they differ: {', '.join(differing)}")


if __name__ == "__main__":
    main()
