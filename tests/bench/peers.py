#!/usr/bin/env python3
"""Measures DuckDB on the job of `s3logs convert`: log objects to day-partitioned zstd Parquet.

    python3 tests/bench/peers.py --format cloudfront DIR OUTDIR

DIR holds what the generate-logs example wrote. Prints one JSON object: wall and CPU seconds (user + sys) of the
query alone, without starting Python; peak memory of the whole process; rows, checked against the lines of DIR.
"""

import argparse
import glob
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import time

DUCKDB = "duckdb==1.5.5"

CLOUDFRONT = {
    "date": "DATE", "time": "TIME", "x_edge_location": "VARCHAR", "sc_bytes": "BIGINT", "c_ip": "VARCHAR", "cs_method": "VARCHAR",
    "cs_host": "VARCHAR", "cs_uri_stem": "VARCHAR", "sc_status": "INTEGER", "cs_referer": "VARCHAR", "cs_user_agent": "VARCHAR",
    "cs_uri_query": "VARCHAR", "cs_cookie": "VARCHAR", "x_edge_result_type": "VARCHAR", "x_edge_request_id": "VARCHAR",
    "x_host_header": "VARCHAR", "cs_protocol": "VARCHAR", "cs_bytes": "BIGINT", "time_taken": "DOUBLE", "x_forwarded_for": "VARCHAR",
    "ssl_protocol": "VARCHAR", "ssl_cipher": "VARCHAR", "x_edge_response_result_type": "VARCHAR", "cs_protocol_version": "VARCHAR",
    "fle_status": "VARCHAR", "fle_encrypted_fields": "INTEGER", "c_port": "INTEGER", "time_to_first_byte": "DOUBLE",
    "x_edge_detailed_result_type": "VARCHAR", "sc_content_type": "VARCHAR", "sc_content_len": "BIGINT", "sc_range_start": "BIGINT",
    "sc_range_end": "BIGINT",
}

S3_ACCESS = [
    "bucket_owner", "bucket", "time", "remote_ip", "requester", "request_id", "operation", "key", "request_uri", "http_status", "error_code",
    "bytes_sent", "object_size", "total_time", "turn_around_time", "referer", "user_agent", "version_id", "host_id", "signature_version",
    "cipher_suite", "authentication_type", "host_header", "tls_version", "access_point_arn", "acl_required", "source_region",
]
S3_QUOTED = {"request_uri", "referer", "user_agent"}
S3_NUMBERS = {"http_status": "INTEGER", "bytes_sent": "BIGINT", "object_size": "BIGINT", "total_time": "BIGINT", "turn_around_time": "BIGINT"}

# The pattern that AWS documents for Athena, with the source region added and the time's brackets made strict.
WORD = "([^ ]*)"
QUOTED = '("[^"]*"|-)'
S3_PATTERN = " ".join(
    [WORD, WORD, r"\[([^\]]*)\]"] + [WORD] * 5 + [QUOTED, "(-|[0-9]*)"] + [WORD] * 5 + [QUOTED, QUOTED, WORD]
) + "(?: " + " ".join([WORD] * 9) + ")?.*$"


def cloudfront_query(folder):
    columns = json.dumps(CLOUDFRONT).replace('"', "'")
    return f"""
        SELECT date + time AS ts, * EXCLUDE (date, time), date AS dt
        FROM read_csv('{folder}/*.gz', columns = {columns}, auto_detect = false, delim = '\\t', header = false, skip = 2,
                      nullstr = '-', quote = '', escape = '', compression = 'gzip')"""


def s3_access_query(folder):
    def column(name):
        if name in S3_NUMBERS:
            return f"try_cast(f.{name} AS {S3_NUMBERS[name]}) AS {name}"
        text = f"trim(f.{name}, '\"')" if name in S3_QUOTED else f"f.{name}"
        return f"nullif({text}, '-') AS {name}"

    columns = ", ".join(column(name) for name in S3_ACCESS if name != "time")
    pattern = S3_PATTERN.replace("'", "''")
    return f"""
        SELECT ts, * EXCLUDE (ts), ts::DATE AS dt FROM (
            SELECT strptime(f.time, '%d/%b/%Y:%H:%M:%S +0000') AS ts, {columns} FROM (
                SELECT regexp_extract(line, '{pattern}', {S3_ACCESS}) AS f
                FROM read_csv('{folder}/*', columns = {{'line': 'VARCHAR'}}, auto_detect = false, delim = '\\x01', header = false,
                              quote = '', escape = '')))"""


QUERIES = {"cloudfront": cloudfront_query, "s3-access": s3_access_query}


def output(options):
    """The only folder this script removes."""
    return os.path.join(options.outdir, f"duckdb-{options.format}")


def convert(options):
    """Runs in a process of its own, so that its peak memory is the query's."""
    import duckdb

    database = duckdb.connect()
    database.execute(f"SET threads = {options.threads}")
    if options.unordered:
        database.execute("SET preserve_insertion_order = false")
    query = QUERIES[options.format](options.dir)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    database.execute(f"COPY ({query}) TO '{output(options)}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (dt))")
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    rows, unparsed = database.execute(f"SELECT count(*), count(*) FILTER (ts IS NULL) FROM '{output(options)}/*/*.parquet'").fetchone()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({
        "tool": f"duckdb {duckdb.__version__}", "format": options.format, "threads": options.threads, "wall": round(wall, 2), "cpu": round(cpu, 2),
        "peak_rss_mb": after.ru_maxrss // 1024, "rows": rows, "unparsed": unparsed,
    }))


def source_rows(folder):
    """Lines of the source that are no header."""
    rows = 0
    for path in glob.glob(f"{folder}/*"):
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as lines:
            rows += sum(not line.startswith(b"#") for line in lines)
    return rows


def python_with_duckdb(venv):
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", DUCKDB], check=True)
    return python


def one_run(options):
    written = output(options)
    shutil.rmtree(written, ignore_errors=True)
    os.makedirs(written)
    child = [python_with_duckdb(options.venv), __file__, "--child", *sys.argv[1:]]
    return json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE).stdout)


def measure(options):
    """The run with the least CPU counts: on a shared machine the others measure the neighbours."""
    runs = [one_run(options) for _ in range(options.runs)]
    result = min(runs, key=lambda run: run["cpu"])
    files = glob.glob(f"{output(options)}/*/*.parquet")
    result.update(cpu_of_runs=[run["cpu"] for run in runs], files=len(files), bytes=sum(map(os.path.getsize, files)), source_rows=source_rows(options.dir))
    print(json.dumps(result))
    complete = result["rows"] == result["source_rows"] and result["unparsed"] == 0
    return 0 if complete else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", choices=QUERIES, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=1, help="the best of so many")
    parser.add_argument("--unordered", action="store_true", help="let DuckDB change the order of rows (less memory)")
    parser.add_argument("--venv", default=os.environ.get("PEERS_VENV", "target/peers-venv"), help="made with %s if missing" % DUCKDB)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("dir")
    parser.add_argument("outdir", help="written to its subfolder duckdb-FORMAT, which is removed first")
    options = parser.parse_args()
    if options.child:
        return convert(options)
    return measure(options)


if __name__ == "__main__":
    sys.exit(main())
