"""Forms: their fields, their origin and the CSRF token of their session."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from fastapi import HTTPException, Request

from geo.store.queries.users import User
from service.request_bodies import require_text


def parse_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form.

    Parameters
    ----------
    body : bytes
        Body of type `application/x-www-form-urlencoded`.

    Returns
    -------
    dict of str to str
        Values by name; the last value of a repeated field.

    Raises
    ------
    HTTPException
        400 if the body is not UTF-8, has more than 20 fields, or a value that cannot be stored.

    Examples
    --------
    >>> parse_form(b"name=a%20b&areas=&areas=1")
    {'name': 'a b', 'areas': '1'}
    """
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=20, keep_blank_values=True)
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    for values in fields.values():
        require_text(values[-1])
    return {name: values[-1] for name, values in fields.items()}


def require_same_origin(request: Request) -> None:
    """Refuse a request that another site had the browser send.

    Parameters
    ----------
    request : Request
        Request with the headers `Origin` and `Sec-Fetch-Site`, if the browser sends them.

    Raises
    ------
    HTTPException
        403 if the headers name another origin.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    own_origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
    is_foreign = bool(origin) and str(origin).lower() != own_origin.lower()
    if site not in ("same-origin", "none") or is_foreign:
        raise HTTPException(
            403,
            f"The form comes from another site ({origin or site}); this service is {own_origin}. "
            "Where that is not how browsers reach it, set GRIDCOVER_PUBLIC_URL.",
        )


def require_csrf(request: Request, user: User, form: dict[str, str]) -> None:
    """Refuse a form that was not made for this session.

    Parameters
    ----------
    request : Request
        Request that sends the form.
    user : User
        Signed-in user with the CSRF token of the session.
    form : dict of str to str
        Fields of the form; `csrf` is its token.

    Raises
    ------
    HTTPException
        403 if the form comes from another site or has another token.
    """
    require_same_origin(request)
    if not user.csrf or not hmac.compare_digest(form.get("csrf", ""), user.csrf):
        raise HTTPException(403, "The form is out of date; open the page again.")


def safe_redirect_path(path: str) -> str:
    """Return a path on this service to redirect to after signing in.

    Parameters
    ----------
    path : str
        Path as it was sent; anything.

    Returns
    -------
    str
        The path, or `/` if it could lead to another site.

    Examples
    --------
    >>> safe_redirect_path("/maps/coverage?lang=en")
    '/maps/coverage?lang=en'
    >>> safe_redirect_path("//evil.example")
    '/'
    """
    if not path.startswith("/") or path.startswith(("//", "/\\")) or "\n" in path or "\r" in path:
        return "/"
    return path
