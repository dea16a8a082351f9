"""Forms: fields, their origin and the token of their session."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from fastapi import HTTPException, Request

from geo.store.queries.users import User
from service.request_bodies import require_text


def parse_form(body: bytes) -> dict[str, str]:
    """Fields of a form; of one that comes twice the last."""
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=20, keep_blank_values=True)
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    for values in fields.values():
        require_text(values[-1])
    return {name: values[-1] for name, values in fields.items()}


def require_same_origin(request: Request) -> None:
    """Refuse a form that another site had the browser send."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    ours = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site not in ("same-origin", "none") or (origin and origin.lower() != ours.lower()):
        raise HTTPException(
            403, f"The form comes from another site ({origin or site}); this service is {ours}. Where that is "
            "not how browsers reach it, set GRIDCOVER_PUBLIC_URL.",
        )  # fmt: skip


def require_csrf(request: Request, user: User, form: dict[str, str]) -> None:
    """Refuse a form that was not made for this session."""
    require_same_origin(request)
    if not user.csrf or not hmac.compare_digest(form.get("csrf", ""), user.csrf):
        raise HTTPException(403, "The form is out of date; open the page again.")


def safe_redirect_path(path: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or "\n" in path or "\r" in path:
        return "/"
    return path
