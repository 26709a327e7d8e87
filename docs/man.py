#!/usr/bin/env python3
"""Makes man pages of section 3 from Doxygen's XML: a page for each function and each enumeration, and tc_auth(3).

man.py XML_DIRECTORY OUTPUT_DIRECTORY VERSION

Doxygen's own man pages are one for the whole header, under as many names; here `man tc_auth_headers` shows its
prototype, errors and result. The pages hold no date, so that they are the same whenever they are made.
"""

import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from pathlib import Path

xml, output, version = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
members = ElementTree.parse(xml / "tc__auth_8h.xml").findall(".//memberdef")
file_brief = ElementTree.parse(xml / "tc__auth_8h.xml").find("compounddef/briefdescription")
front_page = ElementTree.parse(xml / "indexpage.xml").find("compounddef/detaileddescription")
statuses = {
    value.findtext("name").removeprefix("TC_AUTH_STATUS_")
    for member in members
    if member.findtext("name") == "tc_auth_status"
    for value in member.findall("enumvalue")
}
functions = {member.findtext("name"): member for member in members if member.get("kind") == "function"}
BLOCKS = ("para", "itemizedlist", "listitem", "parameterlist", "simplesect", "verbatim")
FONTS = {"bold": "B", "computeroutput": "B", "emphasis": "I"}


def escape(text):
    for plain, roff in (("\\", "\\e"), ("-", "\\-"), ("~", "\\(ti"), ("^", "\\(ha"), ("`", "\\(ga")):
        text = text.replace(plain, roff)
    return text


def value(define):
    """The value of a macro, for between quotes."""
    text = define.find("initializer")
    return "" if text is None else escape("".join(text.itertext())).replace('"', "\\(dq")


def page(name):
    return f"\\fB{escape(name)}\\fR(3)"


def inline(element, full_names):
    """The text of a paragraph up to its first block, with fonts."""

    def words(text):
        text = escape(text or "")
        if full_names:  # the comments leave out the prefix
            text = re.sub(r"\b[A-Z_]+\b", lambda m: ("TC_AUTH_STATUS_" if m[0] in statuses else "") + m[0], text)
        return text

    text = words(element.text)
    for child in element:
        if child.tag not in BLOCKS:
            content = "".join(child.itertext())
            if content.removesuffix("()") in functions:
                text += page(content.removesuffix("()"))
            elif child.tag in FONTS:
                text += f"\\f{FONTS[child.tag]}{escape(content)}\\fR"
            elif child.tag in ("ref", "ulink"):
                text += words(content)
            else:
                sys.exit(f"man.py: <{child.tag}> is not known: {content!r}")
        text += words(child.tail)
    return " ".join(text.split()).replace("the front page", page("tc_auth"))


def lines(text):
    """One sentence a line, as roff likes it, and none that it could take for a request."""
    sentences = re.split(r"(?<=[.:]) (?=[A-Z])", text)
    wrapped = [line for s in sentences for line in textwrap.wrap(s, 78, break_long_words=False, break_on_hyphens=False)]
    return "".join(("\\&" if line[0] in ".'" else "") + line + "\n" for line in wrapped)


def paragraphs(element, full_names=True):
    """Everything below a description but its parameters and headings, which have sections of their own."""
    roff = ""
    for para in element.findall("para"):
        # Doxygen nests lists and code in the paragraph before them: what follows them is a paragraph again.
        parts = [ElementTree.Element("para")]
        parts[0].text = para.text
        for child in para:
            if child.tag in BLOCKS:
                after = ElementTree.Element("para")
                after.text = child.tail
                parts += [child, after]
            else:
                parts[-1].append(child)
        for part in parts:
            if part.tag == "para":
                text = inline(part, full_names)
                roff += ".PP\n" + lines(text) if text else ""
            elif part.tag == "itemizedlist":
                for item in part.findall("listitem"):
                    roff += ".IP \\(bu 3\n" + paragraphs(item, full_names).removeprefix(".PP\n")
            elif part.tag == "verbatim":
                code = escape(part.text.strip("\n")).replace("'", "\\(aq")
                roff += ".PP\n.in +4\n.nf\n" + re.sub(r"(?m)^([.'])", r"\\&\1", code) + "\n.fi\n.in\n"
    return roff


def headed(member, title):
    """What stands below a heading of a comment, such as Errors."""
    for section in member.findall(".//simplesect"):
        if section.findtext("title") == title:
            text = inline(section.find("para"), True)
            text = text[0].upper() + text[1:]
            # An error a line; a semicolon in parentheses separates no errors.
            items = re.split(r"(?<=;) (?![^(]*\))", text) if title == "Errors" else [text]
            return ".br\n".join(map(lines, items))
    return ""


def brief(member):
    return inline(member.find("briefdescription/para"), True)


def title(member):
    """The brief description as NAME has it: plain, without a period."""
    text = re.sub(r"\\f[BIR]|\(3\)", "", brief(member)).rstrip(".")
    return text if text[:2].isupper() else text[0].lower() + text[1:]


def prototype(member):
    result = "".join(member.find("type").itertext())
    start = f"{result}{'' if result.endswith('*') else ' '}{member.findtext('name')}("
    parameters = []
    for parameter in member.findall("param"):
        kind, name = "".join(parameter.find("type").itertext()), parameter.findtext("declname")
        parameters.append((kind if kind.endswith("*") or not name else kind + " ", name or ""))
    plain = start + ", ".join(kind + name for kind, name in parameters) + ");"
    indent = len(start) if len(start) + max(len(kind + name) + 2 for kind, name in parameters) <= 78 else 4
    separator = ", " if len(plain) <= 78 else ",\n" + " " * indent
    arguments = separator.join(f"{kind}\\fI{name}\\fB" if name else kind for kind, name in parameters)
    opening = start if indent > 4 or len(plain) <= 78 else start + "\n    "
    return "\n".join(f"\\fB{line}\\fR" for line in f"{opening}{arguments});".split("\n"))


def write(name, summary, synopsis, sections, see_also):
    roff = f""".\\" Made by docs/man.py from include/tc_auth.h.
.TH {name.upper()} 3 "" "tc_auth {version}" "Library Functions"
.nh
.ad l
.SH NAME
{name} \\- {summary}
.SH LIBRARY
tc_auth
.RI ( \\-ltc_auth )
.SH SYNOPSIS
.nf
.B #include <tc_auth.h>
{synopsis}.fi
"""
    for heading, body in sections:
        if body:
            roff += f".SH {heading}\n" + body.removeprefix(".PP\n")
    others = sorted({escape(other).replace("(", " (") for other in see_also})
    roff += ".SH SEE ALSO\n" + " ,\n".join(f".BR {other}" for other in others) + "\n"
    (output / f"{name}.3").write_text(roff, encoding="utf-8")


def function_page(member):
    name, kind = member.findtext("name"), "".join(member.find("type").itertext())
    parameters = ""
    for item in member.findall(".//parameterlist/parameteritem"):
        names = ", ".join(parameter.text for parameter in item.iter("parametername"))
        parameters += f".TP\n.I {names}\n" + lines(inline(item.find("parameterdescription/para"), True))
    others = "one of the errors below, or one that\n.BR tc_auth (3)\nexplains" if headed(member, "Errors") else "one that\n.BR tc_auth (3)\nexplains"
    succeeds = f"0\n.RB ( TC_AUTH_STATUS_OK )\nfor success, else {others}: TC_AUTH_STATUS_NULL_ARGUMENT or TC_AUTH_STATUS_PANIC.\n"
    result = {"void": "", "tc_auth_status": succeeds}
    mentioned = [ref.text.removesuffix("()") for ref in member.findall(".//ref") if ref.text.endswith("()")]
    text = "".join(member.find("detaileddescription").itertext())
    enumerations = ("tc_auth_advice", "tc_auth_kind", "tc_auth_state", "tc_auth_unsealed")
    mentioned += [other for other in enumerations if re.search(rf"\b{other}\b", text)]
    write(
        name,
        title(member),
        ".PP\n" + prototype(member) + "\n",
        [
            (
                "DESCRIPTION",
                lines(brief(member)) + paragraphs(member.find("detaileddescription")) + parameters,
            ),
            ("RETURN VALUE", result.get(kind, lines(brief(member)))),
            ("ERRORS", headed(member, "Errors")),
            ("THREADS", headed(member, "Threads") or "See\n.BR tc_auth (3).\n"),
        ],
        ["tc_auth(3)"] + [f"{other}(3)" for other in mentioned] + [f"{kind}(3)"] * kind.startswith("tc_auth_"),
    )


def enumeration_page(member):
    name, values = member.findtext("name"), ""
    for value in member.findall("enumvalue"):
        number = value.findtext("initializer").removeprefix("= ")
        values += f".TP\n.BR {value.findtext('name')} \" ({number})\"\n" + lines(brief(value))
    text = lines(brief(member)) + paragraphs(member.find("detaileddescription")) + values
    using = [other for other, function in functions.items() if function.find(f"type/ref[.='{name}']") is not None]
    using = ["tc_auth_status_message"] if name == "tc_auth_status" else using
    write(name, title(member), "", [("DESCRIPTION", text)], ["tc_auth(3)"] + [f"{other}(3)" for other in using])


def front():
    enumerations = [member for member in members if member.get("kind") == "enum"]
    listed = "".join(
        f".TP\n.BR {member.findtext('name')} (3)\n" + lines(brief(member))
        for member in [*functions.values(), *enumerations]
    )
    types = "".join(
        f".TP\n.B {member.findtext('name')}\n"
        + lines(brief(member))
        + paragraphs(member.find("detaileddescription")).replace(".PP\n", ".IP\n")
        for member in members
        if member.get("kind") == "typedef"
    )
    constants = "".join(
        f".TP\n.BR {member.findtext('name')} \" {value(member)}\"\n" + lines(brief(member))
        for member in members
        if member.get("kind") == "define"
    )
    summary = inline(file_brief.find("para"), False).rstrip(".")
    sections = [
        ("DESCRIPTION", paragraphs(front_page, False)),
        ("FUNCTIONS AND ENUMERATIONS", listed),
        ("TYPES", types),
        ("CONSTANTS", constants),
    ]
    write("tc_auth", summary[0].lower() + summary[1:], "", sections, ["tc-sign(1)", "pkg-config(1)"])


output.mkdir(parents=True, exist_ok=True)
front()
for member in members:
    if member.get("kind") == "enum":
        enumeration_page(member)
for function in functions.values():
    function_page(function)
