"""The drawing pad of notebooks: its Python, and its JavaScript in a browser."""

import base64
import importlib
import io
import json
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw
from serve import chrome

import digitnet
from digitnet.models.pictures import prepare

pytest.importorskip("anywidget")
from digitnet import widgets  # noqa: E402


@pytest.fixture
def pad(trained):
    return widgets.DrawPad(trained)


def drawn(size=280):
    """A PNG of a one, as the browser sends it."""
    picture = Image.new("RGBA", (size, size), "white")
    ImageDraw.Draw(picture).line((140, 40, 140, 240), "black", 22)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def test_what_is_drawn_is_predicted_as_a_file_would_be(pad, trained):
    pad.drawn = base64.b64encode(drawn()).decode()
    expected = trained.predict_proba(prepare(trained, drawn()))[0]
    assert pad.probabilities == dict(
        zip(trained.classes, expected.tolist(), strict=True)
    )
    assert pad.label == trained.classes[expected.argmax()]
    assert pad.image.shape == (1, 8, 8)
    assert pad.problem == ""


@pytest.mark.parametrize(
    "sent",
    ["no base64!", base64.b64encode(b"no picture").decode(), "", "AAAA" * 10],
)
def test_what_is_no_drawing_is_named_and_the_old_prediction_goes(pad, sent):
    pad.drawn = base64.b64encode(drawn()).decode()
    pad.drawn = sent
    assert (pad.label, pad.probabilities, pad.image) == ("", {}, None)
    assert bool(pad.problem) == bool(sent)


def test_an_empty_pad_says_that_there_is_no_ink(pad):
    content = io.BytesIO()
    Image.new("L", (280, 280), "white").save(content, "PNG")
    pad.drawn = base64.b64encode(content.getvalue()).decode()
    assert "ink" in pad.problem


def test_a_network_that_makes_images_has_no_pad():
    with pytest.raises(ValueError, match="expected a network with classes"):
        widgets.DrawPad(digitnet.models.make("autoencoder"))


def test_a_missing_anywidget_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "digitnet.widgets")
    with pytest.raises(ImportError, match=r"pip install 'digitnet\[widget\]"):
        importlib.import_module("digitnet.widgets")


GLUE = """
(async () => {
  const text = %s;
  const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
  const {default: widget} = await import(url);
  const state = {drawn: "", label: "", probabilities: {}, problem: ""};
  const told = {};
  window.model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    save_changes: () => { window.saved = (window.saved ?? 0) + 1; },
    on: (event, call) => { (told[event] ??= []).push(call); },
    tell: (values) => {
      Object.assign(state, values);
      for (const name in values) (told["change:" + name] ?? []).forEach((f) => f());
    },
  };
  const el = document.createElement("div");
  document.body.append(el);
  widget.render({model: window.model, el});
})()
"""


def test_a_stroke_goes_to_python_and_the_prediction_is_shown(tmp_path, pad):
    if not chrome.executable():
        pytest.skip("no Chromium here (Debian: chromium)")
    pytest.importorskip("websockets")
    browser = chrome.Chrome(tmp_path)
    try:
        browser.run(GLUE % json.dumps(widgets.DrawPad._esm))
        browser.draw("canvas.dn-pad", [(0.5, 0.15 + 0.07 * i) for i in range(11)])
        chrome.wait(lambda: browser.run("window.saved ?? 0") > 0, 30)
        pad.drawn = browser.run("model.get('drawn')")
        assert np.abs(pad.image).max() > 0
        prediction = {"label": pad.label, "probabilities": pad.probabilities}
        browser.run(f"model.tell({json.dumps(prediction)})")
        assert browser.run("document.querySelector('output').textContent") == pad.label
        assert browser.run("document.querySelectorAll('.dn-bar').length") == 10
        assert browser.run("document.querySelectorAll('.dn-best').length") == 1
        browser.run("document.querySelector('button').click()")
        assert browser.run("model.get('drawn')") == ""
    finally:
        browser.close()
