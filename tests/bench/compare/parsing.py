"""Section parse: the decoder against the crate cloudfront-logs, both in one process, in turns."""

import json
from statistics import median

import data
from bench import same
from measure import run


def parse(bench):
    bench.cargo_beside("peer-cloudfront", "build", "--release")
    folder, truth = data.make(bench, "cloudfront")
    found = json.loads(run([bench.built("peer-cloudfront"), bench.rounds, folder]).out)
    same("lines of the text", found["lines"], truth["rows"])
    for peer in "borrowed", "owned":
        rounds = [ours / other for ours, other in zip(found["s3logs"], found[peer])]
        bench.measured[f"parse.{peer}.line"] = (median(found["s3logs"]), median(found[peer]), rounds)
