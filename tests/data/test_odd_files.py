"""Files that are no ordinary files, that inflate without end, or whose names are odd: named
and refused, at once and in little memory."""

import gzip
import io
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import digitnet
from digitnet import DataError
from digitnet._utils.input_files import check_ordinary, opened, read_json, read_whole
from digitnet.data.picture_files import read_picture


def read_folder(path):
    """A data set's folder with this picture, then that of ordinary ones."""
    for name in ("a", "b"):
        folder = path.parent / "set" / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3)).save(folder / "0.png")
    link = path.parent / "set" / "b" / "1.png"
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return digitnet.data.read_folder(path.parent / "set")


def read_listed(path):
    (path.parent / "labels.txt").write_text(f"{path.name} 3\n")
    return digitnet.data.read_picture_list(path.parent, path.parent / "labels.txt")


READERS = {
    "idx": digitnet.data.read_idx,
    "csv": digitnet.data.read_csv,
    "any": digitnet.data.read,
    "mat": digitnet.data.read_svhn,
    "picture": read_picture,
    "folder of pictures": read_folder,
    "list of pictures": read_listed,
    "labels of a list": lambda path: digitnet.data.read_picture_list(path.parent, path),
    "model": digitnet.models.load,
    "weights": lambda path: digitnet.models.make("linear").load_weights(path),
    "json": read_json,
    "bytes": lambda path: read_whole(path, 100),
}


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def local_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def of_the_system(path):
    path.symlink_to("/proc/self/status")


@pytest.fixture
def within_seconds():
    """Whoever waits for a pipe gets an exception instead."""

    def late(*_):
        raise TimeoutError("a reader waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("make", [pipe, device, local_socket, of_the_system])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_ordinary_file_is_refused_by_name(
    reader, make, tmp_path, monkeypatch, within_seconds
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "odd.png"
    make(path)
    with pytest.raises(DataError, match=r"\.png: expected an ordinary file, got "):
        READERS[reader](path)


@pytest.mark.parametrize("reader", [r for r in READERS if r not in ("weights", "any")])
def test_a_folder_and_nothing_are_refused_by_name(reader, tmp_path, within_seconds):
    (tmp_path / "odd.png").mkdir()
    with pytest.raises((OSError, DataError), match=r"\.png.*folder|model file.*\.png"):
        READERS[reader](tmp_path / "odd.png")
    with pytest.raises(FileNotFoundError, match=r"nothing\.png|1\.png"):
        READERS[reader](tmp_path / "nothing.png")


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"1")
    stat = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda self, **_: stat)
    with pytest.raises(DataError, match="got a pipe"):
        opened(path)


@pytest.mark.parametrize("name", ["x\0y", "y" * 1_000_000, "\x1b[31m" + "z" * 300])
def test_names_that_no_file_has_make_short_messages(name):
    for reader in (digitnet.data.read_csv, digitnet.data.read_idx, read_picture):
        with pytest.raises((OSError, ValueError)) as caught:
            reader(name)
        assert len(str(caught.value)) < 500
        assert "\x1b" not in str(caught.value)


def test_names_of_other_bytes_than_text_are_read_and_shown(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[m.csv"))
    path.write_text("1,2,3,4\n")
    assert len(digitnet.data.read_csv(path, label="none")) == 1
    path.write_text("x\ny\n")
    with pytest.raises(DataError, match=r"udcff\\x1b\[m\.csv") as caught:
        digitnet.data.read_csv(path, header=False)
    str(caught.value).encode()


# -- what inflates -----------------------------------------------------------------

MEBI = 1 << 20


def run_within(mebibytes, code, *arguments):
    """Run lines of Python that may take so much memory beyond what imports take."""
    script = (
        "import resource, sys, digitnet, numpy\n"
        "import digitnet._core as core\n"
        "import scipy.io, PIL.Image\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        f"room = used + {mebibytes} * {MEBI}\n"
        "resource.setrlimit(resource.RLIMIT_AS, (room, room))\n"
        f"{code}\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def refused_within(mebibytes, reader, path):
    """The message with which a reader refuses a file in so much memory."""
    done = run_within(
        mebibytes,
        f"try:\n    {reader}(sys.argv[1])\n"
        "except digitnet.DataError as error:\n    print(error)",
        path,
    )
    assert done.returncode == 0, done.stderr[-600:]
    return done.stdout


def test_a_csv_file_may_inflate_to_200_times_its_bytes(tmp_path):
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"1,\n" * (48 * MEBI), 9))
    message = refused_within(160, "digitnet.data.read_csv", path)
    assert message.startswith("bomb.csv.gz: expected at most "), message


def test_rows_of_too_many_columns_are_counted_before_they_are_listed(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_bytes(b"1," * (16 * MEBI))
    message = refused_within(300, "digitnet.data.read_csv", path)
    assert "wide.csv line 1: expected at most 3145729 columns" in message


def test_an_idx_headers_promise_is_checked_before_memory_is_taken(tmp_path):
    header = struct.pack(">4i", 0x803, 60_000, 1024, 1024)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header + bytes(200 * MEBI), 9))
    message = refused_within(64, "digitnet.data.read_idx", path)
    assert "expected a packed file that holds the 62,914,560,016 bytes" in message
    plain = tmp_path / "sparse"
    with plain.open("wb") as file:
        file.write(struct.pack(">4i", 0x803, 2, 4, 4))
        file.truncate(1 << 40)
    message = refused_within(64, "digitnet.data.read_idx", plain)
    assert "expected 48 bytes, as its header promises, got 1,099,511,627,776" in message


def test_files_that_hold_what_their_header_says_are_read_whatever_they_inflate_to(
    tmp_path,
):
    images = np.zeros((9000, 28, 28), np.uint8)  # 7 MB of which gzip makes 7 kB
    path = tmp_path / "blank.gz"
    header = struct.pack(">4i", 0x803, *images.shape)
    path.write_bytes(gzip.compress(header + images.tobytes()))
    assert images.nbytes > 500 * path.stat().st_size
    assert len(digitnet.data.read_idx(path)) == 9000
    path = tmp_path / "blank.csv.gz"
    path.write_bytes(gzip.compress(b"0,0,0,0\n" * 100_000))
    assert len(digitnet.data.read_csv(path, label="none")) == 100_000


def matlab_part(name, sizes, numbers, promised=None):
    """A compressed matrix of a MATLAB file; its tag may promise other bytes."""

    def element(kind, content):
        return (
            struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)
        )

    start = element(6, struct.pack("<II", 9, 0))  # uint8
    start += element(5, struct.pack(f"<{len(sizes)}i", *sizes)) + element(1, name)
    start += struct.pack("<II", 2, promised or len(numbers))
    packer = zlib.compressobj(9)
    count = len(start) + len(numbers)
    packed = packer.compress(struct.pack("<II", 14, count) + start)
    packed += packer.compress(numbers) + packer.flush()
    return struct.pack("<II", 15, len(packed)) + packed


@pytest.mark.parametrize("promised", [None, 2**31])
def test_a_matlab_file_may_inflate_to_200_times_its_bytes(tmp_path, promised):
    path = tmp_path / "bomb.mat"
    header = b"MATLAB 5.0".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    inside = bytes(200 * MEBI if promised is None else 3072)
    path.write_bytes(
        header
        + matlab_part(b"X", (32, 32, 3, 1), inside, promised)
        + matlab_part(b"y", (1, 1), b"\1")
    )
    message = refused_within(100, "digitnet.data.read_svhn", path)
    expected = "at most 40,777,800" if promised is None else "2,147,483,648 bytes of"
    assert message.startswith(f"bomb.mat: expected {expected}"), message


@pytest.mark.parametrize("kind", [14, 15])
def test_parts_of_a_matlab_file_that_say_nothing_are_not_read(tmp_path, kind):
    path = tmp_path / "sparse.mat"
    with path.open("wb") as file:
        file.write(b"MATLAB 5.0".ljust(124) + struct.pack("<H", 0x0100) + b"IM")
        file.write(struct.pack("<II", kind, 2**32 - 8))
        file.truncate(2**32 + 128)
    message = refused_within(64, "digitnet.data.read_svhn", path)
    assert message.startswith("sparse.mat: expected "), message


def test_pictures_of_a_set_are_refused_for_their_size_before_they_are_unpacked(
    tmp_path,
):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("1", (6000, 6000)).save(tmp_path / name / "x.png")
    message = refused_within(64, "digitnet.data.read_folder", tmp_path)
    assert "a/x.png: expected at most 1024 pixels a side, got 6000x6000" in message


def test_bytes_that_have_no_room_are_named(tmp_path):
    path = tmp_path / "noise.gz"
    header = struct.pack(">4i", 0x803, 300, 1024, 1024)
    path.write_bytes(gzip.compress(header + bytes(300 * MEBI), 9))
    with path.open("r+b") as file:
        file.truncate(2 * MEBI)  # large enough to hold as much as it says
    done = run_within(100, "digitnet.data.read_idx(sys.argv[1])", path)
    assert "digitnet._core.OutOfMemory: noise.gz: expected" in done.stderr


def test_what_no_memory_is_left_for_says_how_much_is_missing():
    with pytest.raises(digitnet.OutOfMemory, match=r"x: expected at least \d+ MiB of"):
        digitnet._core.engine.require_memory(1 << 60, "x")
    digitnet._core.engine.require_memory(1 << 20, "x")


# -- odd contents ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\xff\xfe.png 1\n", "expected text in UTF-8; invalid start byte at byte 0"),
        (b". 1\n", "expected a file's name without folders, got '.'"),
        (b"a\0b.png 1\n", "expected a file's name, got one with a zero byte"),
        (b"sub.png 1\n", "sub.png: expected a picture, got a folder"),
        (b"x" * 9_999 + b"\xc3\xa9/ 1\n", "without folders"),
        ("é".encode() * 9_999 + b"/ 1\n", "without folders"),
    ],
)
def test_odd_lines_of_a_list_of_pictures_are_named(tmp_path, line, message):
    (tmp_path / "sub.png").mkdir()
    (tmp_path / "labels.txt").write_bytes(line)
    with pytest.raises(DataError) as caught:
        digitnet.data.read_picture_list(tmp_path, tmp_path / "labels.txt")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_folder_called_like_a_picture_is_named(tmp_path):
    for name in ("a/x.png", "b"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(DataError, match=r"a/x\.png: expected a picture, got a folder"):
        digitnet.data.read_folder(tmp_path)


def test_a_broken_tiff_writes_nothing_to_the_terminal(tmp_path, capfd, rng):
    content = io.BytesIO()
    picture = Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8))
    picture.save(content, "TIFF", compression="tiff_lzw")
    broken = bytearray(content.getvalue())
    broken[300:3000:7] = bytes(len(range(300, 3000, 7)))
    with pytest.raises(DataError, match="picture: expected a whole picture"):
        read_picture(bytes(broken))
    assert capfd.readouterr().err == ""


def test_large_pictures_are_converted_strip_by_strip_as_whole_ones_are(rng):
    pixels = rng.integers(0, 256, (1500, 901, 4), dtype=np.uint8)
    for mode in ("RGBA", "LA", "P", "L", "CMYK", "1"):
        content = io.BytesIO()
        picture = Image.fromarray(pixels).convert(mode)
        picture.save(content, "TIFF" if mode == "CMYK" else "PNG")
        with Image.open(io.BytesIO(content.getvalue())) as whole:
            if mode in ("RGBA", "LA") or "transparency" in whole.info:
                ground = Image.new("RGBA", whole.size, "white")
                ground.alpha_composite(whole.convert("RGBA"))
                whole = ground
            for colour, kind in ((False, "L"), (True, "RGB")):
                expected = np.asarray(whole.convert(kind))
                read = read_picture(content.getvalue(), colour=colour)
                if colour:
                    read = read.transpose(1, 2, 0)
                np.testing.assert_array_equal(read, expected)


def test_an_ordinary_path_is_given_back(tmp_path):
    (tmp_path / "x").write_bytes(b"12")
    (tmp_path / "link").symlink_to("x")
    assert check_ordinary(str(tmp_path / "link")) == tmp_path / "link"
    assert read_whole(os.fsencode(tmp_path / "link"), 2) == b"12"
    with pytest.raises(DataError, match="link: expected at most 1 bytes, got 2"):
        read_whole(tmp_path / "link", 1)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
