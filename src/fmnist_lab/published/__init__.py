"""Numbers that others printed, as data with their sources."""

from fmnist_lab.published.report import Cell, Fact, Figure, Report, Row, Table, load_report

__all__ = ["Cell", "Fact", "Figure", "Report", "Row", "Table", "load_report"]
