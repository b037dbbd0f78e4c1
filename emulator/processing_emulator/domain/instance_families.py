"""Which instance types are alike: the sizes of one family, and the families of one generation."""

import re
from collections.abc import Iterator

from processing_emulator.domain.instance_types import InstanceType, catalogue

_NAME = re.compile(r"ml\.(?P<letters>[a-z]+)(?P<generation>[^.]+)\.")

USUAL_GENERATION = "5"
"""Whose m, c and r types stand in for a type that has none like it."""


def alike(asked: InstanceType) -> Iterator[tuple[InstanceType, ...]]:
    """Types without GPUs that may stand in for a type, the closest first: those of its generation, such as `ml.m6i`,
    `ml.c6i` and `ml.r6i`; then of its plain form (`7i` for `7i-flex`, `5` for `5d`); then of the usual generation.
    """
    generation = generation_of(asked)
    plain = generation.removesuffix("-flex").removesuffix("d")
    generations = (USUAL_GENERATION,) if asked.gpus else (generation, plain, USUAL_GENERATION)
    for each in dict.fromkeys(generations):
        yield tuple(other for other in catalogue().values() if not other.gpus and generation_of(other) == each)


def same_family(asked: InstanceType) -> tuple[InstanceType, ...]:
    """All sizes of a family, such as `ml.g5`: they have the same kind of GPU."""
    family = asked.name.rpartition(".")[0]
    return tuple(other for other in catalogue().values() if other.name.rpartition(".")[0] == family)


def generation_of(instance_type: InstanceType) -> str:
    """`7i-flex` for `ml.m7i-flex.large`."""
    match = _NAME.match(instance_type.name)
    if match is None:
        raise ValueError(instance_type.name)
    return match["generation"]
