#!/usr/bin/env bash
# Compares the protos with an earlier commit's and fails where a message of then could not be read now, or the other way round.
#
#   breaking.sh [COMMIT]      default: where this branch left origin/main; on main itself, or without it, the commit before
set -euo pipefail
cd "$(dirname "$0")/.."

base=${1:-}
if [[ -z $base ]]; then
  head=$(git rev-parse --quiet --verify HEAD || true)
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [[ -z $base || $base == "$head" ]]; then
    base=HEAD~1
  fi
fi
if ! commit=$(git rev-parse --quiet --verify "$base^{commit}"); then
  if [[ $# -gt 0 ]]; then
    echo "breaking.sh: there is no commit $base here" >&2
    exit 1
  fi
  echo "no earlier commit to compare the protos with: this is the first one, or the clone is shallow"
  exit
fi
if [[ -z $(git ls-tree "$commit" buf.yaml) || -z $(git ls-tree "$commit" proto) ]]; then
  echo "commit ${commit:0:12} has no protos yet to compare with"
  exit
fi

# buf can read a commit itself, but not one whose imports are not committed: so the commit is laid out with them beside it.
old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
git archive "$commit" buf.yaml proto | tar -x -C "$old"
protodeps "$old/third_party/proto"
buf build "$old" --output "$old/image.binpb"
buf breaking . --against "$old/image.binpb"
echo "the protos read and write what those of ${commit:0:12} do"
