"""What a namespace is called, how imports fail in it, and what is left when it closes."""

import importlib
import os
import sys
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from agent.namespace import WorkerNamespace, install
from tests.support.namespaces import CURRENT


def loaded(package):
    return sorted(name for name in sys.modules if name.partition(".")[0] == package)


def test_package_names_of_different_workers_differ():
    """A worker's name becomes an identifier, and no two names become the same one."""
    names = ["auth", "my-worker", "my_worker", "my.worker", "auth@staging", "auth_staging"]
    names += ["my__worker", "my_x2d_worker", "auth_1", "Auth", "äuth"]
    packages = {WorkerNamespace(name, Path("entry.py")).package for name in names}
    packages |= {WorkerNamespace("auth", Path("entry.py"), generation=2).package}
    assert len(packages) == len(names) + 1
    assert all(name.isidentifier() for name in packages)
    assert WorkerNamespace("auth", Path("entry.py")).package == "_w_auth_1"


def test_public_name_hides_the_package():
    """Messages name modules and classes as the worker's author does."""
    namespace = WorkerNamespace("auth", Path("entry.py"))
    assert namespace.public_name("_w_auth_1.models.User") == "models.User"
    for other in ("_w_auth_11.models", "_w_auth_2.models", "json.decoder", "_w_auth_1"):
        assert namespace.public_name(other) == other


def test_main_module_knows_its_package(start):
    """Main is `<package>.entry` with the package as `__package__`."""
    a = start("a", {"entry.py": ""})
    assert (a.__name__, a.__package__) == ("_w_a_1.entry", "_w_a_1")
    assert sys.modules["_w_a_1.entry"] is a


def test_main_may_have_any_file_name(tmp_path):
    """A script's name need not be an identifier, and main may be the package's own file."""
    install(lambda: None)
    for name in ("my-worker.py", "entry.v2.py", "__init__.py"):
        (tmp_path / name).write_text("NAME = __file__")
        namespace = WorkerNamespace(name, tmp_path / name)
        with closing(namespace):
            assert str(tmp_path / name) == namespace.import_main().NAME


def test_compile_main_shows_names_and_runs_nothing(tmp_path):
    """The caller can read `co_names` before the worker's code runs."""
    (tmp_path / "entry.py").write_text("raise SystemExit(AUTH)")
    code = WorkerNamespace("auth", tmp_path / "entry.py").compile_main()
    assert set(code.co_names) == {"SystemExit", "AUTH"}
    assert code.co_filename == str(tmp_path / "entry.py")


def test_syntax_error_in_main(tmp_path):
    """Both ways raise Python's own SyntaxError with file and line, and leave nothing behind."""
    install(lambda: None)
    (tmp_path / "entry.py").write_text("x = 1\ndef broken(:\n")
    namespace = WorkerNamespace("auth", tmp_path / "entry.py")
    for attempt in (namespace.compile_main, namespace.import_main):
        with pytest.raises(SyntaxError) as caught:
            attempt()
        assert (caught.value.filename, caught.value.lineno) == (str(tmp_path / "entry.py"), 2)
    assert loaded("_w_auth_1") == []


def test_failed_import_of_a_sibling_can_be_repeated(tmp_path):
    """The traceback names the sibling; nothing stays; the mended file imports, others live on."""
    install(lambda: None)
    for name in ("auth", "shop"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "entry.py").write_text("import fine, models\nNAME = models.NAME")
        (tmp_path / name / "fine.py").touch()
        (tmp_path / name / "models.py").write_text(f"NAME = {name!r}")
    auth, shop = (WorkerNamespace(name, tmp_path / name / "entry.py") for name in ("auth", "shop"))
    broken = tmp_path / "auth" / "models.py"
    broken.write_text("x = 1\nNAME = 1 / 0")
    with closing(auth), closing(shop):
        shop_main = shop.import_main()
        with pytest.raises(ZeroDivisionError) as caught:
            auth.import_main()
        frame = traceback.extract_tb(caught.tb)[-1]
        assert (frame.filename, frame.lineno, frame.line) == (str(broken), 2, "NAME = 1 / 0")
        assert loaded(auth.package) == []
        broken.write_text("NAME = 'mended'")
        assert auth.import_main().NAME == "mended"
        assert shop_main.NAME == "shop"
    assert loaded(auth.package) == loaded(shop.package) == []


def test_traceback_of_a_failed_import_has_no_importlib_frames(start):
    """The worker's author sees the worker's files, not the machinery of the import system."""
    with pytest.raises(KeyError) as caught:
        start("a", {"entry.py": "import models", "models.py": "{}['nosuch']"})
    files = [Path(frame.filename).name for frame in traceback.extract_tb(caught.tb)]
    assert not [name for name in files if "importlib" in name]
    assert [name for name in files if name in {"entry.py", "models.py"}] == [
        "entry.py",
        "models.py",
    ]


MISSING = {
    "import nosuch": ("No module named 'nosuch'", "nosuch"),
    "import pkg.nosuch": ("No module named 'pkg.nosuch'", "pkg.nosuch"),
    "from pkg.nosuch import x": ("No module named 'pkg.nosuch'", "pkg.nosuch"),
    "from .nosuch import x": ("No module named 'nosuch'", "nosuch"),
    "import models": ("No module named 'pkg.nosuch'", "pkg.nosuch"),
    "import models.x": ("No module named 'pkg.nosuch'", "pkg.nosuch"),
    "import plain.x": ("No module named 'plain.x'; 'plain' is not a package", "plain.x"),
    "import importlib as i; i.import_module('nosuch')": ("No module named 'nosuch'", "nosuch"),
    "import importlib as i; i.import_module('pkg.no')": ("No module named 'pkg.no'", "pkg.no"),
}


@pytest.mark.parametrize("statement", MISSING)
def test_missing_module_is_named_as_the_worker_wrote_it(start, statement):
    """ModuleNotFoundError carries the public name, in its message and in `name`."""
    files = {"pkg/__init__.py": "", "plain.py": "", "models.py": "import pkg.nosuch"}
    with pytest.raises(ModuleNotFoundError) as caught:
        start("a", {**files, "entry.py": statement})
    error = caught.value
    assert (str(error), error.name) == MISSING[statement]
    assert error.args == (error.msg,)


def test_missing_name_is_reported_under_the_public_module(start):
    """`cannot import name` says `models`, not the internal package."""
    for statement, module in (("from models import X", "models"), ("from . import X", ".")):
        with pytest.raises(ImportError, match=rf"cannot import name 'X' from '{module}' \(") as e:
            start("a", {"entry.py": statement, "models.py": ""})
        assert "_w_a_1" not in str(e.value)


def test_optional_local_import_can_be_caught(start):
    """`except ModuleNotFoundError as e` sees the name that it asked for."""
    entry = """
        try:
            import pkg.optional
        except ModuleNotFoundError as error:
            NAME = error.name
        """
    assert start("a", {"pkg/__init__.py": "", "entry.py": entry}).NAME == "pkg.optional"


ROOT_ADVICE = {
    "from src.models import X, Y": "write `from models import X, Y`",
    "import src.models": "write `import models`",
    "import src": "leave `src` out",
}


@pytest.mark.parametrize("statement", ROOT_ADVICE)
def test_import_through_the_source_directory_gets_advice(start, statement):
    """The error says that the main module's directory is already the root, and what to write."""
    with pytest.raises(ModuleNotFoundError, match="No module named 'src'") as caught:
        start("a", {"entry.py": "import helper", "helper.py": statement, "models.py": ""})
    assert len(caught.value.__notes__) == 1
    assert ROOT_ADVICE[statement] in caught.value.__notes__[0]


def test_two_generations_live_side_by_side(start):
    """A reloaded worker's classes are new ones; closing the old generation leaves the new."""
    files = {"models.py": "class User: name = 'OWN'", "entry.py": "import models"}
    old, new = start("a", files), start("a", files, generation=2)
    assert (old.models.User.name, new.models.User.name) == ("a1", "a2")
    WorkerNamespace("a", Path(old.__file__)).close()  # not the one that is loaded: no effect
    assert loaded("_w_a_1")


def test_new_generation_sees_new_files_at_once(tmp_path):
    """A file added since the last import is found, though Python has listed the directory before.

    Python lists a directory again when its modification time has changed, which two changes in
    quick succession may not do; here the time is put back.
    """
    install(lambda: None)
    entry = tmp_path / "entry.py"
    entry.write_text("def answer():\n    import models\n    return models.NAME")
    before = tmp_path.stat()
    with closing(WorkerNamespace("auth", entry)) as old, pytest.raises(ModuleNotFoundError):
        old.import_main().answer()
    (tmp_path / "models.py").write_text("NAME = 'new'")
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with closing(WorkerNamespace("auth", entry, generation=2)) as new:
        assert new.import_main().answer() == "new"


def test_one_package_name_is_loaded_once(start):
    """A second namespace of the same worker and generation is refused; the first lives on."""
    a = start("a", {"entry.py": ""})
    with pytest.raises(ValueError, match="generation 1 of worker 'a' is loaded already"):
        WorkerNamespace("a", Path(a.__file__)).import_main()
    assert sys.modules["_w_a_1.entry"] is a


def test_close_removes_the_workers_modules_and_may_be_repeated(tmp_path):
    """After close nothing of the worker is in sys.modules; its late imports say why they fail."""
    install(lambda: None)
    (tmp_path / "models.py").touch()
    (tmp_path / "entry.py").write_text("import models\ndef late():\n    import models")
    namespace = WorkerNamespace("auth", tmp_path / "entry.py")
    main = namespace.import_main()
    assert namespace.import_main() is main
    namespace.close()
    namespace.close()
    assert loaded("_w_auth_1") == []
    with pytest.raises(ImportError, match="generation 1 of worker 'auth' is closed"):
        main.late()


def test_install_twice_adds_one_finder():
    """`install` may be called again; there is one finder, and it is asked first."""
    install(CURRENT.get)
    finders, import_module = list(sys.meta_path), importlib.import_module
    install(CURRENT.get)
    assert sys.meta_path == finders
    assert importlib.import_module == import_module
    assert importlib.import_module("json") is sys.modules["json"]


def test_bytecode_is_cached_once_the_source_has_settled(tmp_path, monkeypatch):
    """Old files are cached as usual; a file edited twice within a second runs its new code."""
    install(lambda: None)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    entry = tmp_path / "entry.py"
    for generation, text in enumerate(("NAME = 'one'", "NAME = 'two'")):
        entry.write_text(text)
        with closing(WorkerNamespace("auth", entry, generation=generation)) as namespace:
            assert repr(namespace.import_main().NAME) in text
    assert not (tmp_path / "__pycache__").exists()
    os.utime(entry, (1_000_000_000, 1_000_000_000))
    with closing(WorkerNamespace("auth", entry)) as namespace:
        namespace.import_main()
    assert len(list((tmp_path / "__pycache__").glob("entry.*.pyc"))) == 1
