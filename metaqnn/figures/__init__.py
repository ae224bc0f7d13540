"""The pictures of a search: one list of figures, drawn by the report into files and by the dashboard live.

view = SearchView(reader)
for figure in FIGURES:
    try:
        chart = figure.draw(view)  # chart.to_dict() is a Vega-Lite specification
    except NothingToShow as reason:
        ...  # str(reason) is a sentence for the reader
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import altair as alt

from metaqnn.figures import accuracies, curves, progress, q_values, stopping
from metaqnn.figures.style import MOST_POINTS, NothingToShow
from metaqnn.results.view import SearchView

__all__ = ["FIGURES", "Figure", "NothingToShow", "SearchView"]


@dataclass(frozen=True)
class Figure:
    """A picture of a search.

    Attributes:
        name: of its file, and its anchor in a page.
        title: its heading.
        caption: what is shown, what of it is observed and what predicted, and the paper's figure like it.
        draw: makes the chart, as wide as its container; raises NothingToShow where it would be empty.
        slow: needs the Q-values, which take seconds to restore after thousands of networks.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[SearchView], alt.LayerChart]
    slow: bool = False


FIGURES: tuple[Figure, ...] = (
    Figure(
        "search",
        "The search",
        "Lines: the best, and the means of the best 5 and of the best 15 accuracies so far. They "
        "count observed final accuracies y_T only, as do the dashes: the mean y_T at each epsilon. "
        "Bars, as wide as their networks, with epsilon at their feet: the mean reward, which for a "
        "stopped network is its predicted accuracy y_hat_T (the last observed one where the rule "
        "predicts none) and for a failed one is chance. In the manner of Figure 5 of Baker et al., "
        "Accelerating Neural Architecture Search using Performance Prediction.",
        progress.search,
    ),
    Figure(
        "rolling",
        "Rolling means",
        "Means over the networks that finished last: of the reward, in which observed and predicted "
        "accuracies are mixed as the agent gets them, and of the observed final accuracies y_T of the "
        f"networks that were trained to the end. Of long searches each line shows {MOST_POINTS} "
        "points.",
        progress.rolling,
    ),
    Figure(
        "accuracies",
        "Accuracies at each epsilon",
        "From the lowest to the highest accuracy, with the middle half as a box and the median as a "
        "dash: observed y_T of the networks trained to the end in blue, predicted y_hat_T of the "
        "stopped ones in orange. Failed networks are not in it.",
        accuracies.distribution,
    ),
    Figure(
        "curves",
        "Learning curves",
        f"The best {curves.BEST} networks, and {curves.OTHERS} each of those that were trained to the "
        "end, stopped and audited, spread evenly over the search. Points are observed y_t. A cross "
        "marks where the rule stopped a network or would have; from there the dashed line leads to "
        "the predicted y_hat_T, in a band of one sigma. Where an audit went on, the observed curve "
        "goes on beside its forecast.",
        curves.curves,
    ),
    Figure(
        "audits",
        "Were the predictions right?",
        "Networks that were to be stopped and were trained to the end all the same: predicted y_hat_T "
        "with one sigma to both sides, as it was at the stop, against the observed y_T. On the dashed "
        "line a prediction is exact. Red networks should not have been stopped: they got better than "
        f"the best of their moment. At most {MOST_POINTS} of each colour are drawn.",
        stopping.audits,
    ),
    Figure(
        "epochs",
        "Epochs saved",
        "Epochs trained at each epsilon, all attempts counted, and on top of them those that stopped "
        "networks were spared. All are counts, none is an estimate.",
        stopping.epochs,
    ),
    Figure(
        "time",
        "Time saved",
        "Training time of all networks added up, whether they trained side by side or not. The dashed "
        "line is an estimate: it assumes that the spared epochs of a stopped network would have taken "
        f"as long as its others. Of long searches each line shows {MOST_POINTS} points.",
        stopping.time,
    ),
    Figure(
        "q-kinds",
        "Q-values by kind of layer",
        "What the agent expects of adding a layer of each kind at each depth: the mean (solid) and "
        "the largest (dashed) Q-value of all pairs of state and action that some network tried. "
        "Q-values are learned from rewards, so they rest on observed and predicted accuracies. As in "
        "the analysis of Q-values of Baker et al., Designing Neural Network Architectures using "
        "Reinforcement Learning.",
        q_values.by_kind,
        slow=True,
    ),
    Figure(
        "q-fields",
        "Q-values by receptive field",
        "The same for convolutions alone, by the size of their receptive field.",
        q_values.by_receptive_field,
        slow=True,
    ),
    Figure(
        "failures",
        "Failures",
        "Networks without a result, by what happened. Each got the accuracy of chance as its reward.",
        accuracies.failures,
    ),
)
