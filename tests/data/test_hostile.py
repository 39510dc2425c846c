"""Whatever comes in: a result or a ValueError, never a crash and never another error."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as arrays

import digitnet

quickly = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
any_dtype = st.one_of(
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?"),
    arrays.boolean_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.datetime64_dtypes(),
    arrays.unicode_string_dtypes(max_len=3),
)


@quickly
@given(
    arrays.arrays(
        any_dtype, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)
    )
)
def test_any_array_becomes_images_or_a_value_error(array):
    try:
        data = digitnet.Dataset(array)
    except ValueError as error:
        assert "Dataset.images: expected" in str(error)
    else:
        assert data.images.dtype in (np.uint8, np.float32)
        assert np.isfinite(data.images).all()
        assert 0 <= data.images.min() <= data.images.max() <= data.max_value


@quickly
@given(
    arrays.arrays(
        any_dtype, arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)
    )
)
def test_any_labels_are_classes_or_a_value_error(array):
    images = np.zeros((3, 2, 2), np.uint8)
    try:
        data = digitnet.Dataset(images, array)
    except ValueError as error:
        assert "Dataset.labels: expected" in str(error)
    else:
        assert ((data.labels >= 0) & (data.labels < 10)).all()


@quickly
@given(st.binary(max_size=200))
def test_any_bytes_are_an_idx_file_or_a_data_error(tmp_path, content):
    (tmp_path / "x").write_bytes(b"\0\0\x08" + content)
    try:
        digitnet.data.read_idx(tmp_path / "x")
    except digitnet.DataError as error:
        assert str(error).startswith("x: ")


@quickly
@given(st.text(alphabet='0123456789,.\n\r -label"\x00é', max_size=120))
def test_any_text_is_a_csv_file_or_a_data_error(tmp_path, content):
    (tmp_path / "x").write_text(content)
    try:
        data = digitnet.data.read_csv(tmp_path / "x")
    except digitnet.DataError as error:
        assert str(error).startswith("x")
    else:
        assert len(data) > 0


@quickly
@given(st.text(alphabet="shift rotate zoom 0123456789.|px%deg-+einf", max_size=40))
def test_any_text_is_a_pipeline_or_a_value_error(text):
    try:
        pipeline = digitnet.augment.Pipeline(text)
    except ValueError:
        return
    out = pipeline(np.full((1, 1, 3, 3), 9, np.uint8), seed=1)
    assert np.isfinite(out).all()
    assert digitnet.augment.Pipeline(pipeline.text).text == pipeline.text


@pytest.mark.parametrize(
    "strange", [slice(None, None, -1), slice(1, 5, 2), slice(3, 3)]
)
def test_slices_are_numpys(digits, strange):
    train, _ = digits
    part = train[:7][strange]
    np.testing.assert_array_equal(part.labels, train.labels[:7][strange])
    assert len(part) == len(part.labels)
