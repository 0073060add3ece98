"""Libraries that look modules up by name find those of the right one of two workers."""

import traceback
import warnings

import pytest

from tests.support.namespaces import ask, ask_two

MODELS = {"models.py": "NAME = 'OWN'\n"}

LIBRARIES = {
    "dataclasses": {
        "models.py": """
            from __future__ import annotations
            import dataclasses, typing
            class Tag: name = "OWN"
            @dataclasses.dataclass(slots=True)
            class User:
                tag: Tag
                count: typing.ClassVar[int] = 0
            """,
        "entry.py": """
            import dataclasses, typing
            from models import User
            def answer():
                assert [field.name for field in dataclasses.fields(User)] == ["tag"]
                return typing.get_type_hints(User)["tag"].name
            """,
    },
    "pydantic": {
        "models.py": """
            from __future__ import annotations
            from pydantic import BaseModel
            class User(BaseModel):
                tag: Tag
                friends: list[User] = []
            class Tag(BaseModel):
                name: str = "OWN"
            """,
        "entry.py": """
            from models import User
            def answer():
                user = User.model_validate({"tag": {}, "friends": [{"tag": {}}]})
                return user.friends[0].tag.name
            """,
    },
    "fastapi": {
        "models.py": """
            from __future__ import annotations
            from pydantic import BaseModel
            class User(BaseModel):
                OWN: str
            """,
        "entry.py": """
            from __future__ import annotations
            from typing import Annotated
            from fastapi import Depends, FastAPI
            from models import User
            app = FastAPI()
            def caller() -> User: ...
            @app.post("/users")
            async def create(user: User, caller: Annotated[User, Depends(caller)]) -> list[User]:
                return [user]
            def answer():
                [name] = app.openapi()["components"]["schemas"]["User"]["properties"]
                return name
            """,
    },
    "msgspec": {
        "models.py": """
            from __future__ import annotations
            import msgspec
            class User(msgspec.Struct):
                tag: Tag
            class Tag(msgspec.Struct):
                name: str = "OWN"
            """,
        "entry.py": """
            import msgspec
            from models import User
            def answer():
                return msgspec.json.decode(b'{"tag": {}}', type=User).tag.name
            """,
    },
    "NamedTuple": {
        "models.py": """
            from __future__ import annotations
            from typing import NamedTuple
            class User(NamedTuple):
                tag: Tag
            class Tag: name = "OWN"
            """,
        "entry.py": """
            import typing
            from models import User
            def answer():
                assert User(1).tag == 1
                return typing.get_type_hints(User)["tag"].name
            """,
    },
    "enum": {
        "models.py": "import enum\nclass Color(enum.Enum):\n    RED = 'OWN'\n"
        "Shape = enum.Enum('Shape', ['DOT'])",
        "entry.py": """
            from models import Color, Shape
            def answer():
                assert Shape.__module__ == __package__ + ".models"
                return Color("OWN").value
            """,
    },
    "pickle": {
        "models.py": "class User: name = 'OWN'",
        "entry.py": """
            import pickle
            from models import User
            def answer():
                copy = pickle.loads(pickle.dumps(User()))
                assert type(copy) is User
                return copy.name
            """,
    },
    "mock.patch": {
        **MODELS,
        "entry.py": """
            import models
            from unittest import mock
            def answer():
                with mock.patch("models.NAME", "patched"):
                    assert models.NAME == "patched"
                return models.NAME
            """,
    },
    "mock.patch of a submodule": {
        "pkg/__init__.py": "",
        "pkg/sub.py": "NAME = 'OWN'",
        "entry.py": """
            from unittest import mock
            def answer():
                with mock.patch("pkg.sub.NAME", "patched " + __import__("pkg.sub").sub.NAME):
                    import pkg.sub
                    return pkg.sub.NAME.removeprefix("patched ")
            """,
    },
    "resources of the root": {
        "data.txt": "OWN",
        "entry.py": """
            from importlib.resources import files
            def answer(): return files(__package__).joinpath("data.txt").read_text()
            """,
    },
    "resources of the root with __init__": {
        "data.txt": "OWN",
        "__init__.py": "",
        "entry.py": """
            from importlib.resources import files
            def answer(): return (files(__package__) / "data.txt").read_text()
            """,
    },
    "resources of a package": {
        "pkg/__init__.py": "",
        "pkg/data.txt": "OWN",
        "entry.py": """
            from importlib.resources import files
            AT_IMPORT = files("pkg").joinpath("data.txt").name
            def answer(): return files("pkg").joinpath(AT_IMPORT).read_text()
            """,
    },
    "resources of a bare directory": {
        "things/data.txt": "OWN",
        "entry.py": """
            import things
            from importlib.resources import files
            def answer():
                assert files(things).joinpath("data.txt").is_file()
                return files("things").joinpath("data.txt").read_text()
            """,
    },
    "__file__": {
        "data.txt": "OWN",
        "entry.py": """
            from pathlib import Path
            def answer(): return (Path(__file__).parent / "data.txt").read_text()
            """,
    },
    "pkgutil": {
        "pkg/__init__.py": "",
        "pkg/plugin.py": "NAME = 'OWN'",
        "entry.py": """
            import importlib, pkg, pkgutil
            def answer():
                [module] = pkgutil.iter_modules(pkg.__path__, pkg.__name__ + ".")
                return importlib.import_module(module.name).NAME
            """,
    },
    "inspect": {
        "models.py": "class User:\n    name = 'OWN'\n",
        "entry.py": """
            import ast, inspect, models
            def answer():
                return ast.parse(inspect.getsource(models.User)).body[0].body[0].value.value
            """,
    },
    "reload": {
        **MODELS,
        "entry.py": """
            import importlib, models
            models.NAME = "changed"
            importlib.reload(models)
            def answer(): return models.NAME
            """,
    },
    "threads": {
        **MODELS,
        "entry.py": """
            import asyncio
            from unittest import mock
            def work():
                import models
                with mock.patch("models.OTHER", models.NAME, create=True):
                    return models.OTHER
            def answer(): return asyncio.run(asyncio.to_thread(work))
            """,
    },
}


@pytest.mark.parametrize("files", LIBRARIES.values(), ids=LIBRARIES.keys())
def test_library_finds_the_workers_own_modules(start, files):
    """Each of two workers with the same file names gets what its own files say."""
    assert ask_two(start, files) == ("a1", "b1")


def test_traceback_shows_the_real_file_and_line(start):
    """An error in a sibling points into that worker's file and quotes its line."""
    files = {
        "entry.py": "import models\ndef answer(): return models.fail()",
        "models.py": "def fail():\n    raise ValueError('OWN')\n",
    }
    for main in [start("a", files), start("b", files)]:
        with pytest.raises(ValueError, match=r"^[ab]1$") as caught:
            ask(main)
        frame = traceback.extract_tb(caught.tb)[-1]
        assert frame.filename == main.__file__.replace("entry.py", "models.py")
        assert frame.line == f"raise ValueError('{caught.value}')"


def test_warnings_point_to_the_workers_file(start):
    """A warning names the file of the worker that caused it, once per worker."""
    files = {
        "entry.py": "import models\ndef answer(): models.old()",
        "models.py": "import warnings\ndef old(): warnings.warn('OWN', stacklevel=2)",
    }
    a, b = start("a", files), start("b", files)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        ask(a), ask(b)
    assert [(w.filename, str(w.message)) for w in seen] == [(a.__file__, "a1"), (b.__file__, "b1")]
