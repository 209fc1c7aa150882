"""Numbers and sentences that others printed, as data with their sources; the verdict on them."""
