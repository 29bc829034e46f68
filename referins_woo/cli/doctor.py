"""`referins doctor`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click
import structlog

from referins_woo import config, logs
from referins_woo.cli.output import json_option, show
from referins_woo.config import ConfigError
from referins_woo.doctor.examine import examine
from referins_woo.doctor.finding import Finding, wrong

_MARKS = {"ok": "ok     ", "warning": "look   ", "wrong": "WRONG  "}


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Look whether everything is well; exit code 1 when something is wrong."""
    if not structlog.is_configured():
        logs.configure(stream=sys.stderr)
    try:
        findings = list(examine(config.load()))
    except ConfigError as error:
        findings = [wrong("settings", str(error), "Correct it; .env.example explains each setting.")]
    sick = [finding for finding in findings if finding.state == "wrong"]
    value = {"well": not sick, "checks": [asdict(finding) for finding in findings]}
    show(value, "\n".join(map(_line, findings)) + "\n\n" + _sum(findings), as_json=as_json)
    if sick:
        raise SystemExit(1)


def _line(finding: Finding) -> str:
    remedy = f"\n       → {finding.remedy}" if finding.remedy else ""
    return f"{_MARKS[finding.state]}{finding.check}: {finding.detail}{remedy}"


def _sum(findings: list[Finding]) -> str:
    wrong_ones = sum(finding.state == "wrong" for finding in findings)
    looks = sum(finding.state == "warning" for finding in findings)
    if not wrong_ones and not looks:
        return "Everything is well."
    return f"{wrong_ones} wrong, {looks} to look at."
