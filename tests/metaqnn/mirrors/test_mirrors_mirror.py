import pytest

from metaqnn.mirrors.mirror import identity


def test_networks_are_copied_once_in_order_of_finishing(remembering, reader):
    mirror = remembering()
    assert mirror.update(reader) == 24
    assert [network.number for network in mirror.networks] == [row.number for row in reader.ended()]
    assert mirror.update(reader) == 0
    assert len(mirror.networks) == 24


def test_a_mirror_catches_up(remembering, reader, after):
    mirror = remembering()
    assert [mirror.update(after(n)) for n in (0, 5, 5, 17)] == [0, 5, 0, 12]
    assert mirror.update(reader) == 7


def test_a_mirror_that_was_cut_off_goes_on_where_it_was(remembering, reader):
    mirror = remembering(fail_at=10)
    with pytest.raises(OSError, match="no space"):
        mirror.update(reader)
    mirror.fail_at = None
    assert mirror.update(reader) == 14
    assert [network.number for network in mirror.networks] == [row.number for row in reader.ended()]


def test_the_epochs_are_those_of_the_last_attempt_of_the_search(remembering, reader, last_epochs, networks):
    mirror = remembering()
    mirror.update(reader)
    assert any(network["attempt"] == 2 for network in networks.values())
    for network in mirror.networks:
        assert network.epochs == last_epochs[network.number]
        if network.facts["outcome"] == "stopped":  # audited afterwards
            assert len(network.epochs) < 5


def test_a_crashed_network_has_no_learning_rate(remembering, reader):
    mirror = remembering()
    mirror.update(reader)
    [crashed] = [network for network in mirror.networks if network.facts["outcome"] == "crashed"]
    assert crashed.epochs == []
    assert set(crashed.parameters) == {"depth", "parameters", "macs", "epsilon"}
    assert crashed.started_at == crashed.facts["finished_at"]


def test_searches_are_told_apart(reader, new_database):
    from metaqnn.database.queries import SearchReader

    others = [SearchReader(new_database(f"other-{n}")[0]) for n in range(2)]
    assert len({identity(each) for each in (reader, *others)}) == 3
    assert identity(others[0]) == identity(others[0])
    for other in others:
        other.close()
