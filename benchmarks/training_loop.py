"""Claim: on a CPU our training loop handles at least twice the images per second of a plain PyTorch loop.

Compared in the same run, in turns, on one thread, on networks of three sizes at 32x32x3, batch 128, with Adam
and mirroring:
- plain: DataLoader over PIL images, torchvision's RandomHorizontalFlip + ToTensor + Normalize, float32, NCHW;
- ours: an epoch of `trainers.ClassifierTrainer`, data handling and the validation of ten images included, in
  float32 and as it chooses for itself (precision "auto");
- ceiling: forward, backward and update of the same network in the same precision, on one batch in memory.
A second table: what saving a checkpoint after every epoch costs, for an epoch of 4,000 images (the laptop
preset's number) and of 45,000 (the paper's).

Images are random: only speed is measured. Seconds are processor seconds, which other programs on the
machine disturb less; each ratio is within one turn, and medians are over turns. Checkpoints: wall time.

    python benchmarks/training_loop.py            # about two minutes
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch
from command_line import described, execute, parser, positive
from PIL import Image
from tabulate import tabulate
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from state_space import Architecture
from trainers import Checkpoint, ClassifierTrainer, ImageDataset, TrainingRecipe, build_network
from trainers.checkpoint import SavedTraining
from trainers.device import processor_settings

SHAPE = (3, 32, 32)
CLASSES = 10
BATCH = 128
Run = Callable[[], object]
SPEEDS = (
    "images/s of",
    "M MAC/image",
    "plain",
    "ours, float32",
    "ours, auto",
    "ceiling, auto",
    "auto / plain",
    "auto / ceiling",
)


@dataclass(frozen=True)
class Subject:
    """A network and the number of images it is trained on in one turn."""

    name: str
    text: str
    images: int

    @property
    def architecture(self) -> Architecture:
        return Architecture.parse(self.text)

    @property
    def macs(self) -> int:
        return self.architecture.macs(SHAPE, CLASSES)


def three_convolutions(filters: int) -> str:
    """No dropout, where ours would have a further advantage."""
    conv = f"C({filters},3,1)"
    return f"[{conv}, {conv}, P(2,2), {conv}, P(2,2), GAP(10), SM(10)]"


SUBJECTS = (
    Subject("small: 16 filters", three_convolutions(16), 2560),
    Subject("middle: 64 filters", three_convolutions(64), 512),
    Subject(
        "large: 256 filters",
        "[C(128,3,1), P(2,2), C(256,3,1), P(2,2), C(256,3,1), P(2,2), FC(512), SM(10)]",
        128,
    ),
)


class PilImages(Dataset):
    def __init__(self, dataset: ImageDataset) -> None:
        steps = [transforms.RandomHorizontalFlip(), transforms.ToTensor()]
        self.transform = transforms.Compose([*steps, transforms.Normalize((0.5,) * 3, (0.25,) * 3)])
        self.images = [Image.fromarray(image) for image in dataset.train_images]
        self.labels = dataset.train_labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


def random_images(count: int) -> ImageDataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count + CLASSES, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(count + CLASSES) % CLASSES
    return ImageDataset("random", images, labels, images[:0], labels[:0], tuple("0123456789"))


def plain_epoch(dataset: ImageDataset, architecture: Architecture, device: str, workers: int = 0) -> Run:
    """The loop of a tutorial; on a GPU with worker processes and pinned memory, as tutorials advise."""
    loader = DataLoader(
        PilImages(dataset),
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device != "cpu",
    )
    network = build_network(architecture, SHAPE, CLASSES).to(device)
    optimizer = torch.optim.Adam(network.parameters())

    def run() -> None:
        network.train()
        for images, labels in loader:
            images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()

    return run


def trainer(
    dataset: ImageDataset, device: str, precision: str, cuda_graphs: bool | None = None
) -> ClassifierTrainer:
    return ClassifierTrainer(
        dataset,
        recipe=TrainingRecipe(batch_size=BATCH, mirror=True),
        validation_size=CLASSES,
        device=device,
        precision=precision,
        cuda_graphs=cuda_graphs,
    )


def our_epoch(owner: ClassifierTrainer, architecture: Architecture) -> Run:
    state = owner.start(architecture, seed=0)
    return lambda: owner.train_epoch(state, seed=0)


def random_batch(owner: ClassifierTrainer) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels on the trainer's device."""
    images = torch.randn(BATCH, *SHAPE, device=owner.device).to(memory_format=torch.channels_last)
    return images, torch.arange(BATCH, device=owner.device) % CLASSES


def ceiling(owner: ClassifierTrainer, architecture: Architecture, count: int) -> Run:
    """As many steps as an epoch of `count` images has, on one batch that never moves."""
    state = owner.start(architecture, seed=0)
    images, labels = random_batch(owner)

    def run() -> None:
        state.network.train()
        for _ in range(count // BATCH):
            state.step(images, labels)

    return run


def loops(subject: Subject, device: str, workers: int = 0) -> dict[str, Run]:
    """What is compared, by name."""
    dataset, architecture = random_images(subject.images), subject.architecture
    auto = trainer(dataset, device, "auto")
    return {
        "plain": plain_epoch(dataset, architecture, device, workers),
        "ours, float32": our_epoch(trainer(dataset, device, "float32"), architecture),
        "ours, auto": our_epoch(auto, architecture),
        "ceiling, auto": ceiling(auto, architecture, subject.images),
    }


def timed(runs: dict[str, Run], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of each run in each turn; a first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            started = clock()
            run()
            if turn:
                seconds[name].append(clock() - started)
    return seconds


def row(subject: Subject, seconds: dict[str, list[float]]) -> list[str]:
    """One line of the table: median images per second, and ratios within turns."""

    def ratio(faster: str, slower: str, form: str) -> str:
        ratios = [b / a for a, b in zip(seconds[faster], seconds[slower], strict=True)]
        return f"{median(ratios):{form}} ({min(ratios):{form}} to {max(ratios):{form}})"

    speeds = [f"{subject.images / median(values):,.0f}" for values in seconds.values()]
    of_plain, of_ceiling = ratio("ours, auto", "plain", ".2f"), ratio("ours, auto", "ceiling, auto", ".0%")
    return [subject.name, f"{subject.macs / 1e6:,.0f}", *speeds, of_plain, of_ceiling]


def print_rows(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table, each line before the next is measured: a session on a GPU may be cut off."""
    for cells in chain((headers, ["---"] * len(headers)), rows):
        print(f"| {' | '.join(cells)} |", flush=True)


def checkpoint_row(subject: Subject, images_per_second: float, folder: Path) -> list[str]:
    """Time (of the clock: it waits for the disk) and size of a checkpoint, and its share of an epoch."""
    owner = trainer(random_images(BATCH), "cpu", "auto")
    state = owner.start(subject.architecture, seed=0)
    report = owner.train_epoch(state, seed=0)
    saved = SavedTraining(
        (report,) * 20, 1.0, state.network.state_dict(), state.optimizer.state_dict()["state"]
    )
    checkpoint = Checkpoint(folder / "checkpoint")
    identity = owner.identity(subject.architecture, seed=0)
    save = timed({"save": lambda: checkpoint.save(saved, identity)}, 5, perf_counter)["save"]
    shares = [median(save) * images_per_second / images for images in (4000, 45_000)]
    size = checkpoint.path.stat().st_size / 1e6
    return [
        subject.name,
        f"{sum(p.numel() for p in state.network.parameters()) / 1e6:,.2f}",
        f"{size:,.1f}",
        f"{median(save) * 1e3:,.0f} ({min(save) * 1e3:,.0f} to {max(save) * 1e3:,.0f})",
        *(f"{share:.2%}" for share in shares),
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=positive, default=5, help="timed turns of each loop (default 5)")
    options.add_argument("--folder", help="where checkpoints are written (default: the system's)")
    chosen = options.parse_args()
    auto = trainer(random_images(20), "cpu", "auto").precision_name
    print(
        f"{described('torch', 'torchvision', used='one used')}; n = {chosen.rounds} turns; "
        f"precision 'auto' is {auto} here\n"
    )
    rows, checkpoints = [], []
    with processor_settings(1), tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        for subject in SUBJECTS:
            seconds = timed(loops(subject, "cpu"), chosen.rounds, process_time)
            rows.append(row(subject, seconds))
            speed = subject.images / median(seconds["ours, auto"])
            checkpoints.append(checkpoint_row(subject, speed, Path(folder)))
    print(tabulate(rows, SPEEDS, tablefmt="github", disable_numparse=True), end="\n\n")
    headers = ["checkpoint of", "M parameters", "MB", "ms", "of 4,000 images", "of 45,000 images"]
    print(tabulate(checkpoints, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    execute(main)
