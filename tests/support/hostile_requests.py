"""Send hostile values to every address of a study, without a server between; run in a process of its own.

Prints what failed (an answer of 500 and more, or an exception) as JSON rows [method, name of the address, fields, kind, status].
"""

import inspect
import json
import re
import sys
from pathlib import Path

import django

HOSTILE: dict[str, list[str]] = {
    "a superscript digit": ["²"],
    "five thousand nines": ["9" * 5_000],
    "four hundred nines": ["9" * 400],
    "twenty nines": ["9" * 20],
    "full-width digits": ["１２"],
    "a negative number": ["-1"],
    "a number with a comma": ["1,5"],
    "not a number": ["nan"],
    "infinity": ["1e999"],
    "nothing": [""],
    "blanks": [" \t"],
    "a NUL": ["a\0b"],
    "a long text": ["é" * 900],
    "an emoji": ["👩\u200d🌾" * 3],
    "a right-to-left mark": ["\u202eeduf"],
    "a JSON list": ["[[[]]]"],
    "a JSON object": ['{"a": 1}'],
    "JSON without end": ["[" * 900],
    "equals signs": ["=="],
    "commas": [",,,"],
    "a colon": [":"],
    "a list": ["1", "1", "deux"],
    "a path": ["../../etc/passwd"],
}
ALONE = ("a superscript digit", "five thousand nines")  # field by field too
# what these start takes minutes, whatever they are sent, and they read no field
LONG = ("start_processing", "start_learning", "publish", "back_up", "logout")
REVIEW = Path(__file__).parents[2] / "pipeline" / "review"


def known_names() -> set[str]:
    """Every name of a field or of a parameter, in forms and in code."""
    names = {"page", "username", "password", "new_password1", "new_password2", "old_password"}
    for path in (REVIEW / "templates").rglob("*.html"):
        names |= set(re.findall(r'\bname="([\w.-]+)"', path.read_text(encoding="utf-8")))
    for path in REVIEW.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        names |= set(re.findall(r'\.get(?:list)?\(\s*"([\w.-]+)"', source))
        names |= set(re.findall(r'^_?[A-Z_]+ = "([\w-]+)"', source, re.M))
    return names - {"csrfmiddlewaretoken"}


def main(blanks: dict[str, str], account: str) -> None:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import get_resolver

    session = Client(raise_request_exception=False, headers={"host": "127.0.0.1"})
    session.force_login(User.objects.get(username=account))
    known, faults, n_requests = known_names(), [], 0
    for row in get_resolver().url_patterns:
        if row.name in LONG:
            continue
        view = inspect.unwrap(row.callback)
        source = inspect.getsource(sys.modules[getattr(view, "view_class", view).__module__])
        names = sorted(known & set(re.findall(r'"([\w.-]+)"', source)))
        route = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: blanks.get(m[1], "1"), row.pattern._route)
        for kind, values in HOSTILE.items():
            groups = [names, *([name] for name in names if kind in ALONE)]
            for group in groups:
                fields = dict.fromkeys(group, values)
                for method in ("GET", "POST"):
                    n_requests += 1
                    status = getattr(session, method.lower())(f"/{route}", fields).status_code
                    if status >= 500:
                        faults.append([method, row.name, group, kind, status])
        for blank in HOSTILE.values():
            if "<" in row.pattern._route and "/" not in blank[0]:
                path = re.sub(r"<(?:\w+:)?\w+>", blank[0][:900], row.pattern._route)
                for method in ("GET", "POST"):
                    n_requests += 1
                    status = getattr(session, method.lower())(f"/{path}").status_code
                    if status >= 500:
                        faults.append([method, row.name, "address", blank[0][:20], status])
    print(json.dumps([n_requests, faults]))


if __name__ == "__main__":
    django.setup()
    main(json.loads(sys.argv[1]), sys.argv[2])
