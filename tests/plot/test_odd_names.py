"""Names of classes, models, runs and files are drawn as they are, whatever they would mean
to matplotlib."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from plot.test_plot import PLOTS

import digitnet
from digitnet import plot

NAMES = ["$_$", "$^$", r"$\bad$", "$5$", "_a", "__", "%_#&~", "{x}", "$", r"\$^$ $_$"]


@pytest.fixture(scope="module")
def world(trained, digits):
    def renamed(model):
        state = model.state_dict()
        odd = digitnet.Model(
            model.core.network, model.input_shape, NAMES, name="_$^$ model"
        )
        odd.load_state_dict(state)
        odd.fix_scale(16)
        return odd

    test = digits[1]
    data = digitnet.Dataset(
        test.images, test.labels, classes=NAMES, max_value=16, name="$_$ set"
    )
    model = renamed(trained)
    return {
        "model": model,
        "data": data,
        "history": trained.history,
        "report": model.evaluate(data),
        "image": test.images[0],
        "restorer": digitnet.models.make("autoencoder", input_shape=(8, 8)),
        "linear": renamed(digitnet.models.make("linear", input_shape=(8, 8))),
        "normed": renamed(digitnet.models.make("norm-cnn", input_shape=(8, 8))),
    }


TABLES = {
    "runs": lambda w: plot.training_curves(dict.fromkeys(NAMES, w["history"])),
    "bars": lambda w: plot.comparison(pd.Series(0.9, NAMES, name="$_$")),
    "spread": lambda w: plot.distribution(
        pd.DataFrame({n: [0.9, 1] for n in NAMES}), "$^$"
    ),
    "map": lambda w: plot.heat_map(pd.DataFrame(np.eye(10), NAMES, NAMES), label="$_$"),
    "steps": lambda w: plot.progress(pd.DataFrame({n: [0.9, 1] for n in NAMES}), "$_$"),
    "weights": lambda w: plot.weight_histograms(dict.fromkeys(NAMES[:5:2], w["model"])),
    "settings": lambda w: plot.parallel(
        pd.DataFrame({"$_$": [1, 2], "_k": NAMES[:2], "accuracy": [0.9, 0.95]})
    ),
    "of": lambda w: plot.sensitivity(
        pd.DataFrame({"_": NAMES, "$x$": range(10), "$^$": 0.5}), "_", "$x$", "$^$"
    ),
    "models": lambda w: plot.disagreements(
        digitnet.compare(w["model"], w["linear"], w["data"], names=("$_$", "_b"))
    ),
}
NAMED = (
    *("architecture", "class_counts", "confusion_matrix", "drawing", "explanations"),
    *("misclassified", "one_per_class", "predictions", "sample_grid"),
    *("roc", "precision_recall", "feature_maps"),
)
DRAWN = {name: lambda w, f=PLOTS[name]: f(w, None) for name in NAMED} | TABLES


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_every_plot_draws_odd_names(draw, world):
    display = draw(world)
    display.png(dpi=30)
    for text in display.figure.findobj(Text):
        if "$" in text.get_text() and "mathdefault" not in text.get_text():
            assert not text.get_parse_math(), text.get_text()
    display.close()


@pytest.mark.parametrize("draw", [plot.roc, plot.precision_recall])
def test_every_class_is_in_the_legend(draw, world):
    axes = draw(world["report"]).axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    for text, name in zip(texts, NAMES, strict=False):
        assert text.startswith(name)


def test_every_class_is_in_the_legend_of_the_embedding(world):
    display = plot.embedding(world["model"], world["data"][:99])
    display.png(dpi=30)
    axes = display.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == NAMES


def test_every_run_is_in_the_legend(world):
    axes = plot.training_curves(dict.fromkeys(NAMES, world["history"])).axes[-1]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert [t for t in texts if t.endswith("training")] == [
        f"{n} training" for n in NAMES
    ]


def test_formulas_of_the_users_own_stay_formulas(world):
    """In other axes of the figure, and in a title set afterwards."""
    _, (left, right) = plt.subplots(1, 2)
    left.set_title(r"$\alpha$")
    plot.class_counts(world["data"], ax=right)
    assert left.title.get_parse_math()
    axes = plot.training_curves(world["history"]).axes[0]
    axes.set_title(r"$\alpha$")
    assert axes.title.get_parse_math()
    plt.close("all")


def test_a_figure_of_odd_names_needs_no_latex(world):
    with plt.rc_context({"text.usetex": True}):
        display = plot.class_counts(world["data"])
    odd = [t for t in display.figure.findobj(Text) if set(t.get_text()) & set("$_%")]
    assert odd
    assert not any(text.get_usetex() for text in odd)
    display.close()
