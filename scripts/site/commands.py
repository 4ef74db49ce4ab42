"""A page for each command, made of the parser that runs it."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from mru_hw.cli.app import COMMANDS, Command, application
from scripts.site.markdown import code, plain, table


def command_pages() -> dict[str, str]:
    """Return the pages by name: the list of all commands, and ``command-NAME`` of each."""
    rows = [
        (f"[`mru-hw {command.name}`](command-{command.name}.md)", plain(command.help))
        for command in COMMANDS
    ]
    index = (
        "# Commands\n\n"
        "Made of the parser that runs them. `--json` prints one JSON object on standard output and "
        "nothing else there; notes and errors go to standard error. Exit status 0 is done, 2 is a "
        "mistake in what was asked, told in one sentence, 1 is anything else; `--debug` shows "
        "where an error arose. `python -m mru_hw` is the same as `mru-hw`.\n\n"
        + table(("command", "what it does"), rows)
        + "\n```{toctree}\n:hidden:\n\n"
        + "\n".join(f"command-{command.name}" for command in COMMANDS)
        + "\n```\n"
    )
    return {"commands": index} | {f"command-{each.name}": _page(each) for each in COMMANDS}


def _page(command: Command) -> str:
    parser: Any = typer.main.get_command(application(command.name))
    params = parser.commands[command.name].params
    arguments = [each for each in params if each.param_type_name == "argument"]
    options = [each for each in params if each.param_type_name == "option"]
    usage = ["mru-hw", command.name, *(_argument(each) for each in arguments)]
    usage += [f"{each.opts[0]} {_metavar(each)}" for each in options if each.required]
    parts = [
        f"# mru-hw {command.name}\n",
        f"    {' '.join(usage)} [OPTIONS]\n",
        _description(command),
    ]
    if arguments:
        rows = [(code(_argument(each)), plain(each.help or "")) for each in arguments]
        parts += ["## Arguments\n", table(("argument", "meaning"), rows)]
    rows = [(_flag(each), _default(each), plain(each.help or "")) for each in options]
    parts += ["## Options\n", table(("option", "if left out", "meaning"), rows)]
    return "\n".join(parts)


def _description(command: Command) -> str:
    """Return the paragraphs of the command's docstring."""
    text = inspect.cleandoc(command.load().__doc__ or "").split("\f")[0]
    return "\n\n".join(plain(paragraph) for paragraph in text.split("\n\n")) + "\n"


def _argument(param: Any) -> str:
    name: str = param.metavar or param.name.upper()
    name += "..." if param.nargs == -1 or param.multiple else ""
    return name if param.required else f"[{name}]"


def _metavar(param: Any) -> str:
    if param.is_bool_flag:
        return ""
    if param.metavar:
        return str(param.metavar)
    kind = param.type_descriptor.annotation
    return {int: "N", float: "X"}.get(kind, "TEXT")


def _flag(param: Any) -> str:
    names = "/".join([*param.opts, *param.secondary_opts])
    text = code(f"{names} {_metavar(param)}".strip())
    return f"{text} (again for each)" if param.multiple else text


def _default(param: Any) -> str:
    if param.required:
        return "required"
    if param.is_bool_flag:
        return "off" if not param.default else "on"
    if param.default in (None, [], ()):
        return ""
    return code(str(param.default))
