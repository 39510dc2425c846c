"""Reference implementations of the corruptions, written from their definitions with NumPy and scipy.

An image is (H, W) float64 in [0, 1]; what they return is clipped by the caller.
"""

import math

import numpy as np
from reference import augment
from scipy import ndimage

STREAM = 65536
NUMBERS = {
    name: number
    for number, name in enumerate(
        (
            *("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear"),
            *("scale", "rotate", "translate", "brightness", "stripe", "fog", "spatter"),
            *("dotted_line", "zigzag", "canny_edges"),
        ),
        start=1,
    )
}


class Draws(augment.Draws):
    """The numbers of one corruption of one sample."""

    def __init__(self, seed, name, sample):
        self.address = (STREAM + NUMBERS[name], 0, sample)
        self.key = (seed % 2**32, seed >> 32)
        self.words, self.block = [], 0

    def sign(self):
        return 1 if self.bits() & 1 else -1

    def normal(self):
        length = math.sqrt(-2 * math.log(1 - self.uniform()))
        return length * math.cos(2 * math.pi * self.uniform())


def unit(image):
    return min(image.shape) / 28


def gaussian(image, sigma):
    return ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=4)


def shot_noise(draws, image):
    out = image.copy()
    for index in zip(*np.nonzero(image), strict=True):
        count, product = 0, draws.uniform()
        while product > math.exp(-3 * image[index]):
            count, product = count + 1, product * draws.uniform()
        out[index] = count / 3
    return out


def impulse_noise(draws, image):
    draw = np.array([draws.uniform() for _ in range(image.size)]).reshape(image.shape)
    return np.where(draw < 0.085, 0, np.where(draw < 0.17, 1, image))


def glass_blur(draws, image):
    out = gaussian(image, 0.7)
    height, width = image.shape
    for _ in range(2):
        for y in range(height - 1, 1, -1):
            for x in range(width - 1, 1, -1):
                bits = draws.bits()
                other = (y - (bits & 1), x - (bits >> 1 & 1))
                out[y, x], out[other] = out[other], out[y, x]
    return gaussian(out, 0.7)


def motion_blur(draws, image):
    sigma, taps = 3 * unit(image), 1 + math.floor(20 * unit(image) + 0.5)
    angle = draws.uniform(-math.pi / 4, math.pi / 4)
    weights = np.exp(-(np.arange(taps) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    wide = np.pad(image, taps, mode="edge")
    out = np.zeros_like(image)
    height, width = image.shape
    for k, weight in enumerate(weights):
        dx, dy = round(k * math.cos(angle)), round(k * math.sin(angle))
        rows, columns = taps + dy, taps + dx
        out += weight * wide[rows : rows + height, columns : columns + width]
    return out


def warped(image, matrix, shift=(0, 0)):
    """matrix and shift act on (x, y) from the middle."""
    middle = (np.array(image.shape) - 1) / 2
    swapped = np.array(matrix)[::-1, ::-1]  # to (y, x)
    offset = middle - swapped @ middle + np.array(shift)[::-1]
    return ndimage.affine_transform(
        image, swapped, offset, order=1, mode="grid-constant"
    )


def shear(draws, image):
    angle = 0.4 * draws.sign()
    return warped(image, [[1, -math.sin(angle)], [0, math.cos(angle)]])


def scale(draws, image):
    return warped(image, np.eye(2) / 0.7)


def rotate(draws, image):
    angle = 0.4 * draws.sign()
    c, s = math.cos(angle), math.sin(angle)
    return warped(image, [[c, -s], [s, c]])


def translate(draws, image):
    pixels = math.floor(3 * unit(image) + 0.5)
    dx, dy = pixels * draws.sign(), pixels * draws.sign()
    return warped(image, np.eye(2), (dx, dy))


def brightness(draws, image):
    return image + 0.5


def stripe(draws, image):
    out, quarter = image.copy(), image.shape[1] // 4
    out[:, :quarter] = 1 - image[:, :quarter]
    out[:, -quarter:] = 1 - image[:, -quarter:]
    return out


def plasma(draws, side, decay):
    cloud, step, wibble = np.zeros((side, side)), side, 100.0

    def wibbled(sums):
        noise = [draws.uniform(-wibble, wibble) for _ in range(sums.size)]
        return sums / 4 + wibble * np.array(noise).reshape(sums.shape)

    while step >= 2:
        half = step // 2
        corners = cloud[::step, ::step]
        sums = corners + np.roll(corners, -1, 0)
        cloud[half::step, half::step] = wibbled(sums + np.roll(sums, -1, 1))
        middles = cloud[half::step, half::step]
        sums = middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1)
        cloud[::step, half::step] = wibbled(sums)
        sums = middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0)
        cloud[half::step, ::step] = wibbled(sums)
        step, wibble = half, wibble / decay
    return (cloud - cloud.min()) / np.ptp(cloud)


def fog(draws, image):
    side = 2 ** math.ceil(math.log2(max(image.shape)))
    cloud = plasma(draws, side, 1.4)[: image.shape[0], : image.shape[1]]
    return (image + 3 * cloud) * image.max() / (image.max() + 3)


def spatter(draws, image):
    mud = np.array([0.65 + 0.3 * draws.normal() for _ in range(image.size)])
    mud = gaussian(mud.reshape(image.shape), unit(image)) > 0.65
    mud = gaussian(mud.astype(float), 1.5 * unit(image))
    mud[mud < 0.8] = 0
    return image * (1 - mud) + 63 / 255 * mud


def line(image, start, end, shows=lambda x: True):
    (x0, y0), (x1, y1) = sorted([start, end])
    if x0 == x1:
        return image
    out, reach = image.copy(), 2.3 * unit(image)
    rows = np.arange(image.shape[0])
    for x in range(max(0, math.floor(x0)), min(image.shape[1], math.ceil(x1))):
        if shows(x):
            away = np.abs(rows - (y0 + (y1 - y0) * (x - x0) / (x1 - x0))) / reach
            ink = np.log(np.clip(1 - away, 1e-300, None)) + 1
            out[:, x] = np.minimum(1, out[:, x] + np.maximum(0, ink))
    return out


def ends(draws, image):
    height, width = image.shape
    start = (draws.uniform(0, 5) * width / 28, draws.uniform(0, height - 1))
    return start, (draws.uniform(22, 27) * width / 28, draws.uniform(0, height - 1))


def dotted_line(draws, image):
    start, end = ends(draws, image)
    first = draws.below(5)
    return line(image, start, end, lambda x: (x + first) % 5 >= 2)


def zigzag(draws, image):
    start, end = (np.array(point) for point in ends(draws, image))
    step, length = 2 * unit(image), np.linalg.norm(end - start)
    along = (end - start) / length
    aside = np.array([-along[1], along[0]])
    places = np.arange(step, length, 2 * step)
    corners = [
        start + place * along + (-1) ** i * step * aside
        for i, place in enumerate(places)
    ]
    for a, b in zip([start, *corners], [*corners, end], strict=True):
        image = line(image, tuple(a), tuple(b))
    return image


def canny_edges(draws, image):
    smooth = gaussian(image, unit(image))
    down, right = (ndimage.sobel(smooth, axis, mode="nearest") for axis in (0, 1))
    size = np.hypot(down, right)
    ridge = np.zeros(image.shape, bool)
    for y in range(1, image.shape[0] - 1):
        for x in range(1, image.shape[1] - 1):
            if size[y, x] < 0.1:
                continue
            # One step along the gradient, measured where the longer part is 1.
            longer = max(abs(down[y, x]), abs(right[y, x]))
            dy, dx = down[y, x] / longer, right[y, x] / longer
            beside = [
                ndimage.map_coordinates(size, [[y + s * dy], [x + s * dx]], order=1)[0]
                for s in (1, -1)
            ]
            ridge[y, x] = size[y, x] >= max(beside) - 1e-12
    weak, _ = ndimage.label(ridge, np.ones((3, 3)))
    strong = np.unique(weak[ridge & (size >= 0.2)])
    return (np.isin(weak, strong) & ridge).astype(float)
