#!/usr/bin/env bash
# Generates the protos' Go again, in a folder of its own, and takes over what differs.
#
#   generate.sh [--check]     with --check it takes nothing over, and fails if something differs
set -euo pipefail
cd "$(dirname "$0")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
buf generate --output "$fresh"

# Generated files of both sides: one whose .proto is gone exists on the old side only.
files=$({ find proto -name '*.pb.go'; cd "$fresh" && find proto -name '*.pb.go'; } | sort -u)
differing=()
for file in $files; do
  cmp -s "$file" "$fresh/$file" || differing+=("$file")
done

if [[ ${#differing[@]} -eq 0 ]]; then
  echo "generated code is up to date ($(wc -w <<<"$files") files)"
  exit
fi
if [[ ${1:-} == --check ]]; then
  echo "generated code differs from its .proto; run make generate and commit:" >&2
  printf '  %s\n' "${differing[@]}" >&2
  exit 1
fi
for file in "${differing[@]}"; do
  if [[ -e $fresh/$file ]]; then
    echo "writing $file"
    mkdir -p "$(dirname "$file")"
    cp "$fresh/$file" "$file"
  else
    echo "removing $file"
    rm "$file"
  fi
done
