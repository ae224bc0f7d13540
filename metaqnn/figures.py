"""Pictures of a search."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from metaqnn.database.queries import SearchReader
from metaqnn.summary import Summary, cumulative_top, summarise


def figure5(reader: SearchReader, path: Path) -> None:
    """Mean reward per epsilon (bars), and the best, top 5 and top 15 accuracies so far (lines), as a PNG.

    In the manner of [PP] Figure 5. The lines count observed accuracies only; the bars count stopped networks
    with their predicted accuracy, as the agent does.
    """
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    _bars(axes, summarise(reader))
    _lines(axes, [row.final_accuracy for row in reader.ended()])
    axes.set(xlabel="networks trained", ylabel="validation accuracy")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    try:
        figure.savefig(unfinished, dpi=150, format="png")
        unfinished.replace(path)  # on a full disk an earlier picture stays as it was
    finally:
        plt.close(figure)
        unfinished.unlink(missing_ok=True)


def _bars(axes: Axes, summary: Summary) -> None:
    start = 0
    for row in summary.by_epsilon:
        label = "mean reward at each epsilon (its value below)" if start == 0 else None
        axes.bar(
            start,
            row.mean_reward,
            row.networks,
            align="edge",
            color="#a6cee3",
            edgecolor="white",
            label=label,
        )
        axes.text(start + row.networks / 2, 0.01, f"{row.epsilon:g}", ha="center", fontsize=8)
        start += row.networks


def _lines(axes: Axes, accuracies: list[float | None]) -> None:
    for k, label, color in (
        (1, "best", "#e31a1c"),
        (5, "top 5", "#ff7f00"),
        (15, "top 15", "#33a02c"),
    ):
        top = [float("nan") if value is None else value for value in cumulative_top(accuracies, k)]
        axes.plot(range(1, len(top) + 1), top, label=label, color=color)
