"""What a target of a rule gets of an event: all of it, a constant, a part, or a text made of parts.

Source: EventBridge User Guide, "Input transformation". Paths are `$`, `$.member` and `$.member.member`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from processing_emulator.errors import ValidationFailed

_PATH: Final = re.compile(r"\$(\.[A-Za-z0-9_-]+)*")
_PLACE: Final = re.compile(r"<([A-Za-z0-9_.-]+)>")
_QUOTE: Final = re.compile(r'(?<!\\)"')
_WHOLE_EVENT: Final = ("aws.events.event", "aws.events.event.json")
_FORMS: Final = ("Input", "InputPath", "InputTransformer")


def check_target_input(target: Mapping[str, Any]) -> None:
    """Raises ValidationFailed for what cannot be made."""
    forms = [form for form in _FORMS if form in target]
    if len(forms) > 1:
        raise ValidationFailed(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}."
        )
    if "Input" in target:
        try:
            json.loads(target["Input"])
        except (ValueError, RecursionError) as error:
            raise ValidationFailed(f"JSON syntax error in input for target {target['Id']}.") from error
    paths = [target["InputPath"]] if "InputPath" in target else []
    paths += target.get("InputTransformer", {}).get("InputPathsMap", {}).values()
    for path in paths:
        if not _PATH.fullmatch(path):
            raise ValidationFailed(
                f"Path {path[:128]} of target {target['Id']} is not supported by the emulator:"
                " paths name members only, such as $.detail.ProcessingJobName"
            )


def input_of(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The text that a target gets, of a target that was checked."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(event, target["InputPath"]))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], event)
    return json.dumps(event)


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Texts stand in the template as they are where they are part of a string, and as JSON where they are a value."""
    template: str = transformer["InputTemplate"]
    paths: Mapping[str, str] = transformer.get("InputPathsMap", {})

    def value_of(match: re.Match[str]) -> str:
        if match[1] in _WHOLE_EVENT:
            value: Any = event
        elif match[1] in paths:
            value = _at(event, paths[match[1]])
        else:
            return match[0]
        is_inside_text = len(_QUOTE.findall(template, 0, match.start())) % 2 == 1
        if not is_inside_text:
            return json.dumps(value)
        return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]

    return _PLACE.sub(value_of, template)


def _at(event: Mapping[str, Any], path: str) -> Any:
    """What a path leads to; None where it leads nowhere."""
    value: Any = event
    for name in path.split(".")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value
