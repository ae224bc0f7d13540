"""The distribution metaqnn-predictor, in environments that hold what it requires and nothing else.

Nothing is downloaded: what its wheel requires, and what that requires in turn, is linked from the environment
of the tests, distribution by distribution.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from distutils.core import run_setup
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from setuptools import find_packages

ROOT = Path(__file__).parents[2]
FOREIGN = ("torch", "torchvision", "sqlalchemy", "alembic", "metaqnn", "trainers", "state_space", "optuna")
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def project(folder):
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]


def python_block(page, start=""):
    """The first Python block of the page after that text."""
    text = (ROOT / page).read_text()
    return re.search(r"```python\n(.*?)```", text[text.index(start) :], flags=re.DOTALL)[1]


def needed(requirements, extras=()):
    """Names of the distributions that these requirements name, with everything that those need in turn."""
    names = set()
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        if requirement.name not in names:
            names |= {requirement.name}
            names |= needed(metadata.requires(requirement.name) or [], requirement.extras)
    return names


class Environment:
    """A virtual environment with the wheel and everything that its metadata requires."""

    def __init__(self, folder, wheel, *extras):
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self._site = next(folder.glob("lib/*/site-packages"))
        install = ("--python", self.python, "install", "--no-deps", "--no-index", wheel)
        subprocess.run([*PIP, *install], check=True)
        [installed] = metadata.distributions(path=[str(self._site)])
        for name in needed(installed.requires, extras):
            self._link(metadata.distribution(name))

    def _link(self, distribution):
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            link = self._site / top
            if not link.exists():
                link.symlink_to(distribution.locate_file(top))

    def run(self, *arguments):
        """What Python prints with these arguments, away from this repository."""
        command = [self.python, "-I", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.python.parent, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def importable(self, names):
        code = f"import importlib.util as u; print(*[name for name in {names} if u.find_spec(name)])"
        return self.run("-c", code).split()


def wheel_from(source, folder, **environment):
    """The wheel that pip makes of a folder or a source distribution."""
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder)
    subprocess.run([*PIP, "wheel", *options, source], check=True, env={**os.environ, **environment})
    [built] = folder.glob("*.whl")
    return built


def files_in(wheel):
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy, because builds leave files behind: here, a module of an earlier build, since removed."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "predictor", folder / "predictor", ignore=ignored)
    left = folder / "build" / "predictor" / "lib" / "predictor"
    left.mkdir(parents=True)
    (left / "gone.py").touch()
    return folder


@pytest.fixture(scope="module")
def wheel(checkout):
    return wheel_from(checkout / "predictor", checkout)


@pytest.fixture(scope="module")
def alone(wheel, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("alone"), wheel)


@pytest.fixture(scope="module")
def curves_csv(tmp_path_factory):
    rng = np.random.default_rng(0)
    curves = rng.uniform(0.3, 0.9, (30, 1)) * (1 - 0.6 ** np.arange(1, 7)) + rng.normal(0, 0.005, (30, 6))
    path = tmp_path_factory.mktemp("curves") / "curves.csv"
    header = ",".join(f"acc_{epoch}" for epoch in range(1, 7))
    np.savetxt(path, curves, delimiter=",", header=header, comments="")
    return path


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel):
    files = {path.relative_to(ROOT) for path in (ROOT / "predictor").rglob("*.py*") if path.suffix != ".pyc"}
    expected = {str(path) for path in files} | {"predictor/py.typed"}
    assert files_in(wheel) == expected


def test_a_wheel_from_its_source_distribution_is_the_same_and_nothing_is_built_outside(
    wheel, checkout, tmp_path
):
    command = [sys.executable, "-c", "from setuptools import build_meta; build_meta.build_sdist('../dist')"]
    subprocess.run(command, cwd=checkout / "predictor", check=True, capture_output=True)
    [source] = checkout.glob("dist/*.tar.gz")
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    assert files_in(wheel_from(source, tmp_path, TMPDIR=str(unpacked))) == files_in(wheel)
    assert list(unpacked.iterdir()) == []


def test_it_comes_with_the_licence(wheel):
    [licence] = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("LICENSE")]
    assert zipfile.ZipFile(wheel).read(licence) == (ROOT / "LICENSE").read_bytes()


def requirements_of_main(folder):
    """What setup.py asks for in a copy of its folder."""
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return run_setup(str(folder / "setup.py"), stop_after="init").install_requires


def test_what_it_requires_the_main_distribution_requires_alike(tmp_path):
    whole, part = project("."), project("predictor")
    requirements = set(requirements_of_main(tmp_path))
    assert set(part["dependencies"]) <= requirements
    assert part["version"] == whole["version"]
    known = [one for extra in whole["optional-dependencies"].values() for one in extra]
    asked = [one for extra in part["optional-dependencies"].values() for one in extra]
    assert set(asked) <= {*known, *requirements}


def test_the_main_distribution_requires_it_from_the_checkout_or_else_in_the_same_version(tmp_path):
    assert f"metaqnn-predictor=={project('predictor')['version']}" in requirements_of_main(tmp_path)
    (tmp_path / "predictor").mkdir()
    [beside] = [one for one in requirements_of_main(tmp_path) if one.startswith("metaqnn-predictor")]
    assert Requirement(beside).url == (tmp_path / "predictor").as_uri()


def test_the_main_distribution_does_not_hold_it_a_second_time():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packed = find_packages(ROOT, **settings["packages"]["find"])
    assert {name.partition(".")[0] for name in packed} == {"metaqnn", "state_space", "trainers"}
    assert (ROOT / "MANIFEST.in").read_text() == "prune predictor\n"


def test_neither_torch_nor_the_search_is_there(alone):
    assert alone.importable(FOREIGN) == []
    assert alone.importable(["numpy", "predictor"]) == ["numpy", "predictor"]


def test_the_readme_example_runs(alone, curves_csv):
    code = python_block("README.md").replace("runs/NAME", str(curves_csv))
    assert re.match(r"(True|False) 0\.\d+ p\(y_T no better than", alone.run("-c", code))


def test_rules_are_simulated(alone, curves_csv):
    options = ("--rules", "rank-envelope", "--orders", "1", "--jobs", "1")
    shown = alone.run("-m", "predictor", "simulate", curves_csv, *options)
    assert re.search(r"^rank-envelope +\d", shown, flags=re.MULTILINE)


def test_the_optuna_example_runs_with_the_extra(wheel, tmp_path):
    environment = Environment(tmp_path, wheel, "optuna")
    assert environment.importable(FOREIGN) == ["sqlalchemy", "alembic", "optuna"]
    example = python_block("docs/integrations.md", "## Optuna")
    shown = environment.run(
        "-c", f"{example}\nprint(len(study.trials), *{{t.state.name for t in study.trials}})"
    )
    assert re.fullmatch(r"30 (COMPLETE|PRUNED)( PRUNED| COMPLETE)?\n", shown)
