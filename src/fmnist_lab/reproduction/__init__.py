"""The report that this project reproduces: its claims, their assessment, figures and page."""
