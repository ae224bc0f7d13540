"""Links inside an archive: nothing is extracted, so they are followed by their paths."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping

from trainers.datasets.dataset import DatasetError
from trainers.datasets.walk import MAX_FILES, Parts

ROUNDS = 8
"""How many links may lead from one to the next."""


def follow(links: Mapping[Parts, Parts], files: Collection[Parts], source: str) -> dict[Parts, Parts]:
    """Which further paths there are if links are followed, and the file of each.

    Args:
        links: path of each link, and where it leads: to a file, a folder, or another link.
        files: paths of the files.
        source: names the archive in errors.

    Raises:
        DatasetError: links lead back to a folder above, or make too many paths.
    """
    for link, target in links.items():
        if target and link[: len(target)] == target:
            raise DatasetError(f"link {'/'.join(link)!r} of {source!r} leads back to a folder above it")
    real = {file: file for file in files}
    for _ in range(ROUNDS):
        found = _one_round(links, real)
        if not found:
            return {path: file for path, file in real.items() if path != file}
        real |= found
        if len(real) > MAX_FILES:
            raise DatasetError(f"links of {source!r} lead to more than {MAX_FILES:,} files")
    raise DatasetError(f"links of {source!r} lead to one another more than {ROUNDS} times")


def _one_round(links: Mapping[Parts, Parts], real: Mapping[Parts, Parts]) -> dict[Parts, Parts]:
    """Paths that are new: each link's own, and those below it."""
    known = sorted(real)
    found: dict[Parts, Parts] = {}
    for link, target in links.items():
        if not target:
            continue
        for index in range(bisect_left(known, target), len(known)):
            path = known[index]
            if path[: len(target)] != target:
                break
            new = link + path[len(target) :]
            if new not in real:
                found[new] = real[path]
            if len(found) > MAX_FILES:
                return found
    return found
