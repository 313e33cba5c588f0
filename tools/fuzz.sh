#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other.
#
#   fuzz.sh DURATION          how long each runs, such as 20s
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${1:?usage: fuzz.sh DURATION}

# go test lists a package's targets, a line each, and then "ok <package> <time>".
listing=$(go test -list '^Fuzz' ./...)
targets=() ran=0
while read -r word package _; do
  case $word in
    Fuzz*) targets+=("$word") ;;
    ok)
      for target in "${targets[@]}"; do
        echo "== $package $target"
        go test -run '^$' -fuzz "^$target\$" -fuzztime "$duration" "$package" </dev/null
        ran=$((ran + 1))
      done
      targets=()
      ;;
  esac
done <<<"$listing"

if [[ $ran -eq 0 ]]; then
  echo "fuzz.sh: found no fuzz target" >&2
  exit 1
fi
echo "$ran fuzz targets ran for $duration each and found nothing"
