"""Splits large objects into parts for transfer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

MIB = 1024**2

MOST_PARTS = 10_000
"""S3's limit; the parts of very large objects are larger, so that they stay below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSizes:
    """An object of up to `whole_bytes` is transferred in one request, a larger one in parts of `part_bytes`."""

    whole_bytes: int
    part_bytes: int


DOWNLOAD = PartSizes(whole_bytes=16 * MIB, part_bytes=8 * MIB)
UPLOAD = PartSizes(whole_bytes=64 * MIB, part_bytes=32 * MIB)
"""Measured: short ranges cost a store less than long ones when reading, and long parts less than short ones when
writing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A range of an object; `number` counts from 1, as S3 does."""

    number: int
    offset: int
    size_bytes: int
    is_whole: bool

    def after(self, size_bytes: int) -> "Part":
        """What is left of it after its first bytes."""
        if size_bytes == 0:
            return self
        return replace(self, offset=self.offset + size_bytes, size_bytes=self.size_bytes - size_bytes, is_whole=False)


def iter_parts(size_bytes: int, sizes: PartSizes) -> Iterator[Part]:
    """The parts of an object of that size. There is always at least one: an empty object becomes a file, too."""
    if size_bytes <= sizes.whole_bytes:
        yield Part(number=1, offset=0, size_bytes=size_bytes, is_whole=True)
        return
    step = max(sizes.part_bytes, -(-size_bytes // MOST_PARTS))
    for number, offset in enumerate(range(0, size_bytes, step), start=1):
        yield Part(number=number, offset=offset, size_bytes=min(step, size_bytes - offset), is_whole=False)
