"""ES modules of a page joined into one classic script, without a build step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"\n]+)";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?=(?:async function\*?|function\*?|const|class) ([A-Za-z_$][\w$]*))", re.MULTILINE
)
_UNSUPPORTED = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*\n", re.MULTILINE | re.DOTALL)


class BundleError(ValueError):
    """A module cannot be joined; the message names it and says what to change."""


@dataclass(frozen=True)
class Module:
    """One ES module."""

    path: str
    """Path below the folder of static files, with slashes."""
    imports: tuple[tuple[str, str], ...]
    """Names as they are written between the braces, with the path that they come from."""
    exports: tuple[str, ...]
    """Names of the exports."""
    body: str
    """The source without imports, `export` keywords and comments between lines."""

    @property
    def variable(self) -> str:
        """Return the name of the exports of the module in the joined script.

        Returns
        -------
        str
            JavaScript identifier.
        """
        return re.sub(r"\W", "_", self.path.removesuffix(".js"))


def read_module(root: Path, path: str) -> Module:
    """Return one module, its imports resolved to paths below `root`.

    Parameters
    ----------
    root : Path
        Folder of the static files.
    path : str
        Path of the module below it, with slashes.

    Returns
    -------
    Module
        The module.

    Raises
    ------
    BundleError
        If the file is missing or has an import or export of another form than
        ``import { a, b as c } from "./module.js";`` and ``export function|const|class``.
    """
    file = root / path
    if not file.is_file():
        raise BundleError(f"{path} does not exist; correct the import that names it.")
    source = file.read_text("utf-8")
    imports = tuple(
        (" ".join(names.split()), normpath(join(dirname(path), target)))
        for names, target in _IMPORT.findall(source)
    )
    exports = tuple(_EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub("", _COMMENT.sub("", source)))
    if other := _UNSUPPORTED.search(body):
        line = source[: source.index(other[0])].count("\n") + 1
        raise BundleError(
            f"{path}:{line}: `{other[0]}` cannot be joined; write "
            '`import { name } from "./module.js";` and `export function`, `const` or `class`.'
        )
    return Module(path, imports, exports, body)


def module_order(root: Path, entry: str) -> list[Module]:
    """Return an entry module and all its imports, each after those that it imports.

    Parameters
    ----------
    root : Path
        Folder of the static files.
    entry : str
        Path of the entry module below it.

    Returns
    -------
    list of Module
        Modules in the order of execution; the entry module is last.

    Raises
    ------
    BundleError
        If a module is missing or of an unsupported form, imports a name that is not exported, or
        modules import each other.
    """
    ordered: dict[str, Module] = {}
    open_paths: list[str] = []

    def _visit(path: str) -> None:
        if path in ordered:
            return
        if path in open_paths:
            cycle = " → ".join([*open_paths[open_paths.index(path) :], path])
            raise BundleError(f"Modules import each other: {cycle}; move what they share out.")
        open_paths.append(path)
        module = read_module(root, path)
        for names, target in module.imports:
            _visit(target)
            for name in filter(None, (part.split(" as ")[0].strip() for part in names.split(","))):
                if name not in ordered[target].exports:
                    raise BundleError(f"{path} imports {name}, which {target} does not export.")
        open_paths.pop()
        ordered[path] = module

    _visit(entry)
    return list(ordered.values())


def join_modules(root: Path, entry: str) -> tuple[str, list[Path]]:
    r"""Return one classic script that runs `entry`, and the files that it consists of.

    Every module becomes a function of its own, so that top-level names of modules do not collide;
    its exports are constants of the script. Nothing becomes global.

    Parameters
    ----------
    root : Path
        Folder of the static files.
    entry : str
        Path of the entry module below it.

    Returns
    -------
    script : str
        The script.
    files : list of Path
        Files of the modules, in order.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> _ = (folder / "a.js").write_text("export const one = 1;\n")
    >>> _ = (folder / "b.js").write_text('import { one } from "./a.js";\nconsole.log(one);\n')
    >>> print(join_modules(folder, "b.js")[0])
    (() => {
    "use strict";
    // a.js
    const a = (() => {
    const one = 1;
    return { one };
    })();
    // b.js
    const b = (() => {
    const { one } = a;
    console.log(one);
    return {  };
    })();
    })();
    """
    modules = module_order(root, entry)
    variables = {module.path: module.variable for module in modules}
    parts = ["(() => {", '"use strict";']
    for module in modules:
        parts += [f"// {module.path}", f"const {module.variable} = (() => {{"]
        parts += [
            f"const {{ {names.replace(' as ', ': ')} }} = {variables[target]};"
            for names, target in module.imports
        ]
        parts += [
            module.body.strip("\n"),
            f"return {{ {', '.join(module.exports)} }};",
            "})();",
        ]
    parts.append("})();")
    return "\n".join(parts), [root / module.path for module in modules]
