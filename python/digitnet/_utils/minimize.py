"""The minimum of a function of one number: parabolas where they fit, else golden sections."""

from __future__ import annotations

import math
from collections.abc import Callable

_GOLDEN = (3 - math.sqrt(5)) / 2
_ROUNDING = math.sqrt(2.2e-16)  # closer than this, values of a function do not differ


def minimize(
    function: Callable[[float], float],
    low: float,
    high: float,
    *,
    tolerance: float = 1e-5,
    max_steps: int = 500,
) -> float:
    """Where a function is smallest between two bounds; a local minimum if it has several.

    Args:
        function: From a float to a float.
        low: Lower bound.
        high: Upper bound.
        tolerance: How far from the minimum the result may be, beside rounding.
        max_steps: The function is called at most so often, plus once.
    Source:
        Brent, Algorithms for minimization without derivatives, 1973, chapter 5.
    Example:
        >>> from digitnet._utils.minimize import minimize
        >>> round(minimize(lambda x: (x - 2) ** 2, 0, 5), 4)
        2.0
    """
    # Three best places so far with their values, the best first.
    start = low + _GOLDEN * (high - low)
    best, second, third = [(start, function(start))] * 3
    step = before = 0.0  # the last step and the one before
    for _ in range(max_steps):
        x, middle = best[0], (low + high) / 2
        smallest = _ROUNDING * abs(x) + tolerance / 3
        if abs(x - middle) <= 2 * smallest - (high - low) / 2:
            break
        parabola = None
        if abs(before) > smallest:
            parabola = _parabola_step(best, second, third, low, high, before)
        if parabola is not None:
            before, step = step, parabola
            if min(x + step - low, high - x - step) < 2 * smallest:
                step = smallest if middle >= x else -smallest
        else:
            before = (low if x >= middle else high) - x
            step = _GOLDEN * before
        to = x + (step if abs(step) >= smallest else math.copysign(smallest, step))
        point = (to, function(to))
        if point[1] <= best[1]:
            low, high = (x, high) if to >= x else (low, x)
            best, second, third = point, best, second
            continue
        low, high = (to, high) if to < x else (low, to)
        if point[1] <= second[1] or second[0] == x:
            second, third = point, second
        elif point[1] <= third[1] or third[0] in (x, second[0]):
            third = point
    return best[0]


def _parabola_step(
    best: tuple[float, float],
    second: tuple[float, float],
    third: tuple[float, float],
    low: float,
    high: float,
    before: float,
) -> float | None:
    """From the best place to the bottom of the parabola through three; None if that lies
    outside the bounds, or the step would not be half of the one before the last."""
    (x, fx), (w, fw), (v, fv) = best, second, third
    r = (x - w) * (fx - fv)
    q = (x - v) * (fx - fw)
    p = (x - v) * q - (x - w) * r
    q = 2 * (q - r)
    p, q = (-p if q > 0 else p), abs(q)
    fits = abs(p) < abs(q * before / 2) and q * (low - x) < p < q * (high - x)
    return p / q if fits else None
