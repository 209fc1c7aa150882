"""The report that this project studies: its claims, their assessment, figures and page."""
