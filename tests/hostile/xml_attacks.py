"""XML that a parser should not trust."""

_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
DTDS = {
    "xxe_file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "xxe_http": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:9/e">]>',
    "xxe_parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY e "e">]>',
    "external_dtd": '<!DOCTYPE x SYSTEM "file:///etc/passwd" [<!ENTITY e "e">]>',
    "billion_laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{_LAUGHS}<!ENTITY e "&l9;">]>',
    "quadratic": f'<!DOCTYPE x [<!ENTITY e "{"a" * 50_000}">]>',
}


def deep(opening: str, closing: str, inside: str, depth: int) -> str:
    return opening * depth + inside + closing * depth
