"""Files that broke other programs, made small: what each is, and who reads it here.

Sources: the advisories and issues of Pillow, safetensors, Keras, h5py, torchvision and NumPy
on decompression bombs, declared sizes, overlapping tensors, links out of a file, and pickles.
"""

import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

MANY = 2**31 - 1


def idx(*sizes, kind=None, code=8, content=b""):
    rank = len(sizes) if kind is None else kind
    return bytes([0, 0, code, rank]) + struct.pack(f">{len(sizes)}I", *sizes) + content


IDX = {
    **{f"type code {c:#x}": idx(1, 2, 2, code=c, content=b"abcd") for c in (7, 10, 15)},
    "shorts that are bytes": idx(1, 2, 2, code=11, content=b"abcd"),
    "floats that are no numbers": idx(1, 1, 1, code=13, content=b"\x7f\xff\xff\xff"),
    "no dimension": idx(kind=0),
    "255 dimensions": idx(*[1] * 255, content=b"a"),
    "sizes whose product overflows": idx(2**32 - 1, 2**32 - 1, 2**32 - 1),
    "two billion images": idx(MANY, 28, 28),
    "sides of zero": idx(2**32 - 1, 0, 0),
    "a byte too many": idx(1, 2, 2, content=b"abcde"),
    "little endian": b"\x03\x08\0\0" + struct.pack("<3I", 1, 2, 2) + b"abcd",
    "gzip cut short": gzip.compress(idx(9, 9, 9, content=b"a" * 729))[:-9],
    "gzip of two members": gzip.compress(idx(1, 1, 1, content=b"a"))
    + gzip.compress(b"b"),
    "gzip of a wrong checksum": gzip.compress(idx(1, 1, 1, content=b"a"))[:-8]
    + b"\0" * 8,
    "gzip of gzip": gzip.compress(gzip.compress(idx(1, 1, 1, content=b"a"))),
    "gzip that goes on": gzip.compress(idx(1, 2, 2, content=b"a" * 10**7)),
    "gzip that promises": gzip.compress(idx(MANY, 1000, 1000, content=b"a" * 10**6)),
    "only gzip's mark": b"\x1f\x8b",
}
ROW = b"1," + b"0," * 15 + b"0\n"
CSV = {
    "zero bytes": ROW.replace(b"0", b"\0") * 3,
    "a number of a million digits": ROW + b"9" * 10**6 + b",0" * 16 + b"\n",
    "a line without an end": b"1," * (10**6 + 1),
    "too many columns": b"0," * 3_200_000 + b"0\n",
    "ragged rows": ROW + b"1,2,3\n",
    "negative pixels": ROW + ROW.replace(b"0,0", b"-1,0"),
    "digits of another script": ROW + ROW.replace(b"0", "\u0663".encode()),
    "infinity and NaN": ROW
    + ROW.replace(b"0", b"inf", 1)
    + ROW.replace(b"0", b"nan", 1),
    "quotes that stay open": b'"' + ROW * 3,
    "UTF-16": (ROW * 3).decode().encode("utf-16"),
    "carriage returns alone": ROW.replace(b"\n", b"\r") * 3,
    "gzip of one byte a million times": gzip.compress(b"1," * (10**6 + 1)),
}


def png(*chunks):
    whole = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        whole += struct.pack(">I", len(content)) + kind + content
        whole += struct.pack(">I", zlib.crc32(kind + content))
    return whole


def ihdr(width, height, bits=8, colour=0):
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)


IDAT = b"IDAT", zlib.compress(b"\0" * 1000)
END = b"IEND", b""


def tiff(*tags):
    """One directory of (tag, type, count, value), and then again, for ever."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + b"\x08\0\0\0"


SIDES = [(256, 3, 1, 60000), (257, 3, 1, 60000), (258, 3, 1, 8)]
PICTURES = {
    "PNG of two billion pixels a side": png(ihdr(MANY, MANY), IDAT, END),
    "PNG of sides 60,000": png(ihdr(60_000, 60_000), IDAT, END),
    "PNG of a zero side": png(ihdr(0, 5), IDAT, END),
    "PNG of text that inflates": png(
        ihdr(20, 20), (b"zTXt", b"a\0\0" + zlib.compress(b"b" * 10**8)), IDAT, END
    ),
    "PNG of a profile that inflates": png(
        ihdr(20, 20), (b"iCCP", b"a\0\0" + zlib.compress(b"b" * 10**8)), END
    ),
    "PNG without pixels": png(ihdr(20, 20), END),
    "PNG of a wrong checksum": png(ihdr(20, 20), IDAT, END)[:-14] + b"a" * 14,
    "PNG with a palette that is not there": png(ihdr(20, 20, 8, 3)),
    "GIF of sides 65,535": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08\0;",
    "BMP of a negative side": b"BM"
    + struct.pack("<IHHI", 60, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, -(2**31), -(2**31), 1, 24, 0, 0, 0, 0, 0, 0),
    "PPM of sides 99,999": b"P5 99999 99999 255\n",
    "PPM of sides below zero": b"P5 -1 -1 255\n",
    "PPM of a number without an end": b"P5 " + b"9" * 10**6,
    "TIFF of sides 60,000": tiff(*SIDES),
    "TIFF whose directory follows itself": tiff((256, 3, 1, 5), (257, 3, 1, 5)),
    "TIFF of 65,535 samples a pixel": tiff(*SIDES, (277, 3, 1, 65535)),
    "TIFF of strips outside": tiff(
        (256, 3, 1, 9), (257, 3, 1, 9), (273, 4, 1, MANY), (279, 4, 1, MANY)
    ),
    "TIFF of a tag of 4 GB": tiff((256, 4, MANY, 8), (257, 4, MANY, 8)),
    "JPEG of sides 65,500": b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xdc\xff\xdc\x01\x01\x11\0\xff\xd9",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(a) run\n",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "XML of entities": b'<!DOCTYPE a [<!ENTITY b "&c;&c;">]><svg>&b;</svg>',
    "nothing": b"",
}


def tensors(header, content=b"", size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + content


def tensor(start, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


SAFETENSORS = {
    "a header of 2^62 bytes": tensors({}, size=2**62),
    "a header of 2^64 - 1 bytes": tensors({}, size=2**64 - 1),
    "a header longer than the file": tensors({}, size=10**8 - 1),
    "tensors that overlap": tensors({"a": tensor(0, 4), "b": tensor(2, 6)}, b"0" * 6),
    "a hole between tensors": tensors(
        {"a": tensor(0, 4), "b": tensor(8, 12)}, b"0" * 12
    ),
    "an end before the start": tensors({"a": tensor(4, 0)}, b"0" * 4),
    "a shape whose product overflows": tensors(
        {"a": tensor(0, 4, (2**62, 8))}, b"0" * 4
    ),
    "a shape that is not the bytes": tensors({"a": tensor(0, 4, (3, 3))}, b"0" * 4),
    "one name twice": tensors(
        b'{"a":' + json.dumps(tensor(0, 4)).encode() + b',"a":{}}', b"0" * 4
    ),
    "an unknown kind": tensors({"a": tensor(0, 4, dtype="PICKLE")}, b"0" * 4),
    "metadata that are no text": tensors({"__metadata__": {"digitnet": [1]}}),
    "brackets without end": tensors(b"[" * 10**5),
    "braces without end": tensors(b'{"a":' * 10**5),
    "a zip behind it": tensors(
        {"a": tensor(0, 4)}, b"0" * 4 + b"PK\x05\x06" + b"\0" * 18
    ),
    "a pickle": pickle.dumps({"a": 1}),
}


class Runs:
    """Whoever unpickles it writes a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


def archive(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def torch_files(canary):
    pickled = pickle.dumps(Runs(canary), protocol=2)
    return {
        "a pickle that runs code": pickled,
        "an archive whose pickle runs code": archive(
            {"a/data.pkl": pickled, "a/version": "3\n", "a/byteorder": "little"}
        ),
        "an archive of a folder above": archive({"../a/data.pkl": pickled}),
        "an archive of a program": archive(
            {"a/data.pkl": pickled, "a/constants.pkl": pickled, "a/code/b.py": "exit()"}
        ),
        "an empty archive": archive({}),
        "half an archive": archive({"a/data.pkl": pickled})[:60],
        "a tar": b"\0" * 10240,
    }


def hdf5_files(folder):
    """Written to the folder, since some of them refer to others: their paths."""
    import h5py

    (folder / "secret").write_bytes(bytes(2600))
    paths = {}

    def write(what):
        paths[what] = folder / f"{len(paths)}.h5"
        return h5py.File(paths[what], "w")

    with write("numbers in another file") as file:
        file.create_dataset(
            *("dense1/kernel:0", (64, 10), np.float32),
            external=[(str(folder / "secret"), 0, 2560)],
        )
    with write("a link to another file") as file:
        file["dense1/kernel:0"] = h5py.ExternalLink("other.h5", "/a")
    with write("numbers of other files") as file:
        layout = h5py.VirtualLayout((64, 10), np.float32)
        layout[:] = h5py.VirtualSource("other.h5", "a", (64, 10))
        file.create_virtual_dataset("dense1/kernel:0", layout)
    with write("a tebibyte of zeros") as file:
        file.create_dataset(
            "dense1/kernel:0", (2**28, 2**10), np.float32, chunks=(64, 64)
        )
    with write("groups 400 deep") as file:
        group = file
        for _ in range(400):
            group = group.create_group("g")
        group["kernel:0"] = np.zeros((64, 10), np.float32)
    return paths


def mat(kind, content, mark=b"IM"):
    return (
        b" " * 124 + b"\0\x01" + mark + struct.pack("<II", kind, len(content)) + content
    )


def matrix(shape, numbers=b""):
    sizes = struct.pack(f"<{len(shape)}i", *shape)
    sizes += b"\0" * (-len(sizes) % 8)
    return (
        struct.pack("<4I", 6, 8, 9, 0)
        + struct.pack("<II", 5, 4 * len(shape))
        + sizes
        + struct.pack("<HH4s", 1, 1, b"X")
        + struct.pack("<II", 2, len(numbers))
        + numbers
    )


def packed(shape, size=None, fill=0):
    inside = matrix(shape) + b"\0" * fill
    tag = struct.pack("<II", 14, len(inside) if size is None else size)
    return zlib.compress(tag + inside)


MAT = {
    "of version 7.3": b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n",
    "of version 4": struct.pack("<5i", 0, 2, 2, 0, 2) + b"X\0" + bytes(32),
    "a part of 4 GB": mat(14, matrix((32, 32, 3, 2)))[:200],
    "an array of 2^31 images": mat(14, matrix((32, 32, 3, MANY))),
    "a size below zero": mat(14, matrix((32, 32, 3, -5))),
    "sizes whose product overflows": mat(14, matrix((MANY, MANY, MANY, MANY))),
    "an array without numbers": mat(14, matrix((32, 32, 3, 2))),
    "zeros that inflate": mat(15, packed((32, 32, 3, 30_000), fill=10**8)),
    "a packed part that promises": mat(15, packed((32, 32, 3, 2), size=MANY)),
    "packed parts without end": mat(15, b""),
    "no array at all": mat(1, b"a" * 16),
}
