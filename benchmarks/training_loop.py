"""Claim: on a CPU our training loop handles at least twice the images per second of a plain PyTorch loop.

Compared in the same run, in turns, on one thread, on networks of 16 and of 64 filters at 32x32x3, batch 128:
- plain: DataLoader over PIL images, torchvision's RandomHorizontalFlip + ToTensor + Normalize, float32, NCHW;
- ours: `trainers.ClassifierTrainer` as it chooses for itself (on the CPU, precision "auto"), and in float32.
Both train the same network with Adam and mirroring for whole epochs, data handling included. Ours also builds
the network and validates ten images in that time. Images are random: only speed is measured.

    python benchmarks/training_loop.py            # about a minute
"""

import argparse
import os
import platform
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import torch
import torchvision
from machine import processor
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from state_space import Architecture
from trainers import ClassifierTrainer, ImageDataset, TrainingRecipe, build_network

SHAPE = (3, 32, 32)
CLASSES = 10
BATCH = 128
Epoch = Callable[[], None]


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


def architecture(filters: int) -> Architecture:
    """Three convolutions of one width; no dropout, where ours would have a further advantage."""
    conv = f"C({filters},3,1)"
    return Architecture.parse(f"[{conv}, {conv}, P(2,2), {conv}, P(2,2), GAP(10), SM(10)]")


def random_images(count: int) -> ImageDataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count + CLASSES, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(count + CLASSES) % CLASSES
    return ImageDataset("random", images, labels, images[:0], labels[:0], tuple("0123456789"))


def plain_epoch(dataset: ImageDataset, filters: int) -> Epoch:
    loader = DataLoader(PilImages(dataset), batch_size=BATCH, shuffle=True)
    network = build_network(architecture(filters), SHAPE, CLASSES)
    optimizer = torch.optim.Adam(network.parameters())

    def run() -> None:
        network.train()
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()

    return run


def our_epoch(dataset: ImageDataset, filters: int, precision: str) -> Epoch:
    trainer = ClassifierTrainer(
        dataset,
        recipe=TrainingRecipe(batch_size=BATCH, mirror=True, epochs=1, attempts=1),
        validation_size=CLASSES,
        device="cpu",
        precision=precision,
        threads=1,
    )
    return lambda: trainer.train(architecture(filters), seed=0) and None


def compare(filters: int, count: int, rounds: int) -> None:
    dataset = random_images(count)
    epochs = {
        "plain": plain_epoch(dataset, filters),
        "ours, float32": our_epoch(dataset, filters, "float32"),
        "ours, auto": our_epoch(dataset, filters, "auto"),
    }
    speeds: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(rounds + 1):
        for name, epoch in epochs.items():
            started = perf_counter()
            epoch()
            if turn:  # the first turn warms up
                speeds[name].append(count / (perf_counter() - started))
    for name, values in speeds.items():
        ratios = [ours / plain for ours, plain in zip(values, speeds["plain"], strict=True)]
        print(
            f"{filters:3d} filters  {name:14s} {median(values):7,.0f} images/s  "
            f"{median(ratios):5.2f}x ({min(ratios):.2f} to {max(ratios):.2f})  n = {rounds} x {count} images"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rounds", type=int, default=5, help="timed epochs of each loop (default 5)")
    rounds = options.parse_args().rounds
    torch.set_num_threads(1)
    auto = ClassifierTrainer(random_images(20), recipe=TrainingRecipe(), validation_size=10, device="cpu")
    print(
        f"{processor()}, {os.cpu_count()} cores, 1 thread; load average {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"torchvision {torchvision.__version__}; "
        f"precision 'auto' is {str(auto.precision).removeprefix('torch.')} here"
    )
    compare(16, 2560, rounds)
    compare(64, 640, rounds)


if __name__ == "__main__":
    main()
