"""What is reproduced: with the same seed, after a kill, and on another device."""

import pytest

from trainers import Checkpoint

pytestmark = pytest.mark.gpu


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_after_two_epochs(subject, network, path):
    """The checkpoint of a training with seed 3."""

    def die(report):
        if report.epoch == 2:
            raise Killed

    checkpoint = Checkpoint(path)
    with pytest.raises(Killed):
        subject.train(network, seed=3, on_epoch=die, checkpoint=checkpoint)
    return checkpoint


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_resumed_training_is_the_uninterrupted_one(trainer, reports, agree, network, tmp_path, precision):
    whole = reports(trainer(precision=precision))
    checkpoint = killed_after_two_epochs(trainer(precision=precision), network, tmp_path / "1")
    assert len(checkpoint.load(None).reports) == 2
    agree("resumed and whole", reports(trainer(precision=precision), checkpoint=checkpoint), whole)


def test_a_checkpoint_of_a_gpu_goes_on_on_a_cpu(trainer, reports, network, tmp_path):
    checkpoint = killed_after_two_epochs(trainer(), network, tmp_path / "1")
    before = [(report.epoch, report.loss) for report in checkpoint.load(None).reports]
    after = reports(trainer(device="cpu"), checkpoint=checkpoint)
    assert [(epoch, loss) for _, epoch, _, loss in after[:2]] == before
    assert [epoch for _, epoch, *_ in after] == [1, 2, 3, 4]
    assert after[3][3] < after[0][3]


def test_a_checkpoint_of_a_cpu_goes_on_on_a_gpu(trainer, reports, network, tmp_path):
    checkpoint = killed_after_two_epochs(trainer(device="cpu"), network, tmp_path / "1")
    after = reports(trainer(), checkpoint=checkpoint)
    assert [epoch for _, epoch, *_ in after] == [1, 2, 3, 4]
    assert after[3][3] < after[0][3]


@pytest.mark.parametrize("deterministic", [False, True])
def test_the_same_seed_gives_the_same_curve(trainer, reports, agree, deterministic):
    """Whether to the bit is noted as a fact, which is what docs say about `--deterministic`."""
    first, again = (reports(trainer(deterministic=deterministic)) for _ in range(2))
    agree(f"twice, deterministic={deterministic}", again, first)
