"""Reference implementations of chain codes, transitions and the image distortion model,
written from their definitions with NumPy and scipy, pixel after pixel."""

import numpy as np
from scipy import ndimage

# (row, column) of Freeman's directions: east, north-east, north, ...
STEPS = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
TOUCHING = np.ones((3, 3), int)


def components(ink):
    """Each component of ink (touching at sides or corners) as a bitmap."""
    labels, count = ndimage.label(ink, TOUCHING)
    return [labels == k for k in range(1, count + 1)]


def contour(component):
    """[(row, column, direction)] of a component's outer contour.

    Walked as one walks along a wall with a hand on it: the paper at the pixel's north is
    where the hand lies at first, then the last pixel of paper that was looked at.
    """
    ink = np.pad(component, 1)
    start = tuple(int(v) for v in np.argwhere(ink)[0])
    place, looked_from, steps = start, 2, []
    while True:
        # From the paper behind the hand on, turning over west.
        turns = [(looked_from + turn) % 8 for turn in range(1, 9)]
        ahead = [
            d for d in turns if ink[place[0] + STEPS[d][0], place[1] + STEPS[d][1]]
        ]
        if not ahead:
            return []
        d = ahead[0]
        if steps and place == start and d == steps[0][2]:
            return steps
        steps.append((place[0] - 1, place[1] - 1, d))
        paper = STEPS[(d - 1) % 8]  # the last that was looked at
        beyond = (place[0] + paper[0], place[1] + paper[1])
        place = (place[0] + STEPS[d][0], place[1] + STEPS[d][1])
        looked_from = STEPS.index((beyond[0] - place[0], beyond[1] - place[1]))


def box_of(ink):
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return (
        rows[0],
        columns[0],
        ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1],
    )


def chain_code_histogram(ink, zones):
    """(zones, zones, 8) of one bitmap."""
    counts = np.zeros((zones, zones, 8))
    if not ink.any():
        return counts
    top, left, box = box_of(ink)
    for component in components(ink):
        for row, column, direction in contour(component):
            zone = (
                (row - top) * zones // len(box),
                (column - left) * zones // len(box[0]),
            )
            counts[(*zone, direction)] += 1
    return counts / max(counts.sum(), 1)


def transition_counts(ink, bands):
    """(2, bands) of one bitmap."""
    means = np.zeros((2, bands))
    if not ink.any():
        return means
    *_, box = box_of(ink)
    for side, lines in enumerate((box, box.T)):
        changes = np.abs(np.diff(np.pad(lines, ((0, 0), (1, 1))).astype(int))).sum(1)
        band = np.arange(len(lines)) * bands // len(lines)
        for b in np.unique(band):
            means[side, b] = changes[band == b].mean()
    return means


def gradients(image):
    """image (C, H, W) to (2 C, H, W), continued by zeros."""
    return np.concatenate(
        [
            [ndimage.sobel(plane.astype(int), axis, mode="constant") for axis in (1, 0)]
            for plane in image
        ]
    )


def idm_distance(image, reference, warp, context):
    """Of two images (C, H, W)."""
    around = ((0, 0), (context, context), (context, context))
    ours, other = (np.pad(gradients(i), around) for i in (image, reference))
    _, height, width = image.shape
    size = 2 * context + 1
    total = 0
    for y in range(height):
        for x in range(width):
            patch = ours[:, y : y + size, x : x + size]
            total += min(
                int(((patch - other[:, q : q + size, r : r + size]) ** 2).sum())
                for q in range(max(0, y - warp), min(height, y + warp + 1))
                for r in range(max(0, x - warp), min(width, x + warp + 1))
            )
    return total
