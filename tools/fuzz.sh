#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other.
#
#   fuzz.sh DURATION          how long each runs, such as 20s
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${1:?usage: fuzz.sh DURATION}

# fuzz runs a target once. Go up to 1.26 may end a run whose time is over with FAIL and "context deadline exceeded" alone (go.dev/issue/75804): the
# coordinator looks at the workers' context before that has ended too, as happens on a busy machine. What found nothing and says just that is run again, once.
# What makes a new path is made smaller for as long as a minute unless something else is said, and nothing else is tried meanwhile.
fuzz() {
  go test -run '^$' -fuzz "^$1\$" -fuzztime "$duration" -fuzzminimizetime 100x "$2" </dev/null 2>&1 | tee "$log"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# go test lists a package's targets, a line each, and then "ok <package> <time>".
listing=$(go test -list '^Fuzz' ./...)
targets=() ran=0
while read -r word package _; do
  case $word in
    Fuzz*) targets+=("$word") ;;
    ok)
      for target in "${targets[@]}"; do
        echo "== $package $target"
        if ! fuzz "$target" "$package"; then
          grep -q '^ *context deadline exceeded$' "$log" && ! grep -q 'Failing input written to' "$log" || exit 1
          echo "== $package $target, again: its time was over, and it had found nothing"
          fuzz "$target" "$package"
        fi
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
