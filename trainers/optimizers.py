"""PyTorch's optimizers without its compiler, which each of them would load when it is made."""

from __future__ import annotations

from inspect import unwrap

import torch
from torch import optim


class _Uncompiled(optim.Optimizer):
    """The same methods without the wrappers that keep PyTorch's compiler away from them.

    These wrappers load the compiler first: 1.5 s of processor time in every process that trains. No step of a
    training is compiled.
    """

    add_param_group = unwrap(optim.Optimizer.add_param_group)
    state_dict = unwrap(optim.Optimizer.state_dict)
    load_state_dict = unwrap(optim.Optimizer.load_state_dict)
    zero_grad = unwrap(optim.Optimizer.zero_grad)


class Adam(_Uncompiled, optim.Adam):
    """PyTorch's Adam."""

    step = torch.no_grad()(unwrap(optim.Adam.step))


class RMSprop(_Uncompiled, optim.RMSprop):
    """PyTorch's RMSprop."""

    step = torch.no_grad()(unwrap(optim.RMSprop.step))


class SGD(_Uncompiled, optim.SGD):
    """PyTorch's stochastic gradient descent."""

    step = torch.no_grad()(unwrap(optim.SGD.step))
