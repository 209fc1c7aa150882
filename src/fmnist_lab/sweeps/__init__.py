"""From a list of runs to their outcome: what is to do, how it is trained, what is shown meanwhile."""
