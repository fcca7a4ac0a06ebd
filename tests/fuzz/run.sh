#!/usr/bin/env bash
# usage: [FUZZ_SEED=N] tests/fuzz/run.sh [SECONDS [TARGET...]]
#
# With FUZZ_SEED each target gets the same 10,000 inputs in every run: a check that does not depend on luck.
#
# Runs the fuzz targets (all by default) for SECONDS each (60 by default) under libFuzzer, on stable Rust. Ends with 1
# when one of them does not hold, and says where the input lies that shows it.
#
# Needs cargo and a C++ compiler, which it installs where apt-get and root are at hand. Builds into the main build folder
# (or $CARGO_TARGET_DIR), whose dependencies it shares; inputs that were found to reach new code are kept there too.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

top=$PWD
seconds=${1:-60}
shift $(($# > 0))
targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(ls tests/fuzz/corpus)
build=${CARGO_TARGET_DIR:-$top/target}
kept=$build/fuzz
binary=$build/debug/guided
# Fewer code positions than this and `rustc.sh` was not asked: the fuzzer would be blind.
least_counters=20000
most_kept=3000

build() {
  local lock=tests/fuzz/guided/Cargo.lock
  mkdir -p "$kept" || return 1
  # The versions of the main crate, and what only this one needs: nothing to keep in step by hand.
  if [[ ! -e $lock ]] || ! cmp -s Cargo.lock "$kept/Cargo.lock"; then
    cp Cargo.lock "$lock" && cp Cargo.lock "$kept/Cargo.lock" || return 1
  fi
  (cd tests/fuzz/guided && CARGO_TARGET_DIR=$build RUSTC_WRAPPER=$PWD/rustc.sh cargo build --config profile.toml)
}

run() { # run TARGET
  local target=$1 found=$kept/found/$1 log=$kept/$1.log seeds=() status
  mkdir -p "$found" "$kept/findings" || return 1
  if (($(find "$found" -type f | wc -l) > most_kept)); then
    rm -r "$found" && mkdir "$found"
  fi
  local same=()
  if [[ -n ${FUZZ_SEED:-} ]]; then
    found=$(mktemp -d) || return 1
    same=(-seed="$FUZZ_SEED" -runs=10000)
  fi
  seeds=("$found" "tests/fuzz/corpus/$target")
  case $target in decode | inflate | objects) seeds+=(fixtures/logs fixtures/damaged) ;; esac
  S3LOGS_FUZZ=$target "$binary" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -max_len=16384 \
    -dict=tests/fuzz/words.dict -artifact_prefix="$kept/findings/$target-" -print_final_stats=1 "${same[@]}" \
    "${seeds[@]}" >"$log" 2>&1
  status=$?
  local counters
  counters=$(sed -nE 's/.*Loaded 1 modules +\(([0-9]+) inline.*/\1/p' "$log")
  if ((status != 0)); then
    grep -v -E '^#[0-9]+|^INFO' "$log" | cut -c 1-2000 | head -n 60
    echo "fuzz: $target does not hold. Mend it and keep the input: mv THE_FILE tests/fuzz/corpus/$target/; cargo test fuzz"
    return 1
  fi
  if ((${counters:-0} < least_counters)); then
    echo "fuzz: only ${counters:-0} counters; cargo clean -p s3logs in tests/fuzz/guided, then again"
    return 1
  fi
  echo "fuzz: $target holds: $(grep -oE '^#[0-9]+[[:space:]]+DONE.*' "$log" | tr -s '[:space:]' ' ')"
}

if ! command -v c++ >/dev/null; then
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "fuzz: install a C++ compiler first (no root or no apt-get here)" >&2
    exit 1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends g++ ||
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends g++; } || exit 1
fi
build || exit 1
status=0
for target in "${targets[@]}"; do
  run "$target" || status=1
done
exit "$status"
