"""Long trainings in a run folder that are not of its search, as after that was begun again in it."""

from contextlib import closing

import pytest

from metaqnn.export import ensemble, finetuned
from metaqnn.results.long_trained import FinetuningError


@pytest.fixture
def of_others(run, kept, long_training):
    """Numbers of networks with the long training of another."""
    numbers = kept(run)
    for number in numbers:
        long_training(run.path, network=number, architecture="[SM(7)]")
    return numbers


def test_the_weights_of_another_network_are_not_exported(run, of_others):
    message = rf"is of \[SM\(7\)\], which is not network {of_others[0]} of the search"
    with closing(run.reader()) as reader:
        for export in (lambda: finetuned(run, reader, of_others[0]), lambda: ensemble(run, reader)):
            with pytest.raises(FinetuningError, match=message):
                export()
