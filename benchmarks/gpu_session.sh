#!/usr/bin/env bash
# All that only a GPU can decide; it should take seven to nine minutes on one. docs/results/gpu.md has the list.
#
#     bash benchmarks/gpu_session.sh DATA OUT              DATA: folder with CIFAR-10; OUT: folder for the results
#     METAQNN_GPU=cpu bash benchmarks/gpu_session.sh ...   tries everything out, smaller, without a GPU
#
# Wheels of what the machine lacks are taken from .whl, if it is there; the package itself need not be installed.
# A stage that fails, or runs past its limit, does not stop the others. Run it in the root of the checkout.
set -u
DATA=$1 OUT=$2; mkdir -p "$OUT"
export GPU_FACTS=$OUT/facts.txt PYTHONPATH=$PWD:${PYTHONPATH:-} PYTHONUNBUFFERED=1 XDG_CACHE_HOME=$OUT/cache
PYTHON=${PYTHON:-python3} TRIAL=${METAQNN_GPU:-} DEVICE=${METAQNN_GPU:-cuda}
exec > >(tee "$OUT/report.txt") 2>&1

rm -f "$GPU_FACTS" # of an earlier session; tests write below what is there

stage() { # LIMIT COMMAND...
    local limit=$1 began=$SECONDS; shift
    echo; echo "== $*"
    timeout --signal "${END:-TERM}" --kill-after 10 "$limit" "$@"
    echo "== exit code $? after $((SECONDS - began)) s (limit $limit s)"
}

SITE=$OUT/site; export PYTHONPATH=$PYTHONPATH:$SITE
ls .whl/*.whl >/dev/null 2>&1 && $PYTHON -m pip install -q --no-index --no-deps --upgrade --target "$SITE" .whl/*.whl
if ! $PYTHON -c 'from importlib.metadata import version; version("metaqnn")' 2>/dev/null; then
    mkdir -p "$SITE/metaqnn-0.dist-info"
    printf 'Metadata-Version: 2.1\nName: metaqnn\nVersion: 0\n' >"$SITE/metaqnn-0.dist-info/METADATA"
fi

command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
$PYTHON -c 'import platform, torch; print("Python", platform.python_version(), "PyTorch", torch.__version__, "CUDA", torch.version.cuda)'

# the images are read once, on one core, while the tests run
$PYTHON -c 'import sys, trainers; trainers.load_dataset("cifar10", data_dir=sys.argv[1], download=False)' "$DATA" &
reading=$!

# interrupted, and not terminated, pytest still tells which tests have failed
END=INT stage 150 $PYTHON -m pytest -q -m gpu -p no:cacheprovider --maxfail 12 --tb short --durations 6 \
    tests/trainers/gpu tests/metaqnn/executors/test_workers_on_a_gpu.py
smaller=(); [[ $TRIAL ]] && smaller=(--rounds 1 --networks 1 --images 256 --epoch 512 --side 256)
wait $reading
stage 150 $PYTHON benchmarks/gpu_training.py --device "$DEVICE" --seconds 75 "${smaller[@]}"

searched=(--dataset cifar10 --preset paper --data-dir "$DATA" --no-download --schedule 1.0:200 --epochs 4 --decay-every 1)
[[ $TRIAL ]] && searched=(--dataset digits --schedule 1.0:20 --epochs 2)
rm -rf "$OUT/run"
stage 60 $PYTHON -m metaqnn.run --run-dir "$OUT/run" "${searched[@]}" --device "$DEVICE" --workers 2 --quiet
stage 30 $PYTHON -m metaqnn.run --resume "$OUT/run" --quiet
stage 20 $PYTHON -m metaqnn top "$OUT/run" -k 3
[[ $TRIAL ]] || stage 90 $PYTHON benchmarks/compilation.py --device "$DEVICE" --rounds 3 --seconds 0.5 # on a CPU it takes minutes

echo; echo "== facts"; cat "$GPU_FACTS" 2>/dev/null
rm -rf "$OUT/cache" "$SITE" "$OUT/run/checkpoints" "$OUT/run/weights"
echo "== all done after $SECONDS s"
