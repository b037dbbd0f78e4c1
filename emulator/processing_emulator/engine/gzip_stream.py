"""Decompresses gzip files as they stream in, in bounded memory."""

import zlib
from collections.abc import Iterable, Iterator

from processing_emulator.errors import StagingFailure

_PIECE_BYTES = 64 * 1024
"""What is not consumed yet is copied at each step, so each step gets little."""

_OUTPUT_BYTES = 1024 * 1024
"""A small file may decompress to a very large one."""

_GZIP = 16 + zlib.MAX_WBITS


def gunzipped(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The content of a gzip file of any number of members, in chunks of at most 1 MiB; of an empty file, nothing.

    `name` is for the error. Raises StagingFailure when the file is no gzip file, damaged, or cut short.
    """
    decoder = None
    is_first = True
    try:
        for data in _pieces(chunks):
            while data:
                if decoder is None:
                    data = data if is_first else data.lstrip(b"\0")  # padding between members, which gzip skips, too
                    decoder = zlib.decompressobj(_GZIP) if data else None
                    is_first = False
                    continue
                yield decoder.decompress(data, _OUTPUT_BYTES)
                data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
                decoder = None if decoder.eof else decoder
        if decoder is not None:
            yield decoder.flush()
    except zlib.error as error:
        raise StagingFailure(f"{name} cannot be decompressed as gzip: {error}") from error
    if decoder is not None and not decoder.eof:
        raise StagingFailure(f"{name} cannot be decompressed as gzip: it is cut short")


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE_BYTES):
            yield chunk[start : start + _PIECE_BYTES]
