"""What scikit-learn's form costs: DigitClassifier.fit against Model.fit, interleaved.

python bench/estimator.py
"""

from __future__ import annotations

import statistics
import time

import digitnet
from digitnet.sklearn import DigitClassifier

ROUNDS, IMAGES, EPOCHS = 9, 20_000, 2


def main() -> None:
    train, _ = digitnet.data.load("mnist")
    images, labels = train.images[:IMAGES], train.labels[:IMAGES]

    def estimator() -> None:
        DigitClassifier("two-conv-small", epochs=EPOCHS).fit(images, labels)

    def core() -> None:
        model = digitnet.models.make("two-conv-small")
        model.fit((images, labels), epochs=EPOCHS, progress=False)

    seconds: dict[str, list[float]] = {"core": [], "estimator": []}
    for _ in range(ROUNDS):
        for name, work in (("core", core), ("estimator", estimator)):
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    ratios = [e / c for e, c in zip(seconds["estimator"], seconds["core"], strict=True)]
    for name, values in seconds.items():
        print(f"{name:<10} {statistics.median(values):.3f} s")
    print(f"estimator over core: {statistics.median(ratios):.3f} (median of {ROUNDS})")


if __name__ == "__main__":
    main()
