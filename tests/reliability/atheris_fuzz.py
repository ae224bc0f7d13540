"""Coverage-guided fuzzing with atheris, by hand: pytest does not collect this file.

    pip install atheris
    python tests/reliability/atheris_fuzz.py TARGET -runs=100000

TARGET is one of `TARGETS`. Further arguments are libFuzzer's; the first that is not an option is a folder
in which inputs are kept. Every input must be read, or refused by one of our errors in one line: anything else
ends the run with the input that caused it.
"""

import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import atheris
import torch
from torch._weights_only_unpickler import Unpickler

with atheris.instrument_imports(include=["state_space", "predictor", "trainers", "metaqnn", "PIL"]):
    from metaqnn.cli import Parser
    from metaqnn.config.options import ConfigError, add_flags, given_options
    from metaqnn.config.schedule import ScheduleError
    from metaqnn.config.search import SearchConfig
    from metaqnn.config.stopping import PublishedFlags
    from metaqnn.database.engine import StorageError, UnreachableError
    from metaqnn.search.rule import stopping_rule
    from metaqnn.session.run_folder import RunFolder, RunFolderError
    from predictor.curves import reading
    from predictor.errors import PredictorError
    from state_space import Architecture
    from state_space.errors import StateSpaceError
    from trainers import Checkpoint, DatasetError, EpochReport, Outcome, RecipeError, TrainingRecipe
    from trainers.attempts import Course, TrainingState
    from trainers.checkpoint import SavedTraining
    from trainers.datasets.arrays import read_npz
    from trainers.datasets.folder import read_image_folder
    from trainers.datasets.images import decode_image
    from trainers.weights import TrainedNetwork, WeightsError

import atheris_inputs as inputs

LONGEST_MESSAGE = 2000
LONGEST_ESCAPE = len(r"\udcff")


class RefusedError(ValueError):
    """What argparse does instead of ending the process."""


class RaisingParser(Parser):
    """The parser of `metaqnn run`, as far as the configuration goes."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise."""
        raise RefusedError(str(message).removesuffix("\n"))


PARSER = RaisingParser(add_help=False)
add_flags(PARSER, SearchConfig)
add_flags(PARSER, PublishedFlags)


def only_ours(
    kinds: type[Exception] | tuple[type[Exception], ...], read: Callable[[], object], typed: bytes = b""
) -> None:
    """Allow only these errors, in one line, which may quote all that a user has typed."""
    try:
        read()
    except kinds as error:
        assert "\n" not in str(error)  # noqa: PT017 - there need not be an error
        assert len(str(error)) < LONGEST_MESSAGE + LONGEST_ESCAPE * len(typed)  # noqa: PT017


def notation(data: bytes) -> None:
    """The notation of architectures; what is read is written and read again."""
    text = data.decode("utf-8", "surrogateescape")

    def read() -> None:
        architecture = Architecture.parse(text)
        assert Architecture.parse(str(architecture)) == architecture

    only_ours(StateSpaceError, read)


def configurations(data: bytes) -> None:
    """Stored configurations; what is read is written and read again."""
    stored = inputs.stored_options(data)
    refusals = (ConfigError, ScheduleError)
    only_ours(refusals, lambda: _stays_the_same(SearchConfig.from_dict(stored)), data)


def flags(data: bytes) -> None:
    """Arguments of a command line, between zero bytes, up to the rule and the state space they ask for."""
    arguments = data.decode("utf-8", "surrogateescape").split("\0")

    def read() -> None:
        parsed = PARSER.parse_args(arguments)
        given = given_options(parsed, SearchConfig) | given_options(parsed, PublishedFlags)
        config = SearchConfig.of(**given)
        stopping_rule(config)
        config.space(1, 8, 10)
        _stays_the_same(config)

    refusals = (RefusedError, ConfigError, ScheduleError, PredictorError, StateSpaceError, RecipeError)
    only_ours(refusals, read, data)


def _stays_the_same(config: SearchConfig) -> None:
    again = SearchConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert repr(again) == repr(config)  # NaN is unequal to itself


def storage(data: bytes) -> None:
    """What names the server of a search: a whole file if it begins as one, else its URL.

    No host is looked up, and no connection is made.
    """
    if not data.startswith(b"{"):
        data = json.dumps({"url": data.decode("utf-8", "surrogateescape"), "search": 1}).encode()
    (FOLDER / "storage.json").write_bytes(data)
    refusals = (RunFolderError, StorageError, UnreachableError)
    only_ours(refusals, RunFolder(FOLDER).holds_search, data)
    only_ours(PredictorError, lambda: reading.read_curves(FOLDER), data)


def curves_csv(data: bytes) -> None:
    """Tables of curves."""
    file = FOLDER / "x.csv"
    file.write_bytes(data)
    only_ours(PredictorError, lambda: reading.read_curves(file))


def curves_npz(data: bytes) -> None:
    """Arrays of curves: the fuzzer's bytes are the arrays, the archive's checksums are right."""
    file = FOLDER / "x.npz"
    inputs.zipped(data, ("values", "hp_x", "names"), file)
    only_ours(PredictorError, lambda: reading.read_curves(file))


def images(data: bytes) -> None:
    """Single images."""
    only_ours(DatasetError, lambda: decode_image(data, "image 'x'", image_size=5))


def images_npz(data: bytes) -> None:
    """Arrays of images, made like those of curves."""
    file = FOLDER / "x.npz"
    inputs.zipped(data, ("x_train", "y_train", "class_names"), file)
    only_ours(DatasetError, lambda: read_npz(file, "x"))


def images_tar(data: bytes) -> None:
    """Archives of images, with the checksums of their headers made right."""
    file = FOLDER / "x.tar"
    file.write_bytes(inputs.with_checksums(data))
    only_ours(DatasetError, lambda: read_image_folder(file, "x"))


def checkpoints(data: bytes) -> None:
    """Files with the right SHA-256; the first byte says what they are read as."""
    _read_content(data[:1], data[1:])


def checkpoint_contents(data: bytes) -> None:
    """Likewise; the fuzzer chooses which parts of a good file to replace, with which values and tensors."""
    _read_content(data[:1], inputs.changed_content(data[:1], data[1:]))


def _read_content(kind: bytes, content: bytes) -> None:
    """Build a trained network, or bring a training to its end, if that is what the file holds."""
    file = FOLDER / "x.pt"
    file.write_bytes(content + hashlib.sha256(content).digest())
    if inputs.is_network(kind):
        only_ours(WeightsError, lambda: TrainedNetwork.read(file).build())
    elif Checkpoint(file).load(inputs.IDENTITY):
        _go_on(file)


def _go_on(file: Path) -> None:
    course = Course(
        TrainingRecipe(epochs=2),
        0.15,
        start=_start,
        train_epoch=_train_epoch,
        on_epoch=None,
        checkpoint=ReadCheckpoint(file),
        identity=inputs.IDENTITY,
    )
    assert course.run().outcome is not Outcome.OUT_OF_MEMORY


class ReadCheckpoint(Checkpoint):
    """A checkpoint that is only read: saving is not tested here, and takes time."""

    def save(self, training: SavedTraining, identity: Mapping[str, str]) -> None:
        """Do nothing."""


def _start(attempt: int) -> TrainingState:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, inputs.NUM_CLASSES))
    return TrainingState(network, torch.optim.Adam(network.parameters(), fused=True), _no_step, attempt)


def _no_step(images: torch.Tensor, labels: torch.Tensor) -> NoReturn:
    raise AssertionError("one step is an epoch")


def _train_epoch(state: TrainingState) -> EpochReport:
    for parameter in state.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    state.optimizer.step()
    state.epoch += 1
    return EpochReport(state.attempt, 1e-3, state.epoch, 0.5, 1.5, 0.1)


TARGETS: dict[str, Callable[[bytes], Any]] = {
    "notation": notation,
    "configurations": configurations,
    "flags": flags,
    "storage": storage,
    "curves-csv": curves_csv,
    "curves-npz": curves_npz,
    "images": images,
    "images-npz": images_npz,
    "images-tar": images_tar,
    "checkpoints": checkpoints,
    "checkpoint-contents": checkpoint_contents,
}

if __name__ == "__main__":
    target, *options = sys.argv[1:]
    logging.disable()  # warnings about files that are ignored
    inputs.prepare_libraries()
    if target == "checkpoints":
        Unpickler.load = atheris.instrument_func(Unpickler.load)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        FOLDER, start = Path(folder) / "work", Path(folder) / "seeds"
        FOLDER.mkdir()
        start.mkdir()
        for i, good in enumerate(inputs.seeds(target)):
            TARGETS[target](good)
            (start / str(i)).write_bytes(good)
        kept = [option for option in options if not option.startswith("-")] or [str(Path(folder) / "kept")]
        Path(kept[0]).mkdir(exist_ok=True)
        arguments = [option for option in options if option.startswith("-")]
        atheris.Setup([sys.argv[0], *arguments, *kept, str(start)], TARGETS[target])
        atheris.Fuzz()
