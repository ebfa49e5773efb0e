#!/usr/bin/env bash
# All runs at full size, five seeds, in slices: on a bare machine with its own PyTorch, no network.
#
#   bench/gpu.sh [SLICE]      one slice of at most SLICE (default 9m); run it again until it says done
#
# What is there is skipped, what was interrupted goes on. Exit code 0: all done; 75: another slice
# is needed; anything else: a failure, told in one line. The records lie under data/results; commit
# them. Environment: KB_SIZE (full), KB_SEEDS (0,1,2,3,4), KB_JOBS (runs that share the GPU, 4),
# KB_PRECISION (float32), KB_DEVICE (cuda), KB_CACHE (generated data), PYTHON (python3).
set -euo pipefail
cd "$(dirname "$0")/.."

slice=${1:-9m}
size=${KB_SIZE:-full}
seeds=${KB_SEEDS:-0,1,2,3,4}
count=$(tr ',' '\n' <<<"$seeds" | wc -l)
jobs=${KB_JOBS:-4}
precision=${KB_PRECISION:-float32}
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

# Everything the engine needs besides PyTorch; nothing is fetched.
missing=$("$python" - <<'PY'
import importlib.util as found
names = "torch numpy jaxtyping pydantic ruamel.yaml yaml typer rich filelock platformdirs"
print(" ".join(name for name in names.split() if found.find_spec(name.split(".")[0]) is None))
PY
)
if [ -n "$missing" ]; then
  echo "gpu.sh: $python lacks $missing; carry them along: pip install --target build/vendor ..." >&2
  exit 4
fi

kb() { "$python" -m kb "$@"; }

# Whether a document of `kb repro` says that runs were stopped, or one of `kb claims` lacks runs.
unfinished() {
  "$python" -c 'import json, sys
found, seeds = json.load(sys.stdin), int(sys.argv[1])
found = found if isinstance(found, list) else [found]
held = [of["n"] for one in found for of in one.get("variants", {}).values()]
stopped = any(one.get("status") == "stopped" for one in found)
sys.exit(not (stopped or any(n < seeds for n in held)))' "$count"
}

again() {
  echo "gpu.sh: the slice is over; run it again to go on" >&2
  exit 75
}

# The world is made on the first slice, before any clock of a run begins.
timeout "$(left)" "$python" -m kb data make diorama-msrvtt --size "$size" >&2 || again

[ "$(left)" -gt 0 ] || again
kb repro all --size "$size" --seed "$seeds" --jobs "$jobs" --precision "$precision" \
  --device "$device" --budget "$(left)s" --json >build/gpu-repro.json
if unfinished <build/gpu-repro.json; then again; fi

# Every variant a claim names; the verdicts stand in data/results as soon as the runs do.
[ "$(left)" -gt 0 ] || again
kb claims all --run --seeds "$count" --size "$size" --jobs "$jobs" --precision "$precision" \
  --device "$device" --budget "$(left)s" --json >build/gpu-claims.json
if unfinished <build/gpu-claims.json; then again; fi
kb claims all
kb status
[ "$device" = cpu ] || [ -f build/gpu-training.json ] ||
  "$python" bench/training.py --device cuda --precision bf16 --steps 50 >build/gpu-training.json
echo "gpu.sh: done; commit data/results" >&2
