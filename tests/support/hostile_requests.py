"""Send hostile values to every address of a study, without a server between; run in a process of its own.

Prints as JSON how many answers had each status, and the rows [method, name of the address, fields, kind, status] of those of 500 and more.
"""

import inspect
import json
import re
import sys
from collections import Counter
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
    "nothing": [""],
    "a NUL": ["a\0b"],
    "a long text": ["é" * 900],
    "an emoji": ["👩\u200d🌾" * 3],
    "a right-to-left mark": ["\u202eeduf"],
    "a JSON list": ["[[[]]]"],
    "a JSON object": ['{"a": 1}'],
    "JSON without end": ["[" * 900],
    "commas": [",,,"],
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


def main(blanks: dict[str, str], account: str, part: int, n_parts: int) -> None:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import get_resolver

    session = Client(raise_request_exception=False, headers={"host": "127.0.0.1"})
    session.force_login(User.objects.get(username=account))
    known, faults, statuses = known_names(), [], Counter()

    def ask(path: str, fields: dict[str, list[str]], *told: object) -> None:
        for method in (session.get, session.post):
            answer = method(path, fields)
            is_lost = answer.headers.get("location", "").startswith("/connexion?")
            statuses["logged out" if is_lost else str(answer.status_code)] += 1
            if answer.status_code >= 500:
                faults.append([method.__name__, *told, answer.status_code])

    for row in get_resolver().url_patterns[part::n_parts]:
        if row.name in LONG:
            continue
        view = inspect.unwrap(row.callback)
        source = inspect.getsource(sys.modules[getattr(view, "view_class", view).__module__])
        names, pattern = sorted(known & set(re.findall(r'"([\w.-]+)"', source))), row.pattern._route
        route = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: blanks.get(m[1], "1"), pattern)
        for kind, values in HOSTILE.items():
            for group in [names, *([name] for name in names if kind in ALONE)]:
                ask(f"/{route}", dict.fromkeys(group, values), row.name, group, kind)
            if "<" in pattern and "/" not in values[0]:
                ask("/" + re.sub(r"<.*?>", values[0][:900], pattern), {}, row.name, "address", kind)
    print(json.dumps([statuses, faults]))


if __name__ == "__main__":
    django.setup()
    main(json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
