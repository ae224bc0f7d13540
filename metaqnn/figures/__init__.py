"""The figures of a search: one list, which the report draws into files and the dashboard draws live.

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

from metaqnn.figures import accuracies, choices, curves, progress, q_values, sizes, stopping
from metaqnn.figures.style import MOST_POINTS, NothingToShow
from metaqnn.results.view import SearchView

__all__ = ["FIGURES", "Figure", "NothingToShow", "SearchView"]


@dataclass(frozen=True)
class Figure:
    """A figure of a search.

    Attributes:
        name: the name of its file, and its anchor in a page.
        title: its heading.
        caption: what it shows, what is observed or predicted, and the corresponding figure of the paper.
        draw: makes the chart, as wide as its container; raises NothingToShow where it would be empty.
        slow: needs the Q-values, which take one to two seconds to restore after 5,000 networks.
        words: the gist in sentences, if it has any; asked for after `draw` has shown something.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[SearchView], alt.LayerChart]
    slow: bool = False
    words: Callable[[SearchView], list[str]] | None = None


FIGURES: tuple[Figure, ...] = (
    Figure(
        "search",
        "The search",
        "Lines show the best accuracy so far and the means of the best 5 and the best 15, of observed final "
        "accuracies y_T only. Horizontal strokes show the mean y_T and the mean reward at each epsilon, "
        "which is written in its stripe. The reward of a stopped network is its predicted accuracy y_hat_T "
        "(or its last observed accuracy, if the rule makes no prediction), that of a failed one is chance "
        "accuracy. The axis fits the data and does not begin at zero. Compare Figure 5 of Baker et al., "
        "Accelerating Neural Architecture Search using Performance Prediction.",
        progress.search,
    ),
    Figure(
        "rolling",
        "Rolling means",
        "Means over the networks that finished most recently: of the reward, which mixes observed and "
        "predicted accuracies as the agent receives them, and of the observed final accuracies y_T of the "
        f"networks that were trained to the end. In long searches each line shows {MOST_POINTS} points.",
        progress.rolling,
    ),
    Figure(
        "accuracies",
        "Accuracies at each epsilon",
        "The range of accuracies, with the middle half as a box and the median as a dash: observed y_T of "
        "the networks trained to the end in blue, predicted y_hat_T of the stopped ones in orange. Failed "
        "networks are not included.",
        accuracies.distribution,
    ),
    Figure(
        "curves",
        "Learning curves",
        f"The best {curves.BEST} networks, and {curves.OTHERS} each of those trained to the end, those "
        "stopped and those audited, spread evenly over the search. Points are observed y_t. A cross marks "
        "where the rule stopped a network or would have stopped it; from there a dashed line leads to the "
        "predicted y_hat_T, in a band of one sigma. The observed curve of an audited network continues "
        "beside its forecast.",
        curves.curves,
    ),
    Figure(
        "audits",
        "Were the predictions right?",
        "Networks that the rule would have stopped but that were trained to the end: predicted y_hat_T at "
        "the time of the stop, with one sigma on both sides, against the observed y_T. Predictions on the "
        "dashed line are exact. Red networks should not have been stopped: they became better than what the "
        f"rule compared them with. At most {MOST_POINTS} of each colour are drawn.",
        stopping.audits,
    ),
    Figure(
        "epochs",
        "Epochs saved",
        "Epochs trained at each epsilon, counting all attempts, and above them the epochs that were saved "
        "by stopping networks. All are counts, not estimates.",
        stopping.epochs,
    ),
    Figure(
        "time",
        "Time saved",
        "The training times of all networks added up, whether or not they were trained side by side. The "
        "dashed line is an estimate: it assumes that the epochs saved on a stopped network would have taken "
        f"as long as its others. In long searches each line shows {MOST_POINTS} points.",
        stopping.time,
    ),
    Figure(
        "pareto",
        "Accuracy against size",
        "Observed final accuracy y_T and number of parameters of the networks trained to the end. The "
        "line is the Pareto front: every network off it is beaten by one that is at least as accurate and "
        f"no larger. At most {MOST_POINTS} of the others are drawn.",
        sizes.by_parameters,
    ),
    Figure(
        "pareto-macs",
        "Accuracy against computation",
        "The same for the multiply-accumulates of one image, which indicate how long a prediction takes.",
        sizes.by_macs,
    ),
    Figure(
        "parallel",
        "Choices side by side",
        "A line is a network that was trained to the end: its numbers of layers, the mean number of filters "
        "of its convolutions, its parameters and its observed accuracy, each on an axis from the smallest "
        f"value to the largest. At most {choices.LINES} are drawn, spread evenly over the ranks; the best "
        f"{choices.MARKED} stand out.",
        choices.parallel,
    ),
    Figure(
        "choices",
        "Which choices matter",
        "How much worse a model of the accuracies (scikit-learn's extremely randomised trees) becomes when "
        "one number is shuffled between networks, measured on networks that it did not learn from. A "
        "shuffled number misleads the model, which may therefore lose more than all of its R². The "
        "accuracies are observed ones or, for stopped networks, their rewards. Choices that go together, "
        "such as layers and convolutions, share their importance; and a choice that matters need not help.",
        choices.matter,
        words=choices.matter_in_words,
    ),
    Figure(
        "q-kinds",
        "Q-values by kind of layer",
        "The reward the agent expects after adding a layer of each kind at each depth: the mean (solid) "
        "and the largest (dashed) Q-value of all pairs of state and action that networks have tried. "
        "Q-values are learned from rewards, so they depend on observed and predicted accuracies. Compare the "
        "analysis of Q-values in Baker et al., Designing Neural Network Architectures using Reinforcement "
        "Learning.",
        q_values.by_kind,
        slow=True,
        words=q_values.in_words,
    ),
    Figure(
        "q-fields",
        "Q-values by receptive field",
        "The same for convolutions only, by the size of their receptive field.",
        q_values.by_receptive_field,
        slow=True,
    ),
    Figure(
        "failures",
        "Failures",
        "Networks without a result, by cause. The reward of each is chance accuracy.",
        accuracies.failures,
    ),
)
