"""What `make audit` says of the lock: every licence is permissive or weak copyleft, or was read by hand."""

import pytest

from tools.audit import DOUBTFUL, LOCK, bill_of_materials, is_fine, licences, pins, read_dates

PINS = pins(LOCK.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "MIT License",
        "MIT-CMU",
        "PSF-2.0",
        "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
        "BSD-2-Clause AND Apache-2.0 WITH LLVM-exception",
        "Apache Software License",
        "Apache-2.0 AND CNRI-Python",
        "ISC License (ISCL)",
        "LGPL-3.0-only",
        "GNU Lesser General Public License v3 (LGPLv3)",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "MPL-2.0 AND (Apache-2.0 OR MIT)",
        "GPL-2.0-only OR MIT",
    ],
)
def test_a_licence_that_asks_for_notices_or_for_changes_of_the_package_is_fine(
    licence: str,
) -> None:
    assert is_fine(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-3.0-or-later",
        "GNU General Public License v2 or later (GPLv2+)",
        "AGPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT / GNU Affero General Public License v3",
        "",
        "OSI Approved",
        "Proprietary",
        "SSPL-1.0",
        "BUSL-1.1",
        "CC-BY-NC-4.0",
    ],
)
def test_a_licence_that_asks_for_more_or_says_nothing_is_not(licence: str) -> None:
    assert not is_fine(licence)


def test_every_package_of_the_lock_has_a_licence_that_is_fine_or_was_read_by_hand() -> None:
    found = list(licences(list(PINS)))
    assert len(found) > 150
    assert [(licence.package, licence.told) for licence in found if not licence.is_fine] == []


def test_what_was_read_by_hand_is_still_in_the_lock() -> None:
    assert set(DOUBTFUL) <= set(PINS)
    assert all(
        is_fine(licence) or licence in ("LGPL-LR", "Artistic-1.0-Perl")
        for licence, _ in DOUBTFUL.values()
    )


def test_nearly_every_pinned_version_has_its_date() -> None:
    dates = read_dates()
    assert sum((name, version) in dates for name, version in PINS.items()) > 0.8 * len(PINS)


def test_the_bill_of_materials_has_every_pinned_package_with_its_hashes_and_licence() -> None:
    bill = bill_of_materials(LOCK.read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    parts = bill["components"]
    assert {part["name"]: part["version"] for part in parts} == PINS
    assert all(part["hashes"] and part["purl"].startswith("pkg:pypi/") for part in parts)
    assert len({part["bom-ref"] for part in parts}) == len(parts)
    assert sum("licenses" in part for part in parts) > 0.8 * len(parts)
