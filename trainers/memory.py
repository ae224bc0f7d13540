"""Telling "too little memory for this network" from a defect."""

from collections.abc import Iterator
from contextlib import contextmanager

# What the allocators of the CPU, of CUDA libraries and of MPS write into a RuntimeError.
_ALLOCATION_FAILURES = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")


class OutOfMemory(Exception):  # noqa: N818 - an outcome, not an error
    """A step needed more memory than there was; the message is the allocator's first line."""


@contextmanager
def allocation_guard() -> Iterator[None]:
    """Turn a failed allocation on any device into `OutOfMemory`; everything else passes through.

    torch.OutOfMemoryError (CUDA) is a RuntimeError; the CPU's allocator raises plain ones.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error)
        if isinstance(error, RuntimeError) and not any(sign in text.lower() for sign in _ALLOCATION_FAILURES):
            raise
        raise OutOfMemory(text.strip().partition("\n")[0] or "memory allocation failed") from None
