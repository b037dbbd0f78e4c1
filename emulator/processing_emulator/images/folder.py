"""Where the recipes of the images are."""

from pathlib import Path

_PACKAGED = Path(__file__).resolve().parent / "recipes"

_CLONE = Path(__file__).resolve().parents[3]


def recipes_folder() -> Path:
    """The folder of recipes: in an installed wheel next to this module, in a clone `containers/`."""
    return _PACKAGED if _PACKAGED.is_dir() else _CLONE / "containers"


def compose_file() -> Path:
    """docker-compose.yml: in an installed wheel next to the recipes, in a clone at the top."""
    return (_PACKAGED if _PACKAGED.is_dir() else _CLONE) / "docker-compose.yml"
