"""The same job for the other engines: log objects to typed, day-partitioned zstd Parquet."""

import json

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
# ClickHouse has no time of day: a text that is joined to the date.
CLICKHOUSE = {"DATE": "Date", "TIME": "String", "VARCHAR": "Nullable(String)", "BIGINT": "Nullable(Int64)",
              "INTEGER": "Nullable(Int32)", "DOUBLE": "Nullable(Float64)"}

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


def duckdb_cloudfront(folder):
    columns = json.dumps(CLOUDFRONT).replace('"', "'")
    return f"""
        SELECT date + time AS ts, * EXCLUDE (date, time), date AS dt
        FROM read_csv('{folder}/*.gz', columns = {columns}, auto_detect = false, delim = '\\t', header = false, skip = 2,
                      nullstr = '-', quote = '', escape = '', compression = 'gzip')"""


def duckdb_s3_access(folder):
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


def clickhouse_cloudfront(folder, out):
    columns = ", ".join(f"{name} {CLICKHOUSE[kind]}" for name, kind in CLOUDFRONT.items())
    kept = ", ".join(name for name in CLOUDFRONT if name not in ("date", "time"))
    settings = {
        "max_threads": 2, "max_insert_threads": 2, "max_parsing_threads": 2, "input_format_tsv_skip_first_lines": 2,
        "format_tsv_null_representation": "'-'", "output_format_parquet_compression_method": "'zstd'",
        "output_format_parquet_parallel_encoding": 1, "engine_file_truncate_on_insert": 1,
    }
    return f"""
        INSERT INTO FUNCTION file('{out}/dt={{_partition_id}}/part.parquet', 'Parquet') PARTITION BY dt
        SELECT toDateTime64(concat(toString(date), ' ', time), 6, 'UTC') AS ts, {kept}, toString(date) AS dt
        FROM file('{folder}/*.gz', 'TabSeparatedRaw', '{columns}')
        SETTINGS {", ".join(f"{name} = {value}" for name, value in settings.items())}"""
