"""The fuzzers of Python's readers on their corpus, and on a few hundred mutations of it."""

import random
import time
from importlib.util import find_spec

import pytest
from conftest import SEED
from fuzz.make_corpus import CORPUS
from fuzz.mutations import mutated
from fuzz.targets import TARGETS, fuzz_one, variants

MAX_SECONDS = 5  # for one input, on a machine that is busy
MUTATIONS = 60


CASES = [
    pytest.param(name, marks=[pytest.mark.torch] * ("torch" in target.packages))
    for name, target in TARGETS.items()
]


def corpus(name):
    for package in TARGETS[name].packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def quickly(name, content):
    start = time.monotonic()
    fuzz_one(name, content)
    assert time.monotonic() - start < MAX_SECONDS


@pytest.mark.parametrize("name", CASES)
def test_the_corpus_is_read_or_refused(name):
    files = corpus(name)
    assert len(files) >= 3
    for content in files:
        for variant in variants(content):
            quickly(name, variant)


@pytest.mark.parametrize("name", CASES)
def test_mutations_are_read_or_refused(name):
    files = corpus(name)
    rng = random.Random(f"{SEED} {name}")
    for _ in range(MUTATIONS):
        content = mutated(rng, files)
        try:
            quickly(name, content)
        except Exception:
            print(f"{name}: {content!r:.2000}")
            raise


def test_the_corpus_stays_small_and_has_no_stranger():
    paths = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in paths) < 300_000
    core = {"idx", "csv", "label_list", "scan", "resize", "contours", "augment"}
    core |= {"preprocess", "layers"}
    assert {path.parent.name for path in paths} == core | set(TARGETS)
