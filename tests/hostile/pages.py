"""Hostile pages and transcripts, made on the spot: what each is and what must become of it."""

from hostile.case import READ, Case

_CUE = "00:00:{:02}.000 --> 00:00:{:02}.500\n<v Anne>un lavoir\n\n"

PAGES = (
    Case("div.html", lambda: b"<html><body>" + b"<div>" * 200_000 + b"un lavoir", "", is_slow=True),
    Case("tables.html", lambda: b"<html><body>" + b"<table><tr><td>" * 5_000 + b"un lavoir", ""),
    Case("gras.html", lambda: b"<html><body><p>" + b"<b><i>" * 50_000 + b"un lavoir", ""),
    Case("formats.html", lambda: b"<html><body>" + b"<p><b><i><u><s>a" * 20_000, "", is_slow=True),
    Case("listes.html", lambda: b"<html><body>" + b"<ul><li>a" * 20_000, "", is_slow=True),
    Case(
        "attributs.html",
        lambda: (
            b"<html><body><p " + b" ".join(b"a%d=x" % n for n in range(100_000)) + b">un lavoir</p>"
        ),
        f"{READ}|longue",
        is_slow=True,
    ),
    Case(
        "portees.html",
        lambda: (
            b"<table>"
            + b"<tr><td colspan=999999999 rowspan=999999999>a</td><td colspan='\xc2\xb2'>b</td></tr>"
            * 500
            + b"</table>"
        ),
        READ,
    ),
    Case(
        "cellules.html",
        lambda: (
            b"<table><tr>"
            + b"".join(b"<th>c%d" % n for n in range(3000))
            + (b"<tr>" + b"<td>x" * 3000) * 20
            + b"</table>"
        ),
        "",
        is_slow=True,
    ),
    Case(
        "script.html",
        lambda: b"<html><body><script>" + b"x" * 5_000_000 + b"</script><p>un lavoir</p>",
        READ,
    ),
    Case(
        "entites.html",
        lambda: (
            b"<html><body><p>un lavoir &#xD800; &#x202e;envers &#0; &#1114112; &#99999999999;</p>"
        ),
        READ,
    ),
    Case("jeu.html", lambda: b'<meta charset="idna"><p>un lavoir \xe9</p>', READ),
    Case("jeu hexa.html", lambda: b'<meta charset="hex"><p>un lavoir \xe9</p>', READ),
    Case("jeu bombe.html", lambda: b'<meta charset="bz2"><p>un lavoir \xe9</p>', READ),
    Case(
        "dtd.html",
        lambda: (
            b'<!DOCTYPE html [<!ENTITY e SYSTEM "file:///etc/passwd">]><html><body><p>un lavoir &e;</p>'
        ),
        READ,
    ),
)
TRANSCRIPTS = (
    Case(
        "cent mille.vtt",
        lambda: (
            "WEBVTT\n\n" + "".join(_CUE.format(n % 60, n % 60) for n in range(100_000))
        ).encode(),
        "",
        is_slow=True,
    ),
    Case(
        "million.vtt",
        lambda: ("WEBVTT\n\n" + "00:01.000 --> 00:02.000\nun lavoir\n\n" * 1_000_000).encode(),
        "",
        is_slow=True,
    ),
    Case(
        "million.srt",
        lambda: "".join(
            f"{n}\n00:00:01,000 --> 00:00:02,000\nun\n\n" for n in range(1_000_000)
        ).encode(),
        "",
        is_slow=True,
    ),
    Case(
        "temps.srt",
        lambda: (
            b"1\n999:99:99,999 --> 000:00:00,000\nun lavoir\n\n2\n99999999:00:00,0 --> 1:1:1,1\nun four\n"
        ),
        READ,
    ),
    Case(
        "sans fin.vtt",
        lambda: b"WEBVTT\n\n00:00.000 --> 00:01.000\n" + b"un lavoir\n" * 300_000,
        "",
        is_slow=True,
    ),
    Case(
        "balises.vtt",
        lambda: b"WEBVTT\n\n00:00.000 --> 00:01.000\n" + b"<v Anne><c.a><b>" * 60_000,
        "",
    ),
    Case(
        "voix.vtt",
        lambda: (
            b"WEBVTT\n\n00:00.000 --> 00:01.000\n"
            + b"".join(b"<v A%d>mot " % n for n in range(60_000))
        ),
        "",
    ),
    Case("notes.vtt", lambda: b"WEBVTT\n\n" + b"NOTE un lavoir\n" * 100_000, ""),
)
