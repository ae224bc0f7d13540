import os
import sys

import numpy as np
import pytest

from metaqnn.mirrors import MirrorError
from metaqnn.mirrors.tensorboard import TensorBoardMirror
from predictor.extras import MissingPackageError

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData


@pytest.fixture
def logs(tmp_path, reader):
    """A folder with the logs of the whole search."""
    TensorBoardMirror(tmp_path / "logs", reader).update(reader)
    return tmp_path / "logs"


def read(logs, number):
    events = EventAccumulator(str(logs / f"network-{number:05}"))
    return events.Reload()


def scalars(logs, number):
    """{tag: {step: value}} as TensorBoard reads them."""
    events = read(logs, number)
    return {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


def test_tensorboard_reads_one_run_for_each_network(logs, networks):
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(logs)).Reload()
    assert set(multiplexer.Runs()) == {f"network-{number:05}" for number in networks}


def test_the_scalars_of_each_epoch_are_those_of_the_database(logs, last_epochs):
    forecasts = 0
    for number, epochs in last_epochs.items():
        found = scalars(logs, number)
        for tag, column in (("accuracy", "accuracy"), ("loss", "loss"), ("forecast", "predicted_accuracy")):
            expected = {e["epoch"]: np.float32(e[column]) for e in epochs if e[column] is not None}
            assert found.get(tag, {}) == expected
        forecasts += len(found.get("forecast", {}))
    assert forecasts > 0


def test_a_prediction_is_never_shown_as_an_observation(logs, networks):
    outcomes = set()
    for number, network in networks.items():
        found, outcome = scalars(logs, number), network["outcome"]
        results = {tag for tag in found if tag.startswith("final/")}
        expected = {"completed": "final/observed", "stopped": "final/predicted"}.get(outcome)
        assert results == {"final/reward", expected} - {None}
        outcomes.add(outcome)
    assert outcomes == {"completed", "stopped", "crashed"}


def test_the_parameters_and_the_architecture_are_there(logs, networks):
    for number, network in networks.items():
        events = read(logs, number)
        [content] = events.PluginTagToContent("hparams").values()
        hparams = HParamsPluginData.FromString(content).session_start_info.hparams
        assert hparams["parameters"].number_value == network["parameters"]
        assert hparams["epsilon"].number_value == network["epsilon"]
        assert hparams["outcome"].string_value == network["outcome"]
        [text] = events.Tensors("architecture")
        assert text.tensor_proto.string_val[0].decode() == network["architecture"]


def test_times_are_those_of_the_training(logs, networks):
    number = next(n for n, network in networks.items() if network["outcome"] == "completed")
    accuracy = read(logs, number).Scalars("accuracy")
    assert accuracy[-1].wall_time == pytest.approx(networks[number]["finished_at"], abs=1e-3)
    np.testing.assert_allclose(np.diff([event.wall_time for event in accuracy]), 0.1, atol=1e-3)


def test_a_second_update_changes_nothing(logs, reader):
    def content():
        return {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()}

    before = content()
    assert TensorBoardMirror(logs, reader).update(reader) == 0
    assert content() == before


def test_an_interrupted_copy_is_made_whole(tmp_path, reader, after, logs):
    late = tmp_path / "late"
    TensorBoardMirror(late, reader).update(after(7))
    half = late / f"network-{reader.ended()[7].number:05}"
    half.mkdir()
    (half / "unfinished").write_bytes(b"half an ev")
    assert TensorBoardMirror(late, reader).update(reader) == 17
    for path in logs.rglob("*"):
        assert path.is_dir() or (late / path.relative_to(logs)).read_bytes() == path.read_bytes()
    assert not list(late.rglob("unfinished"))


def test_open_files_stay_bounded(tmp_path, reader):
    mirror, most = TensorBoardMirror(tmp_path / "logs", reader), 0
    before = len(os.listdir("/proc/self/fd"))
    for _ in mirror.updates(reader, mirror.missing(reader)):
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
    assert most <= 3  # those of the database, and no more with each network


def test_a_folder_with_something_else_is_refused(tmp_path, reader):
    (tmp_path / "mine").touch()
    with pytest.raises(MirrorError, match="holds something else; give a new folder"):
        TensorBoardMirror(tmp_path, reader)


def test_a_damaged_folder_is_refused_and_strange_names_in_it_are_passed_over(tmp_path, reader):
    mirror = TensorBoardMirror(tmp_path, reader)
    mirror.update(reader)
    numbers = mirror.numbers()
    (tmp_path / "network-00001").rename(tmp_path / "network-best")
    assert mirror.numbers() == numbers - {1}
    (tmp_path / "metaqnn-search.txt").write_bytes(b"\xff")
    with pytest.raises(MirrorError, match="holds another search; give a new folder"):
        TensorBoardMirror(tmp_path, reader)


def test_a_folder_with_another_search_is_refused(logs, new_database):
    from metaqnn.database.queries import SearchReader

    other = SearchReader(new_database("other")[0])
    with pytest.raises(MirrorError, match="holds another search; give a new folder"):
        TensorBoardMirror(logs, other)
    other.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path, reader):
    (tmp_path / "file").touch()
    with pytest.raises(MirrorError, match=r"cannot write to '.*file/logs'"):
        TensorBoardMirror(tmp_path / "file" / "logs", reader)


def test_a_full_disk_is_one_line_and_leaves_whole_files(small_disk, fill, reader):
    mirror = TensorBoardMirror(small_disk / "logs", reader)
    fill(30_000)
    with pytest.raises(MirrorError, match="No space left on device"):
        mirror.update(reader)
    (small_disk / "filler").unlink()
    there = mirror.numbers()
    assert 0 < len(there) < 24
    assert mirror.update(reader) == 24 - len(there)


def test_without_tensorboard_one_line_says_what_to_install(monkeypatch, tmp_path, reader):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'metaqnn\[tensorboard\]'"):
        TensorBoardMirror(tmp_path / "logs", reader)
    assert not (tmp_path / "logs").exists()
