"""Pictures as people have them: any format, turned, in color, of any size, or a folder of them."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from stages.datasets.spec import DatasetSpec
from stages.params.messages import sentence
from stages.prediction.files import WARNING, Read, kind_of, listed, place_of, read_bytes

NOT_READ = {"EPS", "WMF", "TGA", "SPIDER"}
"""Formats that Pillow reads by other programs, or takes files for that are something else."""
KINDS = {".tga": "a TGA image"}
"""Kinds of files that no first bytes tell, by the ending of the name."""
UNREADABLE = {"a HEIC image", "a TGA image"}
"""Images that are not read although they may be whole."""
DARK = 2**14
"""Number of gray values in 14 bits, the most that sensors have: a picture of 16 bits with less may not be scaled."""
WHITE = 255


class NoScaleError(ValueError):
    """Gray values of which nothing says what is black and what is white."""


def read_pictures(paths: Sequence[Path], spec: DatasetSpec) -> Read:
    """Read one image from each file, uint8 (n, height, width); of a folder, from each picture in it, sorted by name.

    Pictures that cannot be read are faults. Other files of a folder are left out with a note.
    """
    files, images = [], []
    faults: list[str] = []
    notes: list[str] = []
    said: dict[str, list[str]] = {}
    for path in paths:
        try:
            pictures = _pictures_in(path, notes)
        except ValueError as error:
            faults.append(str(error))
            continue
        for picture in pictures:
            try:
                image, words = read_picture(picture, spec)
            except ValueError as error:
                faults.append(str(error))
                continue
            files.append(str(picture))
            images.append(image)
            for word in words:
                said.setdefault(word, []).append(place_of(picture))
    for word, places in said.items():
        start = WARNING if word.startswith(WARNING) else ""
        notes.append(f"{start}{listed(places)}: {word.removeprefix(WARNING)}")
    x = np.array(images, dtype=np.uint8).reshape(len(images), *(spec.image_shape or ()))
    return Read(pd.DataFrame({"file": files}), [place_of(Path(file)) for file in files], x, notes, faults)


def _pictures_in(folder: Path, notes: list[str]) -> list[Path]:
    """Give the pictures in a folder; ValueError if there are none. A note names what else is in it.

    A picture is what begins like one, or is called like one. What is no folder is taken for a picture.
    """
    Image.init()
    endings = {ending for ending, name in Image.EXTENSION.items() if name in Image.OPEN}
    pictures, others = [], []
    try:
        if not folder.is_dir():
            return [folder]
        for path in sorted(folder.iterdir()):
            # A pipe that nobody writes to would be waited for.
            if path.is_file() and (path.suffix.lower() in endings or _begins_like_a_picture(path)):
                pictures.append(path)
            else:
                others.append(place_of(Path(path.name)))
    except OSError as error:
        raise ValueError(f"{place_of(folder)}: expected pictures to read, got: {error.strerror}") from None
    if not pictures:
        raise ValueError(f"{place_of(folder)}: expected a folder with pictures, got none in it")
    if others:
        notes.append(f"{place_of(folder)}: left out {listed(others)}, no picture{'s' if len(others) > 1 else ''}")
    return pictures


def _begins_like_a_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            kind = kind_of(file.read(32))
    except OSError:
        return False
    return kind is not None and kind.endswith("image")


def read_picture(path: Path, spec: DatasetSpec) -> tuple[np.ndarray, list[str]]:
    """uint8 (height, width) of the data set's size from a picture, and notes.

    A picture of this size is taken as it is; one of another is made as the data set's images were, by `spec.prepare`.

    Raises: ValueError for what is no picture, is damaged or too large, has gray values of another kind than 8 or 16
    bits, or cannot be prepared.
    """
    place = place_of(path)
    if spec.image_shape is None:
        raise ValueError(f"{place}: expected a table, since the variant reads tables, got an image")
    content = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of damaged details
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture, notes = _open(content, spec)
    except NoScaleError as error:
        raise ValueError(f"{place}: {error}") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError(f"{place}: expected at most {Image.MAX_IMAGE_PIXELS:,} pixels, got more") from None
    except UnidentifiedImageError:
        kind = kind_of(content) or KINDS.get(path.suffix.lower()) or f"a file that starts with {content[:8]!r}"
        if kind.endswith("image") and kind not in UNREADABLE:
            raise ValueError(f"{place}: expected a whole picture, got {kind} that is damaged") from None
        hint = "; save it as PNG or JPEG" if content else ""
        raise ValueError(f"{place}: expected a picture, since the variant reads images, got {kind}{hint}") from None
    except Exception as error:  # Pillow raises many kinds for a damaged file
        raise ValueError(f"{place}: expected a whole picture, got: {sentence(error)}") from None
    height, width = picture.height, picture.width
    if (height, width) == spec.image_shape:
        return np.asarray(picture.convert("L")), notes
    if spec.prepare is None:
        expected = f"{spec.image_shape[1]} x {spec.image_shape[0]} pixels (width x height)"
        raise ValueError(f"{place}: expected {expected}, got {width} x {height}; crop and scale it first")
    try:
        image, doubts = spec.prepare(np.asarray(picture))
    except ValueError as error:
        doubts = [f"; {note.removeprefix(WARNING)}" for note in notes if note.startswith(WARNING)]
        raise ValueError(f"{place}: {error}{''.join(doubts)}") from None
    size = f"{spec.image_shape[1]} x {spec.image_shape[0]} pixels"
    return image, [*notes, f"made into {size} as the data set's images were", *(f"{WARNING}{each}" for each in doubts)]


def _open(content: bytes, spec: DatasetSpec) -> tuple[Image.Image, list[str]]:
    """Open a picture as opaque RGB of 8 bits, the first frame, turned as viewers show it; with notes.

    Raises: NoScaleError for gray values that have no scale; whatever Pillow raises.
    """
    Image.init()
    notes = []
    with Image.open(io.BytesIO(content), formats=[name for name in Image.OPEN if name not in NOT_READ]) as image:
        if getattr(image, "n_frames", 1) > 1:
            image.seek(0)
            notes.append("read the first of several frames")
        bits = [content[24]] if image.format == "PNG" else getattr(image, "tag_v2", {}).get(258, [])  # of a TIFF
        turned = image.getexif().get(ExifTags.Base.Orientation) in range(2, 9)
        picture = ImageOps.exif_transpose(image)
        wide = picture.mode.startswith("I;16") or (picture.mode == "I" and image.format == "PPM")
        if wide or 16 in bits:
            notes.append("divided 16 bits by 257 to 8 bits")
        if wide:
            gray = np.asarray(picture)
            if gray.max() < DARK:
                expected = "expected 16 bits that are used, up to 65535"
                hint = "if it has 10, 12 or 14 bits, scale it to 16"
                notes.append(f"{WARNING}{expected}, got gray values up to {gray.max()}; {hint}")
            picture = Image.fromarray(np.rint(gray / 257).astype(np.uint8))
        if turned:
            notes.append("turned as its EXIF orientation says")
    if picture.mode in ("I", "F"):
        raise NoScaleError(f"expected gray values of 8 or 16 bits, got Pillow's mode {picture.mode} of 32 bits")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if np.asarray(picture.getchannel("A")).min() < WHITE:
            # A cut-out of another size is taken for a photo of a thing, which data sets have on white.
            ground = spec.background if (picture.height, picture.width) == spec.image_shape else WHITE
            canvas = Image.new("RGBA", picture.size, (ground, ground, ground, WHITE))
            canvas.alpha_composite(picture)
            picture = canvas
            notes.append(f"took transparency for a background of gray value {ground}")
    picture = picture.convert("RGB")
    red, green, blue = picture.split()
    if not red.tobytes() == green.tobytes() == blue.tobytes():
        notes.append("made colors gray")
    return picture, notes
