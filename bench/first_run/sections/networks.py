"""Named networks in both precisions: what is captured, whether it repeats itself.

Five fits each: one as users make it, which is timed; one step by step, timed, too; and,
with deterministic=True, two captured ones and a single one, which must be equal.
"""

from __future__ import annotations

from typing import Any

from context import Context
from trials import difference, fitted, images, is_captured, loop_of

import digitnet

# The steps of two epochs: enough for sixteen a launch, or, of large ones, for a capture.
MANY, FEW, FEW_ON_CPU = 1040, 160, 4
SMALL = (
    *("lenet5", "two-conv-small", "linear", "mlp", "gru", "kaggle-cnn", "norm-cnn"),
    *("vit-tiny", "autoencoder", "mlp-tiny", "optdigits-cnn", "mnistm-cnn"),
)
LARGE = (
    *("resnet18", "m5", "capsnet", "mobilenetv2", "densenet121", "alexnet-small"),
    "resnet50",
)
NAMES = ("lenet5", "resnet18", "gru", *SMALL, *LARGE)  # of each kind one first
BATCH = 8
HEAD = (
    f"{'network':<16}{'precision':<10}{'captured':<9}{'first s':>8}{'step us':>9}"
    f"{'single us':>10}{'twice':>9}{'single':>9}  note"
)


def data_for(name: str, steps: int) -> digitnet.Dataset:
    """So many batches an epoch, and half a one."""
    shape = tuple(digitnet.models.make(name).input_shape)  # [C, H, W]
    sides = shape[-2:]
    if len(shape) == 3 and shape[0] > 1:
        sides += shape[:1]
    return images(sides, BATCH * steps // 2 + BATCH // 2)


def row_of(context: Context, name: str, precision: str) -> dict[str, Any]:
    """One network's figures."""
    steps = MANY if name in SMALL else FEW
    data = data_for(name, steps if context.on_gpu else FEW_ON_CPU)
    steps = len(data) / BATCH
    options: dict[str, Any] = {"precision": precision, "batch_size": BATCH}
    if name == "autoencoder":
        options["augment"] = "noise 10%"

    def trained(**more: Any) -> digitnet.Model:
        model = digitnet.models.make(name, seed=1)
        return fitted(context, model, data, **options, **more)

    usual, single = trained(), trained(capture=False)
    row: dict[str, Any] = {
        "captured": is_captured(usual),
        "loop": loop_of(usual),
        "first_seconds": round(usual.history["seconds"][0], 3),
        "step_us": round(1e6 * usual.history["seconds"][-1] / steps, 1),
        "single_us": round(1e6 * single.history["seconds"][-1] / steps, 1),
    }
    one, two = trained(deterministic=True), trained(deterministic=True)
    alone = trained(deterministic=True, capture=False)
    row["twice"], row["single"] = difference(one, two), difference(one, alone)
    return row


def show(context: Context, name: str, precision: str, row: dict[str, Any]) -> None:
    who = f"{name:<16}{precision:<10}"
    if "error" in row:
        print(f"{who}FAILED   {row['error'][:200]!r}", flush=True)
        context.expect(False, f"{name} {precision}: {row['error'][:120]}")
        return
    note = "" if row["captured"] else row["loop"][-100:]
    print(
        f"{who}{row['captured']!s:<9}{row['first_seconds']:8.2f}{row['step_us']:9.1f}"
        f"{row['single_us']:10.1f}{row['twice']:9.1e}{row['single']:9.1e}  {note}",
        flush=True,
    )
    context.expect(
        row["captured"] or not context.on_gpu, f"{name} {precision}: not captured"
    )
    context.expect(
        row["twice"] == 0,
        f"{name} {precision}: not the same twice ({row['twice']:.1e})",
    )
    most = 2e-3 if precision == "float32" else 5e-2
    context.expect(
        row["single"] <= most, f"{name} {precision}: other weights step by step"
    )


def run(context: Context) -> None:
    print(HEAD, flush=True)
    left_out = []
    order = [(n, p) for n in dict.fromkeys(NAMES) for p in ("float32", "bfloat16")]
    for name, precision in order:
        key = f"{name} {precision}"
        if key in context.figures:
            continue
        if context.left() < 0:
            print(f"{name:<16}{precision:<10}left out: no time", flush=True)
            left_out.append(key)
            context.put("left out", left_out)
            continue
        try:
            row = row_of(context, name, precision)
        except (RuntimeError, TypeError, ValueError) as error:
            row = {"error": f"{type(error).__name__}: {error}"}
        context.put(key, row)
        show(context, name, precision, row)
        context.check_gpu()
