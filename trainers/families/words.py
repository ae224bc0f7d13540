"""Texts for language models: words as numbers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from trainers.datasets import DatasetError
from trainers.datasets.find import is_path

PARTS = ("train", "valid", "test")
END, UNKNOWN = "<eos>", "<unk>"


@dataclass(frozen=True, eq=False)
class WordDataset:
    """A text in three parts.

    Attributes:
        name: the name it is shown under.
        vocabulary: the words, in the order of their numbers; `<eos>` ends every line, `<unk>` stands for all
            words that are not in the training text.
        train: int64, (words,).
        valid: the same.
        test: the same.
    """

    name: str
    vocabulary: tuple[str, ...]
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Nothing: what comes in are numbers of words."""
        return ()

    @property
    def num_classes(self) -> int:
        """Words of the vocabulary."""
        return len(self.vocabulary)

    @property
    def unknown(self) -> float:
        """Share of the validation words that are `<unk>`: the more, the easier they are to predict."""
        return float(np.mean(self.valid == self.vocabulary.index(UNKNOWN)))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over vocabulary and words."""
        digest = hashlib.sha256("\n".join(self.vocabulary).encode())
        for part in PARTS:
            digest.update(getattr(self, part).tobytes())
        return digest.hexdigest()


def find_words(name: str, data_dir: str | os.PathLike[str] | None = None) -> dict[str, Path] | None:
    """The files of a text's parts by their names: `NAME.train.txt` and so on.

    They are looked for in `data_dir`, in `data_dir/NAME`, and in the folder NAME itself; only in the last if
    NAME is written as a path (`./NAME`) and is there. None if the training part is nowhere there.
    """
    for folder in _folders(name, data_dir):
        files = {part: folder / f"{Path(name).name}.{part}.txt" for part in PARTS}
        if files["train"].is_file():
            return files
    return None


def _folders(name: str, data_dir: str | os.PathLike[str] | None) -> list[Path]:
    """Where a text is looked for."""
    given = Path(name).expanduser()
    if data_dir is None or (is_path(name) and given.is_dir()):
        return [given]
    data = Path(data_dir).expanduser()
    return [data, data / name, given]


def load_words(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    valid_limit: int | None = None,
) -> WordDataset:
    """Read a text: words between blanks, one sentence a line.

    Args:
        name: of its files, see `find_words`.
        data_dir: folder to look in first.
        limit: use only the first so many training words; the vocabulary is theirs.
        valid_limit: use only the first so many validation words.

    Raises:
        DatasetError: a file is missing or not text, or there are fewer than two different words.
    """
    files = find_words(name, data_dir)
    if files is None:
        places = " and ".join(map(repr, dict.fromkeys(map(str, _folders(name, data_dir)))))
        raise DatasetError(
            f"no text {name!r}: {Path(name).name}.train.txt was looked for in {places}; is --data-dir right?"
        )
    texts = {part: _words(file) for part, file in files.items()}
    train = texts["train"][:limit]
    vocabulary = tuple(sorted({*train, END, UNKNOWN}))
    different = len({*train} - {END, UNKNOWN})
    if different < 2:
        file = str(files["train"])
        raise DatasetError(f"{file!r} has {different} word(s) to tell apart; at least 2 are needed")
    numbers = {word: number for number, word in enumerate(vocabulary)}
    valid, test = texts["valid"][:valid_limit], texts["test"]
    return WordDataset(name, vocabulary, *(_numbered(part, numbers) for part in (train, valid, test)))


def _words(file: Path) -> list[str]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise DatasetError(f"{str(file)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{str(file)!r} is not UTF-8 text") from None
    words = [word for line in lines for word in (*line.split(), END)]
    if len(words) < 2:
        raise DatasetError(f"{str(file)!r} holds no words")
    return words


def _numbered(words: Iterable[str], numbers: dict[str, int]) -> np.ndarray:
    unknown = numbers[UNKNOWN]
    return np.array([numbers.get(word, unknown) for word in words], dtype=np.int64)
