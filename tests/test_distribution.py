"""The distribution metaqnn as it is published: a wheel made from the source distribution."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("metaqnn", "state_space", "trainers")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
UNPACKED = {"metaqnn/database/migrations/script.py.mako"}  # for those who write a migration
SDIST = "from setuptools import build_meta; build_meta.build_sdist('dist')"
IN_PLACE = "from setuptools import build_meta; build_meta.build_wheel('in-place')"
WHEEL = ("-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps", "--no-index")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source distribution and the wheel, built in a copy, and the output of the former's build."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in (*PACKAGES, "predictor"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    done = subprocess.run(
        [sys.executable, "-c", SDIST], cwd=folder, check=True, capture_output=True, text=True
    )
    [source] = folder.glob("dist/*.tar.gz")
    command = [sys.executable, *WHEEL, "--no-build-isolation", "--wheel-dir", folder / "dist", source]
    subprocess.run(command, cwd=folder, check=True)
    [wheel] = folder.glob("dist/*.whl")
    return source, zipfile.ZipFile(wheel), done.stdout + done.stderr


def test_the_wheel_holds_the_three_packages_with_all_their_files(built):
    paths = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    expected = {str(path.relative_to(ROOT)) for path in paths if "__pycache__" not in path.parts} - UNPACKED
    assert {name for name in built[1].namelist() if ".dist-info/" not in name} == expected


def test_a_wheel_built_in_a_checkout_is_without_modules_that_are_gone(built):
    checkout = built[0].parents[1]
    left = checkout / "build" / "lib" / "metaqnn"
    left.mkdir(parents=True)
    (left / "gone.py").touch()
    subprocess.run([sys.executable, "-c", IN_PLACE], cwd=checkout, check=True, capture_output=True)
    [wheel] = checkout.glob("in-place/*.whl")
    assert "metaqnn/gone.py" not in zipfile.ZipFile(wheel).namelist()


def test_it_requires_the_predictor_in_its_version_and_says_its_licence(built):
    [name] = [name for name in built[1].namelist() if name.endswith(".dist-info/METADATA")]
    facts = message_from_bytes(built[1].read(name))
    assert f"metaqnn-predictor=={facts['Version']}" in facts.get_all("Requires-Dist")
    assert facts["License-Expression"] == "MIT"
    assert any(name.endswith("licenses/LICENSE") for name in built[1].namelist())


def test_the_source_distribution_leaves_the_predictor_out(built):
    with tarfile.open(built[0]) as archive:
        names = archive.getnames()
    assert not [name for name in names if name.split("/")[1:2] == ["predictor"]]


def test_nothing_in_its_description_is_on_its_way_out(built):
    assert "deprecated" not in built[2]
