"""Results of two kinds are never mixed in one folder."""

import pytest

import digitnet
from digitnet.cli import main
from digitnet.experiments import Recipe, run

TRAIN = ["train", "--data", "digits", "--model", "linear", "--epochs", "1", "--json"]


def a_training(folder):
    assert main([*TRAIN, "--out", str(folder)]) == 0


def a_recipe(folder):
    recipe = Recipe(
        name="short",
        title="Short",
        paper="none",
        summary="short",
        claims=(),
        stages=(),
    )
    run(recipe, "smoke", out=folder, progress=False)


def a_comparison(folder):
    _, test = digitnet.data.load("digits")
    models = [digitnet.models.make("linear", (8, 8), seed=seed) for seed in (0, 1)]
    for model in models:
        model.fit(test[:50], epochs=1, progress=False)
    digitnet.compare(*models, test[:50]).save(folder)


KINDS = {
    "the run of a training": a_training,
    "the run of a recipe or study": a_recipe,
    "a comparison": a_comparison,
}


@pytest.mark.parametrize("there", KINDS)
def test_results_of_another_kind_stay_as_they_are(there, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "run"
    KINDS[there](folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    capsys.readouterr()
    for kind, write in KINDS.items():
        if kind == there:
            write(folder / "again")  # its own kind's folder may be another's parent
        elif kind == "the run of a recipe or study":
            with pytest.raises(ValueError, match=r"run.out: expected an empty folder"):
                write(folder)
        elif kind == "a comparison":
            with pytest.raises(ValueError, match=f"which holds {there}; give another"):
                write(folder)
    if there != "the run of a training":
        monkeypatch.setattr(digitnet._core.train, "fit", lambda *_: pytest.fail("no"))
        assert main([*TRAIN, "--out", str(folder)]) == 1
        assert f"which holds {there}; give another" in capsys.readouterr().err
    for path, content in before.items():
        assert path.read_bytes() == content


def test_a_training_takes_the_place_of_an_earlier_one(tmp_path):
    a_training(tmp_path / "run")
    a_training(tmp_path / "run")
