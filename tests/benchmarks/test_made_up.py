"""Made-up searches."""

import pytest
from made_up import MadeUp, store

from metaqnn.config.search import SearchConfig
from metaqnn.session.find import reading
from state_space import Architecture

WIDTHS = (64, 128, 256)


def test_a_made_up_search_reads_like_one_that_was_run(tmp_path):
    ends = {"completed": [0.5] * 20, "stopped": [0.4] * 10, "chance": [0.1]}
    found = [Architecture.parse(f"[C({width},3,1), SM(10)]") for width in WIDTHS]
    networks = [MadeUp(one, 1.0, *end) for one, end in zip(found, ends.items(), strict=True)]
    run = store(tmp_path / "run", SearchConfig.of("paper", dataset="cifar10"), networks)
    with reading(run.path) as reader:
        ended = reader.ended()
    assert [network.outcome for network in ended] == list(ends)
    assert [network.epochs_trained for network in ended] == [20, 10, 1]
    assert [network.reward for network in ended] == pytest.approx([0.5, 0.42, 0.1])
