"""Every family trains: it gives a curve, and an interrupted training goes on as if nothing had happened."""

import pytest
import torch

from trainers import Outcome
from trainers.families import FAMILIES, FamilyError, make_family


class CutError(Exception):
    pass


@pytest.fixture(params=["resnet", "resnet39", "convnet", "lstm", "network"])
def member(request, members):
    return members[request.param]


def test_all_families_are_tested_here(members):
    assert {*members} == {*FAMILIES, "network"}


def test_a_training_gives_a_curve_of_its_metric(member, family_trainer):
    name, values = member
    trainer = family_trainer(name)
    result = trainer.train(trainer.family.configuration(values), seed=0)
    assert result.outcome is Outcome.COMPLETED
    assert len(result.curve) == 2
    assert all(0 < accuracy <= 1 for accuracy in result.curve)


def test_a_training_that_was_cut_ends_as_an_undisturbed_one(member, family_trainer, checkpoint):
    name, values = member
    trainer = family_trainer(name)
    configuration = trainer.family.configuration(values)
    heard, again = [], []

    def note(reports):
        return lambda report: bool(
            reports.append((report.attempt, report.epoch, report.accuracy, report.loss))
        )

    whole = trainer.train(configuration, seed=3, on_epoch=note(heard))

    def cut(report):
        raise CutError

    with pytest.raises(CutError):
        trainer.train(configuration, seed=3, on_epoch=cut, checkpoint=checkpoint)
    resumed = trainer.train(configuration, seed=3, on_epoch=note(again), checkpoint=checkpoint)
    assert resumed.curve == whole.curve
    assert again == heard


def test_a_checkpoint_of_another_configuration_is_not_gone_on_from(
    family_trainer, checkpoint, members, caplog
):
    name, values = members["convnet"]
    trainer = family_trainer(name, epochs=1)
    trainer.train(trainer.family.configuration(values), seed=0, checkpoint=checkpoint)
    other = trainer.family.configuration({**values, "norm_power": 1.5})
    assert checkpoint.load(trainer.identity(other, seed=0)) is None
    assert "it is of another training" in caplog.text


def test_the_seed_addresses_weights_and_order(family_trainer, members):
    name, values = members["convnet"]
    trainer = family_trainer(name, epochs=1)
    configuration = trainer.family.configuration(values)
    losses = []
    for seed in (0, 0, 1):
        trainer.train(configuration, seed=seed, on_epoch=lambda report: bool(losses.append(report.loss)))
    assert losses[0] == losses[1] != losses[2]


def test_building_leaves_random_state_as_it_was(member, monkeypatch):
    family = make_family(member[0], "laptop")
    seeded, before = [], torch.get_rng_state()
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    shape = () if family.data == "words" else (1, 8, 8)
    family.built(member[1], shape, 10, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert not seeded


def test_models_learn(family_trainer, members):
    name, values = members["lstm"]
    trainer = family_trainer(name, epochs=6)
    curve = trainer.train(trainer.family.configuration({**values, "n_layer": 1}), seed=0).curve
    perplexities = [trainer.family.value(accuracy) for accuracy in curve]
    assert perplexities[-1] < 0.7 * perplexities[0] < 10  # ten words in all


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_blocks": 1}, "num_blocks = 1 of family 'resnet'; expected a whole number from 2 to 18"),
        ({"num_filters": 2.5}, "num_filters = 2.5"),
        ({"filter_size": 4}, "filter_size = 4 of family 'resnet'; expected one of 3, 5, 7"),
        ({"ss": True}, "ss = True"),
        ({"depth": 3}, "'depth' is not one of them"),
    ],
)
def test_what_is_outside_of_the_space_is_refused_in_one_line(change, message, members):
    values = {**members["resnet"][1], "ss": 30, **change}
    with pytest.raises(FamilyError) as error:
        make_family("resnet", "paper").configuration(values)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
