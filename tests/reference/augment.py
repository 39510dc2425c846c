"""Reference implementations of the augmentations, written from their definitions with NumPy and scipy.

Random numbers are Philox4x32-10 (Salmon et al., SC 2011), addressed by seed, stream
(16 + the operation's own number), epoch and sample.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d, laplace, map_coordinates

STREAMS = {
    "shift": 1,
    "rotate": 2,
    "zoom": 3,
    "shear": 4,
    "horizontal_flip": 5,
    "vertical_flip": 6,
    "crop": 7,
    "elastic": 8,
    "erase": 9,
    "brightness": 10,
    "contrast": 11,
    "noise": 12,
    "blur": 13,
    "sharpen": 14,
    "channel_gain": 15,
}
FIRST_BLOCK, PLANE_BLOCKS = 0x80000000, 0x40000000
MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect"}


def philox(counter, key):
    """Four words of each counter, (4, ...) uint32 as uint64."""
    a, b, c, d = (np.asarray(word, np.uint64) for word in counter)
    key0, key1 = (int(k) for k in key)
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        left, right = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b = (right >> np.uint64(32)) ^ b ^ np.uint64(key0), right & low
        c, d = (left >> np.uint64(32)) ^ d ^ np.uint64(key1), left & low
        key0, key1 = (key0 + 0x9E3779B9) % 2**32, (key1 + 0xBB67AE85) % 2**32
    return np.stack([a, b, c, d])


class Draws:
    """The numbers of one address, one after the other."""

    def __init__(self, seed, op, epoch, sample, occurrence=0):
        stream = 16 + STREAMS[op] + 1024 * occurrence
        self.address = (stream, epoch, sample)
        self.key = (seed % 2**32, seed >> 32)
        self.words = []
        self.block = 0

    def bits(self):
        if not self.words:
            self.words = list(philox((self.block, *self.address), self.key))
            self.block += 1
        return int(self.words.pop(0))

    def uniform(self, low=0.0, high=1.0):
        return low + (high - low) * self.bits() / 2**32

    def below(self, n):
        wide = (self.bits() << 32) | self.bits()
        return (wide * n) >> 64

    def plane(self, which, count):
        """Words of a plane, (4, quarter)."""
        quarter = -(-count // 4)
        first = FIRST_BLOCK + which * PLANE_BLOCKS
        blocks = (first + np.arange(quarter)) % 2**32
        return philox((blocks, *(np.full(quarter, a) for a in self.address)), self.key)

    def uniforms(self, which, count):
        words = self.plane(which, count).astype(np.uint32).view(np.int32)
        return ((words >> 8) / 2**23).reshape(-1)[:count]

    def normals(self, which, count):
        words = self.plane(which, count).astype(np.uint32)
        out = np.empty(words.shape)
        for pair in (0, 2):
            u = ((words[pair] >> 8) + 0.5) / 2**24
            turns = (words[pair + 1].view(np.int32) >> 8) / 2**24
            radius = np.sqrt(-2 * np.log(u))
            out[pair] = radius * np.cos(2 * np.pi * turns)
            out[pair + 1] = radius * np.sin(2 * np.pi * turns)
        return out.reshape(-1)[:count]


def matrix_of(op, draws, s, axes=1):
    """(2x2 matrix, offset), rows x then y, from output to input about the centre."""
    if op == "shift":
        return np.eye(2), np.array([draws.uniform(-s, s), draws.uniform(-s, s)])
    if op == "crop":
        limit = round(s)
        return np.eye(2), np.array(
            [draws.below(2 * limit + 1) - limit, draws.below(2 * limit + 1) - limit]
        )
    if op == "rotate":
        a = np.radians(draws.uniform(-s, s))
        return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]), np.zeros(2)
    if op == "zoom" and axes == 2:
        return np.diag([draws.uniform(1 - s, 1 + s) for _ in "xy"]), np.zeros(2)
    if op == "zoom":
        return np.eye(2) / draws.uniform(1 - s, 1 + s), np.zeros(2)
    if op == "shear":
        slope = np.tan(np.radians(draws.uniform(-s, s)))
        return np.array([[1, slope], [0, 1]]), np.zeros(2)
    flip = draws.uniform() < s
    signs = {"horizontal_flip": (-1, 1), "vertical_flip": (1, -1)}[op]
    return np.diag(signs if flip else (1, 1)).astype(float), np.zeros(2)


def smoothed(plane, sigma, mode):
    radius = int(np.ceil(3 * sigma))
    for axis in (0, 1):
        plane = gaussian_filter1d(plane, sigma, axis, mode=mode, radius=radius)
    return plane


def displacements(draws, s, shape, sigma=0.0):
    """dx and dy, (H, W): noise on a larger plane, of which the border is cut off."""
    height, width = shape
    sigma = sigma or min(shape) / 7
    radius = int(np.ceil(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps /= taps.sum()
    gain = s * np.sqrt(3) / (taps**2).sum()
    large = (height + 2 * radius, width + 2 * radius)
    inner = np.s_[radius : radius + height, radius : radius + width]
    return [
        gain
        * smoothed(
            draws.uniforms(i, large[0] * large[1]).reshape(large), sigma, "wrap"
        )[inner]
        for i in (0, 1)
    ]


def resampled(image, steps, fill="constant", value=0.0, order=1):
    """image (C, H, W) through `steps`, each (op, draws, strength, options)."""
    _, height, width = image.shape
    y, x = np.mgrid[:height, :width].astype(float)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    for op, draws, s, options in reversed(steps):
        if op == "elastic":
            fields = displacements(draws, s, (height, width), **options)
            dx, dy = (
                map_coordinates(field, [y, x], order=1, mode="nearest")
                for field in fields
            )
            x, y = x + dx, y + dy
            continue
        matrix, offset = matrix_of(op, draws, s, **options)
        places = np.stack([x - middle[0], y - middle[1]])
        moved = np.tensordot(matrix, places, 1) + offset[:, None, None]
        x, y = moved[0] + middle[0], moved[1] + middle[1]
    return np.stack(
        [
            map_coordinates(
                plane.astype(float), [y, x], order=order, mode=MODES[fill], cval=value
            )
            for plane in image
        ]
    )


def photometric(image, op, draws, s, full):
    """image (C, H, W) after one operation on its pixels."""
    if op == "brightness":
        image = image + draws.uniform(-s, s) * full
    elif op == "channel_gain":
        factors = [draws.uniform(1 - s, 1 + s) for _ in range(4)]
        image = image * np.resize(factors, len(image))[:, None, None]
    elif op == "contrast":
        image = image.mean() + (image - image.mean()) * draws.uniform(1 - s, 1 + s)
    elif op == "noise":
        image = image + s * full * draws.normals(0, image.size).reshape(image.shape)
    elif op == "blur":
        sigma = draws.uniform(0, s)
        image = np.stack([smoothed(plane, sigma, "reflect") for plane in image])
    elif op == "sharpen":
        part = draws.uniform(0, s)
        image = np.stack(
            [plane - part * laplace(plane, mode="reflect") for plane in image]
        )
    elif op == "erase":
        image = erased(image, draws, s)
    return np.clip(image, 0, full)


def erased(image, draws, s):
    _, height, width = image.shape
    area = draws.uniform(min(0.02, s), s) * height * width
    aspect = np.exp(draws.uniform(np.log(0.3), -np.log(0.3)))
    h = min(round(np.sqrt(area * aspect)), height)
    w = min(round(np.sqrt(area / aspect)), width)
    top, left = draws.below(height - h + 1), draws.below(width - w + 1)
    image = image.copy()
    image[:, top : top + h, left : left + w] = 0
    return image
