"""The logs: made by the generate-logs example, which also tells the truth about them."""

import json
import os
import shutil

from bench import files_below
from measure import Failed, run

# Name to (format, objects, rows in each).
SETS = {
    "cloudfront": ("cloudfront", 500, 1_000),
    "cloudfront-rows": ("cloudfront", 500, 10_000),
    "cloudfront-objects": ("cloudfront", 5_000, 1_000),
    "s3": ("s3-access", 5_000, 100),
    "small": ("s3-access", 5_000, 4),
    "keys": ("s3-access", 100_000, 1),
}
START = ("s3-access", 20, 100)
MILLION = 1_000_000
GIB = 1 << 30

# A line of the oldest layout, 300 bytes with its end.
SHORT = (
    "8f2d41c09be7a6530d1f94e87c25ab36f0e19d7384c6b25aef01379d6c8b4e52 example-assets [01/Mar/2026:{hour:02}:{minute:02}:{second:02} +0000] "
    '198.18.7.{part} - {id:016X} REST.GET.OBJECT img/{id:016x}.webp "GET /img/{id:016x}.webp HTTP/1.1" 200 - 4096 4096 12 11 "-" "{agent}" -\n'
)


def make(bench, name, shape=None):
    """The folder of a set and the truth about it; a set that is there is taken as it is."""
    form, objects, rows = shape or SETS[name]
    if rows > 10:
        rows = max(rows // bench.scale, 10)
    else:
        objects = max(objects // bench.scale, 10)
    folder = os.path.join(bench.scratch, "logs", name)
    told = folder + ".json"
    if os.path.exists(told):
        with open(told) as file:
            truth = json.load(file)
        if (truth["objects"], truth["rows"]) == (objects, objects * rows):
            return folder, truth
    shutil.rmtree(folder, ignore_errors=True)
    bench.log(f"generating {name}: {objects} {form} objects of {rows} rows")
    arguments = ["--format", form, "--objects", objects, "--rows", rows, "--days", 3, "--seed", 1, folder]
    text = run([bench.generator, *arguments]).out
    with open(told, "w") as file:
        file.write(text)
    return folder, json.loads(text)


def drop(bench, name):
    folder = os.path.join(bench.scratch, "logs", name)
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.exists(folder + ".json"):
        os.remove(folder + ".json")


def large(bench, name, size):
    """One object of about `size` bytes, a set of small ones joined over and over: folder and rows.

    Gzip members follow each other, as the format allows; the header lines of each come again.
    """
    source, truth = make(bench, name)
    folder = os.path.join(bench.scratch, "logs", f"large-{name}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    parts = sorted(files_below(source))
    total = sum(map(os.path.getsize, parts))
    times = max(1, round(size / total))
    with open(os.path.join(folder, os.path.basename(parts[0])), "wb") as out:
        for _ in range(times):
            for part in parts:
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, out, 1 << 20)
    return folder, truth["rows"] * times


def million(bench):
    """Objects of 300 bytes, a row in each, in 100 folders: folder and number."""
    count = MILLION // bench.scale
    folder = os.path.join(bench.scratch, "logs", "million")
    shutil.rmtree(folder, ignore_errors=True)
    bench.log(f"generating {count} objects of 300 bytes")
    for number in range(count):
        if number % (count // 100) == 0:
            part = os.path.join(folder, f"{number // (count // 100):02}")
            os.makedirs(part)
        at = number % 86_400
        clock = {"hour": at // 3600, "minute": at // 60 % 60, "second": at % 60}
        fixed = SHORT.format(**clock, part=number % 250, id=number, agent="")
        line = SHORT.format(**clock, part=number % 250, id=number, agent="a" * (300 - len(fixed)))
        if len(line) != 300:
            raise Failed(f"a line of {len(line)} bytes instead of 300")
        name = f"2026-03-01-{clock['hour']:02}-{clock['minute']:02}-{clock['second']:02}-{number:016X}"
        with open(os.path.join(part, name), "w") as out:
            out.write(line)
    return folder, count
