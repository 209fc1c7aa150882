"""What is written when a sweep ends: tables, figures and a summary, from records alone.

Import what is needed (`report.write`, `report.terminal`): importing the package itself costs nothing.
"""
