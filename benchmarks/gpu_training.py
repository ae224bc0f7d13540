"""Claim (not measured yet: no GPU was at hand): on one NVIDIA GPU a network of average cost trains at 40% of
the rate at which the device multiplies bfloat16 matrices, and all 2,700 networks of the published schedule
take less than two days.

Runs unattended on any NVIDIA card, and prints each line as soon as it is measured. First, as they take
seconds, steps of small networks with and without a CUDA graph. Then how long the schedule takes, which the
claim is about: 2,700 networks, 20 epochs of 45,000 images and 5,000 validated. It is estimated from networks
drawn at random from the CIFAR-10 space, each of which is timed in its second epoch. Restarts at lower rates
and the time between networks are not counted. --seconds ends the random networks early; those that have been
trained count. Last the table of `training_loop.py` (the plain loop with worker processes, pinned memory and
PyTorch's defaults, by which convolutions are rounded to TF32) for networks of the published space.

    python benchmarks/gpu_training.py             # some minutes; without a GPU it says so and ends
"""

import argparse
import os
import platform
from dataclasses import dataclass, replace
from math import inf
from statistics import fmean, median
from time import perf_counter

import numpy as np
import torch
from command_line import execute, parser, positive
from training_loop import (
    BATCH,
    CLASSES,
    SHAPE,
    SPEEDS,
    SUBJECTS,
    Run,
    Subject,
    ceiling,
    loops,
    our_epoch,
    print_rows,
    random_images,
    row,
    timed,
    trainer,
)

from state_space import Architecture, preset
from trainers import ClassifierTrainer, TrainingRecipe
from trainers.device import cuda_settings

BRACKET = (  # of `trainers.steps.LAUNCH_BOUND`, with two of the subjects: 39 and 77 GMAC a batch
    Subject("256 filters on 128", "[C(128,3,1), C(256,3,1), P(2,2), SM(10)]", 5 * BATCH),
    Subject("512 filters on 128", "[C(128,3,1), C(512,3,1), P(2,2), SM(10)]", 5 * BATCH),
)
PUBLISHED = (  # of the published space for CIFAR-10, drawn at random, without their dropout
    Subject(
        "of median cost", "[C(128,3,1), C(128,5,1), C(128,3,1), P(2,2), C(64,1,1), C(512,5,1), SM(10)]", 0
    ),
    Subject(
        "of mean cost",
        "[C(128,5,1), C(512,5,1), P(2,2), C(256,1,1), C(128,5,1), P(3,2), FC(512), FC(128), SM(10)]",
        0,
    ),
    Subject(
        "costlier than 90%",
        "[C(128,5,1), C(512,5,1), C(256,5,1), C(64,1,1), C(512,3,1), GAP(10), SM(10)]",
        0,
    ),
)
NETWORKS, EPOCHS, TRAINING, VALIDATION = 2700, 20, 45_000, 5_000
STEPS = ("steps, images/s", "launched", "replayed", "replayed / launched")
EARLY_STOPPING = 3.8  # [PP], full run on CIFAR-10 with Delta = 0.99
DRAWN = 1000  # networks whose mean cost stands for that of all
as_in_trainings = cuda_settings(deterministic=False)
"""Makes a function compute as trainings do."""


@dataclass(frozen=True)
class Machine:
    """Where to measure; the CPU is for trying the script out."""

    device: str

    def clock(self) -> float:
        """Seconds, once the device has done all that it was told to do."""
        if self.device != "cpu":
            torch.cuda.synchronize(self.device)
        return perf_counter()

    def describe(self) -> str:
        if self.device == "cpu":
            return "CPU: for trying this script out, no measurement of a GPU"
        return f"{torch.cuda.get_device_name(self.device)}, CUDA {torch.version.cuda}"

    def matrix_rate(self, side: int) -> float:
        """Multiply-accumulates a second of bfloat16 matrix products of that side.

        Of random numbers: ones switch fewer transistors, and the device keeps a higher clock.
        """
        a, b = (torch.randn(side, side, device=self.device, dtype=torch.bfloat16) for _ in range(2))
        seconds = timed({"mm": lambda: [torch.mm(a, b) for _ in range(20)]}, 3, self.clock)["mm"]
        return 20 * side**3 / median(seconds)


def subjects(device: str) -> tuple[Subject, ...]:
    """What to time: on a GPU networks that make up the time of a search, on a CPU some that it can train."""
    return SUBJECTS if device == "cpu" else PUBLISHED


def compared(subject: Subject, device: str, workers: int) -> dict[str, Run]:
    """What is compared, by name: all but the plain loop computes as trainings do."""
    runs = loops(subject, device, workers)
    return {name: run if name == "plain" else as_in_trainings(run) for name, run in runs.items()}


@as_in_trainings
def graph_row(subject: Subject, machine: Machine, rounds: int) -> list[str]:
    """Images a second of steps on one resident batch, launched kernel by kernel and replayed."""
    owners = {way: trainer(random_images(BATCH), machine.device, "auto", way) for way in (False, True)}
    runs = {str(way): ceiling(owner, subject.architecture, subject.images) for way, owner in owners.items()}
    launched, replayed = (
        subject.images / median(seconds) for seconds in timed(runs, rounds, machine.clock).values()
    )
    return [subject.name, f"{launched:,.0f}", f"{replayed:,.0f}", f"{replayed / launched:.2f}"]


def random_networks(count: int) -> list[Architecture]:
    rng = np.random.default_rng(0)
    return [preset("cifar10").sample(rng) for _ in range(count)]


def mean_macs(networks: list[Architecture]) -> float:
    return fmean(network.macs(SHAPE, CLASSES) for network in networks)


def epoch_seconds(network: Architecture, owner: ClassifierTrainer, machine: Machine) -> float:
    """Seconds of a whole epoch, its validation included; an epoch before it has recorded the step."""
    return timed({"epoch": our_epoch(owner, network)}, 1, machine.clock)["epoch"][0]


@as_in_trainings
def seconds_of_epochs(
    networks: list[Architecture], owner: ClassifierTrainer, machine: Machine, most: float
) -> list[float]:
    """Seconds of an epoch of each network, told as it ends; after `most` seconds no further one is begun."""
    began, seconds = perf_counter(), []
    for network in networks:
        if seconds and perf_counter() - began > most:
            break
        seconds.append(epoch_seconds(network, owner, machine))
        macs = network.macs(SHAPE, CLASSES)
        print(f"{seconds[-1]:.2f} s an epoch, {macs / 1e6:,.0f} M MAC/image: {network}", flush=True)
    return seconds


def whole_trainer(machine: Machine, training: int, validation: int) -> ClassifierTrainer:
    """Trains on as many images as an epoch has, so that an epoch's costs besides its steps count once."""
    return ClassifierTrainer(
        random_images(training + validation - CLASSES),
        recipe=TrainingRecipe(batch_size=BATCH, mirror=True),
        validation_size=validation,
        device=machine.device,
    )


def print_schedule(networks: list[Architecture], seconds: list[float], images: int, best: float) -> None:
    """How long the published schedule takes, by the ratio of seconds to work of the networks timed."""
    population = mean_macs(random_networks(DRAWN))
    epoch = sum(seconds) / (mean_macs(networks) * len(networks)) * population * TRAINING / images
    rate = population * (3 * TRAINING + VALIDATION) / epoch
    hours = NETWORKS * EPOCHS * epoch / 3600
    lines = [
        f"{population / 1e9:.2f} GMAC an image on average of {DRAWN} random networks; {len(networks)} of",
        f"them trained at {rate / 1e12:.3g} TMAC/s, {rate / best:.0%} of the {best / 1e12:.3g} of matrices:",
        f"{epoch:.2f} s an epoch, {hours:,.1f} hours for {NETWORKS} networks without early stopping,",
        f"{hours / EARLY_STOPPING:,.1f} with it, if it saves the published factor of {EARLY_STOPPING}",
    ]
    print("\n".join(lines), flush=True)


def parse() -> argparse.Namespace:
    options = parser("Training speed on an NVIDIA GPU.")
    options.add_argument("--device", default="cuda", help="cuda, cuda:1 ...; cpu to try the script out")
    options.add_argument("--rounds", type=positive, default=5, help="timed turns of each loop (default 5)")
    options.add_argument(
        "--images",
        type=positive,
        default=20 * BATCH,
        help="images per turn in the tables (default 2,560)",
    )
    options.add_argument(
        "--networks", type=positive, default=30, help="random networks to train (default 30)"
    )
    options.add_argument(
        "--seconds",
        type=float,
        default=inf,
        help="start no further random network after so many (default: no limit)",
    )
    options.add_argument(
        "--epoch",
        type=positive,
        default=TRAINING,
        help="images per epoch of these networks (default 45,000)",
    )
    options.add_argument(
        "--side", type=positive, default=8192, help="side of the matrices to multiply (default 8,192)"
    )
    return options.parse_args()


def print_steps(chosen: argparse.Namespace, machine: Machine) -> None:
    """Steps of small networks, of which one side decides `LAUNCH_BOUND`."""
    bracket = BRACKET if chosen.device != "cpu" else ()  # which takes minutes on a CPU
    small = [replace(subject, images=chosen.images) for subject in SUBJECTS]
    print_rows(STEPS, (graph_row(subject, machine, chosen.rounds) for subject in (*small, *bracket)))


def print_networks(chosen: argparse.Namespace, machine: Machine) -> None:
    """Random networks, and by them the published schedule."""
    networks, images = random_networks(chosen.networks), chosen.epoch
    owner = whole_trainer(machine, images, max(CLASSES, images * VALIDATION // TRAINING))
    seconds = seconds_of_epochs(networks, owner, machine, chosen.seconds)
    print_schedule(networks[: len(seconds)], seconds, images, machine.matrix_rate(chosen.side))


def print_loops(chosen: argparse.Namespace, machine: Machine) -> None:
    """The table of `training_loop.py`."""
    workers = min(8, os.cpu_count() or 1) if chosen.device != "cpu" else 0

    def measured(subject: Subject) -> list[str]:
        subject = replace(subject, images=chosen.images)
        return row(subject, timed(compared(subject, chosen.device, workers), chosen.rounds, machine.clock))

    print_rows(SPEEDS, map(measured, subjects(chosen.device)))


def main() -> None:
    chosen = parse()
    if chosen.device != "cpu" and not torch.cuda.is_available():
        print("not measured: PyTorch sees no NVIDIA GPU here")
        return
    machine = Machine(chosen.device)
    print(f"{machine.describe()}; Python {platform.python_version()}, torch {torch.__version__}")
    for part in (print_steps, print_networks, print_loops):
        print(flush=True)
        part(chosen, machine)


if __name__ == "__main__":
    execute(main)
