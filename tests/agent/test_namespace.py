"""Which names a worker's imports find, and that two workers of a process never share one."""

import importlib
import importlib.machinery
import shutil
import sys

import pytest

from agent.namespace import WorkerNamespace, install
from tests.support.namespaces import ask_two, behalf_of

MODELS = {"models.py": "NAME = 'OWN'\n"}

STATEMENTS = {
    "import": "import models\ndef answer(): return models.NAME",
    "import as": "import models as m\ndef answer(): return m.NAME",
    "from": "from models import NAME\ndef answer(): return NAME",
    "star": "from models import *\ndef answer(): return NAME",
    "in a function": "def answer():\n    import models\n    return models.NAME",
    "from in a function": "def answer():\n    from models import NAME\n    return NAME",
    "relative module": "from . import models\ndef answer(): return models.NAME",
    "relative name": "from .models import NAME\ndef answer(): return NAME",
    "dunder": "def answer(): return __import__('models').NAME",
    "dunder, old idiom": (
        "def answer(): return __import__('models', globals(), locals(), [], 0).NAME"
    ),
    "dunder, keywords": "def answer(): return __import__('models', fromlist=['NAME']).NAME",
    "exec": "def answer():\n    scope = {}\n    exec('import models', scope)\n"
    "    return scope['models'].NAME",
    "import_module": "import importlib\nNAME = importlib.import_module('models').NAME\n"
    "def answer(): return NAME",
    "import_module later": "from importlib import import_module\n"
    "def answer(): return import_module('models').NAME",
    "import_module, relative": "import importlib\n"
    "def answer(): return importlib.import_module('.models', package=__package__).NAME",
}


@pytest.mark.parametrize("entry", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_each_way_to_import_finds_the_workers_own_module(start, entry):
    """Every import of a local name gives that worker's module, and never a bare `models`."""
    assert ask_two(start, {**MODELS, "entry.py": entry}) == ("a1", "b1")
    assert "models" not in sys.modules


PACKAGE = {
    "pkg/__init__.py": "from pkg.sub import NAME as top\n",
    "pkg/sub.py": "import pkg.deep.leaf\nNAME = pkg.deep.leaf.NAME\n",
    "pkg/deep/__init__.py": "",
    "pkg/deep/leaf.py": "NAME = 'OWN'\n",
}

PACKAGE_STATEMENTS = {
    "binds the top": "import pkg.deep.leaf\ndef answer(): return pkg.top, pkg.deep.leaf.NAME",
    "binds the leaf": "import pkg, pkg.sub as s\ndef answer(): return pkg.top, s.NAME",
    "names": "from pkg import top, sub\ndef answer(): return top, sub.NAME",
    "submodule's name": "from pkg.deep import leaf\nfrom pkg.sub import NAME\n"
    "def answer(): return leaf.NAME, NAME",
    "import_module": "import importlib\ndef answer():\n"
    "    return importlib.import_module('pkg').top, importlib.import_module('pkg.sub').NAME",
}


@pytest.mark.parametrize("entry", PACKAGE_STATEMENTS.values(), ids=PACKAGE_STATEMENTS.keys())
def test_packages_with_submodules_bind_as_python_binds_them(start, entry):
    """`import a.b` binds a, `import a.b as c` binds b, `from a import b` imports a submodule."""
    answers = ask_two(start, {**PACKAGE, "entry.py": entry})
    assert answers == (("a1", "a1"), ("b1", "b1"))


def test_modules_that_import_each_other(start):
    """Cycles work as they do in Python, through absolute and relative names."""
    files = {
        "entry.py": "import chicken\ndef answer(): return chicken.lay(), chicken.egg.hatch()",
        "chicken.py": "import egg\nNAME = 'chicken OWN'\ndef lay(): return egg.NAME",
        "egg.py": "import chicken as c\nfrom . import entry\nNAME = 'egg OWN'\n"
        "def hatch(): return c.NAME",
    }
    assert ask_two(start, files) == (("egg a1", "chicken a1"), ("egg b1", "chicken b1"))


def test_the_main_module_is_one_object_for_its_siblings(start):
    """A sibling's `import entry` gives the running main module, not a second copy."""
    files = {
        "entry.py": "runs = []\nruns.append('OWN')\nimport sibling\n"
        "def answer(): return sibling.entry.runs",
        "sibling.py": "import entry",
    }
    assert ask_two(start, files) == (["a1"], ["b1"])


def test_the_directorys_own_init_runs_first(start):
    """A source directory with `__init__.py` is that package, with the same imports."""
    files = {
        **MODELS,
        "__init__.py": "import models\nGREETING = 'hello ' + models.NAME",
        "entry.py": "from . import GREETING\ndef answer(): return GREETING",
    }
    assert ask_two(start, files) == ("hello a1", "hello b1")


def test_main_wins_over_a_directory_of_its_name(start):
    """Main is the configured file, though Python would prefer the package beside it."""
    files = {"entry.py": "def answer(): return 'OWN'", "entry/__init__.py": "raise SystemExit"}
    assert ask_two(start, files) == ("a1", "b1")


def test_local_module_shadows_the_standard_library_for_its_worker_only(start):
    """`import email` is the worker's; libraries, also those in C, keep the standard one."""
    files = {
        "email.py": "NAME = 'OWN'",
        "_strptime.py": "raise AssertionError('imported for C code')",
        "entry.py": """
            import datetime, email, importlib
            from http.client import HTTPMessage
            def answer():
                assert HTTPMessage.__mro__[1].__module__ == "email.message"
                assert datetime.datetime.strptime("2024", "%Y").year == 2024
                return email.NAME, importlib.import_module("email").NAME
            """,
    }
    sys.modules.pop("_strptime", None)
    assert ask_two(start, files) == (("a1", "a1"), ("b1", "b1"))
    assert hasattr(importlib.import_module("email"), "message_from_string")


def test_builtin_modules_cannot_be_shadowed(start):
    """As in Python, no file replaces `sys` or `time`; a relative import still reaches it."""
    files = {
        "time.py": "NAME = 'OWN'",
        "entry.py": "import time\nfrom . import time as own\n"
        "def answer(): return time.monotonic() > 0, own.NAME",
    }
    assert ask_two(start, files) == ((True, "a1"), (True, "b1"))


def test_directory_without_init_gives_way_to_an_importable_module(start):
    """`json/` without `__init__.py` is data, `things/` is a namespace package."""
    files = {
        "json/data.txt": "",
        "things/one.py": "NAME = 'OWN'",
        "entry.py": "import json\nfrom things import one\n"
        "def answer(): return json.dumps(one.NAME)",
    }
    assert ask_two(start, files) == ('"a1"', '"b1"')


@pytest.mark.parametrize("name", ["workers", "js", "pyodide", "_w_other_1", "sys", "__main__"])
def test_reserved_names_are_never_local(tmp_path, name):
    """The SDK, the names of Cloudflare's runtime and other namespaces are not a worker's."""
    (tmp_path / f"{name}.py").touch()
    assert not WorkerNamespace("auth", tmp_path / "entry.py").owns(name)


def test_owns_tells_local_names_before_anything_is_imported(tmp_path):
    """Files, packages and main's own name are local; what is not there is not."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "models.py").touch()
    namespace = WorkerNamespace("auth", tmp_path / "entry.py")
    names = ["entry", "models", "pkg", "nosuch", "json"]
    assert [name for name in names if namespace.owns(name)] == ["entry", "models", "pkg"]


def test_library_code_reaches_local_modules_only_on_behalf_of_the_worker(start):
    """A library's import_module falls back to the current worker; global names win there."""
    files = {**MODELS, "email.py": "NAME = 'OWN'", "entry.py": ""}
    a, b = start("a", files), start("b", files)

    def library():
        return importlib.import_module("models").NAME

    assert (behalf_of(a.__package__, library), behalf_of(b.__package__, library)) == ("a1", "b1")
    with pytest.raises(ModuleNotFoundError, match="No module named 'models'"):
        library()
    email = behalf_of(a.__package__, lambda: importlib.import_module("email"))
    assert email is sys.modules["email"]


def test_workers_directory_on_the_path_makes_no_second_copy(start, monkeypatch):
    """With a worker's directory on `sys.path` its modules still exist once, in its package."""
    files = {**MODELS, "things/one.py": "NAME = 'OWN'", "entry.py": "import things.one, models"}
    start("b", files)
    a = start("a", files)
    monkeypatch.syspath_prepend(a.__spec__.origin.removesuffix("/entry.py"))

    def library():
        return importlib.import_module("models"), importlib.import_module("things.one")

    assert behalf_of(a.__package__, library) == (a.models, a.things.one)
    assert not {"models", "things", "things.one"} & set(sys.modules)


def test_names_added_to_builtins_are_globals_of_one_worker(tmp_path):
    """What the host adds to `builtins` is visible in every module of that worker only."""
    install(lambda: None)
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "entry.py").write_text("import models\nGOT = AUTH, models.GOT\n")
        (tmp_path / name / "models.py").write_text("GOT = AUTH\n")
    a, b = (WorkerNamespace(name, tmp_path / name / "entry.py") for name in "ab")
    a.builtins["AUTH"] = "binding"
    assert a.import_main().GOT == ("binding", "binding")
    with pytest.raises(NameError, match="AUTH"):
        b.import_main()
    a.close()


def test_extension_module_in_the_directory_is_local(start, tmp_path):
    """A worker may bring a compiled module; it keeps Python's own loader."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    source = getattr(importlib.import_module("_heapq"), "__file__", None)
    if source is None:
        pytest.skip("this Python has _heapq built in")
    for name in "ab":
        (tmp_path / f"{name}-1" / "src").mkdir(parents=True)
        shutil.copy(source, tmp_path / f"{name}-1" / "src" / f"_heapq{suffix}")
    files = {"entry.py": "import _heapq\ndef answer(): return _heapq.__name__"}
    assert ask_two(start, files) == ("_w_a_1._heapq", "_w_b_1._heapq")
