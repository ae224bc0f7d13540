import re
import subprocess
import sys
from importlib import import_module

import pytest

from predictor.extras import MissingPackageError, require


def test_a_missing_package_is_one_line_that_says_how_to_get_it():
    with pytest.raises(MissingPackageError, match=r"'no_such_thing'.*pip install 'some\[extra\]'") as caught:
        require("no_such_thing", "the test", "some[extra]")
    assert "\n" not in str(caught.value)


def test_what_a_package_itself_lacks_is_not_blamed_on_the_package(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"):
        require("broken_package", "the test", "broken")


@pytest.mark.parametrize(
    ("integration", "package", "install"),
    [
        ("keras", "keras", "keras"),
        ("lightning", "lightning", "lightning"),
        ("optuna", "optuna", "optuna"),
        ("ray_tune", "ray.tune", "ray[tune]"),
    ],
)
def test_an_integration_without_its_library_says_what_to_install(monkeypatch, integration, package, install):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"predictor.integrations.{integration}", raising=False)
    with pytest.raises(MissingPackageError, match=re.escape(f"pip install '{install}'")):
        import_module(f"predictor.integrations.{integration}")


def test_importing_the_baselines_needs_no_extra():
    code = (
        "import sys, predictor.models.names as b; b.make_predictor('lce'); b.make_predictor('bnn'); "
        "print([name for name in ('torch', 'emcee', 'optuna') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
