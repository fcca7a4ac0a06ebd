#!/usr/bin/env bash
# usage: tests/bench/instructions.sh [--record]
#
# Counts the instructions of each stage (inflate, decode, sort, encode) for 5,000 rows of each format under callgrind and
# compares them with tests/bench/instructions.txt. Ends with 1 when a stage takes more than 5 % more than recorded; says
# so when one takes more than 5 % less. --record writes the file anew: do that with every change that is meant to cost.
#
# Needs cargo and valgrind, which it installs where apt-get and root are at hand. Another compiler (rustc, and the C
# compiler for zstd) makes other code: then nothing is compared, and it says so.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

record=tests/bench/instructions.txt
build=${CARGO_TARGET_DIR:-$PWD/target}
most=5
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT

install_valgrind() {
  if [[ $(id -u) -ne 0 ]] && sudo -n true 2>/dev/null; then # as on GitHub's machines
    sudo apt-get update && sudo apt-get install -y --no-install-recommends valgrind
    return
  fi
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "instructions: install valgrind first (no root or no apt-get here)" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends valgrind ||
    { apt-get update && apt-get install -y --no-install-recommends valgrind; }
}

compilers() {
  rustc --version && rustc --version --verbose | sed -n 's/^host: //p' && cc --version | head -n 1
}

# The versions of the main crate: nothing to keep in step by hand.
compile() {
  cp Cargo.lock tests/bench/core/Cargo.lock || return 1
  (cd tests/bench/core && CARGO_TARGET_DIR=$build cargo build --release)
}

# A format's stages are the functions that main.rs calls counted_*; each is called once.
count() { # count FORMAT
  valgrind --tool=callgrind --callgrind-out-file="$temp/out" --collect-atstart=no --toggle-collect='*counted_*' \
    "$build/release/instructions" "$1" >"$temp/log" 2>&1
  local status=$?
  if ((status != 0)); then
    tail -n 20 "$temp/log" >&2
    # valgrind hides from programs what it cannot run; a library that asks the processor otherwise would trip here
    ((status == 132)) && echo "instructions: valgrind met an instruction that it does not know" >&2
    return 1
  fi
  python3 - "$1" "$temp/out" <<'PY'
import re, sys

stages = ("inflate", "decode", "sort", "encode")
names, called, costs = {}, "", {}
lines = iter(open(sys.argv[2]))
for line in lines:
    # Functions are named once and then known by their number; the line after a call has the cost of all it did.
    found = re.match(r"c?fn=\((\d+)\)(?: (.*))?", line)
    if found:
        names.setdefault(found[1], found[2])
        called = names[found[1]]
    elif line.startswith("calls="):
        cost = int(next(lines).split()[1])
        stage = re.search(r"counted_(inflate|decode|sort|encode)\b", called)
        if stage:
            costs[stage[1]] = costs.get(stage[1], 0) + cost
if tuple(stage for stage in stages if stage in costs) != stages:
    sys.exit(f"instructions: callgrind saw only {costs}")
for stage in stages:
    print(f"{sys.argv[1]}.{stage} {costs[stage]}")
PY
}

compare() {
  python3 - "$record" "$temp/counts" "$most" <<'PY'
import sys

def read(path):
    lines = (line.split() for line in open(path) if line[0] not in "#\n")
    return {name: int(count) for name, count in lines}

recorded, counted, most = read(sys.argv[1]), read(sys.argv[2]), float(sys.argv[3])
if recorded.keys() != counted.keys():
    sys.exit("instructions: other stages are recorded; --record writes the file anew")
grown = []
print(f"{'stage':<20} {'recorded':>14} {'now':>14}  change")
for name, count in counted.items():
    change = (count / recorded[name] - 1) * 100
    note = f"more than {most:g} %" if change > most else "less: --record keeps it" if change < -most else ""
    print(f"{name:<20} {recorded[name]:>14,} {count:>14,} {change:>+6.1f} %  {note}")
    if change > most:
        grown.append(name)
if grown:
    sys.exit(f"instructions: {', '.join(grown)} grew by more than {most:g} %. If that is meant: tests/bench/instructions.sh --record")
PY
}

case ${1:-} in
  '' | --record) ;;
  *) sed -n '2,9p' "$0" >&2 && exit 2 ;;
esac
now=$(compilers | paste -sd';')
if [[ -z ${1:-} ]]; then
  was=$(sed -n 's/^# made by: //p' "$record") || exit 1
  if [[ $now != "$was" ]]; then
    echo "instructions: SKIPPED: recorded with $was; here is $now"
    exit 0
  fi
fi
command -v valgrind >/dev/null || install_valgrind || exit 1
compile || exit 1
for format in cloudfront s3-access; do
  count "$format" >>"$temp/counts" || exit 1
done
if [[ ${1:-} == --record ]]; then
  {
    echo "# Instructions of each stage for 5,000 rows, as callgrind counts them. Written by tests/bench/instructions.sh --record"
    echo "# made by: $now"
    cat "$temp/counts"
  } >"$record"
  cat "$record"
else
  compare
fi
