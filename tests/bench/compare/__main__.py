"""Measures s3logs against its peers; see ../compare.sh."""

import argparse
import os
import shutil
import sys
import tempfile

import conversion
import growing
import network
import parsing
import start
import table
from bench import TOP, Bench
from measure import Failed
from targets import SECTIONS

WORK = {
    "cloudfront": conversion.cloudfront, "s3": conversion.s3, "parse": parsing.parse, "net": network.net, "memory": growing.memory,
    "growth": growing.growth, "start": start.start, "floor": start.floor,
}


def arguments():
    parser = argparse.ArgumentParser(prog="compare.sh", add_help=False)
    parser.add_argument("--dir", default="target/compare")
    parser.add_argument("--scratch")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--s3logs")
    parser.add_argument("--large-gib", type=int, default=1)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("sections", nargs="*")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return options


def scratch_folder(options):
    """The folder, and whether it goes away at the end."""
    if options.scratch:
        os.makedirs(options.scratch, exist_ok=True)
        return os.path.abspath(options.scratch), False
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else options.dir
    return tempfile.mkdtemp(prefix="s3logs-compare-", dir=os.path.abspath(parent)), True


def build(bench, options):
    bench.cargo("build", "--release", "--locked", "--bin", "s3logs", "--example", "generate-logs")
    bench.generator = bench.built("examples/generate-logs")
    bench.s3logs = os.path.abspath(options.s3logs) if options.s3logs else os.path.join(bench.dir, "s3logs")
    if not options.s3logs:  # a copy, which a build beside this run cannot replace
        shutil.copy(bench.built("s3logs"), bench.s3logs)


def main():
    options = arguments()
    options.dir = os.path.abspath(options.dir)
    scratch, passing = scratch_folder(options)
    bench = Bench(options.dir, scratch, options.runs, options.scale, options.large_gib, options.long)
    bench.load = os.getloadavg()[0]
    failed = []
    try:
        build(bench, options)
        for section in options.sections or SECTIONS:
            bench.log(f"== {section}")
            try:
                WORK[section](bench)
            except Failed as error:  # the other sections still count
                failed.append(section)
                bench.log(f"{section} FAILED: {error}")
    finally:
        if passing:
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            bench.tidy()
    text, missed = table.report(bench, TOP)
    print(text)
    if failed:
        print(f"\nFAILED: {', '.join(failed)}")
    return 1 if failed or (missed and options.check) else 0


if __name__ == "__main__":
    sys.exit(main())
