#!/usr/bin/env bash
# Drives the built binary against a real S3 server and checks what it left there with other people's tools:
# s5cmd for the objects, DuckDB for the Parquet files, fixtures/expected.json for the truth.
#
#   S3_TEST_ENDPOINT=http://127.0.0.1:9000 S3_TEST_ACCESS_KEY=… S3_TEST_SECRET_KEY=… S3LOGS=target/debug/s3logs tests/smoke.sh
#
# S3_TEST_BUCKET  bucket to work in, made if missing (default smoke); everything happens under a fresh prefix
# S3_TEST_KEEP    set: leave that prefix and the working folder behind
# S5CMD, PYTHON   s5cmd, and a python with duckdb, its httpfs extension and pytz (the pins: tests/smoke_seaweedfs.sh)
set -uo pipefail

: "${S3_TEST_ENDPOINT:?the S3 server to test against, like http://127.0.0.1:9000}"
: "${S3_TEST_ACCESS_KEY:?}" "${S3_TEST_SECRET_KEY:?}" "${S3LOGS:?path of the s3logs binary}"
bucket=${S3_TEST_BUCKET:-smoke}
python=${PYTHON:-python3}
fixtures=$(cd "$(dirname "${BASH_SOURCE[0]}")/../fixtures" && pwd) || exit 1
S3LOGS=$(cd "$(dirname "$S3LOGS")" && pwd)/$(basename "$S3LOGS")
[[ -x $S3LOGS ]] || { echo "smoke: no binary at $S3LOGS" >&2; exit 1; }

while IFS= read -r name; do unset "$name"; done < <(compgen -e AWS_)
export AWS_ACCESS_KEY_ID=$S3_TEST_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_TEST_SECRET_KEY AWS_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true AWS_ENDPOINT_URL=$S3_TEST_ENDPOINT
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
export TZ=Asia/Kathmandu # no day may depend on where the machine stands

prefix=smoke-$(date +%s)-$RANDOM$RANDOM
base=s3://$bucket/$prefix
work=$(mktemp -d)
passed=0
failed=0

s5() { "${S5CMD:-s5cmd}" --endpoint-url "$S3_TEST_ENDPOINT" "$@"; }

finish() {
  local status=$?
  trap - EXIT
  if [[ -z ${S3_TEST_KEEP:-} ]]; then
    s5 --log error rm "$base/*" >/dev/null 2>&1
    rm -rf "$work"
  else
    echo "kept: $base and $work"
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- checks: one line each --------------------------------------------------------------------------------------------

ok() {
  passed=$((passed + 1))
  printf 'ok    %s\n' "$*"
}

bad() { # bad NAME DETAILS
  failed=$((failed + 1))
  printf 'FAIL  %s\n' "$1"
  head -n 40 <<<"$2" | cut -c 1-300 | sed 's/^/      /'
}

same() { # same NAME EXPECTED ACTUAL
  if [[ $2 == "$3" ]]; then
    ok "$1"
  else
    bad "$1" "$(diff <(echo "$2") <(echo "$3") | sed -n 's/^</expected:/p; s/^>/actual:  /p')"
  fi
}

holds() { # holds NAME COMMAND...
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then ok "$name"; else bad "$name" "${said:-not so: $*}"; fi
}

# run STATUS NAME ARGUMENTS...: the binary; leaves stdout in $work/out and stderr in $work/err
run() {
  local want=$1 name=$2 status
  shift 2
  timeout 300 "$S3LOGS" "$@" >"$work/out" 2>"$work/err" </dev/null
  status=$?
  if ((status == want)) && ! grep -q 'panicked at' "$work/err"; then
    ok "$name: exit $status"
  else
    bad "$name: exit $status, not $want" "s3logs $*"$'\n'"$(tail -n 15 "$work/err")"$'\n'"$(tail -n 5 "$work/out")"
  fi
}

# --- looking with other tools -----------------------------------------------------------------------------------------

cat >"$work/look.py" <<'PY'
import collections, gzip, hashlib, json, os, pathlib, sys
from urllib.parse import urlsplit

TABLES = {"s3_access": "bytes_sent", "cloudfront": "sc_bytes"}


def files(root):
    return sorted(p for p in pathlib.Path(root).rglob("*") if p.is_file() and "_s3logs" not in p.parts)


def text(path):
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def lines(root):
    """Every log line, whatever the file or order: how many, and a sum over them."""
    found = [line for path in files(root) for line in text(path).split(b"\n") if line.strip() and not line.startswith(b"#")]
    print(len(found), hashlib.sha256(b"\n".join(sorted(found))).hexdigest())


def size(root):
    found = files(root)
    print(len(found), sum(p.stat().st_size for p in found))


def listed(path):
    rows = [json.loads(line) for line in open(path)]
    rows = [row for row in rows if "day" in row and "objects" in row]
    print(sum(row["objects"] for row in rows), sum(row["bytes"] for row in rows))


def summary(path, *fields):
    """The named numbers of a run's last event, `tables.*.rows` summed over the tables."""
    last = json.loads(open(path).read().splitlines()[-1])
    assert last.get("event") == "summary", last
    for field in fields:
        values = [last]
        for part in field.split("."):
            values = [item for v in values for item in v] if part == "*" else [v[part] for v in values]
        print(f"{field}={sum(values) if len(values) != 1 else values[0]}")


def objects(path, prefix):
    """Objects of an `s5cmd --json ls --etag`, below a prefix: key, size, etag, last change."""
    for line in sorted(open(path)):
        o = json.loads(line)
        print(o["key"].removeprefix(prefix), o.get("size", 0), o["etag"], o["last_modified"])


def days(path):
    """Table, event day, rows and bytes, as the fixtures' author counted them."""
    expected = json.load(open(path))
    found = collections.defaultdict(collections.Counter)
    if "days" in expected:
        tables = expected["days"].items()
    else:
        tables = [(o["format"], o.get("days", {})) for o in expected["objects"].values() if o["state"] == "committed"]
    for table, counted in tables:
        for day, numbers in counted.items():
            found[table, day].update(rows=numbers["rows"], total=numbers[TABLES[table]])
    for (table, day), numbers in sorted(found.items()):
        print(table, day, numbers["rows"], numbers["total"])


def totals(path, *fields):
    """The same form as `summary`, summed over the formats."""
    numbers = json.load(open(path))["totals"]
    tables = list(numbers.values()) if isinstance(next(iter(numbers.values())), dict) else [numbers]
    for field in fields:
        name = field.rsplit(".", 1)[1]
        print(f"{field}={sum(table[name] for table in tables)}")


def connect():
    import duckdb, duckdb_extension_httpfs

    quiet = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    con = duckdb.connect(config=quiet)
    home = os.path.dirname(duckdb_extension_httpfs.__file__)
    con.execute(f"LOAD '{home}/extensions/v{duckdb.__version__}/httpfs.duckdb_extension'")
    url = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    con.execute(
        "CREATE SECRET (TYPE s3, PROVIDER config, KEY_ID '%s', SECRET '%s', REGION 'us-east-1', ENDPOINT '%s', URL_STYLE 'path', USE_SSL %s)"
        % (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], url.netloc, str(url.scheme == "https").lower())
    )
    con.execute("SET TimeZone = 'UTC'")
    return con


def measured(root):
    """The same lines as `days`, read from the Parquet files."""
    con = connect()
    for table, column in sorted(TABLES.items()):
        glob = f"{root}/{table}/**/*.parquet"
        if not con.execute("SELECT count(*) FROM glob(?)", [glob]).fetchone()[0]:
            continue
        source = f"read_parquet('{glob}', hive_partitioning = true)"
        first = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchone()
        if first[:2] != ("ts", "TIMESTAMP WITH TIME ZONE"):
            print(table, "first column is", *first[:2])
        astray = con.execute(f"SELECT count(*) FROM {source} WHERE CAST(ts AS DATE) IS DISTINCT FROM CAST(dt AS DATE)").fetchone()[0]
        if astray:
            print(table, "rows in the folder of another day:", astray)
        query = f"SELECT CAST(dt AS VARCHAR), count(*), CAST(coalesce(sum({column}), 0) AS HUGEINT) FROM {source} GROUP BY dt ORDER BY dt"
        for day, rows, total in con.execute(query).fetchall():
            print(table, day, rows, total)


try:
    globals()[sys.argv[1]](*sys.argv[2:])
except Exception as error:
    sys.exit(f"{sys.argv[1]}: {type(error).__name__}: {error}")
PY
look() { "$python" "$work/look.py" "$@"; }

# objects FOLDER: what lies under $base/FOLDER, one sorted line per object: key, size, etag, time
objects() {
  s5 --json ls --etag "$base/$1/*" >"$work/ls" 2>/dev/null
  look objects "$work/ls" "$base/$1/"
}
parquet() { objects "$1" | grep '\.parquet '; }

# dataset NAME ROOT [TRUTH]: the Parquet files under ROOT hold exactly what the fixtures say
dataset() {
  local truth
  truth=$(look days "$fixtures/${3:-expected.json}")
  same "$1: DuckDB finds every day's rows and bytes" "$truth" "$(look measured "$2" 2>&1)"
}

# layout NAME FOLDER: <table>/dt=<day>/*.parquet, and ours under _s3logs/ without a .parquet
layout() {
  local found astray
  found=$(objects "$2")
  astray=$(grep -vE '^(s3_access|cloudfront)/dt=[0-9]{4}-[0-9]{2}-[0-9]{2}/[^/ ]+\.parquet |^_s3logs/' <<<"$found")
  same "$1: nothing outside <table>/dt=<day>/*.parquet and _s3logs/" "" "$astray"
  same "$1: nothing under _s3logs/ ends in .parquet" "" "$(grep -E '^_s3logs/[^ ]*\.parquet ' <<<"$found")"
  holds "$1: the ledger is under _s3logs/" grep -q '^_s3logs/' <(echo "$found")
}

# counts NAME FIELD=NUMBER...: what the run before said in its summary event
counts() {
  local name=$1
  shift
  same "$name: summary says ${*##*.}" "$(printf '%s\n' "$@")" "$(look summary "$work/out" "${@%%=*}" 2>&1)"
}

# agrees NAME FIELD...: and these numbers are the fixtures'
agrees() {
  local name=$1
  shift
  same "$name: summary agrees with the fixtures on ${*##*.}" "$(look totals "$fixtures/expected.json" "$@")" \
    "$(look summary "$work/out" "$@" 2>&1)"
}

# --- the server and its objects ---------------------------------------------------------------------------------------

deadline=$((SECONDS + 60))
until s5 --retry-count 0 ls >"$work/ls" 2>&1; do
  if ((SECONDS > deadline)); then
    echo "smoke: no S3 server answers at $S3_TEST_ENDPOINT: $(tail -n 1 "$work/ls")" >&2
    exit 1
  fi
  sleep 0.5
done
s5 mb "s3://$bucket" >/dev/null 2>&1 # it may be there already
for set in logs damaged; do
  s5 --log error cp "$fixtures/$set/" "$base/$set/" || { echo "smoke: cannot put fixtures/$set into $base" >&2; exit 1; }
done
before=$(objects logs && objects damaged) || exit 1
sizes=$(look size "$fixtures/logs")
number=${sizes% *}
lines=$(look lines "$fixtures/logs")
rows=${lines% *}
echo "s3logs: $("$S3LOGS" --version), $number objects with $rows rows under $base"

# --- every verb -------------------------------------------------------------------------------------------------------

run 0 list list "$base/logs"
holds "list: prints something" test -s "$work/out"
run 0 "list --json" list "$base/logs" --json
same "list --json: objects and bytes of the fixtures" "$sizes" "$(look listed "$work/out" 2>&1)"
groups=$(grep -c '"day"' "$work/out")

run 0 download download "$base/logs" "$work/raw" --json
counts download objects.transferred="$number" objects.present=0 objects.failed=0
holds "download: the files are the objects" diff -r "$fixtures/logs" "$work/raw"
run 0 "download again" download "$base/logs" "$work/raw" --json
counts "download again" objects.transferred=0 objects.present="$number" objects.failed=0

run 0 parse parse "$base/logs"
same "parse: one NDJSON line per row" "$rows" "$(wc -l <"$work/out")"
holds "parse: every line is JSON with ts" "$python" -c \
  'import json, sys; [json.loads(line)["ts"] for line in open(sys.argv[1])]' "$work/out"
same "parse | wc -l" "$rows" "$("$S3LOGS" parse "$base/logs" 2>/dev/null </dev/null | wc -l)"
"$S3LOGS" parse "$base/logs" 2>"$work/err" </dev/null | head -n 1 >/dev/null
same "parse | head: a broken pipe is no failure" "0 0" "${PIPESTATUS[*]}"
run 0 "parse --output csv" parse "$base/logs/s3" --output csv
holds "parse --output csv: ts is the first column" grep -q '^ts,' <(head -n 1 "$work/out")

run 0 merge merge "$base/logs" "$work/merged" --by day --compress gzip
same "merge: the same lines, untouched" "$lines" "$(look lines "$work/merged" 2>&1)"
merged=$(find "$work/merged" -type f -name '*.gz' 2>/dev/null | wc -l)
holds "merge: one gzip per day, format and distribution ($merged files of $number)" test "$merged" -ge "$groups" -a "$merged" -lt "$number"

run 0 "convert s3 to s3" convert "$base/logs" "$base/converted" --json
agrees "convert s3 to s3" 'tables.*.lines' 'tables.*.rows' 'tables.*.rejects' 'tables.*.comments'
dataset "convert s3 to s3" "$base/converted"
run 0 "convert the merged files" convert "$work/merged" "$work/converted"
dataset "convert the merged files" "$work/converted"

run 0 upload upload "$work/raw" "$base/uploaded" --json
counts upload objects.transferred="$number" objects.present=0 objects.failed=0
same "upload: the objects are the source's, ETag and all" "$(objects logs | cut -d ' ' -f 1-3)" "$(objects uploaded | cut -d ' ' -f 1-3)"
run 0 "upload again" upload "$work/raw" "$base/uploaded" --json
counts "upload again" objects.transferred=0 objects.present="$number" objects.failed=0

run 0 "sync s3 to s3" sync "$base/logs" "$base/lake" --json
counts "sync s3 to s3" objects.listed="$number" objects.new="$number" objects.committed="$number" objects.failed=0 exit=0
agrees "sync s3 to s3" 'tables.*.objects' 'tables.*.lines' 'tables.*.rows' 'tables.*.rejects' 'tables.*.comments'
dataset "sync s3 to s3" "$base/lake"
layout "sync s3 to s3" lake
files=$(parquet lake)
run 0 "sync s3 to s3 again" sync "$base/logs" "$base/lake" --json
counts "sync s3 to s3 again" objects.new=0 objects.committed=0 objects.failed=0 exit=0
same "sync s3 to s3 again: no Parquet file was touched" "$files" "$(parquet lake)"

run 0 status status "$base/lake"
holds "status: prints something" test -s "$work/out"
run 0 "status --json" status "$base/lake" --json
holds "status --json: every line is JSON" "$python" -c 'import json, sys; assert [json.loads(line) for line in open(sys.argv[1])]' "$work/out"
one=$(objects logs | sed -n '1s/ .*//p')
run 0 "status of one key" status "$base/lake" "$prefix/logs/$one"
holds "status of one key: names it" grep -qF "${one##*/}" "$work/out"

# A build without the SQL engine has no such verbs.
if "$S3LOGS" query --help >/dev/null 2>&1; then
  run 0 query query "$base/lake" "SELECT (SELECT count(*) FROM s3_access) + (SELECT count(*) FROM cloudfront) AS n"
  same "query: all rows of the source" "$rows" "$(tail -n 1 "$work/out")"
  run 0 report report "$base/lake" --json
  same "report: all rows of the source" "$rows" "$(grep -o '"requests":[0-9]*' <(grep '"id":"totals"' "$work/out") | awk -F: '{ n += $2 } END { print n }')"
  s5 --log error cp "$fixtures/inventory/" "$base/lists/"
  run 0 inventory query "$base/lake" --inventory "$base/lists/example-assets/daily" "SELECT count(*) AS n FROM inventory"
  same "inventory: all objects of the report" 50 "$(tail -n 1 "$work/out")"
  run 0 timelapse timelapse "$base/lake" "$work/film.gif" --frames 20
  same "timelapse: a GIF" GIF89a "$(head -c 6 "$work/film.gif")"
fi

run 0 "sync s3 to local" sync "$base/logs" "$work/lake" --json
dataset "sync s3 to local" "$work/lake"
run 0 "sync local to s3" sync "$work/raw" "$base/lake-local" --json
dataset "sync local to s3" "$base/lake-local"
layout "sync local to s3" lake-local

# --- damage and errors ------------------------------------------------------------------------------------------------

run 3 "sync damaged" sync "$base/damaged" "$base/lake-damaged" --json
counts "sync damaged" objects.committed=3 objects.failed=2 exit=3
dataset "sync damaged" "$base/lake-damaged" expected_damaged.json
layout "sync damaged" lake-damaged
run 0 "sync damaged again" sync "$base/damaged" "$base/lake-damaged" --json
counts "sync damaged again" objects.committed=0 objects.failed=0 objects.remembered=2 exit=0
dataset "sync damaged again" "$base/lake-damaged" expected_damaged.json

missing=$bucket-missing-$RANDOM
run 1 "sync from a missing bucket" sync "s3://$missing/logs" "$work/nothing"
same "sync from a missing bucket: one error" 1 "$(grep -ciE '^error' "$work/err")"
holds "sync from a missing bucket: names the bucket" grep -qF "$missing" "$work/err"

same "the source objects are as they were" "$before" "$(objects logs && objects damaged)"

if ((failed > 0)); then
  echo "smoke: $failed of $((passed + failed)) checks FAILED in $SECONDS s"
  exit 1
fi
echo "smoke: all $passed checks passed in $SECONDS s"
