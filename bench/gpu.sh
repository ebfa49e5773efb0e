#!/usr/bin/env bash
# What a GPU should measure, in order of value and in slices, on a bare machine with its own PyTorch.
#
#   bench/gpu.sh [SLICE]      one slice of at most SLICE (default 9m); run it again until it says done
#
# 1. one run of every model on the main world     3. the real subset, where KB_REAL names its folder
# 2. the worlds of every claim, main ones first   4. benches of metrics and of training
#
# What is there is skipped, what was interrupted goes on. Exit code 0: all done; 75: another slice is
# needed; anything else: a failure, told in one line. Records lie under data/results and name the
# device; commit them. Needs bench/gpu-wheels.txt beside PyTorch, unpacked under build/vendor:
#
#   pip install --target build/vendor --no-deps -r bench/gpu-wheels.txt -c requirements-dev.txt
#
# Environment: KB_SIZE (small), KB_SEEDS (0), KB_JOBS (runs that share the GPU, 4), KB_DEVICE (cuda),
# KB_WORLDS (small: size of the claims' worlds), KB_REAL, KB_CACHE (generated data), PYTHON (python3).
set -euo pipefail
cd "$(dirname "$0")/.."

slice=${1:-9m}
size=${KB_SIZE:-small}
jobs=${KB_JOBS:-4}
device=${KB_DEVICE:-cuda}
python=${PYTHON:-python3}
export KB_CACHE=${KB_CACHE:-$PWD/build/cache}
export PYTHONPATH=$PWD:$PWD/build/vendor${PYTHONPATH:+:$PYTHONPATH}
export CUBLAS_WORKSPACE_CONFIG=:4096:8 # cuBLAS repeats its sums

case $slice in
*m) seconds=$((${slice%m} * 60)) ;;
*s) seconds=${slice%s} ;;
*) echo "gpu.sh: a slice is 9m or 540s, not $slice" >&2 && exit 2 ;;
esac
if [ "$seconds" -gt 600 ]; then
  echo "gpu.sh: a slice lasts ten minutes at most" >&2
  exit 2
fi
end=$((SECONDS + seconds))
mkdir -p build

left() { echo $((end - SECONDS > 0 ? end - SECONDS : 0)); }
again() {
  echo "gpu.sh: the slice is over; run it again to go on" >&2
  exit 75
}
kb() { "$python" -m kb "$@"; }

# Everything the engine needs besides PyTorch; nothing is fetched.
missing=$("$python" - <<'PY'
import importlib.util as found
from pathlib import Path
names = "torch numpy scipy jaxtyping pydantic ruamel.yaml yaml typer rich filelock"
names += " platformdirs threadpoolctl snowballstemmer"
print(" ".join(name for name in names.split() if found.find_spec(name.split(".")[0]) is None))
PY
)
if [ -n "$missing" ]; then
  echo "gpu.sh: $python lacks $missing; carry bench/gpu-wheels.txt along under build/vendor" >&2
  exit 4
fi

# Whether a document of `kb repro` or of `kb claims` says that runs were stopped or are not there.
unfinished() {
  "$python" -c 'import json, sys
rows = json.load(sys.stdin)
rows = rows if isinstance(rows, list) else [rows]
stopped = any(row.get("status") == "stopped" for row in rows)
sys.exit(not (stopped or any(row.get("verdict") == "not-run" and "claim" in row for row in rows)))'
}

runs() { # NAME, then the arguments of kb repro: one step of the list above
  local name=$1
  shift
  [ "$(left)" -gt 0 ] || again
  kb repro "$@" --jobs "$jobs" --device "$device" --budget "$(left)s" --json >"build/gpu-$name.json" ||
    [ $? -eq 4 ] # some failed: their records say why, and the others count
  if unfinished <"build/gpu-$name.json"; then again; fi
}

# The world is made on the first slice, before any clock of a run begins.
timeout "$(left)" "$python" -m kb data make diorama-msrvtt --size "$size" >&2 || again
runs main all --data diorama-msrvtt --size "$size" --seed "${KB_SEEDS:-0}"

for which in --main ""; do
  [ "$(left)" -gt 0 ] || again
  kb claims all --run $which --size "${KB_WORLDS:-small}" --jobs "$jobs" --device "$device" \
    --budget "$(left)s" --json >build/gpu-claims.json || [ $? -eq 4 ]
  if unfinished <build/gpu-claims.json; then again; fi
done

if [ -n "${KB_REAL:-}" ]; then
  for fold in 0 1 2 3 4; do
    runs "real-$fold" all --data msrvtt-vgg1000 --root "$KB_REAL" --protocol "fold-$fold"
  done
fi

[ -f build/gpu-retrieval.txt ] || timeout "$(left)" "$python" bench/retrieval.py >build/gpu-retrieval.txt || again
[ -f build/gpu-training.json ] || timeout "$(left)" "$python" bench/training.py \
  --device "$device" --steps 20 >build/gpu-training.json || again
kb status
echo "gpu.sh: done; commit data/results" >&2
