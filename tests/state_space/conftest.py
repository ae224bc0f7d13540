import numpy as np
import pytest

# (string, num_params, depth) as the authors published them for CIFAR-10: every ending, and dropout counts
# that follow the placement rule as well as some that do not.
PUBLISHED = [
    ("[C(64,3,1), P(3,2), D(1,2), C(512,3,1), C(128,3,1), D(2,2), GAP(10), SM(10)]", 887744, 6),
    ("[C(256,5,1), C(256,3,1), D(1,1), C(128,5,1), GAP(10), SM(10)]", 1429504, 5),
    ("[C(512,5,1), P(2,2), D(1,2), C(64,5,1), P(5,3), D(2,2), GAP(10), SM(10)]", 858240, 6),
    (
        "[C(512,3,1), C(64,1,1), D(1,2), C(256,3,1), C(256,5,1), D(2,2), P(2,2), GAP(10), SM(10)]",
        1835008,
        7,
    ),
    ("[C(128,5,1), P(2,2), D(1,2), C(64,5,1), C(64,5,1), D(2,2), SM(10)]", 419200, 5),
    (
        "[C(64,1,1), P(2,2), D(1,4), C(256,5,1), C(64,1,1), D(2,4), P(5,3), FC(128), D(3,4), SM(10)]",
        573632,
        7,
    ),
    ("[C(64,1,1), P(5,3), D(1,4), C(128,1,1), P(5,3), D(2,4), FC(128), D(3,4), SM(10)]", 90304, 6),
    ("[C(64,1,1), P(2,2), D(1,2), C(64,5,1), P(3,2), D(2,2), SM(10)]", 102592, 5),
    (
        "[C(512,5,1), P(3,2), D(1,5), C(64,3,1), P(3,2), D(2,5), FC(512), D(3,5), FC(512), D(4,5), SM(10)]",
        2463232,
        7,
    ),
]


@pytest.fixture(params=PUBLISHED, ids=lambda case: case[0])
def published(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(20170516)
