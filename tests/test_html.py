"""Pages: contents link to sections, text is escaped, nothing is loaded from elsewhere."""

from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import digitnet
from digitnet import runs
from digitnet._utils.html import Page
from digitnet.experiments import Claim, Recipe, Stage, run
from digitnet.layers import Dense, Flatten
from digitnet.testing.explain import as_html

NASTY = '<script>alert("1 & 2")</script>'
VOID = {"meta", "img", "br", "hr", "input", "link"}


class Outline(HTMLParser):
    """Anchors, links, sources and the text of a page; fails where tags do not close."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.links, self.sources, self.tags = [], [], [], []
        self.open, self.text = [], ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, values in (
            ("id", self.ids),
            ("href", self.links),
            ("src", self.sources),
        ):
            if name in attributes:
                values.append(attributes[name])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def assert_stands_alone(page, *, pictures=0):
    """Every link of the page leads to a part of it, every picture is inside."""
    outline = Outline(page)
    assert outline.links == [f"#{name}" for name in outline.ids]
    assert len(set(outline.ids)) == len(outline.ids) > 0
    assert len(outline.sources) == pictures
    assert all(s.startswith("data:image/png;base64,") for s in outline.sources)
    assert not {"script", "link", "iframe"} & set(outline.tags)
    head, _, body = page.partition("<body>")
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in head
    assert " style=" not in body
    return outline


def png():
    figure, _ = plt.subplots(figsize=(1, 1))
    try:
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba()).tobytes()[:64]
    finally:
        plt.close(figure)


def test_everything_that_is_text_is_escaped():
    page = Page(NASTY)
    page.text(NASTY, "note")
    page.section(NASTY)
    page.subsection(NASTY)
    page.text(NASTY)
    page.bullets([NASTY])
    page.code(NASTY)
    page.table(pd.DataFrame({NASTY: [NASTY]}, index=[NASTY]))
    page.picture(NASTY, png())
    outline = assert_stands_alone(str(page), pictures=1)
    # In title and heading, note, contents, section, subsection, text, list, code, three
    # times in the table, and above the picture.
    assert outline.text.count(NASTY) == 13
    assert "<script>" not in str(page)


def test_sections_of_one_title_have_different_anchors():
    page = Page("x")
    for title in ("On MNIST", "On MNIST", "on mnist 2", "?", "!"):
        page.section(title)
    assert Outline(str(page)).ids == [
        *("on-mnist", "on-mnist-2", "on-mnist-2-2"),
        *("section", "section-2"),
    ]


def test_the_contents_stand_below_what_precedes_the_first_section():
    page = Page("x")
    page.text("opening")
    page.section("First")
    page.text("closing")
    text = str(page)
    places = [
        text.index(p) for p in ("opening", "<nav", '<section id="first">', "closing")
    ]
    assert places == sorted(places)
    assert "<nav" not in str(Page("x"))


def test_long_texts_of_a_table_are_whole():
    page = Page("x")
    page.table(pd.DataFrame({"text": ["long" * 40], "number": [0.12345678]}))
    assert "long" * 40 in str(page)
    assert "0.1235" in str(page)


@pytest.fixture(scope="module")
def two(digits):
    """Two trained models."""
    models = []
    for seed in (0, 1):
        model = digitnet.Model([Flatten(), Dense(10)], (8, 8), seed=seed, name=NASTY)
        model.fit(digits[0][:200], epochs=2, seed=seed, progress=False)
        models.append(model)
    return models


def test_the_page_of_a_training_stands_alone(two, digits, tmp_path):
    model = two[0]
    path = runs.write_run(tmp_path, model, model.history, model.evaluate(digits[1]))
    pictures = len(list(tmp_path.glob("*.png")))
    outline = assert_stands_alone(path.read_text(), pictures=pictures)
    assert pictures > 5
    assert "Confusion matrix" in outline.text
    assert f"{NASTY} on " in outline.text


def test_the_page_of_a_comparison_stands_alone(two, digits, tmp_path):
    comparison = digitnet.compare(*two, digits[1], names=(NASTY, "b"))
    path = comparison.save(tmp_path / "new")
    outline = assert_stands_alone(path.read_text(), pictures=2)
    assert comparison.verdict() in outline.text
    assert outline.ids == ["metrics", "images-on-which-they-differ", "training-curves"]


def test_the_page_of_a_recipe_stands_alone(tmp_path):
    def stage(name):
        def work(context):
            context.note(NASTY)
            context.text(NASTY)
            context.table(f"numbers {name}", NASTY, pd.DataFrame({"a": [1.0]}))
            context.figure(
                f"line {name}",
                NASTY,
                lambda: digitnet.plot.comparison(pd.Series({"a": 1.0}, name="score")),
            )

        return Stage(name, NASTY, work)

    recipe = Recipe(
        name="page",
        title=NASTY,
        paper=NASTY,
        summary="a page",
        claims=(Claim("absent", NASTY, 0.5),),
        stages=(stage("first"), stage("second")),
        remarks=(NASTY,),
    )
    result = run(recipe, out=tmp_path / "r", seeds=1, progress=False)
    outline = assert_stands_alone(result.page.read_text(), pictures=2)
    assert outline.text.count(NASTY) == 16


def test_the_page_of_regression_checks_stands_alone(tmp_path):
    (tmp_path / "wrong.png").write_bytes(png())
    row = {"metric": NASTY, "baseline": 0.9, "tolerance": 0.1, "reason": NASTY}
    row |= {"measured": 0.5, "verdict": "worse"}
    check = {"test": NASTY, "rows": [row], "details": [NASTY]}
    checks = [
        check | {"picture": str(tmp_path / "wrong.png")},
        {"test": "weights", "weights": "written"},
    ]
    outline = assert_stands_alone(as_html(checks), pictures=1)
    assert outline.text.count(NASTY) == 6
