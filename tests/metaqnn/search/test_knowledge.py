"""Curves as the predictor sees them."""

from contextlib import closing

import numpy as np

from metaqnn.database.queries import SearchReader
from metaqnn.database.records import NetworkResult
from metaqnn.search.knowledge import History, Knowledge


def test_a_partial_curve_is_padded_with_nan():
    curve = History(4).curve(123, 2, 1e-3, [0.25, 0.5])
    np.testing.assert_array_equal(curve.values, [[0.25, 0.5, np.nan, np.nan]])
    assert curve.architecture["parameters"] == [123]
    assert curve.architecture["depth"] == [2]
    assert curve.hyperparameters["learning_rate"] == [1e-3]
    assert curve.metric == "accuracy"


def test_curves_stay_in_order_of_finishing():
    history = History(3)
    assert len(history.curves) == 0
    assert history.curves.T == 3
    for number in (1, 2):
        history.append(history.curve(number, 2, 0.1 * number, [0.1] * number))
    history.append(history.curve(3, 2, 0.3, [0.1] * 3))
    assert list(history.curves.observed) == [1, 2, 3]
    assert list(history.curves.architecture["parameters"]) == [1, 2, 3]


def test_what_was_handed_out_never_changes():
    """Stopping rules compare and keep what they saw."""
    history = History(2)
    seen = []
    for number in range(200):  # more than fits without growing
        history.append(history.curve(number, 2, 0.1, [number / 200]))
        seen.append(history.curves)
    for number, curves in enumerate(seen):
        assert list(curves.architecture["parameters"]) == list(range(number + 1))
        np.testing.assert_array_equal(curves.values[:, 0], np.arange(number + 1) / 200)
        assert np.isnan(curves.values[:, 1]).all()


def test_nothing_is_built_anew_while_nothing_is_added():
    history = History(3)  # stopping rules keep fitted models for the object that they saw last
    history.append(history.curve(1, 2, 0.1, [0.1]))
    assert history.curves is history.curves


def test_every_walk_to_a_network_in_training_counts_and_a_resume_keeps_their_order(new_database):
    """As with many workers: of 40 walks, most lead to networks whose results are still to come."""
    _, database = new_database(layer_limit=2, conv_widths=(8,), conv_sizes=(1, 3))
    config = database.record().config
    space = config.space(1, 8, 10)
    known = Knowledge(config, space, database)
    jobs = [job for job in (known.propose(1.0) for _ in range(40)) if job]
    assert len(jobs) < 20
    for place, job in enumerate(reversed(jobs)):
        known.finish(job, NetworkResult("completed", 0.5 + place / 100))
    resumed = Knowledge(config, space, database)
    database.close()
    for memory in (known.memory, resumed.memory):
        assert len(memory) == 40
    assert [reward for _, reward in resumed.memory.samples] == [reward for _, reward in known.memory.samples]
    assert resumed.agent.q_table() == known.agent.q_table()


def test_a_result_gives_walks_that_found_nothing_new_another_chance(new_database):
    _, database = new_database(layer_limit=2, conv_widths=(8,), conv_sizes=(1, 3))
    config = database.record().config
    known = Knowledge(config, config.space(1, 8, 10), database)
    jobs = [job for job in (known.propose(1.0) for _ in range(200)) if job]
    assert known.repeats > 1
    known.finish(jobs[0], NetworkResult("completed", 0.5))
    database.close()
    assert known.repeats == 0


def test_a_network_is_stored_with_its_size_on_the_images_of_the_search(new_database):
    """On maps of 8x8 with one channel; `num_params` is the authors' count: no biases, SM like a copy of C."""
    url, database = new_database(layer_limit=1, conv_widths=(4,), conv_sizes=(3,))
    config = database.record().config
    known = Knowledge(config, config.space(1, 8, 10), database)
    jobs = [job for job in (known.propose(1.0) for _ in range(40)) if job]
    database.close()
    with closing(SearchReader(url)) as reader:
        stored = {row["architecture"]: row for row in map(reader.network, (job.number for job in jobs))}
    sizes = {
        "[C(4,3,1), SM(10)]": (4 * 9 + 4 + 4 * 64 * 10 + 10, 2, 4 * 9 + 4 * 4 * 9, 64 * 4 * 9 + 4 * 64 * 10),
        "[C(4,3,1), GAP(10), SM(10)]": (4 * 9 + 4 + 4 * 10 + 10, 3, 4 * 9 + 4 * 10, 64 * 4 * 9 + 64 * 4 * 10),
    }
    names = "parameters", "depth", "num_params", "macs"
    assert {network: tuple(row[name] for name in names) for network, row in stored.items()} == sizes
    assert {str(job.architecture): (job.parameters, job.depth) for job in jobs} == {
        network: size[:2] for network, size in sizes.items()
    }


def test_a_new_network_ends_a_row_of_walks_that_found_nothing_new(new_database):
    _, database = new_database(layer_limit=2, conv_widths=(8,), conv_sizes=(1, 3))
    config = database.record().config
    known = Knowledge(config, config.space(1, 8, 10), database)
    found = [(known.propose(1.0) is not None, known.repeats) for _ in range(60)]
    database.close()
    rows = [0]
    for new, _ in found:
        rows.append(0 if new else rows[-1] + 1)
    assert [repeats for _, repeats in found] == rows[1:]
    assert any(row > 1 and new for row, (new, _) in zip(rows, found, strict=False))


def test_after_a_resume_only_what_was_trained_to_the_end_is_among_the_finalists(new_database):
    _, database = new_database()
    config = database.record().config
    known = Knowledge(config, config.space(1, 8, 10), database)
    jobs = [job for job in (known.propose(1.0) for _ in range(40)) if job]
    known.finish(jobs[0], NetworkResult("stopped", 0.9))
    known.finish(jobs[1], NetworkResult("completed", 0.6, final_accuracy=0.6))
    known.finish(jobs[2], NetworkResult("chance", 0.1))
    resumed = Knowledge(config, config.space(1, 8, 10), database)
    database.close()
    assert [(one.number, one.accuracy) for one in resumed.finalists] == [(2, 0.6)]
    assert [job.number for job in resumed.unfinished] == [job.number for job in jobs[3:]]
