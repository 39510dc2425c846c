"""One fuzzer of Python's readers in atheris: by_atheris.py NAME, then libFuzzer's options."""

import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[1])]

with atheris.instrument_imports(include=["digitnet", "PIL"]):
    from fuzz.targets import fuzz_one

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], lambda content: fuzz_one(name, content))
    atheris.Fuzz()
