"""Each public name is explained."""

from __future__ import annotations

import importlib
import inspect
import pathlib
from types import ModuleType

import pytest

MODULES = ["", ".aiohttp", ".events", ".httpx", ".requests", ".testing"]


def unexplained(module: ModuleType) -> list[str]:
    """The public names, also those in classes, without a text of their own."""
    names = [] if (module.__doc__ or "").strip() else [module.__name__]
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.isclass(value) and not inspect.isfunction(value):
            continue  # a constant or a type, which has a text below it
        if not (vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__):
            names.append(name)
        for member, defined in vars(value).items() if inspect.isclass(value) else ():
            if isinstance(defined, (classmethod, staticmethod)):
                defined = defined.__func__
            if member.startswith("_") or not (inspect.isfunction(defined) or isinstance(defined, property)):
                continue
            if not (defined.__doc__ or "").strip() and not overrides(value, member):
                names.append(f"{name}.{member}")
    return names


def overrides(owner: type, member: str) -> bool:
    """Whether it is a method of a class of the client's."""
    return any(member in vars(base) for base in owner.__mro__[1:])


@pytest.mark.parametrize("name", MODULES)
def test_each_public_name_is_explained(name: str) -> None:
    module = importlib.import_module("tc_auth" + name)
    assert len(module.__all__) > 0
    assert unexplained(module) == []


def test_what_is_not_explained_is_found() -> None:
    class Planted:
        def method(self) -> None: ...

        @property
        def value(self) -> int:
            return 1

    module = ModuleType("planted")
    module.Planted, module.__all__ = Planted, ["Planted"]  # type: ignore[attr-defined]
    assert unexplained(module) == ["planted", "Planted", "Planted.method", "Planted.value"]


def test_the_reference_has_each_module() -> None:
    text = (pathlib.Path(__file__).parents[3] / "packaging/python/build.sh").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("modules=")]
    package = pathlib.Path(importlib.import_module("tc_auth").__file__ or "").parent
    files = [path for path in package.iterdir() if path.name[0] not in "_." and path.suffix in ("", ".py")]
    public = {path.stem for path in files}
    assert public == {name[1:] for name in MODULES if name}
    assert line == "modules='" + " ".join("tc_auth" + name for name in MODULES) + "'"
