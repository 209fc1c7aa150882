"""Numbers and sentences that others printed, as data with their sources; the verdict on them."""

from fmnist_lab.published.check import Check, read_check, shipped
from fmnist_lab.published.claims import Claim, Claims, load_claims
from fmnist_lab.published.report import Cell, Fact, Figure, Report, Row, Table, load_report

__all__ = [
    "Cell",
    "Check",
    "Claim",
    "Claims",
    "Fact",
    "Figure",
    "Report",
    "Row",
    "Table",
    "load_claims",
    "load_report",
    "read_check",
    "shipped",
]
