"""scikit-learn's estimators over the same core: for pipelines, searches, cross-validation.

Example:
    >>> from sklearn.model_selection import cross_val_score
    >>> from digitnet.sklearn import DigitClassifier
    >>> train, test = digitnet.data.load("digits")
    >>> classifier = DigitClassifier(epochs=5)
    >>> scores = cross_val_score(classifier, train.images, train.labels, cv=3)
    >>> bool(scores.mean() > 0.8)
    True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digitnet import models
from digitnet._utils.extras import extra_packages
from digitnet.data.dataset import Dataset
from digitnet.layers import Dense, Flatten, ReLU
from digitnet.models.model import Model
from digitnet.train.history import History

with extra_packages("digitnet.sklearn"):
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        TransformerMixin,
    )
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_is_fitted,
        validate_data,
    )

if TYPE_CHECKING:
    from typing import Self

__all__ = ["DigitClassifier", "DigitFeatures"]

_MIN_SIDE = 8  # of a row of pixels that is taken for a square image
_MAX_COLUMNS = 1024  # of a table side by side; wider ones are folded
_MAX_STD = 16.0  # standard deviations; what is farther off counts as that far


def _rows(estimator: Any, images: Any, **checks: Any) -> tuple[Any, Any]:
    """X (and y, if it is among the checks) as scikit-learn checks them, X as (N,
    features); and the shape of a sample of three or four dimensions, or None."""
    if not hasattr(images, "shape"):
        images = np.asarray(images)
    shape = images.shape
    if len(shape) not in (3, 4):
        return validate_data(estimator, images, **checks), None
    flat = np.asarray(images).reshape(shape[0], math.prod(shape[1:]))
    return validate_data(estimator, flat, **checks), shape[1:]


class DigitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network as an estimator.

    Args:
        model: "auto", the name of a network, or a function that makes a `digitnet.Model`
            of a seed. "auto": for images a small convolutional network; for any other
            table two hidden layers on standardised columns.
        image_shape: (height, width) or (channels, height, width) of rows of pixels.
            Default: the shape of X if it has three or four dimensions; a square, if X has
            a square number of columns from 64 and no number below 0 or above 255.
        epochs: Passes over the data. Default: 10 for images; for tables as many as make
            600 steps, 10 to 200.
        batch_size: Samples a step.
        optimizer: As `Model.fit` takes it.
        learning_rate: Default: the optimizer's own; for tables .01.
        augment: As `Model.fit` takes it.
        validation: Fraction of the samples to hold out; their scores are in `history_`.
        fit_options: More options of `Model.fit`.
        device: "auto", "cpu" or "cuda".
        random_state: Seed of the first weights and of the order.
        warm_start: Whether `fit` goes on with the weights of the last one.
        verbose: Whether there is a progress bar.
    Attributes:
        classes_: The labels, sorted.
        n_features_in_: Numbers a sample.
        feature_names_in_: Names of the columns, if X had any.
        image_shape_: Shape of a sample, or None for a table.
        model_: The `digitnet.Model`.
        history_: What its last training left.
    Example:
        >>> train, test = digitnet.data.load("digits")
        >>> classifier = DigitClassifier(epochs=5).fit(train.images, train.labels)
        >>> classifier.model_.name, bool(classifier.score(test.images, test.labels) > 0.8)
        ('norm-cnn', True)
    """

    def __init__(
        self,
        model: str | Callable[[int], Model] = "auto",
        *,
        image_shape: tuple[int, ...] | None = None,
        epochs: int | None = None,
        batch_size: int = 64,
        optimizer: Any = "adam",
        learning_rate: float | None = None,
        augment: Any = None,
        validation: float | None = None,
        fit_options: Mapping[str, Any] | None = None,
        device: str = "auto",
        random_state: Any = 0,
        warm_start: bool = False,
        verbose: bool | int = False,
    ) -> None:
        self.model = model
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.augment = augment
        self.validation = validation
        self.fit_options = fit_options
        self.device = device
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train.

        Args:
            X: (N, features), (N, H, W) or (N, C, H, W) numbers.
            y: (N,) labels of any kind that sorts.
            sample_weight: (N,) weights.
        Raises:
            ValueError: as scikit-learn says it; fewer than two classes; a shape that the
                network cannot take.
        """
        again = self.warm_start and hasattr(self, "model_")
        rows, y, shape = self._check(X, y, reset=not again)
        if again:
            self._require_known_classes(y)
        else:
            self._begin(rows, np.unique(y), shape)
        steps = math.ceil(len(rows) / self.batch_size)
        usual = 10 if self.image_shape_ else min(200, max(10, math.ceil(600 / steps)))
        epochs = usual if self.epochs is None else self.epochs
        return self._train(rows, y, sample_weight, epochs, self.validation, {})

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Self:
        """One pass over these samples, at a constant rate.

        Args:
            X, y, sample_weight: As in `fit`.
            classes: All labels that will come; needed at the first call.
        """
        first = not hasattr(self, "model_")
        rows, y, shape = self._check(X, y, reset=first)
        if first:
            if classes is None:
                raise ValueError(
                    "DigitClassifier.partial_fit: expected classes at the first call, "
                    "got none"
                )
            self._begin(rows, np.unique(np.asarray(classes)), shape)
        self._require_known_classes(y)
        constant = {"schedule": "constant"}
        return self._train(rows, y, sample_weight, 1, None, constant)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities of `classes_`, (N, K)."""
        check_is_fitted(self)
        return self.model_.predict_proba(self._checked_images(X), device=self.device)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each sample, (N,)."""
        check_is_fitted(self)
        predicted = self.model_.predict(self._checked_images(X), device=self.device)
        return np.asarray(self.classes_[predicted])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    # -- in parts ---------------------------------------------------------------

    def _check(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any, Any]:
        (rows, y), shape = _rows(self, X, y=y, reset=reset)
        check_classification_targets(y)
        return rows, y, shape

    def _require_known_classes(self, y: Any) -> None:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"DigitClassifier: expected labels among {self.classes_.tolist()}, got "
                f"{unknown.tolist()}; with new classes fit anew"
            )

    def _begin(self, rows: Any, classes: Any, shape: Any) -> None:
        """First weights; nothing is set if they cannot be made."""
        if len(classes) < 2:
            raise ValueError(
                f"DigitClassifier.fit: expected at least 2 classes, got {len(classes)} "
                "class"
            )
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        shape = self._shape_of(rows, shape)
        model = self._make_model(int(seed), shape, rows.shape[1], classes)
        self.classes_, self.model_, self.image_shape_ = classes, model, shape
        self._seed, self._trainings = int(seed), 0
        if shape is None:
            self._scaler = StandardScaler().fit(rows)

    def _shape_of(self, rows: Any, shape: Any) -> tuple[int, ...] | None:
        """(C, H, W) of a sample, or None for a table."""
        features = rows.shape[1]
        if self.image_shape is not None:
            shape = tuple(self.image_shape)
        side = math.isqrt(features)
        square = side * side == features and side >= _MIN_SIDE
        if shape is None and square and rows.min() >= 0 and rows.max() <= 255:
            shape = (side, side)
        if shape is None:
            return None
        if len(shape) not in (2, 3) or math.prod(shape) != features:
            raise ValueError(
                f"DigitClassifier.image_shape: expected two or three sides whose product "
                f"is {features}, got {shape}"
            )
        if len(shape) == 3 and shape[0] not in (1, 3) and shape[2] in (1, 3):
            raise ValueError(
                f"DigitClassifier: expected images with channels first, got {shape}; "
                "X.transpose(0, 3, 1, 2)"
            )
        return (1, *shape) if len(shape) == 2 else shape

    def _make_model(self, seed: int, shape: Any, features: int, classes: Any) -> Model:
        names = [str(label) for label in classes]
        if callable(self.model):
            model = self.model(seed)
            fits = math.prod(model.input_shape) == features
            if not fits or len(model.classes) != len(names):
                raise ValueError(
                    f"DigitClassifier.model: expected one for {features} numbers a sample "
                    f"and {len(names)} classes, got {model!r}"
                )
            return model
        if shape is None:
            if self.model != "auto":
                raise ValueError(
                    f"DigitClassifier.model: expected images for '{self.model}', got "
                    f"{features} columns; give image_shape, or model='auto'"
                )
            layers = [
                Flatten(),
                Dense(64),
                ReLU(),
                Dense(64),
                ReLU(),
                Dense(len(names)),
            ]
            centre = {"mean": [0.5], "std": [0.5 / _MAX_STD]}
            steps = ["scale", ("standardise", centre)]
            table = (1, math.ceil(features / _MAX_COLUMNS), min(features, _MAX_COLUMNS))
            return Model(layers, table, names, steps, seed=seed, name="table")
        return models.make(self._name_for(shape), shape, names, seed)

    def _name_for(self, shape: tuple[int, ...]) -> str:
        if self.model != "auto":
            return str(self.model)
        if shape[0] != 1:
            return "mnistm-cnn"
        return "norm-cnn" if min(shape[1:]) < 20 else "two-conv-small"

    def _images(self, rows: Any) -> npt.NDArray[Any]:
        """Rows as the model takes them."""
        if self.image_shape_:
            largest = self.model_.max_value
            # Scalers in front leave some new pixels outside; another scale is refused.
            if largest and rows.dtype.kind == "f" and 0 <= rows.mean() <= largest:
                rows = rows.clip(0, largest)
            return np.asarray(rows.reshape(-1, *self.image_shape_))
        parts = (self._scaler.transform(rows).clip(-_MAX_STD, _MAX_STD) + _MAX_STD) / (
            2 * _MAX_STD
        )
        short = math.prod(self.model_.input_shape) - parts.shape[1]
        if short:  # filled with every column's mean: nothing is learned of it
            parts = np.pad(parts, ((0, 0), (0, short)), constant_values=0.5)
        return np.asarray(parts.reshape(-1, *self.model_.input_shape), np.float32)

    def _train(
        self,
        rows: Any,
        y: Any,
        sample_weight: Any,
        epochs: int,
        validation: Any,
        more: dict[str, Any],
    ) -> Self:
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, rows)
        rate = self.learning_rate
        data = Dataset(
            self._images(rows),
            np.searchsorted(self.classes_, y),
            classes=self.model_.classes,
            max_value=self.model_.max_value or (None if self.image_shape_ else 1.0),
        )
        self.history_: History = self.model_.fit(
            data,
            validation,
            epochs=epochs,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            learning_rate=0.01 if rate is None and not self.image_shape_ else rate,
            augment=self.augment,
            sample_weight=sample_weight,
            # A training that goes on sees another order and other augmentations.
            seed=(self._seed + self._trainings) % 2**64,
            device=self.device,
            progress=bool(self.verbose),
            **{**(self.fit_options or {}), **more},
        )
        self._trainings += 1
        return self

    def _checked_images(self, X: Any) -> npt.NDArray[Any]:
        rows, _ = _rows(self, X, reset=False)
        return self._images(rows)


class DigitFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer: features of a trained network, for other estimators.

    Args:
        model: A trained `digitnet.Model`, or a file that `Model.save` wrote.
        layer: A layer's name. Default: what is behind the last flatten.
    Attributes:
        n_features_in_: Numbers a sample.
    Example:
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.svm import SVC
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("optdigits-cnn")
        >>> history = model.fit(train, epochs=3, progress=False)
        >>> classifier = make_pipeline(DigitFeatures(model), SVC())
        >>> classifier = classifier.fit(train.images, train.labels)
        >>> bool(classifier.score(test.images, test.labels) > 0.8)
        True
    """

    def __init__(self, model: Any, layer: str | None = None) -> None:
        self.model = model
        self.layer = layer

    def fit(self, X: Any, y: Any = None) -> Self:
        """Nothing is learned; the model and the shape of X are checked."""
        network = (
            self.model if isinstance(self.model, Model) else models.load(self.model)
        )
        if self.layer is not None:
            network.require_layers([self.layer])
        rows, _ = _rows(self, X, reset=True)
        if rows.shape[1] != math.prod(network.input_shape):
            raise ValueError(
                f"DigitFeatures.fit: expected {math.prod(network.input_shape)} numbers a "
                f"sample, as the model takes, got {rows.shape[1]}"
            )
        self.model_ = network
        self._n_features_out = self.transform(X[:1]).shape[1]
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """(N, features of the layer) float32."""
        check_is_fitted(self)
        rows, _ = _rows(self, X, reset=False)
        images = rows.reshape(-1, *self.model_.input_shape)
        return self.model_.features(images, self.layer, progress=False)
