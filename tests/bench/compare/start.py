"""Section start: a small dataset that is up to date, which is what cron meets most. And floor: what the pipeline bench says."""

import sys
from statistics import median

import data
from bench import TOP
from measure import run

TIMES = 20


def start(bench):
    folder, truth = data.make(bench, "start", data.START)
    bench.facts["start_objects"] = truth["objects"]
    dataset = bench.fresh("s3logs")
    bench.ours("sync", "-q", folder, dataset)
    walls = [bench.ours("sync", "-q", folder, dataset).wall for _ in range(TIMES)]
    bench.check_sums(truth, "s3logs")
    bench.value("start.wall", median(walls) * 1000)
    bench.tidy()


def floor(bench):
    bench.cargo("bench", "--locked", "--bench", "pipeline", "--no-run")
    for name in "cloudfront", "s3":
        folder, _ = data.make(bench, name)
        command = ["cargo", "bench", "--quiet", "--locked", "--bench", "pipeline", "--", folder]
        bench.notes.append(f"pipeline, {name}:\n\n```text\n{run(['env', '-C', TOP, *command]).out.rstrip()}\n```\n")
        print(bench.notes[-1], file=sys.stderr)
