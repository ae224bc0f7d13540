"""With two workers: they, or the search that coordinates them, are killed."""

import os
import random
import signal
from pathlib import Path


def children(pid):
    """The worker processes of a search: those that Python spawned for it."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in found}
    return [child for child, command in commands.items() if b"spawn_main" in command]


def assert_every_network_once(run):
    networks, samples, epochs, _ = run.outcome()
    assert [number for number, *_ in networks] == list(range(1, 9))
    assert sorted(finished for _, _, _, finished, *_ in networks) == list(range(1, 9))
    assert not [outcome for _, _, _, _, outcome, *_ in networks if outcome == "crashed"]
    assert sorted(position for _, _, position in samples) == list(range(len(samples)))
    addresses = [(network, attempt, epoch) for network, attempt, _, epoch, *_ in epochs]
    assert len(addresses) == len(set(addresses))
    assert not [*(run.folder / "checkpoints").iterdir()]


def test_a_killed_worker_is_replaced_and_a_killed_coordinator_goes_on(new_run):
    run = new_run()
    process = run.start("--workers", "2")
    run.wait_for(random.randint(1, 4), process)
    os.kill(random.choice(children(process.pid)), signal.SIGKILL)
    run.wait_for(run.epochs() + 3, process)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert run.here("--workers", "1") == 0
    assert_every_network_once(run)
