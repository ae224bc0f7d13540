#!/usr/bin/env bash
# All that only a GPU can decide; it should take eight to ten minutes on one. docs/results/gpu.md has the list.
#
#     bash benchmarks/gpu_session.sh DATA OUT              DATA: folder with CIFAR-10; OUT: folder for the results
#     METAQNN_GPU=cpu bash benchmarks/gpu_session.sh ...   tries everything out, smaller, without a GPU
#
# Wheels of what the machine lacks are taken from .whl, if it is there; the package itself need not be installed.
# A stage that fails, or runs past its limit, does not stop the others. Run it in the root of the checkout.
set -u
DATA=$1 OUT=$2; mkdir -p "$OUT"
# everything but the results is elsewhere: whenever the session is cut off, OUT holds a few small files
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
SITE=$WORK/site RUN=$WORK/run
export GPU_FACTS=$OUT/facts.txt PYTHONPATH=$PWD:${PYTHONPATH:-}:$SITE PYTHONUNBUFFERED=1 XDG_CACHE_HOME=$WORK/cache
PYTHON=${PYTHON:-python3} TRIAL=${METAQNN_GPU:-} DEVICE=${METAQNN_GPU:-cuda}
exec > >(tee "$OUT/report.txt") 2>&1

rm -rf "$GPU_FACTS" "$OUT/run" # of an earlier session; tests write below what is there

stage() { # LIMIT COMMAND...
    local limit=$1 began=$SECONDS; shift
    echo; echo "== $*"
    timeout --signal "${END:-TERM}" --kill-after 10 "$limit" "$@"
    echo "== exit code $? after $((SECONDS - began)) s (limit $limit s)"
}

ls .whl/*.whl >/dev/null 2>&1 && $PYTHON -m pip install -q --no-index --no-deps --upgrade --target "$SITE" .whl/*.whl
if ! $PYTHON -c 'from importlib.metadata import version; version("metaqnn")' 2>/dev/null; then
    mkdir -p "$SITE/metaqnn-0.dist-info"
    printf 'Metadata-Version: 2.1\nName: metaqnn\nVersion: 0\n' >"$SITE/metaqnn-0.dist-info/METADATA"
fi

command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
$PYTHON -c 'import platform, torch; print("Python", platform.python_version(), "PyTorch", torch.__version__, "CUDA", torch.version.cuda)'

# the images are read once, on one core, while the tests run
timeout 200 $PYTHON -c '
import sys
from trainers.datasets import decoding_bar, load_dataset
with decoding_bar(False):
    load_dataset("cifar10", data_dir=sys.argv[1], download=False)' "$DATA" &
reading=$!

# Each test is named when it begins, and one that hangs shows where. Interrupted, and not terminated, pytest still
# tells which have failed. Those of workers are apart: a process that has lost its device fails in all that follow.
tests=(-m pytest -vv -m gpu -p no:cacheprovider -o faulthandler_timeout=60 --maxfail 12 --tb short --durations 6)
END=INT stage 120 $PYTHON "${tests[@]}" tests/trainers/gpu
END=INT stage 110 $PYTHON "${tests[@]}" tests/metaqnn/executors/test_workers_on_a_gpu.py
smaller=(); [[ $TRIAL ]] && smaller=(--rounds 1 --networks 1 --images 128 --epoch 64 --side 256)
wait $reading
stage 155 $PYTHON benchmarks/gpu_training.py --device "$DEVICE" --seconds 75 --rounds 3 "${smaller[@]}"

searched=(--dataset cifar10 --preset paper --data-dir "$DATA" --no-download --schedule 1.0:200 --epochs 4 --decay-every 1)
[[ $TRIAL ]] && searched=(--dataset digits --schedule 1.0:20 --epochs 2)
stage 60 $PYTHON -m metaqnn.run --run-dir "$RUN" "${searched[@]}" --device "$DEVICE" --workers 2 --quiet
stage 30 $PYTHON -m metaqnn.run --resume "$RUN" --quiet
stage 15 $PYTHON -m metaqnn top "$RUN" -k 3
mkdir "$OUT/run"; cp "$RUN"/*.* "$OUT/run" # without checkpoints and weights
stage 45 $PYTHON -m metaqnn.run --run-dir "$RUN-1" "${searched[@]}" --device "$DEVICE" --workers 1 --quiet
stage 10 $PYTHON benchmarks/second_worker.py "$RUN" "$RUN-1"
[[ $TRIAL ]] || stage 55 $PYTHON benchmarks/compilation.py --device "$DEVICE" --rounds 3 --seconds 0.5 # on a CPU it takes minutes

echo; echo "== facts"; cat "$GPU_FACTS" 2>/dev/null
echo "== all done after $SECONDS s"
for _ in {1..500}; do grep -qs '^== all done' "$OUT/report.txt" && break; sleep 0.02; done # the report has it, too
