"""The data of a lesson: placeholders in smoke mode alone, and said to be such."""

import pytest

from digitnet.experiments import load_data


@pytest.mark.usefixtures("nothing_here")
def test_smoke_mode_takes_a_placeholder_and_says_so(capsys):
    train, test = load_data("fashion-mnist", "smoke")
    assert train.shape == test.shape == (1, 28, 28)
    assert train.max_value == 255
    assert "fashion-mnist is not on this machine" in capsys.readouterr().out


@pytest.mark.usefixtures("nothing_here")
def test_other_modes_ask_for_the_real_files():
    with pytest.raises(FileNotFoundError, match="mnist"):
        load_data("mnist", "quick")
    with pytest.raises(FileNotFoundError, match="SVHN|svhn"):
        load_data("svhn", "smoke")  # nothing looks like it


def test_data_that_are_here_are_not_replaced(capsys):
    train, _ = load_data("digits", "smoke")
    assert train.shape == (1, 8, 8)
    assert capsys.readouterr().out == ""


def test_an_unknown_mode_or_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="smoke, quick, default, full, got 'fast'"):
        load_data("mnist", "fast")
    with pytest.raises(ValueError, match="fashion-mnist"):
        load_data("nist", "smoke")
