"""From any image file to a small WebP: decoded and written anew, so that no byte of the original is passed on."""

from __future__ import annotations

import io
import warnings
from typing import Final, cast

from PIL import Image, ImageOps, UnidentifiedImageError

from hub.thumbnails import SIDE_PX

# What is decoded: no format with programs, links or pages in it, and none that Pillow hands to another program.
FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")
MAX_PIXELS: Final = 40_000_000
QUALITY: Final = 80
# Modes with more than eight bits for a grey value.
DEEP: Final = ("I", "I;16", "I;16B", "I;16L", "F")


def small(data: bytes) -> bytes:
    """Return an image as WebP of at most 320 × 320 pixels, without metadata; of several frames the first.

    Raises:
        ValueError: not a PNG, JPEG, GIF or WebP image, damaged, or of more than 40 million pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _written(_shrunk(image))
    except UnidentifiedImageError as err:
        raise ValueError(f"it is none of {', '.join(FORMATS)}") from err
    except Image.DecompressionBombError as err:
        raise ValueError(f"it has more than {MAX_PIXELS:,} pixels") from err
    except (OSError, SyntaxError, EOFError, MemoryError, OverflowError) as err:
        raise ValueError(f"the image is damaged ({type(err).__name__})") from err


def _shrunk(image: Image.Image) -> Image.Image:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"it has {width} × {height} pixels, more than {MAX_PIXELS:,}")
    image.draft("RGB", (SIDE_PX, SIDE_PX))
    shown = _eight_bits(ImageOps.exif_transpose(image))
    shown = shown.convert("RGBA" if shown.has_transparency_data else "RGB")
    shown.thumbnail((SIDE_PX, SIDE_PX))
    return shown


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return grey values from the darkest to the brightest as 0 to 255; plain images as they are."""
    if image.mode not in DEEP:
        return image
    deep = image.convert("F")
    low, high = cast("tuple[float, float]", deep.getextrema())
    scale = 255 / (high - low) if high > low else 0.0
    return deep.point(lambda value: value * scale - low * scale).convert("L")


def _written(image: Image.Image) -> bytes:
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    out = io.BytesIO()
    bare.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()
