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
    """A module that cannot be joined; the message names the module and what to change."""


@dataclass(frozen=True)
class Module:
    """One ES module, read."""

    path: str
    """Below the folder of static files, with slashes."""
    imports: tuple[tuple[str, str], ...]
    """Names as they are written between the braces, and the path they come from."""
    exports: tuple[str, ...]
    body: str
    """The source without imports, `export` keywords and comments between lines."""

    @property
    def variable(self) -> str:
        """The name of the module's exports in the joined script."""
        return re.sub(r"\W", "_", self.path.removesuffix(".js"))


def read_module(root: Path, path: str) -> Module:
    """Return one module, its imports resolved to paths below `root`.

    Parameters
    ----------
    root : folder of the static files.
    path : of the module below it, with slashes.

    Raises
    ------
    BundleError : the file is missing or has an import or export of another form than
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
    """Return an entry module and all it imports, each after those that it imports.

    Parameters
    ----------
    root : folder of the static files.
    entry : path of the first module below it.

    Raises
    ------
    BundleError : a module is missing, of an unsupported form, imports a name that is not
        exported, or modules import each other in a circle.
    """
    ordered: dict[str, Module] = {}
    opened: list[str] = []

    def visit(path: str) -> None:
        if path in ordered:
            return
        if path in opened:
            circle = " → ".join([*opened[opened.index(path) :], path])
            raise BundleError(f"Modules import each other: {circle}; move what they share out.")
        opened.append(path)
        module = read_module(root, path)
        for names, target in module.imports:
            visit(target)
            for name in filter(None, (part.split(" as ")[0].strip() for part in names.split(","))):
                if name not in ordered[target].exports:
                    raise BundleError(f"{path} imports {name}, which {target} does not export.")
        opened.pop()
        ordered[path] = module

    visit(entry)
    return list(ordered.values())


def join_modules(root: Path, entry: str) -> tuple[str, list[Path]]:
    r"""Return one classic script that runs `entry`, and the files that it is made of.

    Every module becomes a function of its own, so that names at the top of two modules do not
    meet; its exports are constants of the script. Nothing becomes global.

    Parameters
    ----------
    root : folder of the static files.
    entry : path of the first module below it.

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
