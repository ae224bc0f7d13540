"""The optimizers are PyTorch's own to the bit, and training loads no compiler."""

import subprocess
import sys
from copy import deepcopy

import pytest
import torch
from torch import nn, optim

from trainers.optimizers import SGD, Adam, RMSprop

WITHOUT = """
import sys
from state_space import Architecture
from trainers import ClassifierTrainer, TrainingRecipe, load_dataset

options = dict(recipe=TrainingRecipe(epochs=1), validation_size=300, device="cpu", threads=1)
trainer = ClassifierTrainer(load_dataset("digits"), **options)
assert len(trainer.train(Architecture.parse("[C(8,3,1), FC(16), SM(10)]"), seed=0).curve) == 1
print(*{"torch._dynamo", "sympy"} & {*sys.modules})
"""


def trained(kind, steps, options, state=None):
    """Weights and the optimizer's state after some steps of a small network, after those of `state`."""
    torch.manual_seed(0)
    network, images = (
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 3)),
        torch.randn(8, 1, 6, 6),
    )
    optimizer = kind([{"params": network[0].parameters(), "weight_decay": 0.0}], **options)
    optimizer.add_param_group({"params": network[2].parameters()})
    if state is not None:
        network.load_state_dict(state[0])
        optimizer.load_state_dict(state[1])
    for _ in range(steps):
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()
    return deepcopy((network.state_dict(), optimizer.state_dict()))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Adam, {"lr": 1e-2, "fused": True, "weight_decay": 0.1}),
        (Adam, {"lr": torch.tensor(1e-2), "betas": (0.8, 0.9), "eps": 1e-4}),
        (RMSprop, {"lr": 1e-2, "momentum": 0.5, "weight_decay": 0.1}),
        (SGD, {"lr": 1e-2, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (SGD, {"lr": 1e-2, "momentum": 0.9, "fused": True}),
    ],
)
def test_they_train_as_those_of_pytorch_do_also_after_a_resume(kind, options):
    own, theirs = trained(kind, 3, options), trained(getattr(optim, kind.__name__), 3, options)
    resumed = trained(kind, 2, options, own), trained(getattr(optim, kind.__name__), 2, options, theirs)
    for ours, others in ((own, theirs), resumed):
        torch.testing.assert_close(ours, others, rtol=0, atol=0)


def test_a_training_loads_no_compiler():
    """It would take 1.5 s in each process."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
