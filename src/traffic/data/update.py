#!/usr/bin/env python3
"""Makes crawlers.tsv and airports.tsv of the packages crawler-user-agents and airportsdata from PyPI.

usage: update.py FOLDER    (of `pip install --no-deps --target FOLDER crawler-user-agents airportsdata`)

Look at the difference before it is kept: a pattern that also stands in the user agents of people's browsers belongs in PEOPLE.
"""

import csv
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# The first of these that an entry has decides.
PURPOSES = {
    "ai-crawler": "ai",
    "search-engine": "search",
    "scanner": "scanner",
    "social-preview": "preview",
    "seo": "marketing",
    "advertising": "marketing",
    "monitoring": "service",
    "feed-reader": "service",
    "archiver": "archive",
    "academic": "research",
    "http-library": "program",
    "browser-automation": "program",
}
# Shorter text stands in any agent, and crawlers.rs looks for four bytes at a time.
SHORTEST = 4
# In browsers within apps, or in some at random.
PEOPLE = {"MetaIAB Facebook", r"AP3A\.240617\.008", "Fluid", r"Code\/1\.", r"^Silk\/", r"008\/", "ds9", "Hotjar"}


def unescaped(pattern):
    return re.sub(r"\\([^A-Za-z0-9])", r"\1", pattern)


def name(entry):
    """The pattern itself where it is plain text, else what it matches, up to the first mark."""
    pattern = entry["pattern"]
    text = unescaped(pattern)
    if not re.search(r"(?<!\\)[\[\]()|^$*+?]", pattern):
        text = text.split("(")[0]
    else:
        found = filter(None, (re.search(pattern, instance) for instance in entry["instances"]))
        text = re.split("[/;(]", next(found).group().lstrip(" ;"))[0]
    return " ".join(text.strip(" /;)").split())


def expanded(pattern):
    """The same without groups and classes of a few letters, so that each begins with plain text."""
    parts = re.split(r"(?<!\\)\|(?![^(]*\))", pattern)
    if len(parts) > 1:
        return [one for part in parts for one in expanded(part)]
    found = re.search(r"(?<!\\)(\[([A-Za-z]{2})\]|\(([^()\[\]$]*\|[^()\[\]$]*)\))", pattern)
    if not found:
        return [pattern]
    choices = found[2] or found[3].split("|")
    return [one for choice in choices for one in expanded(pattern[: found.start()] + choice + pattern[found.end() :])]


def crawlers(folder):
    with open(os.path.join(folder, "crawleruseragents", "crawler-user-agents.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        purposes = [purpose for tag, purpose in PURPOSES.items() if tag in entry.get("tags", [])]
        if entry["pattern"] not in PEOPLE:
            for pattern in expanded(entry["pattern"].replace(r"\/", "/")):
                if len(unescaped(pattern).strip("^$ ")) < SHORTEST:
                    continue
                yield purposes[0] if purposes else "service", name(entry), pattern


def airports(folder):
    with open(os.path.join(folder, "airportsdata", "airports.csv"), encoding="utf-8") as file:
        rows = [(row["iata"], row["city"], row["country"]) for row in csv.DictReader(file)]
    return sorted({row for row in rows if re.fullmatch("[A-Z]{3}", row[0]) and row[1]})


def write(file, rows):
    with open(os.path.join(HERE, file), "w", encoding="utf-8", newline="\n") as out:
        out.writelines("\t".join(row) + "\n" for row in rows)


if __name__ == "__main__":
    write("crawlers.tsv", crawlers(sys.argv[1]))
    write("airports.tsv", airports(sys.argv[1]))
