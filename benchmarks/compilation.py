"""What torch.compile costs and gains for one network: after how much training does it pay off?

Compared in the same run, in turns of about a second: training steps (forward, backward, update; batches of
128 at 32x32x3, the precision that "auto" chooses here) as a search runs them, on a GPU recorded where that
promises to be faster, and with the network compiled. Printed for each network: seconds until the first
compiled step has ended (the C++ or Triton compiler included, caches empty), images a second of both, and
after how many images, and how many epochs of 45,000, the time is won back. What a process needs once, before
anything is compiled, is printed apart: otherwise it would count against whichever network comes first.

    python benchmarks/compilation.py                 # a few minutes on a CPU
    python benchmarks/compilation.py --device cuda
"""

import os
import tempfile
from math import ceil
from statistics import median
from time import perf_counter

import torch
from command_line import described, execute, parser, positive
from gpu_training import subjects
from training_loop import BATCH, Subject, print_rows, random_batch, random_images, trainer

from state_space import Architecture
from trainers import ClassifierTrainer
from trainers.attempts import TrainingState
from trainers.device import choose_device, processor_settings
from trainers.steps import eager_step

EPOCH = 45_000
UNRECORDED = 4
"""Most steps of a training that are not replays: those before the one that is recorded, and that one."""
TINY = "[C(2,3,1), GAP(10), SM(10)]"
HEADERS = (
    "network",
    "M MAC/image",
    "first step s",
    "images/s",
    "compiled",
    "ratio",
    "back after images",
    "epochs",
)


def seconds_of(state: TrainingState, images: torch.Tensor, labels: torch.Tensor, steps: int) -> float:
    """Seconds that so many steps take, the device's work included."""
    started = perf_counter()
    for _ in range(steps):
        loss = state.step(images, labels)
    loss.item()
    return perf_counter() - started


def compiled_start(owner: ClassifierTrainer, architecture: Architecture) -> TrainingState:
    """The start of a training whose network is compiled in its first step."""
    state = owner.start(architecture, seed=0)
    state.step = eager_step(torch.compile(state.network), state.optimizer, owner.precision)
    return state


def start_compiler(device: str, precision: str) -> float:
    """Seconds until a network with hardly anything to compile is compiled."""
    owner = trainer(random_images(BATCH), device, precision)
    return seconds_of(compiled_start(owner, Architecture.parse(TINY)), *random_batch(owner), 1)


def row(subject: Subject, device: str, precision: str, rounds: int, turn: float) -> list[str]:
    """One line of the table."""
    owner = trainer(random_images(BATCH), device, precision)
    ours, compiled = owner.start(subject.architecture, seed=0), compiled_start(owner, subject.architecture)
    images, labels = random_batch(owner)
    first = seconds_of(compiled, images, labels, 1)
    seconds_of(ours, images, labels, UNRECORDED)
    steps = max(3, ceil(turn / seconds_of(ours, images, labels, 1)))
    turns = [[seconds_of(state, images, labels, steps) for state in (ours, compiled)] for _ in range(rounds)]
    without, with_it = (median(turn[i] for turn in turns) / (steps * BATCH) for i in (0, 1))
    ratio = median(a / b for a, b in turns)
    back = first / (without - with_it) if with_it < without else float("inf")
    speeds = [f"{1 / without:,.0f}", f"{1 / with_it:,.0f}", f"{ratio:.2f}"]
    won_back = [f"{back:,.0f}", f"{back / EPOCH:.2f}"]
    return [subject.name, f"{subject.macs / 1e6:,.0f}", f"{first:.1f}", *speeds, *won_back]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--device", default="cpu")
    options.add_argument("--threads", type=positive, default=1, help="on a CPU (default 1)")
    options.add_argument("--precision", default="auto")
    options.add_argument("--rounds", type=positive, default=7, help="timed turns (default 7)")
    options.add_argument("--seconds", type=float, default=1.0, help="least length of a turn (default 1)")
    chosen = options.parse_args()
    device = choose_device(chosen.device)
    gpu = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    used = f"{chosen.threads} used{gpu}, {chosen.precision}"
    print(f"{described('torch', used=used)}; n = {chosen.rounds} turns\n")
    with processor_settings(chosen.threads), tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        given = chosen.device, chosen.precision, chosen.rounds, chosen.seconds
        print(f"the compiler started in {start_compiler(*given[:2]):.1f} s, once in a process\n", flush=True)
        print_rows(HEADERS, (row(subject, *given) for subject in subjects(chosen.device)))


if __name__ == "__main__":
    execute(main)
