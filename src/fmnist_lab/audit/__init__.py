"""The audit: search for settings that explain printed tables, test the search on planted tables, write the outcome."""
