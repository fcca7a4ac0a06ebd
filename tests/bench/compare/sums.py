"""Rows and bytes per day of a Parquet dataset, as JSON: sums.py COLUMN FOLDER. In a process of its own, as DuckDB takes memory."""

import json
import sys

import duckdb


def main():
    column, folder = sys.argv[1:]
    found = duckdb.sql(f"""
        SELECT dt::VARCHAR, count(*), coalesce(sum({column}), 0)::BIGINT
        FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false) GROUP BY 1 ORDER BY 1""").fetchall()
    print(json.dumps({"rows": {day: rows for day, rows, _ in found}, "bytes": {day: total for day, _, total in found}}))


main()
