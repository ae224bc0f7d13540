import torch

from trainers.randomness import addressed_draws, addressed_generator

CPU = torch.device("cpu")


def draw(*address):
    return torch.rand(3, generator=addressed_generator(*address)).tolist()


def test_an_address_names_one_stream():
    assert draw(1, "weights", 2) == draw(1, "weights", 2)


def test_seed_purpose_and_index_each_change_the_stream():
    streams = [draw(1, "weights", 2), draw(2, "weights", 2), draw(1, "batches", 2), draw(1, "weights", 3)]
    assert len({tuple(stream) for stream in streams}) == 4


def test_global_draws_are_addressed_inside_and_untouched_outside():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    with addressed_draws(CPU, 1, "dropout", 1):
        first = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with addressed_draws(CPU, 1, "dropout", 1):
        assert torch.equal(torch.rand(2), first)
