"""Pictures to predict, as people have them: each is read as viewers show it, with a word, or refused in words."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from new_rows import BLOCK_GROUPS, FASHION_MNIST, GRAY, images_of_fashion_mnist, png, table
from PIL import Image, ImageOps

from stages.datasets import fashion_mnist
from stages.prediction.files import Read
from stages.prediction.images import read_picture, read_pictures

MADE = "made into 28 x 28 pixels as the data set's images were"
COLORS = np.stack([GRAY, GRAY, GRAY.T], axis=2)
CLEAR = np.stack([GRAY, GRAY, GRAY, np.where(GRAY > 99, 255, 0)], axis=2).astype(np.uint8)
THING = np.full((60, 60), 250, np.uint8)  # a light ground, and on it a dark thing, 40 high and 20 wide
THING[10:50, 30:50] = np.linspace(20, 160, 20).astype(np.uint8)


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    return read_picture(path, FASHION_MNIST)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def sixteen_bit_colors(path: Path) -> Path:
    """Write GRAY with 16 bits of each color; Pillow cannot."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 16, 2, 0, 0, 0))
    rows = np.repeat(GRAY.astype(">u2")[..., np.newaxis] * 257, 3, axis=2).astype(">u2")
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_opaque_gray_is_read_from_any_mode_without_a_word(mode: str, tmp_path: Path) -> None:
    image, notes = read(png(tmp_path / "x.png", GRAY, mode))
    np.testing.assert_array_equal(image, GRAY)
    assert notes == []


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "tiff", "pgm", "webp", "jp2", "pcx"])
def test_formats_without_loss_are_read_exactly(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    Image.fromarray(GRAY).save(path, lossless=True)
    image, notes = read(path)
    np.testing.assert_array_equal(image, GRAY)
    assert notes == []


def test_a_jpeg_is_read_nearly(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 28 * 28).reshape(28, 28).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "x.jpg", quality=95)
    image, notes = read(tmp_path / "x.jpg")
    assert np.abs(image.astype(int) - smooth).max() < 8
    assert notes == []


def test_black_and_white_is_read_as_0_and_255(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(png(tmp_path / "x.png", GRAY > 99))[0], np.where(GRAY > 99, 255, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_viewers_show_it(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(GRAY).save(tmp_path / "x.png", exif=exif)
    image, notes = read(tmp_path / "x.png")
    turns = {3: GRAY[::-1, ::-1], 6: np.rot90(GRAY, -1), 8: np.rot90(GRAY)}
    with Image.open(tmp_path / "x.png") as picture:
        np.testing.assert_array_equal(image, turns.get(orientation, np.asarray(ImageOps.exif_transpose(picture))))
    assert notes == (["turned as its EXIF orientation says"] if orientation > 1 else [])


@pytest.mark.parametrize(
    "write",
    [
        sixteen_bit_colors,
        lambda path: png(path, GRAY.astype(np.uint16) * 257),
        lambda path: Image.fromarray(GRAY.astype(np.uint16) * 257).save(path, "TIFF"),
        lambda path: Image.fromarray(GRAY.astype(np.uint16) * 257).save(path, "PPM"),
    ],
    ids=["PNG, colors", "PNG", "TIFF", "PGM"],
)
def test_16_bits_are_divided_by_257(write: Any, tmp_path: Path) -> None:
    write(tmp_path / "x.png")
    image, notes = read(tmp_path / "x.png")
    np.testing.assert_array_equal(image, GRAY)
    assert notes == ["divided 16 bits by 257 to 8 bits"]


@pytest.mark.bad_input("picture to predict", "16 bits of which 12 are used")
def test_12_of_16_bits_are_warned_of(tmp_path: Path) -> None:
    dark = GRAY.astype(np.uint16) * 16
    doubt = f"expected 16 bits that are used, up to 65535, got gray values up to {dark.max()}; if it has 10, 12 or 14"
    image, notes = read(png(tmp_path / "x.png", dark))
    np.testing.assert_array_equal(image, np.rint(dark / 257))
    assert notes[1].startswith(f"warning: {doubt}")
    with pytest.raises(ValueError, match=f"got a picture of one color; {doubt}"):
        read(png(tmp_path / "x.png", np.pad(dark, 9, constant_values=2040)))


def test_colors_become_their_luma(tmp_path: Path) -> None:
    image, notes = read(png(tmp_path / "x.png", COLORS))
    np.testing.assert_allclose(image, COLORS @ [0.299, 0.587, 0.114], atol=0.51)
    assert notes == ["made colors gray"]


def test_transparency_is_the_data_sets_background_or_the_white_of_a_photo(tmp_path: Path) -> None:
    image, notes = read(png(tmp_path / "x.png", CLEAR))
    np.testing.assert_array_equal(image, np.where(GRAY > 99, GRAY, 0))
    assert notes == ["took transparency for a background of gray value 0"]
    cut_out = np.stack([THING, THING, THING, np.where(THING < 250, 255, 0).astype(np.uint8)], axis=2)
    image, notes = read(png(tmp_path / "x.png", cut_out))
    np.testing.assert_array_equal(image, fashion_mnist.prepare(cut_out[..., :3])[0] * (image > 5))
    assert notes == ["took transparency for a background of gray value 255", MADE]


def test_of_several_frames_the_first_is_read(tmp_path: Path) -> None:
    frames = [Image.fromarray(each) for each in (GRAY, 255 - GRAY)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    image, notes = read(tmp_path / "x.gif")
    np.testing.assert_array_equal(image, GRAY)
    assert notes == ["read the first of several frames"]


def bomb() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")


DAMAGED = "expected a whole picture, got: "


@pytest.mark.bad_input("picture to predict", "damaged, cut short, too large, another kind of file, none")
@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "expected a picture, .*, got an empty file"),
        (lambda path: path.write_bytes(b"age,beds"), "expected a picture, .* a file that starts with b'age,beds'"),
        (lambda path: path.write_bytes(b"%PDF-1.7"), "expected a picture, .*, got a PDF document; save it as PNG or J"),
        (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "expected a picture, .*, got a PostScript docu"),
        (
            lambda path: path.write_bytes(b"\0\0\0\x24ftypheic" + bytes(40)),
            "expected a picture, since the variant reads images, got a HEIC image; save it as PNG or JPEG",
        ),
        (
            lambda path: path.write_bytes(b"\0\0\0\x24ftypavif" + bytes(40)),
            "expected a whole picture, got an AVIF image that is damaged",
        ),
        (lambda path: path.write_bytes(png(path, GRAY).read_bytes()[:300]), f"{DAMAGED}image file is truncated"),
        (lambda path: path.write_bytes(png(path, GRAY).read_bytes()[:20]), f"{DAMAGED}Truncated File Read"),
        (
            lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50)),
            "expected a whole picture, got a PNG image that is damaged",
        ),
        (lambda path: path.write_bytes(bomb()), "expected at most 89,478,485 pixels, got more"),
        (
            lambda path: Image.fromarray(GRAY.astype(np.float32)).save(path, "TIFF"),
            "expected gray values of 8 or 16 bits, got Pillow's mode F of 32 bits",
        ),
        (lambda path: path.mkdir(), "expected a file to read, got: "),
        (Path.exists, "expected a file to read, got: No such file"),
        (
            lambda path: png(path, np.full((9, 99), 7, np.uint8)),
            "expected a thing on a plain ground, got a picture of o",
        ),
        (
            lambda path: png(path, np.tile(np.linspace(0, 255, 50).astype(np.uint8), (40, 1))),
            r"expected one color in the four corners, got the gray values 0, 255, 0, 255; leave plain ground around th",
        ),
    ],
)
def test_what_is_no_picture_of_a_thing_is_refused(write: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    write(path)
    with pytest.raises(ValueError, match=rf"x\.png: {message}"):
        read(path)


@pytest.mark.bad_input("picture to predict", "damaged, cut short, too large, another kind of file, none")
def test_a_tga_is_called_what_it_is(tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "x.tga")
    with pytest.raises(ValueError, match=r"x\.tga: expected a picture, .*, got a TGA image; save it as PNG or JPEG"):
        read(tmp_path / "x.tga")


@pytest.mark.bad_input("picture to predict", "of another size, where the data set does not say how to make it")
def test_another_size_is_refused_by_a_data_set_that_prepares_none(tmp_path: Path) -> None:
    spec = replace(FASHION_MNIST, prepare=None)
    with pytest.raises(ValueError, match=r"expected 28 x 28 pixels \(width x height\), got 32 x 28; crop and scale it"):
        read_picture(png(tmp_path / "x.png", np.zeros((28, 32), np.uint8)), spec)


# As Fashion-MNIST was made


def colors(gray: np.ndarray) -> np.ndarray:
    return np.repeat(gray[..., np.newaxis], 3, axis=2)


def test_a_photo_becomes_light_on_black_as_large_as_it_can_be_and_in_the_center(tmp_path: Path) -> None:
    image, notes = read(png(tmp_path / "x.png", THING))
    assert notes == [MADE]
    expected = 255 - fashion_mnist.sharpened(colors(THING[10:50, 30:50]))[..., 0]
    assert np.flatnonzero(image.max(axis=1) > 50).tolist() == list(range(28))
    assert np.flatnonzero(image.max(axis=0) > 50).tolist() == list(range(7, 21))
    assert (image[:, :7] == 5).all()  # the ground, 250
    assert abs(float(image[:, 7:21].mean()) - expected.mean()) < 3
    dark, notes = read(png(tmp_path / "x.png", 255 - THING))
    np.testing.assert_array_equal(dark, image)  # which is not made negative
    assert notes == [MADE]


def test_edges_that_are_close_to_the_corners_are_cut_off_in_each_color(tmp_path: Path) -> None:
    picture = np.full((50, 50, 3), 255, np.uint8)
    picture[5:15, 5:25] = (250, 244, 243)  # 12 of 255 away from white
    picture[20:40, 20:30] = (255, 255, 0)  # yellow, whose luma is close to white's
    image, _ = fashion_mnist.prepare(picture)
    assert np.flatnonzero(image.max(axis=1) > 20).tolist() == list(range(28))
    assert np.flatnonzero(image.max(axis=0) > 20).tolist() == list(range(7, 21))


def test_sharpening_keeps_what_is_even_and_raises_what_differs() -> None:
    even = np.full((4, 4, 3), 77, np.uint8)
    np.testing.assert_array_equal(fashion_mnist.sharpened(even), even)
    dot = np.zeros((3, 3, 1), np.uint8)
    dot[1, 1] = 100
    assert fashion_mnist.sharpened(dot)[..., 0].tolist() == [[0, 0, 0], [0, 166, 0], [0, 0, 0]]
    np.testing.assert_array_equal(fashion_mnist.sharpened(100 - dot)[:, :, 0][1, 1], 0)


def test_an_odd_margin_is_larger_at_the_top_and_left_as_in_the_data() -> None:
    for shape, axis in (((28, 9), 0), ((9, 28), 1)):
        image, _ = fashion_mnist.prepare(colors(np.pad(np.zeros(shape, np.uint8), 3, constant_values=255)))
        assert np.flatnonzero(image.max(axis=axis)).tolist() == list(range(10, 19))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (27, 28), (2000, 3)])
def test_the_smallest_and_the_longest_things_have_an_image(shape: tuple[int, int]) -> None:
    picture = np.pad(np.full(shape, 9, np.uint8), 3, constant_values=255)
    image, _ = fashion_mnist.prepare(colors(picture))
    assert image.shape == (28, 28)
    assert image.max() == 246


@pytest.mark.bad_input("picture to predict", "on a ground that is neither light nor dark, or in a frame")
def test_a_ground_that_decides_nothing_and_a_frame_are_warned_of(tmp_path: Path) -> None:
    gray = np.where(THING == 250, 140, THING).astype(np.uint8)
    _, notes = read(png(tmp_path / "x.png", gray))
    assert notes[1:] == [
        "warning: expected a thing on a nearly white or nearly black ground, got one of gray value 140"
    ]
    _, notes = read(png(tmp_path / "x.png", np.pad(THING, 5)))
    assert notes[1:] == ["warning: expected a thing on one ground, got a rectangle on it; if it is a frame, cut it off"]


TWO_THINGS = np.concatenate([THING, THING], axis=1)
LONG_THING = np.pad(np.tile(np.linspace(20, 160, 9).astype(np.uint8), (80, 1)), 10, constant_values=250)


@pytest.mark.bad_input("picture to predict", "of several things, of a long one, with specks")
@pytest.mark.parametrize(
    ("gray", "doubt"),
    [
        (TWO_THINGS, "expected one thing, got 2 pieces that do not touch; show one thing alone"),
        (np.tile(THING, (3, 3)), "expected one thing, got 9 pieces that do not touch; show one thing alone"),
        (LONG_THING, "expected a thing at most 5 times as long as wide, got 80 x 9 pixels"),
    ],
)
def test_several_things_and_a_long_one_are_warned_of(gray: np.ndarray, doubt: str) -> None:
    assert fashion_mnist.prepare(colors(gray))[1] == [doubt]


@pytest.mark.bad_input("picture to predict", "of several things, of a long one, with specks")
def test_a_speck_does_not_move_the_thing() -> None:
    large = np.kron(THING, np.ones((9, 9), np.uint8))
    speck = large.copy()
    speck[2:4, 3] = 0
    (expected, nothing), (image, doubts) = (fashion_mnist.prepare(colors(gray)) for gray in (large, speck))
    np.testing.assert_array_equal(image, expected)
    assert nothing == []
    assert doubts == ["expected a thing alone, got specks beside it; they are cut off"]
    near = large.copy()
    near[88, 300] = 0  # two rows above it, as the JPEG format leaves them
    assert fashion_mnist.prepare(colors(near))[1] == []
    speck[2:40, 3:40] = 0  # of 3 % of the thing's size, which is a part of it
    assert not np.array_equal(fashion_mnist.prepare(colors(speck))[0], expected)


@pytest.mark.slow
def test_photos_of_the_data_sets_things_become_its_images_again_but_sharper() -> None:
    likeness, doubtful = [], 0
    for image in images_of_fashion_mnist()[::70]:
        photo = np.pad(255 - np.kron(image, np.ones((10, 10), np.uint8)), ((90, 20), (40, 80)), constant_values=255)
        made, doubts = fashion_mnist.prepare(colors(photo))
        sharper = 255 - fashion_mnist.sharpened(colors(255 - image))[..., 0]
        likeness.append(np.corrcoef(made.ravel(), sharper.ravel())[0, 1])
        doubtful += bool(doubts)
    assert doubtful <= 0.004 * len(likeness)
    assert np.median(likeness) > 0.998
    assert np.quantile(likeness, 0.1) > 0.98  # the others have edges so dark that they are cut off


MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I;16", "I", "F"]
FORMATS = ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "ICO", "JPEG2000", "PCX", "SGI", "TGA", "AVIF"]


@pytest.mark.bad_input("picture to predict", "formats, modes, sizes and pixels at random")
@pytest.mark.parametrize("times", [100, pytest.param(3000, marks=pytest.mark.slow)])
def test_pictures_of_any_format_mode_and_size_are_read_as_pillow_shows_them_or_refused(
    times: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    tried, path = [], tmp_path / "x.png"
    sizes = st.sampled_from([(28, 28), (28, 28), (1, 1), (1, 90), (40, 30), (300, 200)])

    @settings(max_examples=times, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from(MODES), st.sampled_from(FORMATS), sizes, st.integers(0, 2**32), st.integers(0, 9))
    def run(mode: str, kind: str, size: tuple[int, int], seed: int, orientation: int) -> None:
        pixels = np.random.default_rng(seed).integers(0, 256, (*size, 4), dtype=np.uint8)
        if seed % 2:  # mostly a plain ground
            pixels[pixels[..., 3] < 240, :3] = seed % 256
        exif = Image.Exif()
        exif[0x0112] = orientation
        try:
            Image.fromarray(pixels).convert("RGB" if mode in ("YCbCr", "HSV", "LAB", "F") else "RGBA").convert(
                mode
            ).save(path, kind, exif=exif)
        except (OSError, ValueError, KeyError):  # no such file
            return
        try:
            image, notes = read(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: expected ")  # noqa: PT017
            tried.append("refused")
            return
        assert image.shape == (28, 28)
        assert image.dtype == np.uint8
        tried.append("read")
        with Image.open(path) as picture:
            if picture.size == (28, 28) and not {"took", "divided"} & {note.split()[0] for note in notes}:
                shown = np.asarray(ImageOps.exif_transpose(picture).convert("RGB").convert("L"))
                np.testing.assert_array_equal(image, shown)

    run()
    record_property("times", len(tried))
    assert tried.count("read") > 0.3 * len(tried) > 0.1 * times


# Folders, and several files


def test_a_folder_is_the_pictures_in_it_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.png", "a.gif", "without ending"):
        Image.fromarray(GRAY).save(tmp_path / name, "GIF" if name == "a.gif" else "PNG")
    for name in ("Thumbs.db", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "more").mkdir()
    got = read_pictures([tmp_path, tmp_path / "b.png"], FASHION_MNIST)
    assert list(got.names["file"]) == [str(tmp_path / name) for name in ("a.gif", "b.png", "without ending", "b.png")]
    np.testing.assert_array_equal(got.x, [GRAY] * 4)
    assert got.notes == [f"{tmp_path}: left out Thumbs.db, more, notes.txt, no pictures"]
    assert got.faults == []


@pytest.mark.bad_input("picture to predict", "among others, in a folder; a folder without pictures")
def test_bad_pictures_are_faults_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    png(tmp_path / "a.png", COLORS)
    png(tmp_path / "b.png", COLORS)
    (tmp_path / "c.png").write_bytes(b"")
    (tmp_path / "d.jpg").write_bytes(b"\xff\xd8\xff")
    got = read_pictures([tmp_path, tmp_path / "empty", tmp_path / "none.png"], FASHION_MNIST)
    assert len(got.x) == 2
    assert got.notes == [
        f"{tmp_path}: left out empty, no picture",
        f"{tmp_path / 'a.png'}, {tmp_path / 'b.png'}: made colors gray",
    ]
    assert [fault.partition(": ")[0] for fault in got.faults] == [
        str(tmp_path / name) for name in ("c.png", "d.jpg", "empty", "none.png")
    ]


@pytest.mark.bad_input("picture to predict", "no permission, names with odd characters")
def test_odd_names_are_written_in_one_line(tmp_path: Path) -> None:
    odd = tmp_path / "a\nb\x1b[31m.png"
    odd.write_bytes(b"")
    (fault,) = read_pictures([odd], FASHION_MNIST).faults
    assert "a\\nb\\x1b[31m.png': expected a picture" in fault
    assert "\n" not in fault


@pytest.mark.bad_input("picture to predict", "no permission, names with odd characters")
def test_a_folder_that_may_not_be_read_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    got = read_pictures([tmp_path], FASHION_MNIST)
    assert got.faults == [f"{tmp_path}: expected pictures to read, got: Permission denied"]


@pytest.mark.bad_input("picture to predict", "no permission, names with odd characters")
def test_a_name_that_no_file_can_have_is_a_fault(tmp_path: Path) -> None:
    for name, reason in (("a" * 5000, "File name too long"), ("a\0b", "a zero byte in it")):
        (fault,) = read_pictures([tmp_path / name], FASHION_MNIST).faults
        assert fault.endswith((f"got: {reason}", f"got {reason}"))


def test_a_table_is_no_picture(tmp_path: Path) -> None:
    got: Read = read_pictures([table(tmp_path / "x.csv", BLOCK_GROUPS)], FASHION_MNIST)
    (fault,) = got.faults
    assert "expected a picture, since the variant reads images, got a file that starts with b'longitud'" in fault
    assert got.x.shape == (0, 28, 28)
