#!/bin/sh
# Stands before rustc when the fuzz targets are built: the code that the fuzzer is to find its way through reports where
# it has been (the flags are those of cargo-fuzz), all other code is built as ever.
case ${CARGO_PKG_NAME:-} in
  s3logs | s3logs-fuzz | flate2 | zlib-rs)
    exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
      -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
      -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 --cfg fuzzing
    ;;
esac
exec "$@"
