"""How `meshctl` fails: one line that says what to do, an exit code, never a traceback."""

from __future__ import annotations

import socket
import time

import grpc
import pytest
from click.testing import CliRunner

from mesh.cli.main import main


def meshctl(*arguments: str, **options):
    """Run a command where no control plane is named."""
    return CliRunner().invoke(main, arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("bind gateway", "Missing argument 'BINDING=SERVICE...'"),
        ("bind gateway AUTH", "`AUTH` has no `=`; write BINDING=SERVICE[@ENVIRONMENT][#Entry"),
        ("bind gateway =auth", "`` is no name of a binding: it must be a Python identifier"),
        ("bind gateway A-B=auth", "`A-B` is no name of a binding"),
        ("bind gateway class=auth", "`class` is no name of a binding"),
        ("bind gateway AUTH=", "`` names no service; write SERVICE[@ENVIRONMENT][#Entrypoint]"),
        ("bind gateway AUTH=@eu", "`@eu` names no service"),
        ("bind gateway AUTH=auth@", "`auth@` ends too early"),
        ("bind gateway AUTH=auth#", "`auth#` ends too early"),
        ("bind gateway AUTH=Auth", "`Auth` is not a worker name: lower-case letters"),
        ("bind gateway AUTH=auth@e.u", "`e.u` is not an environment name: letters"),
        ("bind gateway AUTH=auth#A-B", "`A-B` is not the name of a Python class"),
        ("bind gateway AUTH=auth#A@eu", "`A@eu` is not the name of a Python class"),
        ("bind gateway AUTH=a AUTH=b", "`AUTH` is given twice"),
        ("bind Gateway AUTH=auth", "`Gateway` is not a worker name"),
        ("bind gateway@ AUTH=auth", "`` is not an environment name"),
        ("bind --reset gateway AUTH=auth", "write the name alone, `AUTH`"),
        ("bind --reset gateway AUTH --props {}", "--props does not go with --reset"),
        ("bind gateway A=a B=b --props {}", "--props goes with one binding at a time"),
        ("bind gateway A=a B=b --if-version 1", "--if-version goes with one name at a time"),
        ("bind gateway A=a --if-version 0", "`0` is no version"),
        ("bind gateway A=a --if-version 99999999999999999999", "is no version"),
        ("bind gateway A=a --props []", "`[]` is no JSON object"),
        ("bind gateway A=a --props {", "`{` is no JSON"),
        ('bind gateway A=a --props {"a":NaN}', "NaN or Infinity"),
        ('bind gateway A=a --props {"a":"\\ud800"}', "text that is not UTF-8"),
        ("bind gateway A=a --wait -1", "`-1` is no number of seconds"),
        ("bind gateway A=a --wait nan", "`nan` is no number of seconds"),
        ("bind gateway A=a --timeout 0", "it must be above 0"),
        ("bind gateway A=a --timeout inf", "`inf` is no number of seconds"),
        ("unbind gateway AUTH=auth", "write the name alone, `AUTH`"),
        ("bindings --to A", "`A` is not a worker name"),
        ("var set auth LEVEL", "`LEVEL` has no `=`; write NAME=VALUE"),
        ("var set auth A=1 A=2", "`A` is given twice"),
        ("var set auth =debug", "`` is no name of a var"),
        ("var set auth --json LEVEL=debug", "LEVEL: `debug` is no JSON"),
        ("var set auth LEVEL=\udcff", "LEVEL: the value holds text that is not UTF-8"),
        ("var set auth A-B=1", "`A-B` is no name of a var: it must be a Python identifier"),
        ("var delete auth A B --if-version 1", "--if-version goes with one name at a time"),
        ("var delete auth A=1", "`A=1` is no name of a var"),
        ("status --control ./control.sock", "write unix:./control.sock for a socket"),
        ("status --control unix:", "`unix:` names no socket"),
        ("status --control somewhere", "`somewhere` is not HOST:PORT; write HOST:PORT or unix:"),
        ("status --output xml", "'xml' is not one of 'table', 'json', 'yaml'"),
        ("apply", "Missing option '-f' / '--file'"),
    ],
)
def test_wrong_usage_is_found_before_anything_is_asked(arguments, words):
    """Exit code 2, although there is no control plane to ask."""
    result = meshctl(*arguments.split(" "))
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_deep_json_is_wrong_usage():
    """No text that somebody passes makes a traceback."""
    result = meshctl("bind", "gateway", "A=a", "--props", "[" * 100_000)
    assert result.exit_code == 2
    assert "nested too deeply" in result.stderr


@pytest.mark.parametrize(
    ("status", "text", "exit_code", "line"),
    [
        ("NOT_FOUND", "no worker `x`; see `meshctl workers`", 1, "no worker `x`; see `meshctl w"),
        ("ABORTED", "it has version 5", 1, "it has version 5\n"),
        ("FAILED_PRECONDITION", "`A` is a var", 1, "`A` is a var\n"),
        ("INVALID_ARGUMENT", "no such\nnor this", 1, "no such\nerror: nor this\n"),
        ("PERMISSION_DENIED", "", 1, "the control plane refused it: PERMISSION_DENIED\n"),
        ("INTERNAL", "secret", 1, "ADDRESS: the control plane failed; its log says why\n"),
        ("UNKNOWN", "secret", 1, "ADDRESS: the control plane failed; its log says why\n"),
        ("UNAVAILABLE", "the disk is full", 2, "ADDRESS: the disk is full; try again\n"),
        ("UNIMPLEMENTED", "no", 2, "ADDRESS: what listens there does not know this request;"),
    ],
)
def test_a_status_becomes_one_line(script, status, text, exit_code, line):
    """What the control plane says is passed on; its own failures are for its log."""
    script.answers["GetStatus"] = (grpc.StatusCode[status], text)
    result = script.meshctl("status", "--output", "json")
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.startswith("error: " + line.replace("ADDRESS", script.address))


def test_no_answer_in_time(script):
    """A control plane that hangs ends the command, which says what is not known now."""
    script.answers["GetStatus"] = lambda: time.sleep(0.15)
    result = script.meshctl("status", "--timeout", "0.05")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {script.address}: no answer in time; look at what holds before you repeat a "
        "change, and allow more time with --timeout\n"
    )


def test_an_address_that_nobody_listens_on(tmp_path):
    """The reason is the system's, without gRPC's own words around it."""
    address = f"unix:{tmp_path}/none.sock"
    result = meshctl("status", env={"MESH_CONTROL": address})
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {address}: no control plane can be reached there (No such file or directory); "
        "start it, or name another one with --control\n"
    )


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("unix:/\udcff", "gRPC knows only addresses in UTF-8"),
        ("unix:/" + "x" * 107, "may have 107 bytes, this one has 108"),
        ("unix://host/path", "`unix://host/path` names a host; write unix:PATH"),
    ],
)
def test_an_address_that_cannot_be(address, why):
    """Whatever is wrong with it, no traceback."""
    result = meshctl("status", "--control", address)
    assert result.exit_code == 2
    assert why in " ".join(result.stderr.split())


def test_no_control_plane_on_this_host(tmp_path):
    """It says where it looked, how to start one and how to name one."""
    result = meshctl("status", env={"MESH_STATE_DIR": str(tmp_path)})
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: no control plane runs here: nobody listens on {tmp_path}/control.sock or "
        f"{tmp_path}/control/control.sock; start one with `mesh-agent start` or `mesh-control "
        "start`, or name one with --control or MESH_CONTROL\n"
    )


def test_no_place_for_state():
    """Without a home there is no default, and the error names the variable to set."""
    environ = {"HOME": None, "XDG_STATE_HOME": None, "MESH_STATE_DIR": None}
    result = meshctl("status", env=environ)
    assert result.exit_code == 2
    assert result.stderr == (
        "error: MESH_STATE_DIR: there is no place for state: neither XDG_STATE_HOME nor HOME is "
        "set\n    fix: set MESH_STATE_DIR\n1 problem\n"
    )


@pytest.fixture
def listener(tmp_path):
    """Listens on Unix sockets below the state directory."""
    sockets = []

    def listen(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].bind(str(path))
        sockets[-1].listen()
        return sockets[-1]

    yield listen
    for each in sockets:
        each.close()


def test_two_control_planes_on_this_host(tmp_path, listener):
    """Which of them is meant, is not guessed."""
    listener("control.sock")
    listener("control/control.sock")
    result = meshctl("status", env={"MESH_STATE_DIR": str(tmp_path)})
    assert result.exit_code == 2
    assert result.stderr.startswith(
        f"error: two control planes run here: unix:{tmp_path}/control.sock and "
    )


def test_a_socket_that_was_left_over_is_no_control_plane(tmp_path, listener):
    """After kill -9 the file is still there; the one that is live is found beside it."""
    listener("control.sock").close()
    listener("control/control.sock")
    result = meshctl("status", "--timeout", "0.05", env={"MESH_STATE_DIR": str(tmp_path)})
    assert result.exit_code == 2
    assert result.stderr.startswith(
        f"error: unix:{tmp_path}/control/control.sock: no answer in time;"
    )


def test_the_control_plane_of_this_host_is_found(script, tmp_path):
    """Without --control it is the one in the state directory."""
    script.answers["GetStatus"] = (grpc.StatusCode.NOT_FOUND, "found")
    result = meshctl("status", env={"MESH_STATE_DIR": str(tmp_path)})
    assert result.stderr == "error: found\n"
