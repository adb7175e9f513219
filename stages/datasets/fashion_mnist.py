"""Fashion-MNIST: 70,000 gray images of clothes in ten classes.

Source: Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://github.com/zalandoresearch/fashion-mnist. License: MIT.

x: uint8 (70000, 28, 28), 0 (background) to 255, no unit. y: uint8 (70000,), index into `CLASSES`. Rows 0 to 59,999 are
the publisher's training rows, the last 10,000 the test rows, each in the order of the files; every class has 6,000 of
the first and 1,000 of the second.

Files: IDX. A header of two zero bytes, the code of the dtype (8: uint8), the number of dimensions, and each
dimension as a big-endian uint32; then the values in C order.
"""

from pathlib import Path

import numpy as np

from stages.datasets.spec import DatasetSpec, Raw, RawFile

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
IMAGE_SHAPE = (28, 28)
FILES = {"train": 60_000, "t10k": 10_000}
"""The publisher's parts as the files' names begin, and how many rows each has."""


def read(folder: Path) -> Raw:
    """The four files; ValueError for contents that are not the published shape, dtype and class counts."""
    images, labels = [], []
    for part, rows in FILES.items():
        images.append(read_idx(folder / f"{part}-images-idx3-ubyte", (rows, *IMAGE_SHAPE)))
        path = folder / f"{part}-labels-idx1-ubyte"
        labels.append(read_idx(path, (rows,)))
        counts = np.bincount(labels[-1], minlength=len(CLASSES)).tolist()
        expected = [rows // len(CLASSES)] * len(CLASSES)
        if counts != expected:
            raise ValueError(f"{path}: expected {expected} rows of the classes 0 to {len(CLASSES) - 1}, got {counts}")
    return Raw(np.concatenate(images), np.concatenate(labels))


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 array of just this shape (read-only) from an IDX file.

    ValueError with the file, the byte, what was expected and what came.
    """
    header_bytes = 4 + 4 * len(shape)
    length = header_bytes + int(np.prod(shape))
    with path.open("rb") as file:
        content = file.read(length + 1)  # a byte more than there should be: too long is noticed, never read whole
    header = content[:header_bytes]
    if len(header) < header_bytes:
        raise ValueError(f"{path}: expected a header of {header_bytes} bytes, got {len(header)}")
    for first, last, what, expected in ((0, 2, "zeros", 0), (2, 3, "dtype code", 8), (3, 4, "dimensions", len(shape))):
        got = int.from_bytes(header[first:last], "big")
        if got != expected:
            raise ValueError(f"{path}, byte {first}: expected {what} {expected}, got {got}")
    dimensions = tuple(np.frombuffer(header, dtype=">u4", offset=4).tolist())
    if dimensions != shape:
        raise ValueError(f"{path}, byte 4: expected shape {shape}, got {dimensions}")
    if len(content) != length:
        got_length = "more" if len(content) > length else len(content)
        raise ValueError(f"{path}: expected {length} bytes in all, got {got_length}")
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def prepare(picture: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """uint8 (28, 28) from a picture of a thing, uint8 (height, width, 3), made as section 2 of the source says.

    Its steps: cut off the edges in the color of the corners; resize the longest edge to 28 pixels by skipping rows and
    columns; sharpen; extend the shortest edge to 28 pixels, the thing in the center; make it gray; make it negative. A
    dark ground is not made negative, because it already is as the data set's.

    Specks, which the data set's pictures do not have, do not count as edges.

    Returns: the image, and what makes it doubtful: a ground that is neither light nor dark, a frame, several things, a
    thing longer than the data set's, and specks.
    Raises: ValueError for corners of several colors, and for a picture of one color.
    """
    corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]].astype(np.int16)
    if (np.ptp(corners, axis=0) > 2 * CLOSE).any():
        got = ", ".join(map(str, gray_of(corners)))
        raise ValueError(
            f"expected one color in the four corners, got the gray values {got}; leave plain ground around the thing"
        )
    ground = np.median(corners, axis=0)
    thing, specks = trimmed(picture, ground)
    if not thing.size:
        raise ValueError("expected a thing on a plain ground, got a picture of one color")
    small = gray_of(sharpened(subsampled(thing, max(IMAGE_SHAPE))))
    tone = int(gray_of(ground))
    image = np.full(IMAGE_SHAPE, tone, np.uint8)
    # An odd margin is larger at the top and left, as it is in the data set's own images.
    top, left = ((size - length + 1) // 2 for size, length in zip(IMAGE_SHAPE, small.shape, strict=True))
    image[top : top + small.shape[0], left : left + small.shape[1]] = small
    doubts = ["expected a thing alone, got specks beside it; they are cut off"] if specks else []
    return 255 - image if tone > 127 else image, doubts + doubts_of(thing, ground)


def doubts_of(thing: np.ndarray, ground: np.ndarray) -> list[str]:
    """Say what makes a thing, uint8 (height, width, 3) without the ground around it, doubtful."""
    doubts = []
    tone = int(gray_of(ground))
    if UNCLEAR[0] < tone < UNCLEAR[1]:
        doubts.append(f"expected a thing on a nearly white or nearly black ground, got one of gray value {tone}")
    edges = np.concatenate([thing[0], thing[-1], thing[:, 0], thing[:, -1]]).astype(np.int16)
    if min(thing.shape[:2]) > 2 and (np.ptp(edges, axis=0) <= CLOSE).all():
        doubts.append("expected a thing on one ground, got a rectangle on it; if it is a frame, cut it off")
    sizes = piece_sizes(away_from(subsampled(thing, max(IMAGE_SHAPE)), ground))[1]
    if sizes.sum() - sizes.max(initial=0) > APART * sizes.sum():
        doubts.append(f"expected one thing, got {len(sizes)} pieces that do not touch; show one thing alone")
    short, long = sorted(thing.shape[:2])
    if long > LONGEST * short:
        doubts.append(f"expected a thing at most {LONGEST} times as long as wide, got {long} x {short} pixels")
    return doubts


CLOSE = 0.05 * 255
"""Difference of each color, of 255, up to which two pixels are close: 5 % of the greatest possible."""
UNCLEAR = (51, 204)
"""Gray values between which a ground is neither light nor dark."""
APART = 0.25
"""Share of a thing's pixels that may lie apart from its largest piece. In 0.24 % of the data set's images more do."""
LONGEST = 5
"""How many times as long as wide a thing may be. 0.06 % of the data set's are longer."""
SPECK = 0.001
"""Size of a speck at most, as a share of the largest piece's."""


def piece_sizes(away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the pieces of bool (height, width): pixels that touch at an edge or a corner.

    Returns: int32 (height, width), the number of each pixel's piece from 1, or 0; and int64 (pieces,), their pixels.
    """
    from scipy.ndimage import label  # here, since the other steps that read this module do without it

    pieces, _ = label(away, np.ones((3, 3)))
    return pieces, np.bincount(pieces.ravel())[1:]


def gray_of(colors: np.ndarray) -> np.ndarray:
    """Give the luma of ITU-R 601, uint8 (...,), of colors (..., 3) from 0 to 255."""
    return np.rint(colors @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def away_from(picture: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Find the pixels, bool (height, width), that are not close to the ground, (3,), in some color."""
    away = np.zeros(picture.shape[:2], bool)
    for color in range(3):
        of_color = picture[..., color]
        away |= (of_color < ground[color] - CLOSE) | (of_color > ground[color] + CLOSE)
    return away


def trimmed(picture: np.ndarray, ground: np.ndarray) -> tuple[np.ndarray, bool]:
    """Cut off the rows and columns at the edges that are close to the ground all along; nothing may be left.

    Returns: the rest, and whether specks were cut off that are farther away than a pixel of the image is wide.
    """
    away = away_from(picture, ground)
    if not away.any():
        return picture[:0], False
    pieces, sizes = piece_sizes(away)
    large = np.append(False, sizes > SPECK * sizes.max())[pieces]
    top, bottom, left, right = edges_of(large)
    thing = picture[top:bottom, left:right]
    moved = np.abs(edges_of(away) - (top, bottom, left, right)).max() * max(IMAGE_SHAPE)
    return thing, bool(moved > max(thing.shape[:2]))


def edges_of(away: np.ndarray) -> np.ndarray:
    """Give the first row and the one after the last, and so the columns, int64 (4,), of bool (height, width)."""
    rows, columns = np.flatnonzero(away.any(axis=1)), np.flatnonzero(away.any(axis=0))
    return np.array([rows[0], rows[-1] + 1, columns[0], columns[-1] + 1])


def subsampled(picture: np.ndarray, longest: int) -> np.ndarray:
    """Skip rows and columns so that the longest edge has so many pixels; a smaller picture's are repeated."""
    height, width = picture.shape[:2]
    sizes = [max(1, round(length * longest / max(height, width))) for length in (height, width)]
    rows, columns = (
        ((np.arange(size) + 0.5) * length / size).astype(int)
        for size, length in zip(sizes, (height, width), strict=True)
    )
    return picture[rows[:, np.newaxis], columns]


def sharpened(picture: np.ndarray) -> np.ndarray:
    """Sharpen uint8 (height, width, 3) as ImageMagick's `-sharpen 1x1`: twice the picture less its Gaussian blur."""
    distances = np.array([-1, 0, 1])
    gauss = np.exp(-(distances[:, np.newaxis] ** 2 + distances**2) / 2)
    kernel = -gauss
    kernel[1, 1] = 2 * gauss.sum()
    kernel /= kernel.sum()
    height, width = picture.shape[:2]
    padded = np.pad(picture.astype(np.float64), ((1, 1), (1, 1), (0, 0)), mode="edge")
    total = sum(kernel[i, j] * padded[i : i + height, j : j + width] for i in range(3) for j in range(3))
    return np.rint(np.clip(total, 0, 255)).astype(np.uint8)


# The Keras team's copies, the publisher's, and those in the publisher's repository at a commit.
SITES = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion",
)


def _file(name: str, size: int, sha256: str) -> RawFile:
    packed = f"{name}.gz"
    return RawFile(name, sha256, size, tuple(f"{site}/{packed}" for site in SITES), (packed,))


SPEC = DatasetSpec(
    read=read,
    files=(
        _file("train-images-idx3-ubyte", 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        _file("train-labels-idx1-ubyte", 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        _file("t10k-images-idx3-ubyte", 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        _file("t10k-labels-idx1-ubyte", 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    caches=(
        "~/.keras/datasets/fashion-mnist",
        "$KERAS_HOME/datasets/fashion-mnist",
        # torchvision's, below the `root` of its examples, or where there is one for all of a user's projects
        "data/FashionMNIST/raw",
        "~/data/FashionMNIST/raw",
        "~/datasets/FashionMNIST/raw",
        "/usr/share/datasets/fashion-mnist",
    ),
    debian_package="dataset-fashion-mnist",
    mirror="fashion-mnist",
    rows=sum(FILES.values()),
    test_rows=FILES["t10k"],
    ranked_by="accuracy",
    classes=CLASSES,
    class_counts=(sum(FILES.values()) // len(CLASSES),) * len(CLASSES),
    image_shape=IMAGE_SHAPE,
    prepare=prepare,
)
