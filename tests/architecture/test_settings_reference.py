"""docs/reference/settings.md lists every setting with its variable, option, default and meaning, and no other."""

from pathlib import Path

from pydantic import SecretStr

from processing_emulator.config import ENV_PREFIX, Settings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def _default_text(name: str) -> str:
    field = Settings.model_fields[name]
    if name == "data_dir":
        return "`$XDG_DATA_HOME/processing-emulator`, or `~/.local/share/processing-emulator`"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == ():
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def expected_rows() -> list[str]:
    return [
        f"| `{ENV_PREFIX}{name.upper()}` | `--{name.replace('_', '-')}` | {_default_text(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]


def test_page_has_one_row_per_setting() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{ENV_PREFIX}")]
    assert rows == expected_rows(), "the page should have these rows:\n" + "\n".join(expected_rows())
