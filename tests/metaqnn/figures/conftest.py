"""The rows inside a chart."""

import pytest


@pytest.fixture
def rows():
    """rows(chart, mark): the rows behind the layer with that mark."""

    def found(chart, mark):
        spec = chart.to_dict()
        (layer,) = (layer for layer in spec["layer"] if layer["mark"]["type"] == mark)
        return spec["datasets"][layer.get("data", spec.get("data"))["name"]]

    return found
