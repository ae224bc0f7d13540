"""Families given by name, as a network, or as a published network."""

import pytest

from state_space.errors import NotationError
from trainers.families import FAMILIES, PUBLISHED, FamilyError, make_family


@pytest.mark.parametrize("preset", ["paper", "laptop"])
@pytest.mark.parametrize("name", [*FAMILIES, "[C(4,3,1), SM(10)]", "published:cifar10-1"])
def test_every_family_has_both_presets(name, preset):
    family = make_family(name, preset)
    assert family.name == name
    assert family.parameters
    assert (family.train_limit is None) == (preset == "paper")


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name.startswith("cifar10")])
def test_published_networks_fit_their_images(name):
    assert make_family(f"published:{name}", "paper").architecture.parameters((3, 32, 32)) > 100_000


def test_published_networks_have_the_dropout_that_their_authors_show():
    """The first on https://bowenbaker.github.io/metaqnn/: 12.5%, 25% and 37.5%."""
    text = (
        "[C(128,5,1), C(512,3,1), D(1,4), P(2,2), C(128,1,1), D(2,4), C(128,5,1), P(3,2), D(3,4), "
        "C(512,3,1), SM(10)]"
    )
    assert str(PUBLISHED["cifar10-1"].architecture) == text
    assert PUBLISHED["cifar10-1"].test_error == 0.0692


def test_a_network_without_dropout_has_no_rate_of_it_to_tune():
    assert "dropout" not in make_family("[C(4,3,1), SM(10)]", "paper").parameters
    assert "dropout" in make_family("[C(4,3,1), D(1,1), SM(10)]", "paper").parameters


@pytest.mark.parametrize(
    ("text", "preset", "error", "message"),
    [
        ("resnt", "paper", FamilyError, "'resnt' is not a family; .*did you mean 'resnet'"),
        (
            "published:cifar10-7",
            "paper",
            FamilyError,
            "no published network 'cifar10-7'; .*did you mean 'cifar10-",
        ),
        ("[C(4,3), SM(10)]", "paper", NotationError, r"C\(4,3\)"),
        ("resnet", "papr", FamilyError, "preset 'papr' is not known; families have paper and laptop"),
    ],
)
def test_what_is_no_family_is_refused_with_what_was_meant(text, preset, error, message):
    with pytest.raises(error, match=message):
        make_family(text, preset)
