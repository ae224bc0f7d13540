"""Every format classifies alike when it is read back by the libraries that its users would use."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from metaqnn.export import ExportError, formats
from metaqnn.export.formats import FORMATS, chosen_formats

ALONE = """
import sys
BLOCKED = {"metaqnn", "trainers", "state_space", "predictor", "safetensors", "numpy", "timm", "PIL", "jinja2"}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
sys.path.insert(0, sys.argv[1])
import model, torch
assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
images = torch.arange(2 * 3 * 9 * 9).reshape(2, 3, 9, 9) % 256 / 255
print(model.load()(images).tolist(), model.CLASSES)
"""
TIMM = """
import sys
sys.path.insert(0, sys.argv[1])
import timm, model, torch
network = timm.create_model("metaqnn_photos_7", pretrained=True)
images = torch.rand(2, 3, 9, 9)
assert torch.equal(network(images), model.load()(images))
new = timm.create_model("metaqnn_photos_7")
assert not torch.equal(new.head.weight, network.head.weight)
config = timm.data.resolve_data_config(model=network)
transform = timm.data.create_transform(**config)
from PIL import Image
picture = Image.effect_noise((9, 9), 90).convert("RGB")
pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(9, 9, 3).permute(2, 0, 1)
torch.testing.assert_close(transform(picture), pixels / 255)
wide = Image.effect_noise((30, 14), 90).convert("RGB")
squashed = wide.resize((9, 9), Image.Resampling.BILINEAR)
assert torch.equal(transform(wide), transform(squashed))
"""
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def written(tmp_path_factory, make_random):
    """A network in every format, and the exportable that it was."""
    folder, exportable = tmp_path_factory.mktemp("export"), make_random()
    for made in FORMATS.values():
        made.write(folder, exportable.card, exportable.network.weights)
    return folder, exportable


def in_a_process(code, folder, *arguments):
    command = [
        sys.executable,
        "-I",
        "-B",
        "-W",
        "error::UserWarning:model",
        "-c",
        code,
        str(folder),
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=os.sep)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("batch", [1, 2, 40])
def test_a_format_computes_what_the_trainers_network_does(written, reference, in_unit, name, batch):
    folder, exportable = written
    images = exportable.evidence.images[:batch]
    expected = reference(exportable.network, exportable.normalisation, images)
    with torch.no_grad():
        found = FORMATS[name].read(folder)(in_unit(images))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def assert_as_expected(exportable, folder, inputs, expected):
    """Every format, once all are written, gives these outputs."""
    for made in FORMATS.values():
        made.write(folder, exportable.card, exportable.network.weights)
    for made in FORMATS.values():
        with torch.no_grad():
            found = made.read(folder)(inputs)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_network_of_means_in_every_format(make_random, reference, in_unit, tmp_path):
    exportable = make_random("[C(4,5,2), D(1,1), P(3,2), GAP(3), SM(3)]", kind="global-contrast")
    images = exportable.evidence.images
    expected = reference(exportable.network, exportable.normalisation, images)
    assert_as_expected(exportable, tmp_path, in_unit(images), expected)


def test_an_image_of_one_colour_is_zero_in_every_format_as_in_training(
    make_random, reference, in_unit, tmp_path
):
    """Every level, and in the end two levels in one image, the least contrast that there is."""
    exportable = make_random("[C(4,3,1), GAP(3), SM(3)]", kind="global-contrast")
    images = np.repeat(np.arange(257) % 256, 9 * 9 * 3).astype(np.uint8).reshape(257, 9, 9, 3)
    images[-1, 0, 0, 0] = 1
    expected = reference(exportable.network, exportable.normalisation, images)
    assert torch.equal(expected[:256], expected[:1].expand(256, -1))
    assert not torch.allclose(expected[256], expected[0], atol=0.01)
    assert_as_expected(exportable, tmp_path, in_unit(images), expected)


def test_the_source_needs_torch_alone(written, reference):
    folder, exportable = written
    printed = in_a_process(ALONE, folder)
    found = json.loads(printed.partition("]]")[0] + "]]")
    pixels = (np.arange(2 * 3 * 9 * 9).reshape(2, 3, 9, 9) % 256).astype(np.uint8).transpose(0, 2, 3, 1)
    expected = reference(exportable.network, exportable.normalisation, np.ascontiguousarray(pixels))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert "['cat', 'dog', 'owl']" in printed


def test_timm_makes_the_network_by_its_name(written):
    pytest.importorskip("timm")
    in_a_process(TIMM, written[0])


def test_the_source_classifies_a_file(written, reference, tmp_path, capsys, monkeypatch):
    folder, exportable = written
    Image.fromarray(exportable.evidence.images[0]).save(tmp_path / "image.png")
    monkeypatch.setitem(sys.modules, "timm.models", None)  # its import takes seconds
    monkeypatch.setattr(sys, "argv", ["model.py", str(tmp_path / "image.png")])
    runpy.run_path(str(folder / "model.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    shares = reference(exportable.network, exportable.normalisation, exportable.evidence.images[:1]).softmax(
        1
    )[0]
    best = shares.argsort(descending=True).tolist()
    assert [line.split()[1] for line in lines] == [exportable.card.classes[i] for i in best]
    assert [float(line.split("%")[0]) for line in lines] == pytest.approx(
        [100 * float(shares[i]) for i in best], abs=0.02
    )


@pytest.mark.parametrize(("words", "code"), [([], 2), (["--help"], 0)])
def test_the_source_says_how_it_is_used(written, capsys, monkeypatch, words, code):
    monkeypatch.setitem(sys.modules, "timm.models", None)  # its import takes seconds
    monkeypatch.setattr(sys, "argv", ["model.py", *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(written[0] / "model.py"), run_name="__main__")
    said = capsys.readouterr()
    assert ended.value.code == code
    assert "usage: model.py [-h] IMAGE [IMAGE ...]" in (said.err if code else said.out)


def test_onnx_says_what_its_numbers_are_and_nothing_about_this_machine(written):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(written[0] / "model.onnx")
    assert json.loads(model.metadata_props[0].value) == ["cat", "dog", "owl"]
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [
        "batch", 3, 9, 9,
    ]  # fmt: skip
    for name in ("model.onnx", "model.pt2", "model.safetensors"):
        assert b"site-packages" not in (written[0] / name).read_bytes()


WRITE_PT2 = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
from metaqnn.export.formats import FORMATS
folder, room = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    FORMATS["pt2"].write(folder, SimpleNamespace(input_shape=(3, 9, 9)), {})
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_a_full_disk_is_an_error_of_the_system_and_does_not_end_the_process(written, tmp_path):
    """The kernel refuses to let files grow beyond a limit, as it does on a full disk."""
    folder = shutil.copytree(written[0], tmp_path / "export")
    room = (folder / "model.pt2").stat().st_size // 2
    command = [sys.executable, "-c", WRITE_PT2, str(folder), str(room)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "File too large\n"), ended.stderr


def test_a_library_and_our_reader_read_the_same_weights(written):
    from safetensors.torch import load_file

    folder, exportable = written
    read = formats.load_source(folder).read_safetensors(folder / "model.safetensors")
    expected = load_file(folder / "model.safetensors")
    assert read.keys() == expected.keys()
    assert all(torch.equal(read[name], expected[name]) for name in read)
    assert sum(tensor.numel() for tensor in read.values()) == sum(
        tensor.numel() for tensor in exportable.network.weights.values()
    )


def test_reading_leaves_nothing_behind(written):
    before = sorted(sys.modules)
    formats.load_source(written[0])
    assert sorted(sys.modules) == before
    assert not (written[0] / "__pycache__").exists()


def test_torch_and_safetensors_are_always_chosen():
    assert list(chosen_formats(["onnx"])) == ["safetensors", "torch", "onnx"]
    assert list(chosen_formats([])) == ["safetensors", "torch"]


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(ExportError, match=re.escape("unknown format 'onxn'; did you mean 'onnx'?")):
        chosen_formats(["torch", "onxn"])


def test_a_missing_library_is_named_with_two_ways_out(monkeypatch):
    absent = replace(FORMATS["onnx"], needs=("onnx_that_is_absent",))
    monkeypatch.setitem(FORMATS, "onnx", absent)
    with pytest.raises(ExportError) as refusal:
        chosen_formats(["onnx"])
    assert str(refusal.value) == (
        "the format onnx needs onnx_that_is_absent: pip install 'metaqnn[export]', "
        "or do without it: --formats safetensors,torch,pt2"
    )
    assert list(chosen_formats(["torch", "safetensors"])) == ["safetensors", "torch"]


READ_ONNX = """
import sys
from pathlib import Path
from metaqnn.export.formats import FORMATS
FORMATS["onnx"].read(Path(sys.argv[1]))
"""


def test_onnx_runtime_is_kept_from_reporting_to_its_makers(written, tmp_path):
    """Otherwise it leaves an identifier of this machine in HOME and a queue of events to be sent."""
    pytest.importorskip("onnxruntime")
    empty = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", READ_ONNX, str(written[0])]
    subprocess.run(command, env={**kept, **empty}, check=True)
    assert list(tmp_path.rglob("*")) == []
