"""Reads folders of a seed: every regular file below one becomes an object, its relative path the key."""

import os
from collections.abc import Iterator
from pathlib import Path

from processing_emulator.adapters.seed.plan import SeedObject, SeedPlan, bucket_fault, key_fault
from processing_emulator.errors import StartFailure


def plan_of_folder(folder: Path) -> SeedPlan:
    """Each sub-folder becomes a bucket. Raises StartFailure with a sentence that names the path and the rule."""
    buckets: list[str] = []
    objects: list[SeedObject] = []
    notes: list[str] = []
    for path in _entries(folder):
        if not path.is_dir():
            notes.append(f"seed {folder}: {path.name} is ignored, because it lies in no bucket's folder")
            continue
        fault = bucket_fault(path.name)
        if fault is not None:
            raise StartFailure(f"seed {folder}: {fault}; rename the folder")
        buckets.append(path.name)
        objects += objects_below(path, path.name, "", seed=folder, within=folder)
    return SeedPlan(buckets=tuple(buckets), objects=tuple(objects), notes=tuple(notes))


def objects_below(
    folder: Path, bucket: str, prefix: str, *, seed: Path, within: Path, overwrite: bool = False
) -> Iterator[SeedObject]:
    """All files below a folder, in order of their names. Links that lead out of `within` are refused.

    Raises StartFailure.
    """
    inside = within.resolve()
    for path in _files(folder, seed, inside, ()):
        key = prefix + path.relative_to(folder).as_posix()
        fault = key_fault(key)
        if fault is not None:
            raise StartFailure(f"seed {seed}: {fault}; rename the file")
        yield SeedObject(bucket=bucket, key=key, source=path, overwrite=overwrite)


def _files(folder: Path, seed: Path, inside: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """`above`: the folders on the way here, so that a link to one of them does not lead round for ever."""
    here = folder.resolve()
    if here in above:
        raise StartFailure(f"seed {seed}: {folder} leads back to {here}; remove the link")
    if not here.is_relative_to(inside):
        raise StartFailure(
            f"seed {seed}: {folder} leads out of it, to {here}; copy what is there instead of linking it"
        )
    for path in _entries(folder):
        target = path.resolve()
        if not target.is_relative_to(inside):
            raise StartFailure(f"seed {seed}: {path} leads out of it, to {target}; copy the file instead of linking it")
        if path.is_dir():
            yield from _files(path, seed, inside, (*above, here))
        elif path.is_file() and os.access(path, os.R_OK):
            yield path
        else:
            raise StartFailure(f"seed {seed}: {path} is not a readable file; correct or remove it")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise StartFailure(f"seed {folder} cannot be read: {error.strerror}") from error
