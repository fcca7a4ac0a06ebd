"""The table: what is measured, against whom, in which unit, and the target. All names and numbers of the report are here."""

from dataclasses import dataclass

CF_WORK = "CloudFront gzip → sorted Parquet, committed: {cf_objects} objects, {cf_rows} rows"
S3_WORK = "S3 access text → sorted Parquet, committed: {s3_objects} objects, {s3_rows} rows"
SMALL = "{small_objects} objects of 2 KB from SeaweedFS"
PARSE = "CloudFront text → typed columns, no output, one thread"
KEYS = "{keys} keys"
DUCKDB_CSV, DUCKDB_REGEX = "DuckDB `read_csv`, unsorted", "DuckDB, regex of 26 groups, unsorted"
CHDB = "ClickHouse (chdb), unsorted"
S5CMD = "s5cmd, 32 workers"


@dataclass(frozen=True)
class Target:
    """A row. With `peer` the limit is for the ratio to it, without for the value itself; `least` turns the limit around."""

    key: str
    work: str
    peer: str
    measure: str
    unit: str
    limit: float | None
    least: bool = False

    @property
    def section(self):
        return self.key.split(".")[0]


def memory(key, work):
    return [
        Target(f"{key}.peak", work, "", "peak memory", "MiB", 256),
        Target(f"{key}.peak64", work + ", `--memory 64MiB`", "", "peak memory", "MiB", 64),
    ]


TARGETS = [
    Target("cloudfront.duckdb.cpu", CF_WORK, DUCKDB_CSV, "CPU", "s", 0.33),
    Target("cloudfront.duckdb.wall", CF_WORK, DUCKDB_CSV, "wall", "s", 0.33),
    Target("cloudfront.chdb.cpu", CF_WORK, CHDB, "CPU", "s", 0.45),
    Target("cloudfront.chdb.wall", CF_WORK, CHDB, "wall", "s", 0.45),
    Target("cloudfront.duckdb.parquet", CF_WORK, DUCKDB_CSV, "Parquet", "MiB", 0.95),
    Target("s3.duckdb.cpu", S3_WORK, DUCKDB_REGEX, "CPU", "s", 0.2),
    Target("s3.duckdb.wall", S3_WORK, DUCKDB_REGEX, "wall", "s", 0.2),
    Target("s3.duckdb.parquet", S3_WORK, DUCKDB_REGEX, "Parquet", "MiB", 0.95),
    Target("parse.borrowed.line", PARSE, "crate cloudfront-logs, Parquet-shaped struct, borrowed", "per line", "ns", 0.6),
    Target("parse.owned.line", PARSE, "the same, owned", "per line", "ns", None),
    Target("net.download.wall", "`download`: " + SMALL, S5CMD, "wall", "s", 1.0),
    Target("net.download.cpu", "`download`: " + SMALL, S5CMD, "CPU", "s", 0.8),
    Target("net.sync.wall", "`sync` to Parquet: " + SMALL, S5CMD + ", download alone", "wall", "s", 1.15),
    Target("net.list.wall", "`list`: " + KEYS, "s5cmd ls", "wall", "s", 1.2),
    Target("net.noop.wall", "`sync` with nothing new: " + KEYS, "s5cmd ls", "wall", "s", 1.2),
    *memory("cloudfront", CF_WORK),
    *memory("s3", S3_WORK),
    *memory("net.download", "`download`: " + SMALL),
    *memory("net.sync", "`sync` to Parquet: " + SMALL),
    memory("net.list", "`list`: " + KEYS)[0],  # it takes no --memory
    *memory("net.noop", "`sync` with nothing new: " + KEYS),
    *memory("memory.rows", "CloudFront, 10 × the rows"),
    *memory("memory.text", "one object: S3 access text of {large}"),
    *memory("memory.gzip", "one object: CloudFront gzip of {large}"),
    *memory("memory.million", "{million} objects of 300 bytes"),
    Target("growth.rows", "CloudFront, 10 × the rows", "itself", "CPU", "s", 10.5),
    Target("growth.objects", "CloudFront, 10 × the objects", "itself", "CPU", "s", 10.5),
    Target("growth.cloudfront.core", "CloudFront, one core", "two cores", "wall", "s", 1.8, least=True),
    Target("growth.s3.core", "S3 access, one core", "two cores", "wall", "s", 1.8, least=True),
    Target("start.wall", "`sync` of {start_objects} objects, nothing new, median of 20", "", "wall", "ms", 150),
]
SECTIONS = ["cloudfront", "s3", "parse", "net", "memory", "growth", "start", "floor"]
