"""One conversion by another engine, in a process of its own: peer.py ENGINE FORMAT FOLDER OUT.

Prints wall and CPU seconds of the query alone, without starting Python and the engine, as JSON.
"""

import json
import os
import resource
import sys
import time

import queries

THREADS = 2


def duckdb_job(form, folder, out):
    import duckdb

    database = duckdb.connect()
    database.execute(f"SET threads = {THREADS}")
    query = {"cloudfront": queries.duckdb_cloudfront, "s3-access": queries.duckdb_s3_access}[form](folder)
    return lambda: database.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (dt))")


def chdb_job(form, folder, out):
    import chdb

    assert form == "cloudfront", "ClickHouse is only measured on CloudFront"
    query = queries.clickhouse_cloudfront(os.path.abspath(folder), os.path.abspath(out))
    return lambda: chdb.query(query)


def main():
    engine, form, folder, out = sys.argv[1:]
    os.makedirs(out)
    job = {"duckdb": duckdb_job, "chdb": chdb_job}[engine](form, folder, out)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    job()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": wall, "cpu": cpu}))


main()
