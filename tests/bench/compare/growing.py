"""Sections memory and growth: ten times the rows or objects, one large object, a million tiny ones, a second core."""

import data
from measure import Failed, in_turns

NO_LIMIT = ("--max-object", "64GiB")


def peaks(bench, key, folder, rows, *options):
    """At the default memory and at 64 MiB; nothing may be lost on the way."""
    for suffix, memory in ("peak", []), ("peak64", ["--memory", "64MiB"]):
        usage = bench.sync(folder, *options, *memory)
        bench.log(f"  {key} {' '.join(memory)}: {usage.wall:.1f} s wall, {usage.cpu:.1f} s CPU, {usage.peak:.0f} MiB")
        bench.check_rows("s3logs", rows)
        bench.value(f"{key}.{suffix}", usage.peak)
    bench.tidy()


def memory(bench):
    folder, truth = data.make(bench, "cloudfront-rows")
    peaks(bench, "memory.rows", folder, truth["rows"])
    size = bench.large_gib * data.GIB // bench.scale
    bench.facts["large"] = f"{bench.large_gib} GiB" if bench.scale == 1 else f"{size >> 20} MiB"
    for key, name in ("memory.text", "s3"), ("memory.gzip", "cloudfront"):
        folder, rows = data.large(bench, name, size)
        peaks(bench, key, folder, rows, *NO_LIMIT)
        data.drop(bench, f"large-{name}")
    if bench.long:
        folder, count = data.million(bench)
        bench.facts["million"] = f"{count:,}"
        peaks(bench, "memory.million", folder, count)
        data.drop(bench, "million")


def growth(bench):
    usual, _ = data.make(bench, "cloudfront")
    for key, name in ("growth.rows", "cloudfront-rows"), ("growth.objects", "cloudfront-objects"):
        grown, _ = data.make(bench, name)
        tools = {"10 ×": lambda grown=grown: bench.sync(grown), "1 ×": lambda: bench.sync(usual)}
        taken = in_turns(bench.rounds, tools, bench.log)
        bench.against(key, taken["10 ×"], taken["1 ×"], "cpu")
    data.drop(bench, "cloudfront-objects")
    for name in "cloudfront", "s3":
        second_core(bench, name)
    bench.tidy()


def second_core(bench, name):
    import os

    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Failed("one core: there is no second one to measure")
    one, two = str(cores[0]), f"{cores[0]},{cores[1]}"
    folder, _ = data.make(bench, name)
    tools = {"one core": lambda: bench.sync(folder, cpus=one), "two cores": lambda: bench.sync(folder, cpus=two)}
    taken = in_turns(bench.rounds, tools, bench.log)
    bench.against(f"growth.{name}.core", taken["one core"], taken["two cores"], "wall")
