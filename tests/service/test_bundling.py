"""Tests of joining ES modules into one script: order, separate scopes, refusals."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from service.bundling import BundleError, join_modules, module_order

ROOT = Path(__file__).parents[2]


def write_modules(folder: Path, modules: dict[str, str]) -> Path:
    for name, source in modules.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    return folder


DIAMOND = {
    "pages/entry.js": 'import { left } from "../lib/left.js";\n'
    'import { right as other } from "../lib/right.js";\n'
    "console.log(`${left()} ${other()}`);\n",
    "lib/left.js": 'import { base, count } from "./base.js";\nconst name = "left";\ncount();\n'
    "export function left() {\n  return base(name);\n}\n",
    "lib/right.js": 'import {\n  base,\n  count,\n} from "./base.js";\nconst name = "right";\n'
    "/** Return it. */\nexport const right = () => `${base(name)} ${count()}`;\n",
    "lib/base.js": "let counted = 0;\n"
    "export function count() {\n  counted += 1;\n  return counted;\n}\n"
    "export async function unused() {}\nexport class Unused {}\n"
    "export const base = (name) => `<${name}>`;\n",
}


def test_module_order_lists_imports_first_and_once(tmp_path: Path) -> None:
    modules = module_order(write_modules(tmp_path, DIAMOND), "pages/entry.js")
    assert [module.path for module in modules] == [
        "lib/base.js",
        "lib/left.js",
        "lib/right.js",
        "pages/entry.js",
    ]
    assert modules[0].exports == ("count", "unused", "Unused", "base")


def test_join_modules_keeps_behaviour_without_globals(tmp_path: Path) -> None:
    node = shutil.which("node")
    command = [node] if node else [str(ROOT / "scripts/npm.sh"), "exec", "--", "node"]
    root = write_modules(tmp_path, DIAMOND | {"package.json": '{"type": "module"}'})
    script, files = join_modules(root, "pages/entry.js")
    joined_path = tmp_path / "joined.cjs"
    joined_path.write_text(script + "\nconsole.log(typeof name, typeof left, typeof lib_base);\n")
    outputs = [
        subprocess.run([*command, str(path)], capture_output=True, text=True, check=True).stdout
        for path in (root / "pages/entry.js", joined_path)
    ]
    assert outputs[0] == "<left> <right> 2\n"
    # The same output, and no global variables.
    assert outputs[1] == outputs[0] + "undefined undefined undefined\n"
    assert [path.name for path in files] == ["base.js", "left.js", "right.js", "entry.js"]
    assert "Return it" not in script


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('import base from "./base.js";\n', "pages/entry.js:1"),
        ('import * as base from "./base.js";\n', "cannot be joined"),
        ('import "./base.js";\n', "cannot be joined"),
        ('import { base } from "leaflet";\n', "cannot be joined"),
        ("const a = 1;\nexport default a;\n", "pages/entry.js:2"),
        ("export let changing = 1;\n", "cannot be joined"),
        ("const a = 1;\nexport { a };\n", "cannot be joined"),
        ('export * from "./base.js";\n', "cannot be joined"),
        ('import { base } from "./missing.js";\n', "pages/missing.js does not exist"),
        ('import { other } from "../lib/base.js";\n', "imports other"),
        ('import { round } from "../lib/round.js";\n', "lib/round.js → lib/trip.js → lib/round.js"),
    ],
)
def test_join_modules_names_unsupported_statements(
    tmp_path: Path, source: str, message: str
) -> None:
    write_modules(
        tmp_path,
        DIAMOND
        | {
            "pages/entry.js": source,
            "lib/round.js": 'import { trip } from "./trip.js";\nexport const round = trip;\n',
            "lib/trip.js": 'import { round } from "./round.js";\nexport const trip = round;\n',
        },
    )
    with pytest.raises(BundleError) as error_info:
        join_modules(tmp_path, "pages/entry.js")
    assert message in str(error_info.value)


def test_join_modules_drops_comments_and_keeps_casts(tmp_path: Path) -> None:
    source = (
        "/** What it is for.\n * More. */\nexport function half(value) {\n"
        "  /** @type {any} */ (globalThis).seen = value;\n  return value / 2; /** kept */\n}\n"
    )
    script, _ = join_modules(write_modules(tmp_path, {"pages/entry.js": source}), "pages/entry.js")
    assert "What it is for" not in script
    assert "(globalThis).seen = value" in script
    assert "return value / 2;" in script
