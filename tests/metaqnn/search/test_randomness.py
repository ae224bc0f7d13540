"""Random numbers follow from their addresses."""

from itertools import product

import pytest

from metaqnn.search.randomness import Purpose, derived_seed, generator


def test_the_numbers_of_the_purposes_never_change():
    names = ("SAMPLE", "REPLAY", "TRAINING", "PREDICTOR", "AUDIT", "DATA", "AUDIT_IN_LOOP", "FINETUNING")
    names += ("BRACKET",)
    assert [(purpose.value, purpose.name) for purpose in Purpose] == list(enumerate(names, 1))


def test_an_address_always_gives_the_same_numbers_and_others_give_others():
    addresses = list(product((0, 1, 2**40), Purpose, (0, 1, 2)))
    drawn = {address: generator(*address).random() for address in addresses}
    assert len(set(drawn.values())) == len(addresses)
    assert all(generator(*address).random() == number for address, number in drawn.items())


@pytest.mark.parametrize("index", range(20))
def test_derived_seeds_fit_31_bits(index):
    assert 0 <= derived_seed(3, Purpose.TRAINING, index) < 2**31
    assert derived_seed(3, Purpose.TRAINING, index) != derived_seed(4, Purpose.TRAINING, index)
