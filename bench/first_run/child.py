"""One section in a process of its own: a GPU's context that it loses is its own.

python bench/first_run/child.py SECTION DEVICE SECONDS FOLDER
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from context import AGAIN, Context, LostContextError


def main() -> int:
    name, device, seconds, folder = sys.argv[1:]
    context = Context(name, device, float(seconds), Path(folder))
    try:
        importlib.import_module(f"sections.{name}").run(context)
    except LostContextError as error:
        print(f"the GPU is lost to this process: {error}", flush=True)
        return AGAIN
    except Exception as error:  # of whatever kind: it is the answer
        traceback.print_exc(limit=-6)
        context.fail(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
