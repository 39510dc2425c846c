"""The preset `fast` on MNIST at three batch sizes, and epochs of lenet5."""

from __future__ import annotations

import statistics

from context import Context
from trials import mnist, seconds_of

import digitnet

# With the peak of the rate that a validation split preferred.
BATCHES = ((128, 0.012), (256, 0.024), (512, 0.028))
FITS = 5


def to_accuracy(
    context: Context,
    train: digitnet.Dataset,
    test: digitnet.Dataset,
    batch: int,
    rate: float,
) -> None:
    """Times and accuracies of some seeds; the first fit warms up."""
    recipe = digitnet.train.preset("fast")
    options = {**recipe.options, "batch_size": batch, "learning_rate": rate}
    spent, scores, epochs = [], [], []
    for seed in range(FITS + 1 if context.on_gpu else 2):
        model = digitnet.models.make(recipe.network, seed=seed)

        def work(model: digitnet.Model = model, seed: int = seed) -> None:
            model.fit(
                train, seed=seed, device=context.device, progress=False, **options
            )

        spent.append(seconds_of(context, work))
        epochs.append(model.history["seconds"][0])
        scores.append(model.evaluate(test, device=context.device)["accuracy"])
    row = {
        "accuracy": statistics.mean(scores[1:]),
        "fit_seconds": statistics.median(spent[1:]),
        "epoch_seconds": statistics.median(epochs[1:]),
        "first_fit_seconds": spent[0],
    }
    context.put(f"batch {batch}", row)
    print(
        f"batch {batch}: {row['accuracy']:.2%}, fit {1e3 * row['fit_seconds']:.0f} ms, of "
        f"which the epoch {1e3 * row['epoch_seconds']:.0f} ms (first fit {spent[0]:.2f} s)",
        flush=True,
    )


def run(context: Context) -> None:
    train, test = mnist(context)
    for batch, rate in BATCHES:
        to_accuracy(context, train, test, batch, rate)
    for name in ("lenet5", "kaggle-cnn") if context.on_gpu else ("lenet5",):
        history = digitnet.models.make(name, seed=0).fit(
            train, epochs=5, batch_size=256, device=context.device, progress=False
        )
        spent = [round(1e3 * seconds, 1) for seconds in history["seconds"]]
        context.put(f"{name}, ms an epoch", spent)
        print(f"{name}, batch 256, ms an epoch: {spent}", flush=True)
    best = max(context.figures[f"batch {batch}"]["accuracy"] for batch, _ in BATCHES)
    if context.on_gpu and context.figures["data"] == "mnist":
        context.expect(best >= 0.99, f"MNIST: 99 % expected, got {best:.2%} at best")
