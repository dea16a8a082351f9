"""Checks of OGC requests before tipg, cql2 and PostGIS process them."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import parse_qs

from cql2 import Expr
from fastapi import HTTPException, Request

_MAX_FILTER_LENGTH, _MAX_FILTER_DEPTH, _MAX_OPERATORS = 10_000, 20, 100
_MAX_ZOOM = 30
_MAX_INTEGER_DIGITS = 18
_NESTING = re.compile(
    r"'(?:[^']|'')*'|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<operator>\b(?:not|and|or|between|like|is|casei|accenti|div)\b|[-+*/^%])",
    re.IGNORECASE,
)
# Operations that a filter may call. cql2 writes any other name into the statement as a function
# of PostgreSQL, among them those that change settings, sleep, or read files.
_OPERATIONS = frozenset(
    {
        "and",
        "or",
        "not",
        "=",
        "<>",
        "<",
        ">",
        "<=",
        ">=",
        "like",
        "between",
        "in",
        "isNull",
        "casei",
        "accenti",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "div",
        "s_intersects",
        "s_equals",
        "s_disjoint",
        "s_touches",
        "s_within",
        "s_overlaps",
        "s_crosses",
        "s_contains",
        "t_after",
        "t_before",
        "t_contains",
        "t_disjoint",
        "t_during",
        "t_equals",
        "t_finishedBy",
        "t_finishes",
        "t_intersects",
        "t_meets",
        "t_metBy",
        "t_overlappedBy",
        "t_overlaps",
        "t_startedBy",
        "t_starts",
    }
)


def require_valid_request(request: Request, properties: set[str]) -> None:
    """Refuse a request for a collection that tipg would answer with an error or a crash.

    Parameters
    ----------
    request : fastapi.Request
        Its path and query are checked.
    properties : set of str
        Properties of the collection, which a filter may name.

    Raises
    ------
    HTTPException
        404 for a tile outside every pyramid, 422 for a number or filter that is not valid.
    """
    _require_tile(request)
    query = parse_qs(request.url.query)
    _require_integers(query)
    _require_bbox(query)
    _require_filter(query, properties)


def _require_tile(request: Request) -> None:
    """Refuse a tile outside every pyramid, before its bounds are computed."""
    address = [int(request.path_params[name]) for name in "zxy" if name in request.path_params]
    if address and not (0 <= address[0] <= _MAX_ZOOM and 0 <= min(address) <= max(address) < 2**31):
        raise HTTPException(404, f"There is no tile {'/'.join(map(str, address))}.")


def _require_integers(query: dict[str, list[str]]) -> None:
    """Refuse integers that no response can repeat."""
    for name in ("limit", "offset", "minzoom", "maxzoom"):
        for text in query.get(name, []):
            if len(text.strip("+-0")) > _MAX_INTEGER_DIGITS:
                raise HTTPException(422, f"{name} is too large; send a number that fits 64 bits.")


def _require_bbox(query: dict[str, list[str]]) -> None:
    """Refuse a `bbox` that is not four or six finite numbers."""
    for text in query.get("bbox", []):
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
            raise HTTPException(422, "A bbox is four or six numbers: west,south,east,north.")


def require_shallow_filter(text: str) -> None:
    """Refuse a filter whose nesting could overflow the native stack.

    The parser of CQL2 and the writer of SQL recurse once for every bracket and for every operator
    before an operand; beyond some hundred levels the native stack and the process end.

    Parameters
    ----------
    text : str
        Filter in CQL2 text.

    Raises
    ------
    HTTPException
        422 if it is too long, too deep or has too many operators.
    """
    if len(text) > _MAX_FILTER_LENGTH:
        raise HTTPException(422, f"The filter is longer than {_MAX_FILTER_LENGTH:,} characters.")
    depth = deepest = operators = 0
    for token in _NESTING.finditer(text):
        if token["open"]:
            depth += 1
            deepest = max(deepest, depth)
        elif token["close"]:
            depth -= 1
        elif token["operator"]:
            operators += 1
    if deepest > _MAX_FILTER_DEPTH or operators > _MAX_OPERATORS:
        raise HTTPException(
            422,
            f"The filter is nested more than {_MAX_FILTER_DEPTH} levels deep, or has more than "
            f"{_MAX_OPERATORS} operators; use several requests, or `in (...)`.",
        )


def _require_filter(query: dict[str, list[str]], properties: set[str]) -> None:
    """Refuse a filter with a function that is not of CQL2, or with an unknown property."""
    for text in query.get("filter", []):
        require_shallow_filter(text)
        try:
            expression = Expr(text).to_json()
        except Exception as error:
            raise HTTPException(422, f"The filter cannot be read: {error}") from error
        _require_expression(expression, properties)


def _require_expression(node: Any, properties: set[str]) -> None:
    if isinstance(node, list):
        for part in node:
            _require_expression(part, properties)
    if not isinstance(node, dict):
        return
    if "op" in node:
        if node["op"] not in _OPERATIONS:
            raise HTTPException(
                422,
                f"The filter may not call {node['op']}; "
                f"use one of {', '.join(sorted(_OPERATIONS))}.",
            )
        _require_expression(node.get("args", []), properties)
    elif "property" in node:
        if node["property"] not in properties:
            raise HTTPException(
                422,
                f"There is no property {node['property']}; "
                f"use one of {', '.join(sorted(properties))}.",
            )
    elif "interval" in node:
        _require_expression(node["interval"], properties)
    elif not node.keys() & {"timestamp", "date", "bbox", "type"}:
        raise HTTPException(422, "The filter has a part that is no part of CQL2.")
