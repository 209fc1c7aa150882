"""How any outcome is shown: tables, figures, HTML and LaTeX, from records alone."""
