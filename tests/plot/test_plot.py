"""Every plot: takes axes, returns a Display, never shows, leaves settings alone."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import digitnet
from digitnet import plot
from digitnet._utils.figures import draw
from digitnet.plot.sheet import pixels_of


@pytest.fixture(scope="module")
def world(trained, digits):
    return {
        "model": trained,
        "data": digits[1],
        "history": trained.history,
        "report": trained.evaluate(digits[1]),
        "image": digits[1].images[0],
        "restorer": digitnet.models.make("autoencoder", input_shape=(8, 8)),
        "linear": digitnet.models.make("linear", input_shape=(8, 8)),
        "normed": digitnet.models.make("norm-cnn", input_shape=(8, 8)),
    }


PLOTS = {
    "against_time": lambda w, ax: plot.against_time(w["history"], ax=ax),
    "architecture": lambda w, ax: plot.architecture(w["model"], ax=ax),
    "comparison": lambda w, ax: plot.comparison(
        pd.Series({"a": 0.98, "b": 0.97}, name="accuracy"), ax=ax
    ),
    "cross_entropy": lambda w, ax: plot.cross_entropy(w["report"], ax=ax),
    "disagreements": lambda w, ax: plot.disagreements(
        digitnet.compare(w["model"], w["report"], w["data"], names=("a", "b")), ax=ax
    ),
    "distribution": lambda w, ax: plot.distribution(
        pd.DataFrame({"a": [0.97, 0.98], "b": [0.96, 0.98]}), "accuracy", ax=ax
    ),
    "drawing": lambda w, ax: plot.drawing(w["image"], w["image"], w["model"], ax=ax),
    "heat_map": lambda w, ax: plot.heat_map(
        pd.DataFrame([[0.9, 0.8], [0.7, np.nan]], columns=["x", "y"]), ax=ax
    ),
    "augmented": lambda w, ax: plot.augmented(w["data"], "rotate 20deg", ax=ax),
    "batch_norm": lambda w, ax: plot.batch_norm(w["normed"], w["data"][:50], ax=ax),
    "class_counts": lambda w, ax: plot.class_counts(w["data"], ax=ax),
    "confusion_matrix": lambda w, ax: plot.confusion_matrix(
        w["report"].confusion, ax=ax
    ),
    "embedding": lambda w, ax: plot.embedding(w["model"], w["data"][:99], ax=ax),
    "explanations": lambda w, ax: plot.explanations(w["model"], w["image"], ax=ax),
    "folds": lambda w, ax: plot.folds([0.3, 0.2], [0.9, 0.95], ax=ax),
    "learning_curve": lambda w, ax: plot.learning_curve(
        pd.DataFrame(
            {"samples": [9, 9, 18], "training": 1.0, "validation": [0.8, 0.9, 0.95]}
        ),
        ax=ax,
    ),
    "learning_rates": lambda w, ax: plot.learning_rates(
        digitnet.find_learning_rate(w["model"], w["data"][:99], steps=40), ax=ax
    ),
    "maximised": lambda w, ax: plot.maximised(w["model"], steps=3, ax=ax),
    "most_activating": lambda w, ax: plot.most_activating(
        w["model"], w["data"], "conv2", ax=ax
    ),
    "feature_maps": lambda w, ax: plot.feature_maps(w["model"], w["image"], ax=ax),
    "filters": lambda w, ax: plot.filters(w["model"], "conv1", ax=ax),
    "misclassified": lambda w, ax: plot.misclassified(w["report"], ax=ax),
    "neuron": lambda w, ax: plot.neuron(w["linear"], w["image"], unit=3, ax=ax),
    "one_per_class": lambda w, ax: plot.one_per_class(w["data"], ax=ax),
    "optimizers": lambda w, ax: plot.optimizers(steps=3, ax=ax),
    "parallel": lambda w, ax: plot.parallel(
        pd.DataFrame(
            {"rate": [0.001, 0.1], "kind": ["a", "b"], "accuracy": [0.9, 0.95]}
        ),
        ax=ax,
    ),
    "pooling": lambda w, ax: plot.pooling(w["image"], ax=ax),
    "precision_recall": lambda w, ax: plot.precision_recall(w["report"], ax=ax),
    "predictions": lambda w, ax: plot.predictions(w["report"], 6, ax=ax),
    "progress": lambda w, ax: plot.progress(
        pd.DataFrame({"a": [0.8, 0.9], "b": [np.nan, 0.85]}), "best so far", ax=ax
    ),
    "reliability": lambda w, ax: plot.reliability(w["report"], ax=ax),
    "restorations": lambda w, ax: plot.restorations(
        w["restorer"], w["data"], "noise 20%", ax=ax
    ),
    "roc": lambda w, ax: plot.roc(w["report"], ax=ax),
    "sample_grid": lambda w, ax: plot.sample_grid(w["data"], ax=ax),
    "sensitivity": lambda w, ax: plot.sensitivity(
        pd.DataFrame({"of": [*"aab"], "x": [1, 2, 3], "y": [0.9, 0.8, 0.7]}),
        *("of", "x", "y"),
        ax=ax,
    ),
    "training_curves": lambda w, ax: plot.training_curves(w["history"], ax=ax),
    "weight_histograms": lambda w, ax: plot.weight_histograms(w["model"], ax=ax),
}

every_plot = pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)


def test_every_plot_is_tested():
    assert set(PLOTS) == set(plot.__all__) - {"Display"}


@every_plot
def test_every_plot_draws_into_existing_axes(draw, world):
    figure, (left, right) = plt.subplots(1, 2)
    display = draw(world, right)
    assert display.figure is figure
    assert len(plt.get_fignums()) == 1
    assert not left.has_data()
    figure.canvas.draw()


@every_plot
def test_every_plot_makes_one_figure_of_its_own_and_never_shows(
    draw, world, monkeypatch, tmp_path
):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("show was called"))
    settings = dict(matplotlib.rcParams)
    display = draw(world, None)
    assert plt.get_fignums() == [display.figure.number]
    assert display.data is not None
    assert display.axes is not None
    display.save(tmp_path / "a.png")
    assert plt.imread(tmp_path / "a.png").std() > 0.01
    assert dict(matplotlib.rcParams) == settings
    display.close()
    assert plt.get_fignums() == []


def test_ticks_stand_at_whole_epochs(world):
    """A few epochs would have ticks between them."""
    history = digitnet.History({}, monitor="loss")
    for epoch in range(3):
        history.append({"epoch": epoch + 1, "loss": 1.0, "accuracy": 0.5})
    panel = plot.training_curves(history, metrics=("loss",)).axes
    assert all(tick == round(tick) for tick in panel.get_xticks())


def test_several_runs_share_the_curves(world):
    display = plot.training_curves(
        {"a": world["history"], "b": world["history"]}, metrics=("loss",)
    )
    labels = [line.get_label() for line in display.axes.get_lines()]
    assert {"a training", "b validation"} <= set(labels)
    assert set(display.data.index.get_level_values("run")) == {"a", "b"}


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_shares_of_the_confusion_matrix_add_up(world, normalize):
    shown = plot.confusion_matrix(
        world["report"].confusion, normalize=normalize
    ).data.to_numpy()
    sums = {"true": shown.sum(1), "pred": shown.sum(0), "all": shown.sum()}[normalize]
    np.testing.assert_allclose(sums, 1)


def test_errors_only_leaves_the_diagonal_out(world):
    shown = plot.confusion_matrix(
        world["report"].confusion, errors_only=True
    ).data.to_numpy()
    assert np.trace(shown) == 0
    with pytest.raises(ValueError, match="normalize: expected None, 'true'"):
        plot.confusion_matrix(world["report"].confusion, normalize="rows")


def test_the_data_are_what_is_drawn(world):
    report = world["report"]
    assert plot.roc(report).data["micro"] == pytest.approx(report["auc_micro"])
    np.testing.assert_array_equal(
        plot.misclassified(report, 3).data, report.mistakes[:3]
    )
    np.testing.assert_array_equal(
        plot.class_counts(world["data"]).data, world["data"].class_counts()
    )
    chosen = plot.one_per_class(world["data"], seed=3).data
    assert world["data"].labels[chosen].tolist() == list(range(10))
    assert len(set(plot.sample_grid(world["data"], seed=1).data)) == 25


def test_rows_of_samples_have_names_that_are_not_cut(world, tmp_path):
    from matplotlib.image import imread

    shown = plot.sample_grid(
        world["data"], 3, 4, row_names=["a long name of a row", "b"]
    )
    assert shown.axes.get_title() == "Samples"
    labels = [text for text in shown.axes.texts if text.get_ha() == "right"]
    assert [label.get_text() for label in labels] == ["a long name of a row", "b"]
    shown.save(tmp_path / "a.png")
    assert (imread(tmp_path / "a.png")[:, :5, :3] == 1).all()
    with pytest.raises(ValueError, match="sample_grid.row_names: expected at most 1"):
        plot.sample_grid(world["data"], 1, 4, row_names=["a", "b"])


def test_bars_of_a_prediction_are_as_high_as_its_probabilities(world):
    from matplotlib.colors import to_hex

    report, index = world["report"], int(world["report"].mistakes[0])
    shown = plot.predictions(report, indices=[index])
    (bars,) = shown.axes.collections
    heights = np.array([np.ptp(path.vertices[:, 1]) for path in bars.get_paths()])
    share = report.probabilities[index]
    np.testing.assert_allclose(heights / heights.sum(), share, atol=1e-9)
    colours = [to_hex(colour) for colour in bars.get_facecolors()]
    true, predicted = report.labels[index], report.predicted[index]
    assert colours[true] == to_hex("#E69F00") and colours.count(colours[true]) == 1
    assert colours[predicted] not in (colours[true], colours[predicted - 1])
    names = f"true {report.classes[true]} / predicted {report.classes[predicted]}"
    title = f"{names} / {100 * share[predicted]:.0f} %"
    assert any(text.get_text() == title for text in shown.axes.texts)


def test_a_model_without_mistakes_is_drawn_too(digits):
    labels = digits[1].labels
    report = digitnet.Report(
        labels, np.eye(10)[labels], digits[1].classes, data=digits[1]
    )
    assert len(plot.misclassified(report).data) == 0


def test_a_result_without_a_figure_is_refused():
    with pytest.raises(TypeError, match=r"draw: expected a result .*, got dict$"):
        draw({})


def test_a_comparison_takes_std_by_its_old_name():
    values = pd.Series({"a": 0.9, "b": 0.8}, name="accuracy")
    with pytest.warns(DeprecationWarning, match="'spread' is now called 'std'"):
        plot.comparison(values, spread=[0.1, 0.2]).close()


def test_feature_maps_take_max_channels_by_its_old_name(world):
    with pytest.warns(DeprecationWarning, match="'most' is now called 'max_channels'"):
        plot.feature_maps(world["model"], world["image"], most=4).close()


def test_feature_maps_show_every_layer(world):
    shown = plot.feature_maps(world["model"], world["image"])
    rows = world["model"].summary().rows
    assert list(shown.data) == [r["layer"] for r in rows if r["kind"] != "dropout"]
    assert (
        len(plot.feature_maps(world["model"], world["image"], layers=["conv2"]).data)
        == 1
    )


def test_feature_maps_have_their_image_above_them(world):
    image = world["image"]
    shown = plot.feature_maps(world["model"], image, ["conv1", "conv2"])
    first, *maps = shown.axes.child_axes
    np.testing.assert_allclose(first.images[0].get_array(), image / 16)
    assert [text.get_text() for text in first.texts] == ["input\n8x8"]
    assert len(maps) == 2
    assert all(
        first.get_position().y0 > panel.get_position().y1 - 1e-9 for panel in maps
    )
    without = plot.feature_maps(world["model"], image, ["conv1"], show_input=False)
    assert [p.texts[0].get_text()[:5] for p in without.axes.child_axes] == ["conv1"]


def test_the_image_above_the_maps_may_have_colours(rng):
    model = digitnet.models.make("mnistm-cnn")
    image = rng.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    shown = plot.feature_maps(model, image, ["conv1"])
    drawn = shown.axes.child_axes[0].images[0].get_array()
    assert drawn.shape == (28, 28, 3)
    np.testing.assert_allclose(drawn[..., 0], image[0] / image.max())


def test_a_history_of_one_epoch_and_an_interrupted_one_are_drawn(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    one = plot.training_curves(model.fit(digits[0], epochs=1, progress=False))
    assert len(one.data) == 1
    assert len(plot.training_curves(digitnet.History()).data) == 0


def test_colour_images_are_shown_in_colour(rng):
    data = digitnet.Dataset(
        rng.integers(0, 256, (30, 3, 6, 6), dtype=np.uint8),
        np.arange(30) % 10,
        max_value=255,
    )
    display = plot.sample_grid(data, 2, 3)
    assert display.axes.images[0].get_array().shape == (6, 6, 3)


def test_filters_of_several_models_share_their_colours(world):
    other = digitnet.models.make("optdigits-cnn", seed=5)
    display = plot.filters({"trained": world["model"], "start": other}, "conv1")
    pictures = [panel.images[0] for panel in display.axes.child_axes[:2]]
    limit = max(np.abs(kernels[:, 0]).max() for kernels in display.data.values())
    assert [p.get_clim() for p in pictures] == [(-limit, limit)] * 2
    np.testing.assert_array_equal(
        display.data["start"], other.state_dict()["conv1.weight"]
    )
    display.close()


def test_so_many_filters_are_drawn(world):
    assert len(plot.filters(world["model"], "conv1", max_filters=2).data) == 2
    with pytest.raises(
        ValueError, match="filters.max_filters: expected a whole number"
    ):
        plot.filters(world["model"], "conv1", max_filters=0)


def test_weight_histograms_count_every_weight(world):
    other = digitnet.models.make("optdigits-cnn", seed=5)
    display = plot.weight_histograms({"trained": world["model"], "start": other})
    for (layer, name), (counts, edges) in display.data.items():
        model = other if name == "start" else world["model"]
        weights = model.state_dict()[f"{layer}.weight"]
        assert counts.sum() == weights.size
        assert edges[0] <= weights.min() <= weights.max() <= edges[-1]
    assert {layer for layer, _ in display.data} >= {"conv1", "dense3"}
    with pytest.raises(ValueError, match="unknown weights 'relu1'; known: conv1, conv"):
        plot.weight_histograms(other, ["relu1"])
    with pytest.raises(ValueError, match="weight_histograms.layers: expected at least"):
        plot.weight_histograms(other, [])
    for plot_of in (plot.weight_histograms, lambda none: plot.filters(none, "conv1")):
        with pytest.raises(ValueError, match="expected at least one model, got none"):
            plot_of({})
    display.close()


@pytest.mark.parametrize("name", ["kaggle-cnn-small", "linear", "lenet5", "vgg16"])
def test_the_legend_of_an_architecture_hides_no_layer(name):
    axes = plot.architecture(digitnet.models.make(name)).axes
    axes.figure.draw_without_rendering()
    legend = axes.get_legend().get_window_extent()
    assert not any(legend.overlaps(box.get_window_extent()) for box in axes.patches)


def test_the_legend_of_many_runs_lies_beside_their_curves(world):
    runs = {f"run {i}": world["history"] for i in range(4)}
    first, last = plot.training_curves(runs).axes
    last.figure.draw_without_rendering()
    assert first.get_legend() is None
    assert len(last.get_legend().get_texts()) == 4 * 2
    assert last.get_legend().get_window_extent().x0 >= last.get_window_extent().x1
    few = plot.training_curves({"a": world["history"], "b": world["history"]}).axes
    assert all(panel.get_legend() for panel in few)


def test_the_architecture_marks_what_is_frozen(world):
    display = plot.architecture(world["model"], frozen="conv*")
    shown = [row["layer"] for row in display.data]
    hatched = [bool(bar.patches[0].get_hatch()) for bar in display.axes.containers]
    assert shown == [
        *("conv1", "max_pool1", "conv2", "max_pool2", "conv3", "max_pool3"),
        *("dense1", "dense2", "dense3"),
    ]
    assert hatched == [name.startswith("conv") for name in shown]
    display.close()


def test_channels_that_are_no_colours_are_averaged(rng):
    images = rng.random((4, 2, 8, 8), dtype=np.float32)
    data = digitnet.Dataset(images, [0, 1, 2, 3], max_value=1)
    layers = [digitnet.layers.Flatten(), digitnet.layers.Dense(10)]
    model = digitnet.Model(layers, data.shape, seed=0)
    plot.feature_maps(model, images[0]).close()
    plot.sample_grid(data).close()
    np.testing.assert_allclose(pixels_of(images[0], 1), images[0].astype(float).mean(0))


def test_the_image_above_the_maps_may_have_its_colours_last(rng):
    image = rng.random((8, 8, 3), dtype=np.float32)
    image[0, 0, 0] = 1
    layers = [digitnet.layers.Conv(2, 3), digitnet.layers.Flatten()]
    model = digitnet.Model([*layers, digitnet.layers.Dense(10)], (3, 8, 8), seed=0)
    shown = plot.feature_maps(model, image)
    panel = shown.axes.child_axes[0]
    np.testing.assert_allclose(panel.images[0].get_array(), image, atol=1e-6)
    shown.close()


@pytest.mark.parametrize("max_channels", [0, -1, 1.5, "2"])
def test_so_many_channels_are_counted(max_channels, world):
    with pytest.raises(ValueError, match="feature_maps.max_channels: expected a whole"):
        plot.feature_maps(world["model"], world["image"], max_channels=max_channels)


@pytest.mark.parametrize("draw", [plot.predictions, plot.misclassified])
def test_samples_that_are_none_are_refused(draw, world):
    where = draw.__name__
    for indices in ([10**6], [0.5], [[1, 2]], 3, "a", [True]):
        with pytest.raises(ValueError, match=f"{where}.indices: expected"):
            draw(world["report"], indices=indices)
    for count in (-1, 1.5, "3", None):
        with pytest.raises(ValueError, match=f"{where}.count: expected a whole number"):
            draw(world["report"], count)
