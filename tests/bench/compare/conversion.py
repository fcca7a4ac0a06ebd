"""Sections cloudfront and s3: log objects to Parquet, against DuckDB and ClickHouse."""

import os

import data
from bench import bytes_below
from measure import in_turns, most

MIB = 1 << 20


def cloudfront(bench):
    convert(bench, "cloudfront", ["duckdb", "chdb"])


def s3(bench):
    convert(bench, "s3", ["duckdb"])


def convert(bench, section, engines):
    folder, truth = data.make(bench, section)
    short = {"cloudfront": "cf", "s3": "s3"}[section]
    bench.facts |= {f"{short}_objects": truth["objects"], f"{short}_rows": truth["rows"]}
    tools = {"s3logs": lambda: bench.sync(folder)}
    tools |= {engine: lambda engine=engine: bench.peer(engine, truth["format"], folder) for engine in engines}
    taken = in_turns(bench.rounds, tools, bench.log)
    for tool in tools:
        bench.check_sums(truth, tool)
    for engine in engines:
        for what in "cpu", "wall":
            bench.against(f"{section}.{engine}.{what}", taken["s3logs"], taken[engine], what)
        bench.notes.append(f"peak memory of {engine}, {section}: {most(taken[engine]):,.0f} MiB")
    sizes = [bytes_below(os.path.join(bench.scratch, "out", tool), ".parquet") / MIB for tool in ("s3logs", "duckdb")]
    bench.value(f"{section}.duckdb.parquet", *sizes)
    bench.value(f"{section}.peak", most(taken["s3logs"]))
    bench.value(f"{section}.peak64", bench.sync(folder, "--memory", "64MiB").peak)
    bench.check_sums(truth, "s3logs")
    bench.tidy()
