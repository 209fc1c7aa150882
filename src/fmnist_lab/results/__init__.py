"""Results as tables, figures, HTML and LaTeX, made from records alone."""
