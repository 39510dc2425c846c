"""The JSON API: what it predicts, what it refuses, what it survives."""

import io
import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image, ImageDraw

import digitnet
from digitnet.models.pictures import prepare
from digitnet.serve import Limits, app as served, make_app
from digitnet.serve.intake import Refusal, images_of

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient  # noqa: E402

LIMITS = Limits(max_bytes=200_000, max_pixels=90_000, batch=8, rate=1e6, burst=10**6)


@pytest.fixture(scope="module")
def model(stick):
    return digitnet.models.load(stick)


@pytest.fixture(scope="module")
def client(model):
    with TestClient(make_app(model, LIMITS)) as test_client:
        yield test_client


def rows(lying=False):
    image = np.zeros((28, 28), int)
    image[4:24, 13:16] = 255
    return image.T if lying else image


def picture(side=200, kind="PNG", lying=False, mode="L"):
    """A dark stroke on white, as somebody draws it."""
    image = Image.new(mode, (side, side), "white")
    ends = (side * 0.2, side / 2, side * 0.8, side / 2)
    line = ends if lying else (ends[1], ends[0], ends[3], ends[2])
    ImageDraw.Draw(image).line(line, "black", side // 12)
    content = io.BytesIO()
    image.save(content, kind)
    return content.getvalue()


def post(client, body, kind="application/json", path="/api/predict"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, content=content, headers={"content-type": kind})


def test_rows_of_numbers_are_classified_as_predict_does(client, model):
    response = post(client, {"image": rows().tolist()}).json()
    expected = model.predict_proba(rows().astype(np.uint8))[0]
    assert response["label"] == "standing"
    assert response["confidence"] == expected.max()
    assert response["probabilities"] == dict(zip(model.classes, expected, strict=True))


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "text/x"])
def test_json_is_recognised_by_its_look_whatever_it_is_called(client, kind):
    body = b" \n" + json.dumps({"image": rows().tolist()}).encode()
    assert post(client, body, kind).json()["label"] == "standing"


def test_several_images_get_a_prediction_each(client):
    images = [rows().tolist(), rows(lying=True).tolist()]
    response = post(client, {"images": images}).json()
    labels = [one["label"] for one in response["predictions"]]
    assert labels == ["standing", "lying"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
def test_pictures_of_any_kind_and_size_are_cropped_and_centred(client, kind):
    for lying in (False, True):
        response = post(client, picture(kind=kind, lying=lying), "image/any")
        assert response.status_code == 200, response.text
        assert response.json()["label"] == ("lying" if lying else "standing")


def test_pictures_are_limited_by_the_old_name_too(model):
    with (
        pytest.warns(DeprecationWarning, match="'most_pixels' is now called"),
        pytest.raises(ValueError, match="at most 5 pixels"),
    ):
        prepare(model, picture(), most_pixels=5)


def test_a_pictures_bytes_are_prepared_as_by_predict(client, model, tmp_path):
    (tmp_path / "p.png").write_bytes(picture())
    expected = model.predict_proba(prepare(model, tmp_path / "p.png"))[0]
    response = post(client, picture(), "").json()
    np.testing.assert_array_equal(list(response["probabilities"].values()), expected)


def test_an_explanation_shows_what_was_seen_and_where_it_hangs(client):
    response = post(client, picture(), "image/png", "/api/predict?explain=1").json()
    seen, saliency = np.array(response["image"]), np.array(response["saliency"])
    assert seen.shape == saliency.shape == (28, 28)
    assert seen.max() > 200
    assert saliency.min() >= 0 < saliency.max()
    assert response["max_value"] == 255


def test_the_model_and_the_servers_health_are_reported(client, model):
    about = client.get("/api/model").json()
    assert about["name"] == model.name
    assert about["classes"] == ["lying", "standing"]
    assert about["input_shape"] == [1, 28, 28]
    assert about["limits"]["batch"] == 8
    assert client.get("/api/health").json()["status"] == "ok"


def test_metrics_count_requests_images_and_seconds(model):
    with TestClient(make_app(model, LIMITS)) as client:
        post(client, {"images": [rows().tolist()] * 3})
        post(client, {"image": 1})
        client.get("/no/such/path")
        text = client.get("/metrics").text
    assert 'digitnet_requests_total{path="/api/predict",status="200"} 1.0' in text
    assert 'digitnet_requests_total{path="/api/predict",status="422"} 1.0' in text
    assert 'digitnet_requests_total{path="other",status="404"} 1.0' in text
    assert "digitnet_images_total 3.0" in text
    assert 'digitnet_request_seconds_count{path="/api/predict"} 2.0' in text


def test_the_api_describes_itself(client):
    described = client.get("/openapi.json").json()
    predict = described["paths"]["/api/predict"]["post"]
    assert "application/json" in predict["requestBody"]["content"]
    assert {"200", "413", "422", "429"} <= set(predict["responses"])
    assert "/" not in described["paths"]
    assert client.get("/docs").status_code == 200


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "http://" not in page.text + client.get("/page.js").text
    assert "https://" not in page.text + client.get("/page.js").text
    assert client.get("/style.css").headers["content-type"].startswith("text/css")


def test_the_api_page_may_take_two_files_from_elsewhere_and_no_more(client):
    page = client.get("/docs")
    policies = page.headers.get_list("content-security-policy")
    (script,) = (part for part in policies[0].split("; ") if "script-src" in part)
    assert len(policies) == 1
    assert "unsafe-inline" not in script
    sources = re.findall(r'(?:src|href)="(https:[^"]*)"', page.text)
    allowed = re.findall(r"https:[^ ;]*", policies[0])
    assert sorted(sources) == sorted(allowed)
    assert all("/swagger-ui-dist@" in source for source in sources)


def test_a_fault_of_the_server_is_a_response_with_all_headers(stick, monkeypatch):
    def fails(*_):
        raise OSError("a fault")

    app = digitnet.serve.make_app(digitnet.models.load(stick))
    monkeypatch.setattr(served, "respond", fails)
    client = TestClient(app, raise_server_exceptions=False)
    image = {"image": [[0] * 28] * 28}
    for response in (client.post("/api/predict", json=image), client.get("/")):
        for name in ("content-security-policy", "x-content-type-options"):
            assert len(response.headers.get_list(name)) == 1
    response = client.post("/api/predict", json=image)
    assert response.status_code == 500
    assert response.json() == {"detail": "the server failed; its log says how"}
    assert 'path="/api/predict",status="500"' in client.get("/metrics").text


# -- bad input -------------------------------------------------------------------


def nested(depth):
    return b'{"image": ' + b"[" * depth + b"]" * depth + b"}"


BAD = {
    "nothing": (b"", "application/json", 400),
    "no JSON": (b"{", "application/json", 400),
    "bytes that are no text": (b"\xff\xfe", "application/json", 400),
    "another object": ({"picture": []}, "application/json", 422),
    "both": ({"image": [], "images": []}, "application/json", 422),
    "more keys": ({"image": rows().tolist(), "x": 1}, "application/json", 422),
    "a list": ([1, 2], "application/json", 422),
    "a number": ({"image": 3}, "application/json", 422),
    "words": ({"image": [["a"] * 28] * 28}, "application/json", 422),
    "nulls": ({"image": [[None] * 28] * 28}, "application/json", 422),
    "uneven rows": ({"image": [[1] * 28] * 27 + [[1]]}, "application/json", 422),
    "another size": ({"image": [[1] * 27] * 28}, "application/json", 422),
    "no image": ({"images": []}, "application/json", 422),
    "too many": ({"images": [rows().tolist()] * 9}, "application/json", 422),
    "images that are none": ({"images": "x"}, "application/json", 422),
    "beyond the scale": ({"image": [[256] * 28] * 28}, "application/json", 422),
    "below zero": ({"image": [[-1] * 28] * 28}, "application/json", 422),
    "no numbers": (
        b'{"image": [[NaN' + b", 1" * 27 + b"]" + b", [1" + b", 1" * 27 + b"]" + b"]}",
        "application/json",
        422,
    ),
    "infinite": ({"image": [[1e999] * 28] * 28}, "application/json", 422),
    "huge": ({"image": [[10**40] * 28] * 28}, "application/json", 422),
    "deep": (nested(900), "application/json", 422),
    "deeper": (nested(50_000), "application/json", 400),
    "no picture": (b"GIF89a and then nothing", "image/gif", 422),
    "a torn picture": (picture()[:150], "image/png", 422),
    "a program": (b"\x7fELF" * 100, "application/octet-stream", 422),
    "a blank sheet": (Image.new("L", (60, 60), 255), "image/png", 422),
    "too many pixels": (picture(side=301), "image/png", 422),
    "too many bytes": (b"x" * 200_001, "image/png", 413),
}


@pytest.mark.parametrize(("body", "kind", "status"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_a_reason_and_it_stays_up(client, body, kind, status):
    if isinstance(body, Image.Image):
        content = io.BytesIO()
        body.save(content, "PNG")
        body = content.getvalue()
    response = post(client, body, kind)
    assert response.status_code == status, response.text
    assert isinstance(response.json()["detail"], str)
    assert len(response.json()["detail"]) > 10
    assert post(client, {"image": rows().tolist()}).status_code == 200


def test_a_bomb_of_a_picture_is_not_unpacked(client):
    content = io.BytesIO()
    Image.new("L", (30_000, 30_000)).save(content, "PNG", compress_level=9)
    response = post(client, content.getvalue()[:190_000], "image/png")
    assert response.status_code == 422
    assert "pixels" in response.json()["detail"]


@pytest.mark.parametrize("mode", ["sideways", "", "scan%00"])
def test_an_unknown_mode_is_refused(client, mode):
    response = post(client, picture(), "image/png", f"/api/predict?mode={mode}")
    assert response.status_code == 422
    assert "expected scan or exact" in response.json()["detail"]


def test_other_paths_and_methods_are_not_there(client):
    assert client.get("/api/predict").status_code == 405
    for path in ("/etc/passwd", "/../../etc/passwd", "/static/x", "/api/predict/x"):
        assert client.get(path).status_code == 404


def test_too_many_requests_are_refused_for_a_while(model):
    limits = Limits(rate=0.001, burst=3)
    with TestClient(make_app(model, limits)) as client:
        statuses = [client.get("/api/health").status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        detail = client.get("/api/health").json()["detail"]
    assert "requests a second" in detail


@pytest.mark.parametrize(
    "name", ["max_bytes", "max_pixels", "batch", "rate", "seconds"]
)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_limits_that_are_none_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"serve.{name}: expected a positive number"):
        Limits(**{name: value})


@pytest.mark.parametrize(
    ("old", "new"),
    [("body_bytes", "max_bytes"), ("pixels", "max_pixels")],
)
def test_limits_may_still_be_set_and_read_by_their_old_names(old, new):
    with pytest.warns(
        DeprecationWarning, match=f"Limits: '{old}' is now called '{new}'"
    ):
        limits = Limits(**{old: 5})
    assert limits == Limits(**{new: 5})
    with pytest.warns(DeprecationWarning, match=f"Limits: '{old}'"):
        assert getattr(limits, old) == 5


def test_a_network_that_makes_images_is_not_served():
    with pytest.raises(ValueError, match="expected a network with classes"):
        make_app(digitnet.models.make("autoencoder"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["image", "images", "x"]), inner, max_size=2)
    ),
    max_leaves=30,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.binary(max_size=300) | json_values.map(lambda v: json.dumps(v).encode()),
    st.sampled_from(["", "application/json", "image/png", "\x00", "a" * 500]),
    st.sampled_from([None, "scan", "exact", "x"]),
)
def test_any_body_is_images_or_a_refusal(model, body, kind, mode):
    try:
        images, _ = images_of(model, body, kind, mode, LIMITS)
    except Refusal as error:
        assert error.status in (400, 422)
    else:
        assert images.shape[1:] == model.input_shape


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_corrupt_picture_is_read_or_refused(model, data):
    content = bytearray(
        picture(side=40, kind=data.draw(st.sampled_from(["PNG", "GIF"])))
    )
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        images, alone = images_of(model, bytes(content), "image/png", None, LIMITS)
    except Refusal as error:
        assert error.status == 422
    else:
        assert alone
        assert images.shape == (1, 1, 28, 28)
