"""How the series of a reply are called: by what they differ in, or by a label of the request with parts to fill in."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from processing_emulator.domain.metrics import MetricKey
from processing_emulator.errors import Unsupported
from processing_emulator.metrics.series import Series

_PART: Final = re.compile(r"\$\{\s*([^}]*?)\s*\}")
_PROPERTY: Final = re.compile(r"PROP\(\s*'([^']*)'\s*\)")


def distinct_labels(found: Sequence[Series]) -> Sequence[Series]:
    """Metrics of a list with labels of the texts in which they differ: dimensions, then the name."""
    keys = [series.metric for series in found if series.metric is not None]
    if len(keys) < len(found):
        return found
    names = {name for key in keys for name, _ in key.dimensions}
    varying = [name for name in sorted(names) if len({dict(key.dimensions).get(name) for key in keys}) > 1]
    has_names = len({key.name for key in keys}) > 1 or not varying
    return [replace(series, label=_label(key, varying, has_names)) for series, key in zip(found, keys, strict=True)]


def _label(key: MetricKey, varying: Sequence[str], has_name: bool) -> str:  # told apart by its name
    dimensions = dict(key.dimensions)
    return " ".join([*(dimensions[name] for name in varying if name in dimensions), *([key.name] if has_name else [])])


def filled_label(label: str, series: Series, default: str) -> str:
    """A label with its `${...}` filled in. Raises Unsupported for parts that are not known here."""
    return _PART.sub(lambda match: _filled(match[1], series, default), label)


def _filled(part: str, series: Series, default: str) -> str:
    if part == "LABEL":
        return default
    prop = _PROPERTY.fullmatch(part)
    if prop is not None:
        return _property(prop[1], series)
    values = list(series.values.values())
    computed = {
        "MIN": lambda: min(values),
        "MAX": lambda: max(values),
        "SUM": lambda: math.fsum(values),
        "AVG": lambda: math.fsum(values) / len(values),
        "FIRST": lambda: values[0],
        "LAST": lambda: values[-1],
    }
    if part not in computed:
        raise Unsupported(f"${{{part[:64]}}} in a label is not supported by the emulator")
    return f"{computed[part]():.10g}" if values else "--"


def _property(name: str, series: Series) -> str:
    key = series.metric
    if key is None:
        return ""
    if name.startswith("Dim."):
        return dict(key.dimensions).get(name.removeprefix("Dim."), "")
    known = {
        "MetricName": key.name,
        "Namespace": key.namespace,
        "Stat": series.statistic,
        "Period": str(series.window.period_s),
        "Region": key.region,
        "AccountId": key.account,
    }
    if name not in known:
        raise Unsupported(f"${{PROP('{name[:64]}')}} in a label is not supported by the emulator")
    return known[name]
