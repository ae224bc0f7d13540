import hashlib
import io
import logging
import os
import pydoc
import re
import resource
import signal
from dataclasses import astuple, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers import Checkpoint, EpochReport
from trainers.checkpoint import SavedTraining, UnusableFile, write_content

IDENTITY = {"architecture": "[C(8,3,1), SM(10)]", "seed": "3"}
REPORT = EpochReport(1, 1e-3, 1, 0.25, 2.5, 0.125)


def training(fill, epochs=1):
    """A network with one weight stored channels last, as the trainer keeps them, after some epochs."""
    weight = torch.full((4, 3, 2, 2), float(fill)).to(memory_format=torch.channels_last)
    moments = {"step": torch.tensor(7.0), "exp_avg": weight / 2, "exp_avg_sq": weight / 3}
    reports = tuple(replace(REPORT, epoch=epoch, loss=1 / epoch) for epoch in range(1, epochs + 1))
    return SavedTraining(reports, 1.5, {"0.weight": weight}, {0: moments})


def same(a, b):
    tensors = zip(
        (*a.network.values(), *a.optimizer[0].values()),
        (*b.network.values(), *b.optimizer[0].values()),
        strict=True,
    )
    alike = all(torch.equal(x, y) and x.stride() == y.stride() for x, y in tensors)
    return alike and (a.reports, a.seconds) == (b.reports, b.seconds)


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "17.checkpoint")


def test_what_was_saved_last_is_loaded_to_the_bit(checkpoint):
    checkpoint.save(training(1), IDENTITY)
    checkpoint.save(training(0.1, epochs=3), IDENTITY)
    assert same(checkpoint.load(IDENTITY), training(0.1, epochs=3))
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["17.checkpoint"]


def test_nothing_there_is_nothing_and_discarding_leaves_nothing(checkpoint):
    assert checkpoint.load(IDENTITY) is None
    checkpoint.discard()
    checkpoint.save(training(1), IDENTITY)
    checkpoint.path.with_name("17.checkpoint.tmp").write_bytes(b"half")
    checkpoint.discard()
    assert list(checkpoint.path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("other", "difference"),
    [({"seed": "4"}, "its seed is '3', not '4'"), ({"data": "x"}, "data is None, not 'x'")],
)
def test_a_checkpoint_of_another_training_is_ignored_and_the_difference_told(
    checkpoint, other, difference, caplog
):
    checkpoint.save(training(1), IDENTITY)
    assert checkpoint.load(IDENTITY | other) is None
    assert re.search(difference, caplog.text)
    assert str(checkpoint.path) in caplog.text
    assert same(checkpoint.load(IDENTITY), training(1))


def test_what_an_interrupted_write_left_is_neither_read_nor_in_the_way(checkpoint):
    checkpoint.save(training(1), IDENTITY)
    temporary = checkpoint.path.with_name("17.checkpoint.tmp")
    temporary.write_bytes(checkpoint.path.read_bytes())
    checkpoint.path.unlink()
    assert checkpoint.load(IDENTITY) is None
    temporary.write_bytes(b"x" * 100_000)
    checkpoint.save(training(2), IDENTITY)
    assert same(checkpoint.load(IDENTITY), training(2))
    assert not temporary.exists()


@pytest.mark.parametrize("target", ["victim", "missing"])
def test_links_in_the_place_of_a_file_are_replaced_and_lead_nowhere(checkpoint, tmp_path_factory, target):
    """Such as somebody may have put into a run folder that they pass on."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "victim").write_text("precious")
    for name in ("17.checkpoint", "17.checkpoint.tmp"):
        (checkpoint.path.parent / name).symlink_to(elsewhere / target)
    checkpoint.save(training(1), IDENTITY)
    assert [path.read_text() for path in elsewhere.iterdir()] == ["precious"]
    assert same(checkpoint.load(IDENTITY), training(1))
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["17.checkpoint"]


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    path = tmp_path_factory.mktemp("intact") / "1.checkpoint"
    Checkpoint(path).save(training(1), IDENTITY)
    return path.read_bytes()


@st.composite
def damages(draw):
    """A function that changes some bytes: torn, zeroed from some place, flipped, lengthened, replaced."""
    kind = draw(st.sampled_from(["torn", "zeroed", "flipped", "lengthened", "replaced"]))
    share, byte = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(1, 255))
    extra = draw(st.binary(min_size=1, max_size=200))

    def damage(data):
        place = int(share * len(data))
        match kind:
            case "torn":
                return data[:place]
            case "zeroed":
                return data[:place] + bytes(len(data) - place)
            case "flipped":
                return data[:place] + bytes([data[place] ^ byte]) + data[place + 1 :]
            case "lengthened":
                return data + extra
        return extra

    return damage


@given(damage=damages())
def test_any_damage_is_noticed_and_reported(intact, tmp_path_factory, damage):
    damaged = damage(intact)
    checkpoint = Checkpoint(tmp_path_factory.getbasetemp() / "damaged.checkpoint")
    checkpoint.path.write_bytes(damaged)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("trainers").addHandler(handler)
    loaded = checkpoint.load(IDENTITY)
    logging.getLogger("trainers").removeHandler(handler)
    if damaged == intact:  # zeros from some place among zeros
        assert same(loaded, training(1))
    else:
        assert loaded is None
        assert f"checkpoint {checkpoint.path} is ignored" in log.getvalue()


def test_a_format_of_another_version_is_ignored(checkpoint, monkeypatch, caplog):
    monkeypatch.setattr("trainers.checkpoint._FORMAT", 99)
    checkpoint.save(training(1), IDENTITY)
    monkeypatch.undo()
    assert checkpoint.load(IDENTITY) is None
    assert "format 99" in caplog.text


def test_no_code_runs_from_a_file_with_a_right_checksum(checkpoint, tmp_path, caplog):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "attacked"),)

    content = io.BytesIO()
    torch.save({"format": 1, "identity": Attack()}, content)
    data = content.getvalue()
    checkpoint.path.write_bytes(data + hashlib.sha256(data).digest())
    assert checkpoint.load(IDENTITY) is None
    assert "UnpicklingError" in caplog.text
    assert not (tmp_path / "attacked").exists()


CONTENT = {
    "format": 1,
    "identity": IDENTITY,
    "reports": [astuple(REPORT)],
    "seconds": 1.5,
    "network": {"0.weight": torch.ones(2)},
    "optimizer": {0: {"step": torch.tensor(1.0)}},
}


def test_the_content_that_is_made_wrong_below_is_right(checkpoint):
    write_content(CONTENT, checkpoint.path)
    assert checkpoint.load(IDENTITY).reports == (REPORT,)


@pytest.mark.parametrize("identity", [IDENTITY, None])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in CONTENT if name != "identity"),
        *(("format", value) for value in (torch.ones(2), "1", 10**5000, [1])),
        *(("reports", value) for value in ([], {}, [1], [astuple(REPORT)[1:]], [(1, 1, 1, 0.5, 1.0, 0.1)])),
        *(("reports", [(1, 1e-3, 1, accuracy, 2.5, 0.125)]) for accuracy in (-0.1, 1.1, float("nan"), "1")),
        *(("reports", [(1, rate, 1, 0.25, 2.5, 0.125)]) for rate in (-1e-3, float("nan"), float("inf"))),
        *(
            ("reports", [astuple(replace(REPORT, epoch=value))])
            for value in (True, 1.0, torch.tensor(1), None)
        ),
        *(("reports", [(1, 1e-3, 1, 0.25, 2.5, seconds)]) for seconds in (-1.0, float("inf"))),
        *(("seconds", value) for value in (-1.0, float("nan"), 1, torch.tensor(1.5))),
        *(("network", value) for value in ([], {"0.weight": 1}, {"0.weight": torch.ones(2).to_sparse()})),
        ("network", {"0.weight": torch.empty(2, device="meta")}),
        ("network", {"0.weight": torch.ones(1).expand(10**6, 10**6)}),
        *(("optimizer", value) for value in ([], {0: None}, {0: torch.ones(2)}, {0: {"step": 1}})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_with_a_right_checksum_that_holds_no_training_is_ignored(
    checkpoint, name, value, identity, caplog
):
    write_content({**CONTENT, name: value}, checkpoint.path)
    assert checkpoint.load(identity) is None
    write_content({key: content for key, content in CONTENT.items() if key != name}, checkpoint.path)
    assert checkpoint.load(identity) is None
    assert caplog.text.count(f"checkpoint {checkpoint.path} is ignored") == len(caplog.records) == 2


@pytest.mark.parametrize("identity", [None, [], "seed", {"seed": 3}, {3: "3"}, {"seed": torch.ones(2)}])
def test_a_file_that_does_not_say_whose_it_is_is_ignored(checkpoint, identity, caplog):
    write_content({**CONTENT, "identity": identity}, checkpoint.path)
    assert checkpoint.load(IDENTITY) is None
    assert "it does not say which training it belongs to" in caplog.text
    assert not checkpoint.is_of({"seed": "3"})


def test_whose_a_file_is_can_be_asked_without_a_word(checkpoint, caplog):
    identity = CONTENT["identity"]
    assert not checkpoint.is_of(identity)
    write_content(CONTENT, checkpoint.path)
    assert checkpoint.is_of(identity)
    assert not checkpoint.is_of({**identity, "seed": "another"})
    checkpoint.path.write_bytes(b"damaged")
    assert not checkpoint.is_of(identity)
    assert not caplog.text


def test_a_training_that_the_caller_cannot_use_is_ignored(checkpoint, caplog):
    def refuse(training):
        raise UnusableFile(f"its time is {training.seconds}")

    checkpoint.save(training(1), IDENTITY)
    assert checkpoint.load(IDENTITY, refuse) is None
    assert "its time is 1.5" in caplog.text
    assert same(checkpoint.load(IDENTITY, lambda training: None), training(1))


# Where a write can be cut: a name to replace, which call of it is cut, and the state that is left.
CUTS = [
    ("trainers.checkpoint.FileIO", 1, "old"),
    ("torch.save", 1, "old"),
    ("trainers.checkpoint._DigestingFile.write", 1, "old"),
    ("trainers.checkpoint._DigestingFile.write", 5, "old"),
    ("trainers.checkpoint._DigestingFile.flush", 1, "old"),
    ("os.fsync", 1, "old"),
    ("os.replace", 1, "old"),
    ("os.open", 1, "new"),
    ("os.fsync", 2, "new"),
    ("os.close", 1, "new"),
]


def cut(monkeypatch, target, call, how):
    """Let the call number `call` of `target` end with `how()` instead of doing anything."""
    owner, _, name = target.rpartition(".")
    module = pydoc.locate(owner)
    original, calls = getattr(module, name), []

    def cutting(*args, **kwargs):
        calls.append(name)
        return how() if len(calls) == call else original(*args, **kwargs)

    monkeypatch.setattr(module, name, cutting)


@pytest.mark.parametrize(("target", "call", "left"), CUTS)
def test_a_kill_at_any_step_of_a_write_leaves_the_old_state_or_the_new(
    checkpoint, monkeypatch, target, call, left
):
    checkpoint.save(training(1), IDENTITY)
    child = os.fork()
    if not child:
        cut(monkeypatch, target, call, lambda: os.kill(os.getpid(), signal.SIGKILL))
        checkpoint.save(training(2), IDENTITY)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert same(checkpoint.load(IDENTITY), training({"old": 1, "new": 2}[left]))
    checkpoint.save(training(3), IDENTITY)
    assert same(checkpoint.load(IDENTITY), training(3))


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize(("target", "call", "left"), CUTS)
def test_an_error_at_any_step_passes_through_and_leaves_no_rest(
    checkpoint, monkeypatch, target, call, left, error
):
    def fail():
        raise error

    checkpoint.save(training(1), IDENTITY)
    cut(monkeypatch, target, call, fail)
    with pytest.raises(type(error)):
        checkpoint.save(training(2), IDENTITY)
    monkeypatch.undo()
    assert same(checkpoint.load(IDENTITY), training({"old": 1, "new": 2}[left]))
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["17.checkpoint"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_write_that_finds_no_room_is_an_error_of_the_system(checkpoint, share):
    """The kernel refuses to let files grow beyond a limit, as it does on a full disk."""
    checkpoint.save(training(1), IDENTITY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = int(checkpoint.path.stat().st_size * share)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.save(training(2), IDENTITY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert same(checkpoint.load(IDENTITY), training(1))
    checkpoint.save(training(2), IDENTITY)
    assert same(checkpoint.load(IDENTITY), training(2))


def test_a_pipe_in_the_place_of_the_file_is_ignored(tmp_path, caplog):
    """Reading it would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert Checkpoint(tmp_path / "pipe").load(None) is None
    assert "it is not a file" in caplog.text


def test_a_file_that_cannot_be_read_is_ignored_and_why_is_told(checkpoint, monkeypatch, caplog):
    def broken(path):
        raise OSError(5, "Input/output error", str(path))

    checkpoint.save(training(1), IDENTITY)
    monkeypatch.setattr("pathlib.Path.read_bytes", broken)
    assert checkpoint.load(IDENTITY) is None
    assert "is ignored: Input/output error" in caplog.text


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError, RuntimeError("bad_alloc")])
def test_a_lack_of_memory_does_not_count_as_damage(checkpoint, monkeypatch, error):
    def full(*_, **__):
        raise error

    checkpoint.save(training(1), IDENTITY)
    monkeypatch.setattr("torch.load", full)
    with pytest.raises(MemoryError if isinstance(error, RuntimeError) else error):
        checkpoint.load(IDENTITY)
